"""Features along the diffusion: which calls are made, what is heard of them."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from seamline.engine.errors import Cancelled
from seamline.models.satdifuser.hooks import layout, listen, streams
from seamline.models.satdifuser.inversion import follow, implied, schedule
from seamline.models.satdifuser.layout import Layout, Scale
from seamline.models.satdifuser.published.config import LAYOUT
from seamline.tests.bounds import assert_same_but_rounding

BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
STEPS = range(981, 0, -20)

TINY = {
    "block_out_channels": (8, 16, 24),
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 12,
    "attention_head_dim": 4,
    "norm_num_groups": 4,
}


def tiny(**changes):
    torch.manual_seed(0)
    return UNet2DConditionModel(**{**TINY, **changes}).eval().requires_grad_(False)


# Calls.


def noise_in(x, step):
    return 0.2 * x.sin() + 0.001 * step.float()[:, None, None, None]


def test_features_come_in_the_order_in_which_times_are_named_and_no_call_is_made_beyond_the_last():
    image, called, checks = torch.ones(2, 4, 2, 3), [], []

    def read(x, step):
        called.append(int(step[0]))
        return noise_in(x, step), int(step[0])

    def denoise(x, step):
        return read(x, step)[0]

    def kept(times):
        called.clear()
        return follow(
            schedule(BETAS, STEPS, times), image, denoise=denoise, read=read, checkpoint=lambda: checks.append(1)
        )

    assert kept((45, 47)) == [61, 21]
    assert called == [-1, 1, 21, 41, 61]
    assert len(checks) == 5
    assert kept((49,)) == [-1]
    assert called == [-1]
    assert len(kept((0, 49, 20))) == 3
    assert len(called) == 50


def test_noising_makes_one_call_a_time_at_the_same_steps():
    generator = torch.Generator().manual_seed(0)
    image, noise = torch.randn(2, 4, 2, 3, generator=generator), torch.randn(2, 4, 2, 3, generator=generator)
    plan = schedule(BETAS, STEPS, (47, 45, 40), "noising")
    assert [call.step for call in plan.calls] == [21, 61, 161]
    levels = {call.step: call.level for call in plan.calls}

    def read(x, step):
        return noise, implied(x, noise, levels[int(step[0])])

    found = follow(plan, image, denoise=lambda *_: pytest.fail("every call is kept"), read=read, noise=noise)
    for clean in found:
        assert_same_but_rounding(clean, image)
    with pytest.raises(ValueError, match="need noise"):
        follow(plan, image, denoise=noise_in, read=read)


def test_a_run_is_cancelled_between_calls():
    calls = []

    def stop():
        if len(calls) == 4:
            raise Cancelled

    def denoise(x, step):
        calls.append(1)
        return noise_in(x, step)

    with pytest.raises(Cancelled):
        follow(
            schedule(BETAS, STEPS, (0,)),
            torch.zeros(1, 4, 2, 2),
            denoise=denoise,
            read=lambda x, t: (denoise(x, t), None),
            checkpoint=stop,
        )
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("times", "mode"), [((50,), "inversion"), ((-1,), "noising"), ((), "inversion"), ((1, 1), "noising")]
)
def test_times_that_are_none_are_refused(times, mode):
    with pytest.raises(ValueError, match="from 0 to 49"):
        schedule(BETAS, STEPS, times, mode)
    with pytest.raises(ValueError, match="inversion or noising"):
        schedule(BETAS, STEPS, (1,), "generation")


# Streams.


def test_stable_diffusion_has_21_streams_at_four_scales():
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True
        )
    found = layout(unet, (47, 45, 40), 8)
    assert found == LAYOUT
    assert found.streams == 21
    assert [(scale.stride, scale.width) for scale in found.scales] == [(8, 1920), (16, 3840), (32, 7680), (64, 3840)]
    names = [each.name for each in streams(unet)]
    assert names[3] == "up_blocks.1.attentions.0.transformer_blocks.0.attn1"
    assert names[6] == "up_blocks.1.resnets.0.conv2"


@torch.no_grad()
def test_streams_of_a_tile_that_is_no_square_lie_where_they_belong():
    unet = tiny()
    tokens = {}
    attention = unet.up_blocks[2].attentions[0].transformer_blocks[0].attn1
    attention.register_forward_hook(lambda _module, _given, out: tokens.update(out=out))
    with listen(unet) as heard:
        unet(torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(0)), 1, torch.zeros(2, 3, 12))
    maps = heard.maps()
    found = layout(unet, (47,), 8)
    assert found == Layout((47,), (Scale(8, (8, 8, 8, 8)), Scale(16, (16, 16, 16, 16)), Scale(32, (24, 24))))
    assert [tuple(x.shape) for x in maps] == [(2, 32, 8, 12), (2, 64, 4, 6), (2, 48, 2, 3)]
    # The first stream of the finest scale is its first self-attention; row 3, column 5 is token 3 * 12 + 5.
    assert torch.equal(maps[0][:, :8, 3, 5], tokens["out"][:, 3 * 12 + 5])


@torch.no_grad()
def test_listening_changes_nothing_and_ends():
    unet = tiny()
    x, text = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 3, 12)
    silent = unet(x, 21, text).sample
    with listen(unet) as heard:
        assert torch.equal(unet(x, 21, text).sample, silent)
    first = heard.maps()
    unet(x + 1, 21, text)
    assert torch.equal(heard.maps()[0], first[0])


def test_a_decoder_of_one_block_has_one_scale():
    flat = {"block_out_channels": (8,), "down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    assert layout(tiny(**flat), (1,), 8) == Layout((1,), (Scale(8, (8, 8)),))
