"""Fusers, heads and inversion give what the released modules give."""

from __future__ import annotations

import pytest
import torch

from seamline.models.satdifuser.fusers.build import build_fuser
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.fusers.experts import unevenness
from seamline.models.satdifuser.heads import Linear
from seamline.models.satdifuser.inversion import follow, implied, schedule
from seamline.models.satdifuser.upernet import UPerConfig, UPerNet
from seamline.tests.models.satdifuser.released import LAYOUT, NEAR, features, load, needs_released, tensors

pytestmark = needs_released

SMALL = {"width": 32, "bottleneck": 8, "groups": 8, "experts": 4, "warmup": 4, "as_released": True}


def built(kind: str):
    return build_fuser(LAYOUT, FuserConfig(kind, **SMALL)).eval()


def assert_released(found: torch.Tensor, name: str) -> None:
    torch.testing.assert_close(found, tensors()[name], **NEAR)


@pytest.mark.parametrize(("kind", "group"), [("global", "gw_cls"), ("local", "lw_cls")])
@torch.no_grad()
def test_weighted_fusers_and_the_linear_head(kind, group):
    fuser, head = built(kind), Linear(32, 10).eval()
    load(group, fuser, head)
    maps = fuser(features())
    for scale, x in enumerate(maps):
        assert_released(x, f"{group}/out/fused{scale}")
        if kind == "local":
            assert_released(fuser.gate(fuser.stack(features(), scale), scale), f"{group}/out/gate{scale}")
    if kind == "global":
        assert_released(fuser.mixing(), f"{group}/out/mixing")
    assert_released(head(maps), f"{group}/out/logits")


@torch.no_grad()
def test_experts_mix_softly_in_the_warm_up_and_choose_after_it():
    fuser, head = built("experts"), Linear(32, 10).eval()
    load("moe_cls_warm", fuser, head)
    assert_released(head(fuser(features())), "moe_cls_warm/out/logits")
    second = fuser(features())
    for scale, x in enumerate(second):
        assert_released(x, f"moe_cls_top2/out/fused{scale}")
    assert_released(head(fuser(features())), "moe_cls_top2/out/logits")


@torch.no_grad()
def test_the_released_balance_is_one_of_ours_with_the_wrong_sign_and_of_the_last_scale_alone():
    fuser = built("experts")
    load("moe_cls_warm", fuser, Linear(32, 10))
    shares = [fuser.scale_moes[2](maps[2], True)[1].mean(dim=(0, 2, 3)) for maps in features()]
    # The mean over times, divided by the number of scales once more.
    value = -torch.stack([unevenness(share) for share in shares]).mean() / 3
    assert_released(value, "moe_cls_warm/out/lb")


@torch.no_grad()
def test_upernet():
    fuser, head = built("global"), UPerNet(32, 3, UPerConfig(7, 16, (1, 2, 3))).eval()
    load("gw_seg", fuser, head)
    assert_released(head(fuser(features()), (40, 48)), "gw_seg/out/logits")


def test_inversion_makes_the_released_calls():
    plan = schedule(tensors()["inversion/betas"], range(981, 0, -20))
    assert [call.step for call in plan.calls] == [-1, 1, 21, 41, 61, 81, 101, 121, 141, 161]
    assert {call.time: call.step for call in plan.calls if call.time} == {47: 21, 45: 61, 40: 161}
    seen = []

    def denoise(x, step):
        seen.append(x)
        return 0.3 * x + 0.002 * step.float()[:, None, None, None] * x.cos() + 0.01

    levels = {call.step: call.level for call in plan.calls}

    def read(x, step):
        noise = denoise(x, step)
        return noise, implied(x, noise, levels[int(step[0])])

    kept = follow(plan, tensors()["inversion/in/latent"], denoise=denoise, read=read)
    for call, x in enumerate(seen):
        assert_released(x, f"inversion/x_at_call{call}")
    for time, clean in zip(plan.times, kept, strict=True):
        assert_released(clean, f"inversion/x0_pred/{time}")
