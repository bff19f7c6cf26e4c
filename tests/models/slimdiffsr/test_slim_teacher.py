"""The one-step teacher on both kinds of backbone, blind and with the truth, at one time and at a map of times."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn

from seamline.engine.errors import ModelError, RequestError
from seamline.models.slimdiffsr.teacher.backbone import LAYERS, Backbone, Prediction
from seamline.models.slimdiffsr.teacher.blend import blended
from seamline.models.slimdiffsr.teacher.lora import Ranks
from seamline.models.slimdiffsr.teacher.noise_level import FixedLevel, NoiseLevelPredictor
from seamline.models.slimdiffsr.teacher.stable import StableBackbone, load_stable
from seamline.models.slimdiffsr.teacher.teacher import OneStepTeacher, load_trained, trained_state
from seamline.models.slimdiffsr.teacher.terra import TerraBackbone
from seamline.models.slimdiffsr.teacher.uncertainty import UncertaintyEstimator
from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.network import Config, TerraLdmTiny
from seamline.tests.bounds import assert_same_but_rounding

SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "epsilon"}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def image(bands: int = 3, seed: int = 0, size: int = 64) -> torch.Tensor:
    coarse = noise(2, bands, size // 8, size // 8, seed=seed)
    return nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(-1, 1)


def terra() -> TerraBackbone:
    torch.manual_seed(0)
    base = TerraLdmTiny(Config(8, 2, (16, 24), 16))
    for parameter in base.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return TerraBackbone(base)


def parts(**unet: object) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    network = UNet2DConditionModel(
        **{
            "block_out_channels": (32, 64, 96, 96),
            "layers_per_block": 1,
            "cross_attention_dim": 16,
            "attention_head_dim": 8,
            "use_linear_projection": True,
            **unet,
        }
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    )
    return network.eval(), vae.eval()


def stable(predicts: str = "epsilon") -> StableBackbone:
    return StableBackbone(*parts(), {**SCHEDULE, "prediction_type": predicts}, noise(1, 3, 16))


BACKBONES = {"terra": terra, "stable": stable}


def teacher(name: str, times: str = "scalar", levels: nn.Module | None = None) -> OneStepTeacher:
    backbone = BACKBONES[name]()
    torch.manual_seed(1)
    estimator = UncertaintyEstimator(backbone.latent, width=8, depth=2)
    predictor = NoiseLevelPredictor(backbone.latent, width=8, depth=1)
    for network in (estimator, predictor):
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.1)
    return OneStepTeacher(backbone, estimator, levels or predictor, times)


@pytest.mark.parametrize("predicts", ["epsilon", "v_prediction"])
def test_a_true_prediction_gives_the_clean_latents(predicts):
    backbone = stable(predicts)
    clean, draw = noise(2, 4, 6, 6), noise(2, 4, 6, 6, seed=1)
    level = noise(2, 1, 6, 6, seed=2).sigmoid()
    signal, sigma = level.sqrt(), (1 - level).sqrt()
    noisy = signal * clean + sigma * draw
    output = draw if predicts == "epsilon" else signal * draw - sigma * clean
    assert_same_but_rounding(backbone.clean(noisy, output, level), clean)


def test_terra_agrees_with_the_base_models_own_step():
    backbone = terra()
    base = TerraLdmTiny(Config(8, 2, (16, 24), 16))
    base.vae, base.unet = backbone.vae, backbone.unet
    latents, given = noise(2, 16, 8, 8), Conditioning.of([Band(0.5, 10.0), Band()])
    level = torch.tensor([0.3, 0.3])
    found = backbone.predict(latents, backbone.table.time(level), given)
    wanted = base.denoise(latents, float(backbone.table.time(level)[0]), given)
    clean = backbone.clean(latents, found.output, level[:, None, None, None])
    assert_same_but_rounding(clean, wanted)


def test_stable_diffusion_is_asked_as_diffusers_asks_it():
    backbone = stable()
    seen = {}
    for name, block in (
        ("down0", backbone.unet.down_blocks[0]),
        ("down1", backbone.unet.down_blocks[1].attentions[-1]),
        ("mid", backbone.unet.up_blocks[1]),
        ("up0", backbone.unet.up_blocks[2]),
        ("up1", backbone.unet.up_blocks[3]),
    ):
        block.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    latents, time = noise(2, 4, 16, 16), torch.tensor([3.0, 700.0])
    wanted = backbone.unet(latents, time, backbone.text.expand(2, -1, -1)).sample
    maps = {name: out[0] if isinstance(out, tuple) else out for name, out in seen.items()}
    found = backbone.predict(latents, time, None)
    assert torch.equal(found.output, wanted)
    assert all(torch.equal(found.features[name], maps[name]) for name in LAYERS)


@pytest.mark.parametrize("name", BACKBONES)
def test_features_have_the_promised_channels_and_time_a_gradient(name):
    backbone = BACKBONES[name]()
    time = backbone.table.times[[300, 700]].clone().requires_grad_()
    found = backbone.predict(noise(2, backbone.latent, 16, 16), time, None)
    assert {layer: each.shape[1] for layer, each in found.features.items()} == backbone.widths
    assert tuple(found.features) == LAYERS
    (slope,) = torch.autograd.grad(found.output.square().sum(), time)
    assert bool((slope != 0).all())


def test_adapting_the_decoder_leaves_the_latents():
    backbone = terra()
    shown = image(1)
    latents = backbone.encode(shown)
    assert_same_but_rounding(backbone.decode(latents), shown)
    backbone.adapt(Ranks(4, 2), torch.Generator().manual_seed(0))
    for name, value in backbone.decoder.named_parameters():
        if "lora_b" in name:
            nn.init.normal_(value, std=0.1)
    assert torch.equal(backbone.encode(shown), latents)
    assert float((backbone.decode(latents) - shown).detach().abs().max()) > 1e-3


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("times", ["scalar", "map"])
def test_one_pass(name, times):
    network = teacher(name, times)
    network.backbone.adapt(Ranks(4, 2), torch.Generator().manual_seed(0))
    shown, truth = image(), image(seed=1)
    found = network(shown, truth=truth)
    images = 2 * 3 // network.backbone.bands
    cells = shown.shape[-1] // (4 if name == "terra" else 2)
    assert found.image.shape == shown.shape
    assert found.level.shape == (images, 1, cells, cells)
    assert found.time.shape == ((images,) if times == "scalar" else found.level.shape)
    assert {layer: each.shape[1] for layer, each in found.features.items()} == network.widths(3)
    found.image.square().mean().backward()
    silent = [key for key, value in network.levels.named_parameters() if value.grad is None or not value.grad.any()]
    assert silent == []
    assert all(bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None)


def test_the_truth_matters_through_the_noise_level_alone():
    network = teacher("terra").requires_grad_(False)
    shown = image()
    blind, told = network(shown), network(shown, truth=image(seed=1))
    assert not torch.equal(blind.image, told.image)
    assert torch.equal(blind.estimate.mean, told.estimate.mean)
    network.levels = FixedLevel(0.5)
    assert torch.equal(network(shown).image, network(shown, truth=image(seed=1)).image)


def test_bands_do_not_meet_in_the_base_model():
    network = teacher("terra").requires_grad_(False)
    one, two = image(), image()
    two[:, 2] = image(seed=5)[:, 2]
    assert torch.equal(network(one).image[:, :2], network(two).image[:, :2])
    assert not torch.equal(network(one).image[:, 2], network(two).image[:, 2])


@pytest.mark.parametrize("name", BACKBONES)
def test_a_flat_map_is_a_single_time(name):
    scalar, flat = (teacher(name, times, FixedLevel(0.6)).requires_grad_(False) for times in ("scalar", "map"))
    one, two = scalar(image()), flat(image())
    assert_same_but_rounding(one.image, two.image)
    for layer in LAYERS:
        assert_same_but_rounding(one.features[layer], two.features[layer])


def test_a_blend_is_exact_where_predictions_are_linear_in_time():
    time = 100 * noise(2, 1, 8, 8)

    def linear(at: torch.Tensor) -> Prediction:
        plane = at[:, None, None, None].expand(-1, 3, 8, 8)
        return Prediction(2 * plane + 1, {"mid": plane[..., :4, :4]})

    found = blended(linear, time, 1e-3, anchors=4)
    assert_same_but_rounding(found.output, (2 * time + 1).expand(-1, 3, -1, -1))
    pooled = nn.functional.avg_pool2d(time, 2).expand(-1, 3, -1, -1)
    assert_same_but_rounding(found.features["mid"], pooled)


def test_more_anchors_come_nearer():
    time = noise(1, 1, 16, 16).sigmoid()

    def bent(at: torch.Tensor) -> Prediction:
        return Prediction(at[:, None, None, None].sin().expand(-1, 1, 16, 16), {})

    errors = [float((blended(bent, time, 1e-3, anchors).output - time.sin()).abs().max()) for anchors in (2, 3, 9)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_slopes_stay_finite_where_times_are_equal():
    time = torch.full((1, 1, 4, 4), 0.5, requires_grad=True)
    found = blended(lambda at: Prediction(at.square()[:, None, None, None].expand(-1, 1, 4, 4), {}), time, 1e-3)
    (slope,) = torch.autograd.grad(found.output.sum(), time)
    assert float(slope.sum()) == pytest.approx(16.0, rel=1e-2)
    assert bool(torch.isfinite(slope).all())


def test_sizes_and_bands_that_do_not_fit_are_refused():
    with pytest.raises(RequestError, match="16 px"):
        teacher("terra")(torch.zeros(1, 3, 40, 64))
    with pytest.raises(RequestError, match="multiples of 3 bands"):
        teacher("stable")(torch.zeros(1, 4, 64, 64))


def test_what_was_trained_travels_without_the_foundation():
    one, two = teacher("terra"), teacher("terra")
    for network, seed in ((one, 0), (two, 1)):
        network.backbone.adapt(Ranks(4, 2), torch.Generator().manual_seed(seed))
        for key, value in network.named_parameters():
            if "lora_b" in key:
                nn.init.normal_(value, std=0.02 * (1 + seed))
    state = trained_state(one)
    assert not any(key.endswith("base.weight") for key in state)
    assert not torch.equal(one(image()).image, two(image()).image)
    load_trained(two, state)
    assert torch.equal(one(image()).image, two(image()).image)
    with pytest.raises(ModelError, match="another teacher"):
        load_trained(teacher("terra"), state)


@pytest.fixture
def folder(tmp_path):
    unet, vae = parts()
    unet.save_pretrained(tmp_path / "unet")
    vae.save_pretrained(tmp_path / "vae")
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULE))
    return tmp_path


def test_a_folder_is_read_and_gives_the_same_network(folder):
    text = noise(1, 3, 16)
    loaded, built = load_stable(folder, text), stable()
    shown = image()
    assert torch.equal(loaded.encode(shown), built.encode(shown))
    latents, time = noise(2, 4, 16, 16), torch.tensor([10.0, 500.0])
    assert torch.equal(loaded.predict(latents, time, None).output, built.predict(latents, time, None).output)
    assert isinstance(loaded, Backbone)
    with pytest.raises(RequestError, match="a text of shape"):
        load_stable(folder, noise(1, 3, 8))
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(RequestError, match="no such file"):
        load_stable(folder, text)


def test_the_old_names_of_the_autoencoders_attention_are_read(folder):
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    state = {}
    for key, value in load_file(file).items():
        for new, old in names.items():
            key = key.replace(new, old)
        state[key] = value
    assert any(".proj_attn." in key for key in state)
    save_file(state, file)
    assert torch.equal(load_stable(folder, noise(1, 3, 16)).encode(image()), stable().encode(image()))


def test_networks_that_ask_for_more_are_refused():
    text = noise(1, 3, 16)
    with pytest.raises(ModelError, match="num_class_embeds"):
        StableBackbone(*parts(num_class_embeds=4), SCHEDULE, text)
    with pytest.raises(ModelError, match="predicts sample"):
        StableBackbone(*parts(), {**SCHEDULE, "prediction_type": "sample"}, text)
