"""Published backbones: folders, schedulers, prompts, metadata, bands, features."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from seamline.engine.errors import ModelError, RequestError
from seamline.engine.facts import SceneFacts
from seamline.models.satdifuser.inversion import advanced, schedule
from seamline.models.satdifuser.layout import Layout, Scale
from seamline.models.satdifuser.published.backbone import Options, open_published
from seamline.models.satdifuser.published.bands import adapter
from seamline.models.satdifuser.published.files import digest_of
from seamline.models.satdifuser.published.metadata import scalars_of
from seamline.tests.bounds import assert_same_but_rounding
from seamline.tests.models.satdifuser.backbones import ALIGN, TEXT, WEIGHTS, add_metadata, edit, make_backbone

HERE = SceneFacts((12.5, 41.9), 0.5, 0.1, (2020, 6, 1))


@pytest.fixture
def folder(tmp_path):
    return make_backbone(tmp_path / "sd")


def image(bands=3, height=16, width=24, seed=0):
    return torch.rand(2, bands, height, width, generator=torch.Generator().manual_seed(seed))


def ground(stream, shape):
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(stream))


def flat(found):
    return torch.cat([x.flatten() for time in found for x in time])


@torch.no_grad()
def features(folder, options=None, bands=3, given=None, **told):
    return open_published(folder, bands, options).features(image(bands) if given is None else given, ground, **told)


# Features.


@torch.no_grad()
def test_features_are_the_streams_of_the_inverted_image(folder):
    backbone = open_published(folder, 3, Options(times=(47, 49)))
    assert backbone.align == ALIGN
    assert backbone.layout == Layout((47, 49), (Scale(2, (8, 8, 8, 8)), Scale(4, (16, 16))))
    checks = []
    found = backbone.features(image(), ground, lambda: checks.append(1))
    assert [[tuple(x.shape) for x in maps] for maps in found] == [[(2, 32, 8, 12), (2, 32, 4, 6)]] * 2
    assert len(checks) == 3
    # By hand, with the modules as diffusers loads them.
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(50)
    text = next(iter(load_file(folder / "prompt.safetensors").values())).expand(2, -1, -1)
    x = vae.encode(image() * 2 - 1).latent_dist.mode() * vae.config.scaling_factor
    for call in schedule(scheduler.betas, scheduler.timesteps.tolist(), (47,)).calls:
        last = {}
        module = unet.up_blocks[1].resnets[1].conv2
        hook = module.register_forward_hook(lambda _m, _g, out, last=last: last.update(out=out))
        noise = unet(x, call.step, text).sample
        hook.remove()
        x = advanced(x, noise, call)
        if call.step == -1:
            assert_same_but_rounding(found[1][0][:, -8:], last["out"])
    assert_same_but_rounding(found[0][0][:, -8:], last["out"])


def test_single_noisings_use_the_noise_of_the_ground_and_inversion_none(folder):
    calls = []

    def counted(stream, shape):
        calls.append(shape)
        return ground(stream, shape)

    for mode, count in (("inversion", 0), ("noising", 1)):
        calls.clear()
        with torch.no_grad():
            open_published(folder, 3, Options(times=(45, 40), mode=mode)).features(image(), counted)
        assert calls == [(1, 4, 8, 12)] * count


def test_a_velocity_network_is_read_as_one_unless_as_released(folder):
    noise = flat(features(folder))
    edit(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    assert torch.equal(flat(features(folder, Options(as_released=True))), noise)
    velocity = open_published(folder, 3)
    x, step = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(1)), torch.tensor([21, 161])
    with torch.no_grad():
        v = velocity.unet(x, step, velocity.text.expand(2, -1, -1)).sample
        found = velocity._predict(x, step)
        level = DDIMScheduler.from_pretrained(folder / "scheduler").alphas_cumprod[step][:, None, None, None]
    assert_same_but_rounding(found, level.sqrt() * v + (1 - level).sqrt() * x)
    assert not torch.allclose(flat(features(folder)), noise)
    edit(folder / "scheduler" / "scheduler_config.json", prediction_type="sample")
    with pytest.raises(ModelError, match="predicts sample"):
        open_published(folder, 3)


def test_weights_are_frozen_and_the_adapter_may_be_trained(folder):
    backbone = open_published(folder, 5)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    backbone.adapter.requires_grad_(True)
    flat(backbone.features(image(5), ground)).square().sum().backward()
    assert float(backbone.adapter.weight.grad.abs().sum()) > 0


# Bands.


@pytest.mark.parametrize(
    ("bands", "seen"), [(1, (0, 0, 0)), (2, (0, 1, 1)), (3, (0, 1, 2)), (4, (0, 1, 2)), (9, (0, 1, 2))]
)
def test_any_band_count_becomes_three(bands, seen, folder):
    given = image(bands)
    assert torch.equal(adapter(bands)(given), given[:, list(seen)])
    assert torch.equal(flat(features(folder, bands=bands)), flat(features(folder, given=given[:, list(seen)])))


def test_what_is_brighter_than_the_level_is_clipped(folder):
    bright = image() + 0.5
    assert torch.equal(flat(features(folder, given=bright)), flat(features(folder, given=bright.clamp(max=1))))


# Folders.


def test_diffusionsat_keeps_its_unet_in_a_checkpoint(folder):
    before = flat(features(folder))
    for number in (500, 150000):
        shutil.copytree(folder / "unet", folder / f"checkpoint-{number}" / "unet")
    shutil.rmtree(folder / "unet")
    file = folder / "checkpoint-500" / "unet" / WEIGHTS
    save_file({key: value + 1 for key, value in load_file(file).items()}, file)
    assert torch.equal(flat(features(folder)), before)


def test_old_names_and_plain_pickles_are_read(folder):
    before = flat(features(folder))
    file = folder / "vae" / WEIGHTS
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = load_file(file)
    for new, name in old.items():
        state = {key.replace(f".{new}.", f".{name}."): value for key, value in state.items()}
    assert any("proj_attn" in key for key in state)
    file.unlink()
    torch.save(state, folder / "vae" / "diffusion_pytorch_model.bin")
    assert torch.equal(flat(features(folder)), before)


def test_the_digest_is_of_what_is_read(folder):
    first = digest_of(folder)
    (folder / "README.md").write_text("words")
    assert digest_of(folder) == first
    for name in ("scheduler/scheduler_config.json", "prompt.safetensors", f"vae/{WEIGHTS}", "unet/config.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        assert digest_of(folder) != first
        (folder / name).write_bytes(content)
    assert digest_of(folder) == first


def test_what_is_missing_or_damaged_is_named(folder):
    def refused(match, error=ModelError):
        with pytest.raises(error, match=match):
            open_published(folder, 3)

    weights = folder / "unet" / WEIGHTS
    state = load_file(weights)
    save_file({key: value for key, value in state.items() if key != "conv_in.bias"}, weights)
    refused("conv_in.bias missing")
    save_file({**state, "conv_in.bias": state["conv_in.bias"] * float("nan")}, weights)
    refused("conv_in.bias is not finite")
    save_file(state, weights)
    edit(folder / "unet" / "config.json", class_embed_type="timestep")
    refused("class_embedding")
    edit(folder / "unet" / "config.json", class_embed_type=None, block_out_channels=[7])
    refused("settings make no UNet2DConditionModel")
    weights.unlink()
    refused("no diffusion_pytorch_model.safetensors", RequestError)
    shutil.rmtree(folder / "vae")
    refused("vae/config.json is missing", RequestError)


# Schedulers.


def test_a_scheduler_without_50_times_is_refused_by_name(tmp_path):
    folder = make_backbone(tmp_path / "sd", scheduler=PNDMScheduler, skip_prk_steps=True)
    with pytest.raises(ModelError, match="PNDMScheduler gives 51 times for 50 steps"):
        open_published(folder, 3)
    file = folder / "scheduler" / "scheduler_config.json"
    EulerDiscreteScheduler(timestep_spacing="linspace").save_pretrained(folder / "scheduler")
    with pytest.raises(ModelError, match="EulerDiscreteScheduler gives times that are no training steps"):
        open_published(folder, 3)
    for name in ("UNet2DConditionModel", "os", None):
        edit(file, _class_name=name)
        with pytest.raises(ModelError, match="there is no scheduler"):
            open_published(folder, 3)
    edit(file, _class_name="DDIMScheduler", beta_schedule="none")
    with pytest.raises(ModelError, match="DDIMScheduler makes no schedule"):
        open_published(folder, 3)


def test_times_beyond_the_steps_are_refused(folder):
    with pytest.raises(ModelError, match="from 0 to 49"):
        open_published(folder, 3, Options(times=(50,)))


# Prompts.


def test_the_cached_embedding_of_the_prompt_is_used(folder):
    file = folder / "prompt.safetensors"
    one, two = torch.randn(2, 4, TEXT, generator=torch.Generator().manual_seed(0))
    save_file({"fields": one, "roofs": two[None]}, file)
    assert torch.equal(open_published(folder, 3, Options(prompt="roofs")).text, two[None])
    assert torch.equal(open_published(folder, 3, Options(prompt="fields")).text, one[None])
    assert not torch.allclose(
        flat(features(folder, Options(prompt="roofs"))), flat(features(folder, Options(prompt="fields")))
    )
    with pytest.raises(ModelError, match="no embedding of 'trees' among 2"):
        open_published(folder, 3, Options(prompt="trees"))
    save_file({"x": torch.zeros(1, 4, TEXT + 1)}, file)
    with pytest.raises(ModelError, match=r"not \(1, tokens, 12\)"):
        open_published(folder, 3)


def test_without_an_embedding_both_ways_to_one_are_named(folder, monkeypatch):
    (folder / "prompt.safetensors").unlink()
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(RequestError, match="not installed") as found:
        open_published(folder, 3)
    assert "prompt.safetensors" in found.value.fix
    assert "install transformers" in found.value.fix


def test_the_text_encoder_embeds_the_prompt(folder, monkeypatch):
    (folder / "prompt.safetensors").unlink()

    class Tokens:
        model_max_length = 6

        @classmethod
        def from_pretrained(cls, path, **_):
            assert path == folder / "tokenizer"
            return cls()

        def __call__(self, texts, *, max_length, **_):
            self.input_ids = torch.tensor([[len(text)] * max_length for text in texts])
            return self

    class Encoder(torch.nn.Module):
        @classmethod
        def from_pretrained(cls, path, **kwargs):
            assert kwargs == {"local_files_only": True, "use_safetensors": True}
            return cls()

        def forward(self, ids):
            return (F.one_hot(ids, TEXT).half(),)

    module = type("transformers", (), {"CLIPTokenizer": Tokens, "CLIPTextModel": Encoder})
    monkeypatch.setitem(__import__("sys").modules, "transformers", module)
    text = open_published(folder, 3, Options(prompt="abc")).text
    assert (text.shape, text.dtype) == ((1, 6, TEXT), torch.float32)
    assert bool((text.argmax(dim=-1) == 3).all())


# Metadata.


def test_metadata_networks_are_dropped_or_added_to_the_time(folder):
    plain = flat(features(folder))
    use = Options(metadata=True)
    with pytest.raises(ModelError, match="no networks of 7 metadata"):
        open_published(folder, 3, use)
    extra = add_metadata(folder)
    assert torch.equal(flat(features(folder)), plain)
    here, there = scalars_of(HERE), scalars_of(replace(HERE, date=(2020, 1, 1)))
    told = features(folder, use, metadata=torch.stack([here, here]))
    assert not torch.allclose(flat(told), plain)
    # Each image may have its own.
    other = features(folder, use, metadata=torch.stack([here, there]))
    assert_same_but_rounding(other[0][0][0], told[0][0][0])
    assert not torch.allclose(other[0][0][1], told[0][0][1])
    assert torch.equal(flat(features(folder, use)), flat(features(folder, use, metadata=torch.zeros(2, 7))))
    backbone = open_published(folder, 3, use)
    with torch.no_grad():
        projected = backbone.unet.time_proj(here)
        want = torch.zeros(32)
        for number, x in enumerate(projected):
            w = {
                name: extra[f"metadata_embedding.{number}.{name}"]
                for name in ("linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias")
            }
            hidden = F.silu(F.linear(x, w["linear_1.weight"], w["linear_1.bias"]))
            want += F.linear(hidden, w["linear_2.weight"], w["linear_2.bias"])
        found = backbone.metadata(here[None], backbone.unet.time_proj)
    assert_same_but_rounding(found[0], want)


def test_metadata_are_the_numbers_of_the_published_training():
    numbers = scalars_of(SceneFacts((90.0, 45.0), 0.5, 0.25, (2040, 6, 31)))
    torch.testing.assert_close(numbers, torch.tensor([750, 750, 500, 250, 500, 500, 1000.0]))
    assert scalars_of(SceneFacts()).tolist() == scalars_of(None).tolist() == [0.0] * 7


# Enlarged images.


@torch.no_grad()
def test_images_may_be_enlarged_first(folder):
    backbone = open_published(folder, 3, Options(zoom=2))
    assert backbone.layout.strides == (1, 2)
    assert backbone.align == ALIGN // 2
    large = F.interpolate(image(), scale_factor=2.0, mode="bilinear", align_corners=False)
    assert_same_but_rounding(flat(backbone.features(image(), ground)), flat(features(folder, given=large)))
    with pytest.raises(ModelError, match="3 times as large"):
        open_published(folder, 3, Options(zoom=3))


@torch.no_grad()
def test_tiles_that_are_no_multiple_of_anything_are_read_too(folder):
    found = features(folder, given=image(height=19, width=26))
    assert [tuple(x.shape[-2:]) for x in found[0]] == [(9, 13), (5, 7)]
