"""The student of SlimDiffSR: its published size and names, its layers against their formulas, and its limits."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import nn
from torch.nn import functional as F

from seamline.engine.errors import ModelError
from seamline.models.counts import count
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.layers import DirectionSeparableConv, FrequencySeparableConv, QueryAggregation
from seamline.models.slimdiffsr.network import SlimDiffSR, outline
from seamline.models.slimdiffsr.start import new_keys, start_from
from seamline.tests.bounds import assert_same_but_rounding

SMALL = Config(channels=(16, 32, 48), groups=8, queries=4, squeeze=8, codec_width=8, codec_blocks=(1, 2, 1, 1))
STORED = Config(compat=True)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def seeded(config: Config = SMALL, seed: int = 0) -> SlimDiffSR:
    torch.manual_seed(seed)
    return SlimDiffSR(config).eval().requires_grad_(False)


def picture(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2.0 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 1.0


# Size and names.


def test_the_published_student_has_its_published_size_part_by_part():
    assert count("slimdiffsr") == 58_053_402
    student = outline(STORED)
    unet, vae = student.unet, student.vae
    assert [size(part) for part in (unet.down_blocks, *unet.down_blocks)] == [17_291_492, 4_296_026, 12_995_466]
    assert [size(part) for part in (unet.up_blocks, *unet.up_blocks)] == [33_692_918, 27_417_359, 6_275_559]
    ends = (unet.mid_block, unet.conv_norm_out, unet.conv_in, unet.conv_out, unet.time_embedding)
    assert [size(part) for part in (unet, *ends)] == [55_239_315, 2_180_341, 640, 11_840, 11_524, 2_050_560]
    assert [size(part) for part in (vae, vae.encoder, vae.decoder)] == [2_445_063, 1_222_532, 1_222_531]
    assert [size(part) for part in (student.merge_conv1, student.merge_conv2)] == [184_640, 184_384]


@pytest.mark.parametrize(
    ("config", "number"),
    [
        (Config(), 55_974_802),
        (replace(STORED, codec="taesd"), 57_684_378),
        (replace(STORED, codec="kl"), 138_893_178),
        (replace(STORED, second="conv"), 93_182_289),
        (replace(STORED, first="conv"), 99_460_244),
        (replace(STORED, attention="self"), 66_521_882),
    ],
)
def test_what_is_run_and_the_ablations_have_their_sizes(config, number):
    assert size(outline(config)) == number


@pytest.mark.parametrize(
    ("module", "number"),
    [
        (FrequencySeparableConv(320, 320), 59_538),
        (FrequencySeparableConv(1920, 640), 1_278_738),
        (DirectionSeparableConv(320, 320), 66_043),
        (QueryAggregation(320, 32, 64), 121_152),
        (QueryAggregation(640, 32, 64), 234_112),
    ],
)
def test_layers_have_their_published_sizes(module, number):
    assert size(module) == number


def test_the_keys_are_those_of_the_released_checkpoint():
    affine = r"(weight|bias)"
    block = rf"(norm1|norm2|conv_shortcut)\.{affine}|conv1\.({{fsc}})|conv2\.({{dsc}})".format(
        fsc=r"(low_branch|high_branch|mlp|bottleneck)\.0\.weight|mlp\.2\.(weight|bias)|bottleneck\.2\.weight",
        dsc=r"(h_conv|v_conv|mlp)\.0\.weight|(conv_reduce|conv_expand)\.weight|mlp\.2\.(weight|bias)",
    )
    qgam = r"query|(q_proj|k_proj|v_proj|q_proj_c|k_proj_c|v_proj_c)\.weight|out_proj\.(weight|bias)"
    inner = rf"(norm1|norm3|ff\.net\.0\.proj|ff\.net\.2)\.{affine}|attn1\.({qgam})"
    transformer = rf"(norm|proj_in|proj_out)\.{affine}|transformer_blocks\.0\.({inner})"
    patterns = [
        rf"unet\.(down_blocks\.[01]\.resnets\.[01]|up_blocks\.[01]\.resnets\.[012]|mid_block\.mid_block)\.({block})",
        rf"unet\.(down_blocks\.[01]\.attentions\.[01]|up_blocks\.[01]\.attentions\.[012])\.({transformer})",
        rf"unet\.(down_blocks\.0\.downsamplers\.0|up_blocks\.0\.upsamplers\.0)\.conv\.{affine}",
        rf"unet\.(conv_in|conv_out|conv_norm_out|time_embedding\.linear_[12])\.{affine}",
        r"vae\.(encoder|decoder)\.layers\.\d+\.(conv\.[024]\.)?(weight|bias)",
        rf"merge_conv[12]\.{affine}",
    ]
    keys = list(outline(STORED).state_dict())
    hits = [{key for key in keys if re.fullmatch(pattern, key)} for pattern in patterns]
    assert set().union(*hits) == set(keys)
    assert all(hits)
    layers = {int(m[2]) for key in keys if (m := re.match(r"vae\.(encoder)\.layers\.(\d+)", key))}
    assert layers == set(range(15))
    run = outline(Config()).state_dict()
    assert list(run) == [key for key in keys if key in run]


@pytest.mark.parametrize("image", [1, 3, 4])
def test_a_student_that_fits_a_shipped_file_is_built_of_the_same_modules(image):
    config = Config(channels=(64, 128, 256), groups=16, squeeze=32, image=image, codec_width=32)
    assert size(outline(config)) < 4_000_000
    assert seeded(config)(picture(1, image, 32, 48)).shape == (1, image, 32, 48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": (16, 32)}, "3 levels"),
        ({"channels": (16, 32, 44)}, "multiples of 8"),
        ({"channels": (16.0, 32, 48)}, "positive whole"),
        ({"queries": 0}, "positive whole"),
        ({"codec": "vae"}, "codec is one of fused"),
        ({"first": "dsc"}, "first is one of"),
        ({"codec": "kl", "codec_blocks": (1, 1, 1)}, "four levels"),
    ],
)
def test_shapes_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


# Layers.


def test_queries_do_not_mind_the_order_of_tokens_but_each_token_sees_all():
    torch.manual_seed(1)
    layer, tokens = QueryAggregation(16, 4, 8).double(), torch.randn(2, 30, 16, dtype=torch.float64)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(layer(tokens[:, order]), layer(tokens)[:, order])
    changed = tokens.clone()
    changed[:, 7] += 1.0
    moved = (layer(changed) - layer(tokens)).abs().amax(dim=(0, 2))
    assert (moved > 1e-9).all()


def test_queries_follow_equations_14_and_15():
    torch.manual_seed(1)
    layer, x = QueryAggregation(16, 4, 8).double(), torch.randn(1, 30, 16, dtype=torch.float64)
    q, k, v = layer.query @ layer.q_proj.weight.T, x[0] @ layer.k_proj.weight.T, x[0] @ layer.v_proj.weight.T
    gathered = torch.softmax(q @ k.T / 16**0.5, dim=1) @ v
    weights = torch.softmax(layer.q_proj_c(x[0]) @ layer.k_proj_c(gathered).T / 16**0.5, dim=1)
    torch.testing.assert_close(layer(x)[0], layer.out_proj(weights @ layer.v_proj_c(gathered)))


def test_nothing_is_high_where_low_lets_all_through():
    torch.manual_seed(1)
    layer, x = FrequencySeparableConv(8, 12), torch.randn(1, 8, 9, 7)
    assert layer.branches(x)[1].abs().max() > 0.01
    with torch.no_grad():
        layer.low_branch[0].weight.zero_()[:, :, 1, 1] = 1.0
    low, high = layer.branches(x)
    assert torch.equal(low, x)
    assert not high.any()
    assert layer(x).shape == (1, 12, 9, 7)


def test_frequencies_are_weighted_by_the_gate_low_first_and_mixed_with_one_activation():
    torch.manual_seed(1)
    layer, x = FrequencySeparableConv(8, 12), torch.randn(2, 8, 9, 7)
    first, last = layer.bottleneck[0].weight, layer.bottleneck[2].weight
    weights = layer.mlp(x.mean(dim=(2, 3)))
    assert (weights[:, 0] - weights[:, 1]).abs().min() > 1e-3
    low, high = layer.branches(x)
    mixed = weights[:, 0, None, None, None] * low + weights[:, 1, None, None, None] * high
    assert_same_but_rounding(layer(x), F.conv2d(F.relu(F.conv2d(mixed, first)), last))


def test_directions_are_columns_then_both_then_rows_and_mixing_is_linear():
    torch.manual_seed(1)
    layer, x = DirectionSeparableConv(8, 8), torch.zeros(1, 8, 9, 9)
    x[..., 4, 4] = 1.0
    reached = []
    for chosen in range(3):
        with torch.no_grad():
            layer.mlp[2].weight.zero_()
            layer.mlp[2].bias.fill_(-200.0)[chosen] = 200.0
        rows, columns = layer(x)[0].abs().sum(0).nonzero().T
        reached.append((len(set(rows.tolist())), len(set(columns.tolist()))))
    assert reached == [(3, 1), (3, 3), (1, 3)]
    assert_same_but_rounding(layer(-2.0 * x), -2.0 * layer(x))


# The whole.


def test_what_is_kept_of_stable_diffusion_computes_what_it_does_there():
    config = replace(SMALL, channels=(64, 128, 192), first="conv", second="conv", attention="self")
    torch.manual_seed(3)
    sd = stable_diffusion(config).eval().requires_grad_(False)
    for name, parameter in sd.named_parameters():
        if "time_emb_proj" in name or "attn2.to_out" in name:
            parameter.zero_()
    student = seeded(config)
    start_from(student, sd.state_dict(), taesd(config).state_dict())
    time, text = torch.zeros(1, 4 * 64), torch.zeros(1, 2, 24)

    # So faint that the norms' smallest variances count.
    x = 0.003 * torch.randn(1, 64, 8, 12)
    for ours, theirs in zip(student.unet.down_blocks[0](x), sd.down_blocks[0](x, time, text)[1], strict=True):
        assert_same_but_rounding(ours, theirs)
    skips = [torch.randn(1, n, 4, 6) for n in (64, 128, 128)]
    mid = torch.randn(1, 192, 4, 6)
    theirs = sd.up_blocks[2](mid, tuple(skips), time, text)
    assert_same_but_rounding(student.unet.up_blocks[0](mid, list(skips)), theirs)
    inner = torch.randn(1, 128, 4, 6)
    theirs = sd.down_blocks[2].resnets[0](inner, time)
    assert_same_but_rounding(student.unet.mid_block(inner), theirs)


def test_the_tiny_codec_is_cut_at_its_latent_and_its_range_is_left_alone():
    torch.manual_seed(3)
    tiny, student = taesd(SMALL), seeded()
    start_from(student, stable_diffusion(SMALL).state_dict(), tiny.state_dict())
    x, cells = picture(1, 3, 16, 24), torch.randn(1, 8, 2, 3)
    assert_same_but_rounding(student.vae.encode(x), tiny.encoder.layers[:-1](x))
    assert_same_but_rounding(student.vae.decode(cells), tiny.decoder.layers[1:](cells))


def test_the_full_codec_is_stable_diffusion_s():
    config = replace(SMALL, codec="kl")
    torch.manual_seed(3)
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    theirs = AutoencoderKL(block_out_channels=(16, 32, 64, 64), layers_per_block=2, norm_num_groups=8, **kinds).eval()
    student = seeded(config)
    start_from(student, stable_diffusion(config).state_dict(), theirs.state_dict())
    x = picture(1, 3, 16, 24)
    latent = theirs.encode(x).latent_dist.mode() * 0.18215
    assert_same_but_rounding(student.vae.encode(x), latent)
    assert_same_but_rounding(student.vae.decode(latent), theirs.decode(latent / 0.18215).sample)


def test_a_start_keeps_what_stays_and_leaves_what_is_new():
    torch.manual_seed(3)
    sd, tiny, before = stable_diffusion(SMALL).state_dict(), taesd(SMALL).state_dict(), seeded().state_dict()
    student = seeded()
    start_from(student, sd, tiny)
    after, new = student.state_dict(), new_keys(student)
    assert all(torch.equal(after[key], before[key]) for key in new)
    pairs = {
        "unet.down_blocks.1.resnets.0.conv_shortcut.weight": "down_blocks.1.resnets.0.conv_shortcut.weight",
        "unet.mid_block.mid_block.norm1.weight": "down_blocks.2.resnets.0.norm1.weight",
        "unet.up_blocks.0.upsamplers.0.conv.bias": "up_blocks.2.upsamplers.0.conv.bias",
        "unet.up_blocks.1.attentions.2.transformer_blocks.0.ff.net.2.weight": (
            "up_blocks.3.attentions.2.transformer_blocks.0.ff.net.2.weight"
        ),
        "unet.conv_norm_out.weight": "conv_norm_out.weight",
    }
    assert all(torch.equal(after[ours], sd[theirs]) for ours, theirs in pairs.items())
    assert all(torch.equal(value, tiny[key[4:]]) for key, value in after.items() if key.startswith("vae."))
    assert any("attn1.query" in key for key in new)
    assert any("conv1.low_branch" in key for key in new)
    assert {"merge_conv1.weight", "merge_conv2.bias"} <= new
    assert not any("norm" in key or "vae." in key for key in new)


def test_a_start_from_something_else_is_refused_by_name():
    sd, tiny = stable_diffusion(SMALL).state_dict(), taesd(SMALL).state_dict()
    del sd["up_blocks.3.attentions.0.norm.bias"]
    with pytest.raises(ModelError, match=r"up_blocks\.3\.attentions\.0\.norm\.bias missing"):
        start_from(seeded(), sd, tiny)
    with pytest.raises(ModelError, match=r"encoder\.layers\.0\.weight.* of another shape"):
        start_from(seeded(replace(SMALL, image=4)), stable_diffusion(SMALL).state_dict(), tiny)


def stable_diffusion(config: Config) -> UNet2DConditionModel:
    """A narrow UNet with the levels of Stable Diffusion 2.1."""
    widths = (*config.channels, config.channels[-1])
    return UNet2DConditionModel(
        block_out_channels=widths,
        attention_head_dim=tuple(max(1, width // 64) for width in widths),
        use_linear_projection=True,
        cross_attention_dim=24,
        norm_num_groups=config.groups,
    )


def taesd(config: Config) -> AutoencoderTiny:
    """A narrow TAESD."""
    widths, blocks = (config.codec_width,) * len(config.codec_blocks), config.codec_blocks
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks[::-1],
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"compat": True},
        {"first": "conv"},
        {"second": "conv"},
        {"attention": "self"},
        {"codec": "taesd"},
        {"codec": "kl"},
        {"codec": "shuffle", "codec_blocks": (1, 1, 1)},
        {"codec_blocks": (1, 1, 1), "image": 5},
    ],
)
def test_every_variant_runs_and_every_parameter_that_is_not_dead_matters(change):
    config = replace(SMALL, **change)
    network = seeded(config).requires_grad_(True)
    out = network(picture(2, config.image, 32, 48))
    assert out.shape == (2, config.image, 32, 48)
    out.square().sum().backward()
    idle = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    dead = set(outline(config).state_dict()) - set(outline(replace(config, compat=False)).state_dict())
    assert idle == dead


def test_a_student_without_a_codec_starts_from_the_upsampled_image():
    network = SlimDiffSR(replace(SMALL, codec="shuffle", codec_blocks=(1, 1, 1), image=4))
    assert network.merge_conv1.in_channels == 4 * 16
    torch.nn.init.zeros_(network.merge_conv2.weight)
    torch.nn.init.zeros_(network.merge_conv2.bias)
    image = torch.rand(2, 4, 21, 34) * 2 - 1
    assert torch.equal(network(image), image)
    torch.nn.init.normal_(network.merge_conv2.bias)
    assert not torch.allclose(network(image), image)


def test_dead_parameters_change_nothing():
    stored, run = seeded(replace(SMALL, compat=True)), seeded(seed=9)
    run.load_state_dict({key: value for key, value in stored.state_dict().items() if key in run.state_dict()})
    assert torch.equal(stored(picture(1, 3, 32, 32)), run(picture(1, 3, 32, 32)))


def test_the_maps_for_distillation_have_the_levels_of_the_teacher():
    image, features = seeded().with_features(picture(1, 3, 64, 32))
    assert [tuple(each.shape) for each in features] == [
        (1, 16, 4, 2),
        (1, 32, 4, 2),
        (1, 48, 4, 2),
        (1, 32, 8, 4),
        (1, 16, 8, 4),
    ]
    assert torch.equal(image, seeded()(picture(1, 3, 64, 32)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (15, 17), (33, 64)])
def test_any_size_comes_back_and_padding_repeats_the_rim(height, width):
    network, image = seeded(), picture(1, 3, height, width)
    out = network(image)
    assert out.shape == image.shape
    rows, columns = (torch.arange(-(-side // 16) * 16).clamp(max=side - 1) for side in (height, width))
    assert torch.equal(out, network(image[:, :, rows][..., columns])[..., :height, :width])


def test_threads_do_not_disturb_each_other():
    network = seeded()
    images = [picture(1, 3, 32, 32 + 16 * (seed % 2), seed=seed) for seed in range(8)]
    alone = [network(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(network, images))
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))
