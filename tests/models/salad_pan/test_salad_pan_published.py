"""The network of SALAD-Pan at published size: counts, keys, wiring."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.controlnets.controlnet_xs import ControlNetXSAdapter, UNetControlNetXSModel
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.nn import functional as F

from seamline.models.salad_pan.layers import GatedZeroConv
from seamline.models.salad_pan.published.branches import largest_divisor, level_groups
from seamline.models.salad_pan.published.checkpoint import fused_key, is_base
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.layers import RegionalBandAttention, box3, fuse
from seamline.models.salad_pan.published.network import FusedUNet, unet_settings
from seamline.models.salad_pan.published.vae import band_vae
from seamline.tests.bounds import assert_same_but_rounding
from seamline.tests.models.salad_pan.made_up import TINY

FULL = Config(scaling_factor=1.0)


@pytest.fixture(scope="module")
def full() -> FusedUNet:
    """The network at published size, without memory."""
    with torch.device("meta"):
        return FusedUNet(FULL)


def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """Nothing is zero any more, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            if not value.any():
                value.normal_(0.0, 0.3, generator=generator)
    return network.eval()


def as_released(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """With the epsilon that the released network has in its residual blocks."""
    for module in unet.modules():
        if isinstance(module, ResnetBlock2D):
            module.norm1.eps = module.norm2.eps = 1e-6
    return unet


def seeded(build, seed: int = 0):
    torch.manual_seed(seed)
    return build()


def given(n: int, side: int = 8) -> dict[str, torch.Tensor]:
    """Latents, time, text and images for n bands."""
    generator = torch.Generator().manual_seed(1)
    return {
        "noisy": torch.randn(n, 4, side, side, generator=generator),
        "time": torch.full((n,), 417),
        "text": torch.randn(n, 5, TINY.text, generator=generator),
        "given": torch.rand(n, 5, 8 * side, 8 * side, generator=generator),
    }


def test_published_counts(full):
    size = {key: value.numel() for key, value in full.named_parameters()}
    branch = {name: sum(n for key, n in size.items() if not is_base(key) and name in key) for name in ("spa", "spe")}
    assert branch == {"spa": 82_869_312, "spe": 82_869_744}
    assert sum(n for key, n in size.items() if not is_base(key)) == 165_739_056
    assert sum(size.values()) == 165_739_056 + 859_520_964
    with torch.device("meta"):
        assert sum(p.numel() for p in band_vae(FULL).parameters()) == 83_649_253


PATTERNS = (
    r"controlnet_cond_embedding_(spa|spe)\.(conv_in|blocks\.[0-5]|conv_out)\.",
    r"ctrl_conv_in_(spa|spe)\.",
    r"control_to_base_for_conv_in_(spa|spe)\.proj\.",
    r"down_blocks\.\d\.(spa|spe)_(resnets|attentions)\.\d\.",
    r"down_blocks\.\d\.(spa|spe)_(base_to_ctrl|ctrl_to_base)\.\d\.proj\.",
    r"down_blocks\.[012]\.(spa|spe)_downsamplers\.conv\.",
    r"mid_block\.(base_to_spa|base_to_spe|spa_to_base|spe_to_base)\.proj\.",
    r"mid_block\.(spa|spe)_midblock\.",
    r"up_blocks\.\d\.ctrl_to_base_(spa|spe)\.[012]\.proj\.",
)
FROZEN = (
    r"base_(conv_in|time_embedding|conv_norm_out|conv_out)\.",
    r"down_blocks\.\d\.base_(resnets|attentions|downsamplers)\.",
    r"mid_block\.base_midblock\.",
    r"up_blocks\.\d\.(resnets|attentions|upsamplers)\.",
)


def test_keys_are_those_of_published_checkpoints(full):
    adapters = [key for key in full.state_dict() if not is_base(key)]
    hits = {key: [p for p in PATTERNS if re.match(p, key)] for key in adapters}
    assert [key for key, found in hits.items() if len(found) != 1] == []
    assert {p for found in hits.values() for p in found} == set(PATTERNS)
    frozen = [key for key in full.state_dict() if is_base(key)]
    assert [key for key in frozen if not any(re.match(p, key) for p in FROZEN)] == []
    # Not a pattern alone: the branch of ControlNet-XS with its own names, part by part.
    with torch.device("meta"):
        unet = UNet2DConditionModel(**unet_settings(FULL))
        template = ControlNetXSAdapter.from_unet(unet, 0.25, num_attention_heads=[8] * 4, conditioning_channels=1)
    assert sorted(fused_key(key) for key in unet.state_dict()) == sorted(frozen)
    resnet = {key.split(".", 4)[4] for key in template.state_dict() if key.startswith("down_blocks.1.resnets.0.")}
    own = {key.split(".", 4)[4] for key in adapters if key.startswith("down_blocks.1.spa_resnets.0.")}
    assert resnet == own
    middle = {key.split(".", 2)[2] for key in template.state_dict() if key.startswith("mid_block.midblock.")}
    assert middle == {key.split(".", 2)[2] for key in adapters if key.startswith("mid_block.spe_midblock.")}


def test_group_counts_are_those_of_a_network_assembled_block_by_block(full):
    assert [level_groups(FULL, level) for level in range(4)] == [25, 25, 32, 32]
    level = full.down_blocks[1]
    assert [norm.num_groups for r in level.spa_resnets for norm in (r.norm1, r.norm2)] == [25, 20, 25, 20]
    assert [attention.norm.num_groups for attention in level.spe_attentions] == [20, 20]
    assert {m.num_groups for m in full.mid_block.spa_midblock.modules() if isinstance(m, nn.GroupNorm)} == {32}
    assert largest_divisor(800, 25) == 25
    assert largest_divisor(7, 32) == 7


@pytest.mark.parametrize("coupling", ["code", "paper"])
def test_before_training_the_fused_network_is_the_base_bit_for_bit(coupling):
    config = replace(TINY, coupling=coupling, region=2)
    base = as_released(seeded(lambda: UNet2DConditionModel(**unet_settings(config))).eval())
    fused = seeded(lambda: FusedUNet(config), 1).eval()
    assert not torch.equal(fused.base_conv_in.weight, base.conv_in.weight)
    state = fused.state_dict()
    state.update({fused_key(key): value for key, value in base.state_dict().items()})
    fused.load_state_dict(state)
    x = given(4)
    with torch.no_grad():
        want = base(x["noisy"], x["time"], x["text"]).sample
        assert torch.equal(fused(**x, bands=2), want)
        assert float((trained(fused)(**x, bands=2) - want).abs().max()) > 1e-3


def as_controlnet_xs(fused: FusedUNet, unet: UNet2DConditionModel, template: ControlNetXSAdapter) -> None:
    """Give the fused network a base, and one template twice, so that both branches say the same.

    Then the low frequencies of one and the high ones of the other add up to what a single branch says.
    """
    names = (
        (r"^controlnet_cond_embedding\.", "controlnet_cond_embedding_{}."),
        (r"^conv_in\.", "ctrl_conv_in_{}."),
        (r"^control_to_base_for_conv_in\.", "control_to_base_for_conv_in_{}.proj."),
        (r"^(down_blocks\.\d)\.(resnets|attentions|downsamplers)\.", r"\1.{}_\2."),
        (r"^(down_blocks\.\d)\.(base_to_ctrl|ctrl_to_base)\.(\d)\.", r"\1.{}_\2.\3.proj."),
        (r"^mid_block\.base_to_ctrl\.", "mid_block.base_to_{}.proj."),
        (r"^mid_block\.ctrl_to_base\.", "mid_block.{}_to_base.proj."),
        (r"^mid_block\.midblock\.", "mid_block.{}_midblock."),
        (r"^up_connections\.(\d)\.ctrl_to_base\.(\d)\.", r"up_blocks.\1.ctrl_to_base_{}.\2.proj."),
    )
    state = {fused_key(key): value for key, value in unet.state_dict().items()}
    for key, value in template.state_dict().items():
        new = next(re.sub(old, name, key) for old, name in names if re.match(old, key))
        if ".proj." in new and "transformer" not in new:
            # An open gate: the sigmoid of 60 is one.
            gate = torch.full_like(value, 60.0) if key.endswith("bias") else torch.zeros_like(value)
            value = torch.cat((value, gate))
        state |= {new.format(branch): value for branch in ("spa", "spe")}
    first = "controlnet_cond_embedding_spe.conv_in.weight"
    state[first] = state[first].expand(-1, 4, -1, -1) / 4
    fused.load_state_dict(state)


def test_with_two_equal_branches_it_is_controlnet_xs():
    # Widths at which the group counts of a level depend on those of its template.
    config = replace(TINY, base=(32, 96), base_groups=32, branch=(8, 24))
    unet = seeded(lambda: UNet2DConditionModel(**unet_settings(config)))
    template = ControlNetXSAdapter.from_unet(
        unet,
        0.25,
        num_attention_heads=[2, 2],
        conditioning_channels=1,
        conditioning_embedding_out_channels=(4, 4, 8, 8),
    )
    trained(template)
    reference = UNetControlNetXSModel.from_unet(unet, template).eval()
    fused = seeded(lambda: FusedUNet(config)).eval()
    as_controlnet_xs(fused, unet, template)
    x = given(2)
    x["given"] = x["given"][:, :1].expand(2, 5, 64, 64)
    with torch.no_grad():
        want = reference(x["noisy"], x["time"], x["text"], x["given"][:, :1]).sample
        plain = unet(x["noisy"], x["time"], x["text"]).sample
        assert_same_but_rounding(fused(**x, bands=2), want)
    assert float((want - plain).abs().max()) > 0.01


def test_shapes_at_published_size():
    with torch.device("meta"):
        network = FusedUNet(replace(FULL, region=2))
        x = (torch.empty(8, 4, 32, 32), torch.empty(8), torch.empty(8, 77, 768), torch.empty(8, 5, 256, 256))
        assert network(*x, bands=4).shape == (8, 4, 32, 32)


def test_couplings_differ_in_what_the_middle_hears_and_in_nothing_else():
    code, paper = (trained(seeded(lambda c=c: FusedUNet(replace(TINY, coupling=c)))) for c in ("code", "paper"))
    assert code.state_dict().keys() == paper.state_dict().keys()
    x = given(3)
    with torch.no_grad():
        assert not torch.equal(code(**x, bands=3), paper(**x, bands=3))
        before = paper(**x, bands=3)
        for network in (code, paper):
            network.mid_block.base_to_spa.proj.weight.zero_()
            network.mid_block.base_to_spa.proj.bias.zero_()
            network.mid_block.base_to_spe.proj.weight.zero_()
            network.mid_block.base_to_spe.proj.bias.zero_()
        assert torch.equal(paper(**x, bands=3), before)
        assert torch.equal(code(**x, bands=3), before)


def test_every_crossing_matters():
    network = trained(seeded(lambda: FusedUNet(TINY)))
    x = given(2, side=2)
    crossings = [(name, m) for name, m in network.named_modules() if isinstance(m, GatedZeroConv)]
    assert len(crossings) == 2 * (1 + 2 * (3 + 2) + 2 + 3 + 3)
    with torch.no_grad():
        before = network(**x, bands=2)
        for name, crossing in crossings:
            kept = [p.clone() for p in crossing.parameters()]
            for p in crossing.parameters():
                p.zero_()
            assert not torch.equal(network(**x, bands=2), before), name
            for p, value in zip(crossing.parameters(), kept, strict=True):
                p.copy_(value)


def test_fusion_takes_low_frequencies_of_one_branch_and_high_ones_of_the_other():
    h, spa, spe = torch.randn(3, 2, 5, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel = torch.full((5, 1, 3, 3), 1 / 9, dtype=torch.float64)

    def low(x):
        return F.conv2d(x, kernel, padding=1, groups=5)

    torch.testing.assert_close(box3(h), low(h))
    # The rule as published: split, add, recombine, split again, add.
    mixed = (low(h) + low(spe)) + (h - low(h))
    want = low(mixed) + (mixed - low(mixed)) + (spa - low(spa))
    torch.testing.assert_close(fuse(h, spa, spe), want)
    assert torch.equal(fuse(h, torch.zeros_like(h), torch.zeros_like(h)), h)


def test_regional_attention_mixes_bands_of_one_place_and_passes_through_untrained():
    module = seeded(lambda: RegionalBandAttention(8, 2, 4, region=3)).double()
    x = torch.randn(6, 8, 5, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.equal(module(x, 3), x)
    trained(module)
    out = module(x, 3)
    order = [2, 0, 1, 5, 3, 4]
    torch.testing.assert_close(module(x[order], 3), out[order])
    torch.testing.assert_close(module(x[:3], 3), out[:3])
    assert not torch.allclose(module(x, 2), out)
    # One band alone has nobody to attend to: what is left is its own value.
    alone = x + module.out(module.value(module.norm(x)))
    torch.testing.assert_close(module(x, 1), alone)


def test_regional_attention_weighs_by_region():
    module = trained(seeded(lambda: RegionalBandAttention(4, 1, 2, region=2))).double()
    module.norm = nn.Identity()
    x = torch.randn(3, 4, 3, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    out = module(x, 3)
    for top, left in itertools.product((0, 2), (0, 2, 4)):
        cut = x[:, :, top : top + 2, left : left + 2]
        query, key = module.query_key(cut.mean(dim=(2, 3), keepdim=True))[..., 0, 0].chunk(2, dim=1)
        weights = torch.softmax(query @ key.T / 2, dim=1)
        mixed = torch.einsum("bc,clyx->blyx", weights, module.value(cut))
        torch.testing.assert_close(out[:, :, top : top + 2, left : left + 2], cut + module.out(mixed))
