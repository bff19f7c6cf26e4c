"""Around the published SALAD-Pan's network: the autoencoder of one band, prompts and images, sampling."""

from __future__ import annotations

import pytest
import torch
from diffusers import PNDMScheduler, UniPCMultistepScheduler
from torch.nn import functional as F

from seamline.engine.errors import RequestError
from seamline.engine.optics.sensors import Sensor, find_sensor
from seamline.models.salad_pan.published.conditioning import Radiometry, images, prompts, radiometry
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.sampler import guided, sample, schedule
from seamline.models.salad_pan.published.vae import LUMA, band_vae, decode, encode, to_one_channel
from seamline.tests.bounds import assert_same_but_rounding

TINY = Config(scaling_factor=0.5, vae=(4, 4, 8, 8), vae_groups=4)


def seeded(build, seed: int = 0):
    torch.manual_seed(seed)
    return build()


# The autoencoder of one band.


def test_three_channels_collapse_to_one():
    settings = {"in_channels": 3, "out_channels": 3}
    colour = seeded(lambda: type(band_vae(TINY))(**{**dict(band_vae(TINY).config), **settings})).double()
    grey = band_vae(TINY).double()
    grey.load_state_dict(to_one_channel(colour.state_dict()))
    x = torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    luma = torch.tensor(LUMA, dtype=torch.float64)
    with torch.no_grad():
        # All three channels alike, weighted in, against one channel; and the weighted output against the one channel.
        first = F.conv2d(x * luma[:, None, None], colour.encoder.conv_in.weight, colour.encoder.conv_in.bias, padding=1)
        torch.testing.assert_close(grey.encoder.conv_in(x), first)
        latents = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        want = (colour.decode(latents).sample * luma[:, None, None]).sum(dim=1, keepdim=True)
        torch.testing.assert_close(grey.decode(latents).sample, want)
    same = to_one_channel(grey.state_dict())
    assert all(torch.equal(same[key], value) for key, value in grey.state_dict().items())


def test_old_names_of_the_attention_are_known():
    state = band_vae(TINY).state_dict()
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    aged = dict(state)
    for new, name in old.items():
        aged = {key.replace(new, name): value for key, value in aged.items()}
    assert aged.keys() != state.keys()
    assert to_one_channel(aged).keys() == state.keys()


def test_latents_are_the_mode_scaled_by_the_config():
    vae = seeded(lambda: band_vae(TINY)).eval()
    x = torch.rand(3, 1, 16, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        latents = encode(vae, x)
        assert latents.shape == (3, 4, 2, 4)
        assert_same_but_rounding(latents, 0.5 * vae.encode(2 * x - 1).latent_dist.mean)
        assert_same_but_rounding(decode(vae, latents), (vae.decode(latents / 0.5).sample / 2 + 0.5).clamp(0, 1))


# What the network is told.


def test_prompts_of_the_published_sensors():
    expected = {
        "GF2": ("GaoFen-2 satellite: PAN 0.8 m; MS 3.2 m; 4 bands.", 1023, "Blue 450-520", "NIR 770-890"),
        "QB": ("QuickBird satellite: PAN 0.61 m; MS 2.44 m; 4 bands.", 2047, "Blue 450-520", "NIR 760-900"),
        "WV3": ("WorldView-3 satellite: PAN 0.31 m; MS 1.24 m; 8 bands.", 2047, "Coastal 400-450", "NIR2 860-1040"),
    }
    for name, (product, maximum, first, last) in expected.items():
        sensor = find_sensor(name)
        use = radiometry(sensor, "shared")
        assert (use.prompts[0], use.prompts[-1]) == (f"{product} Band {first}nm", f"{product} Band {last}nm")
        assert (len(use.prompts), use.maximum) == (len(sensor.bands), maximum)
    assert "Band RedEdge 705-745nm" in prompts(find_sensor("WV3"))[5]
    assert [p.split("Band ")[1] for p in prompts(find_sensor("QB"))[1:3]] == ["Green 520-600nm", "Red 630-690nm"]
    assert radiometry(None, "band") == Radiometry(("",), None, "band")
    assert radiometry(find_sensor("Landsat-8"), "shared").maximum is None
    with pytest.raises(RequestError, match="lacks bands"):
        prompts(Sensor("mine", 0.5, 2.0))


def test_images_repeat_the_band_and_clip_at_the_maximum():
    pan, ms = torch.tensor([[[[3000.0, 512.0]]]]), torch.tensor([[[[1024.0, -5.0]], [[256.0, 0.0]]]])
    x = images(pan, ms, 2048.0)
    assert x.shape == (2, 5, 1, 2)
    assert x[0, :, 0].tolist() == [[0.5, 0.0]] * 4 + [[1.0, 0.25]]
    assert x[1, 3, 0].tolist() == [0.125, 0.0]


# Sampling.


def test_the_schedule_is_unipc_made_of_the_one_of_stable_diffusion():
    original = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        set_alpha_to_one=False,
        skip_prk_steps=True,
        steps_offset=1,
    )
    made = UniPCMultistepScheduler.from_config(original.config)
    made.set_timesteps(20)
    own = schedule(20)
    assert torch.equal(own.timesteps, made.timesteps)
    torch.testing.assert_close(own.sigmas, made.sigmas)
    assert len(own.timesteps) == 20
    assert own.config.prediction_type == made.config.prediction_type == "epsilon"


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_sampling_finds_the_latents_that_a_perfect_network_knows(steps):
    clean = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    alpha = schedule(1).alphas_cumprod
    calls = []

    def perfect(latents, time):
        a = alpha[time][:, None, None, None]
        return (latents - a.sqrt() * clean) / (1 - a).sqrt()

    start = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    found = sample(perfect, start, steps, lambda: calls.append(1))
    torch.testing.assert_close(found, clean, atol=1e-3, rtol=1e-3)
    assert len(calls) == steps


def test_guidance_extrapolates_and_is_off_up_to_one():
    one, zero = (lambda z, t: torch.full_like(z, 3.0)), (lambda z, t: torch.full_like(z, 1.0))
    z = torch.zeros(1)
    assert guided(one, zero, 1.0) is one
    assert guided(one, zero, 0.0) is one
    assert float(guided(one, zero, 2.5)(z, z)) == 1.0 + 2.5 * 2.0
