"""How strongly PAN and MS steer the published SALAD-Pan, and in which steps."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from torch.nn import functional as F

from seamline.engine.contract import Runtime
from seamline.engine.errors import ModelError, RequestError
from seamline.models import registry
from seamline.models.folder import Architecture, Card, write_folder
from seamline.models.salad_pan.layers import GatedZeroConv
from seamline.models.salad_pan.published.conditioning import Radiometry, Strength
from seamline.models.salad_pan.published.layers import Scales, fuse
from seamline.models.salad_pan.published.network import SaladPan
from seamline.models.salad_pan.published.tile import SPEC, load
from seamline.tests.models.salad_pan.test_salad_pan_published_tile import TINY, scene, seeded, state_of, trained, where


def test_each_branch_is_weighed_in_its_frequencies():
    h, spa, spe = torch.randn(3, 2, 5, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def low(x):
        return F.avg_pool2d(x, 3, stride=1, padding=1)

    want = h + 1.5 * low(spe) + 0.25 * (spa - low(spa))
    torch.testing.assert_close(fuse(h, spa, spe, Scales(0.25, 1.5)), want)


@pytest.mark.parametrize("name", ["spa", "spe"])
@torch.no_grad()
def test_a_branch_of_no_scale_says_nothing_anywhere(name):
    generator = torch.Generator().manual_seed(1)
    x = {
        "noisy": torch.randn(2, 4, 8, 8, generator=generator),
        "time": torch.full((2,), 417),
        "text": torch.randn(2, 5, TINY.text, generator=generator),
        "given": torch.rand(2, 5, 64, 64, generator=generator),
        "bands": 2,
    }
    unet = trained(seeded(lambda: SaladPan(TINY))).unet
    without = unet(**x, scales=Scales(**{name: 0.0}))
    assert not torch.allclose(without, unet(**x), atol=1e-3)
    for path, crossing in unet.named_modules():
        # From the branch to the base, not the other way.
        if isinstance(crossing, GatedZeroConv) and name in path and "base_to" not in path:
            for value in crossing.parameters():
                value.zero_()
    torch.testing.assert_close(unet(**x), without)


def steered(strength: dict | None) -> torch.Tensor:
    network = trained(seeded(lambda: SaladPan(TINY)))
    card = {"network": asdict(TINY), "use": asdict(Radiometry())}
    card |= {} if strength is None else {"strength": strength}
    return load(card, state_of(network), Runtime(steps=3)).predict(scene(1), where())


def test_a_card_says_how_strongly_and_in_which_steps():
    plain = steered(None)
    assert torch.equal(steered(asdict(Strength())), plain)
    assert torch.equal(steered({"start": 0, "end": 3}), plain)
    unsteered = steered({"pan": 0.0, "ms": 0.0})
    # A part of three steps that lies beyond them is none of them.
    assert torch.equal(steered({"start": 3}), unsteered)
    first, last = steered({"end": 1}), steered({"start": 2})
    for one, two in ((plain, unsteered), (first, plain), (first, unsteered), (last, first), (last, unsteered)):
        assert float((one - two).abs().max()) > 1e-4


@pytest.mark.parametrize("wrong", [{"pan": 2.1}, {"ms": -0.1}, {"pan": True}, {"start": 2, "end": 2}, {"start": 0.5}])
def test_strengths_that_there_are_not_are_refused(wrong):
    with pytest.raises(ModelError, match=r"from 0 to 2|steps, counted"):
        steered(wrong)


def test_the_scales_of_each_step():
    strength = Strength(0.5, 2.0, start=1, end=3)
    assert [strength.at(step) for step in range(4)] == [(0.0, 0.0), (0.5, 2.0), (0.5, 2.0), (0.0, 0.0)]


def test_a_name_says_how_branches_weigh_in_place_of_the_card(tmp_path):
    network = trained(seeded(lambda: SaladPan(TINY)))
    config = {"network": asdict(TINY), "use": asdict(Radiometry()), "strength": asdict(Strength(ms=0.5))}
    card = Card.of(
        SPEC,
        architecture=Architecture(name="salad_pan_sd15", config=json.loads(json.dumps(config))),
        licence="none",
        training_data="none",
        citation="none",
    )
    folder = write_folder(tmp_path / "model", card, state_of(network), dtype=torch.float32).path
    assert registry.info(str(folder)).branches == {"pan": 1.0, "ms": 0.5}
    plain, weighed = (registry.resolve(f"{folder}{end}", "pansharpen") for end in ("", "#pan=0.25"))
    assert weighed.identity == f"{plain.identity}#pan=0.25"
    runtime = Runtime(steps=3)
    assert torch.equal(plain.load(runtime).predict(scene(1), where()), steered({"ms": 0.5}))
    assert torch.equal(weighed.load(runtime).predict(scene(1), where()), steered({"pan": 0.25, "ms": 0.5}))
    for wrong, what in (
        ("#pan=3", "3 is no scale"),
        ("#pan=nan", "nan is no scale"),
        ("#nir=1", "no branch 'nir'"),
        ("#pan", "does not say how"),
        ("#pan=1,pan=1", "does not say how"),
    ):
        with pytest.raises(RequestError, match=what):
            registry.resolve(f"{folder}{wrong}", "pansharpen")
    with pytest.raises(RequestError, match="gsa has no branch"):
        registry.resolve("gsa#pan=1", "pansharpen")
