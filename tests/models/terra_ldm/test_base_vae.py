"""The band autoencoder of the base model: exact by construction, mean-preserving, and blind beyond its margin."""

from __future__ import annotations

import pytest
import torch

from seamline.models.terra_ldm.pyramid import merge, split
from seamline.models.terra_ldm.vae import FACTOR, LATENT, MARGIN, BandVae, Forecast
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training.village.procedural import procedural_scene


def trained(seed: int = 0, width: int = 8, depth: int = 3) -> BandVae:
    """An autoencoder in which nothing is zero, as after training."""
    torch.manual_seed(seed)
    vae = BandVae(width, depth)
    for parameter in vae.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    vae.centre.copy_(torch.randn(LATENT, 1, 1))
    vae.scaling.copy_(0.5 + torch.rand(LATENT, 1, 1))
    return vae.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def scene() -> torch.Tensor:
    """One band, (1, 1, 768, 576), unit range."""
    image = procedural_scene(3, (768, 576), 0.5)[:1]
    return torch.from_numpy(image / image.max())[None]


@pytest.mark.parametrize("peak", [255.0, 10000.0])
def test_images_come_back_whatever_the_weights(scene, peak):
    stored = (scene * peak).round()
    vae = trained()
    back = vae.decode(vae.encode(stored / peak)) * peak
    assert torch.equal(back.round(), stored)


def test_values_far_beyond_the_peak_come_back(scene):
    bright = scene.clone()
    bright[..., 100:103, 200:205] = 40.0
    vae = trained()
    assert_same_but_rounding(vae.decode(vae.encode(bright)), bright)


def test_means_of_blocks_are_kept_even_when_the_details_are_lost(scene):
    vae = trained()
    latent = vae.encode(scene)
    latent[:, 1:] = torch.randn(latent[:, 1:].shape, generator=torch.Generator().manual_seed(1))
    back = vae.decode(latent)
    blocks = torch.nn.functional.avg_pool2d
    for side in (FACTOR, 16, 64):
        torch.testing.assert_close(blocks(back, side), blocks(scene, side), atol=1e-4, rtol=2e-3)
    assert not torch.allclose(back, scene, atol=0.02)


def test_the_first_channel_is_the_image_at_a_quarter_of_the_resolution(scene):
    vae = trained()
    vae.centre.zero_()
    vae.scaling.fill_(1.0)
    small = (vae.encode(scene)[:, :1] + 2) / 4
    assert_same_but_rounding(small, torch.nn.functional.avg_pool2d(scene, 4))


def test_a_haar_step_is_orthonormal_about_the_mean():
    image = torch.randn(2, 1, 8, 12, dtype=torch.float64)
    means, details = split(image)
    torch.testing.assert_close(merge(means, details), image)
    centred = image - torch.nn.functional.interpolate(means, scale_factor=2.0)
    assert float(details.square().sum()) == pytest.approx(float(centred.square().sum()), rel=1e-9)


def test_a_forecast_commutes_with_gain_and_offset(scene):
    forecast = trained(2).fine
    means = scene[..., :64, :64]
    expected = 0.3 * forecast(means)
    assert_same_but_rounding(forecast(0.3 * means + 0.4), expected)
    assert float(expected.abs().max()) > 1e-3


def test_an_untrained_forecast_foretells_nothing():
    assert not Forecast(4, 2)(torch.rand(1, 1, 8, 8)).any()


@pytest.mark.parametrize("bands", [1, 3, 10])
def test_bands_do_not_see_each_other(bands):
    vae = trained()
    image = torch.rand(bands, 1, 32, 48, generator=torch.Generator().manual_seed(bands))
    together = vae.encode(image)
    assert together.shape == (bands, LATENT, 8, 12)
    apart = torch.cat([vae.encode(image[k : k + 1]) for k in range(bands)])
    assert_same_but_rounding(together, apart)


def test_the_posterior_is_narrow_or_wide_as_the_code_says():
    vae = trained()
    spread = vae.log_variance(torch.randn(1, LATENT, 4, 4))
    assert spread.shape == (1, LATENT, 4, 4)
    assert float(spread.std()) > 0
    assert -14 <= float(spread.min()) <= float(spread.max()) <= 2


@pytest.mark.parametrize("tile", [192, 256, 512])
def test_tiles_give_the_latents_and_pixels_of_the_whole_scene(scene, tile):
    vae = trained()
    whole = vae.encode(scene)
    noisy = whole + 0.3 * torch.randn(whole.shape, generator=torch.Generator().manual_seed(5))
    pixels = vae.decode(noisy)
    row, column = 768 - tile, min(64, 576 - tile)
    cells, rim = tile // FACTOR, MARGIN // FACTOR
    part = vae.encode(scene[..., row:, column : column + tile])
    there = (..., slice(row // 4 + rim, None), slice(column // 4 + rim, column // 4 + cells - rim))
    here = (..., slice(rim, None), slice(rim, cells - rim))
    assert_same_but_rounding(part[here], whole[there])
    cut = vae.decode(noisy[..., row // 4 :, column // 4 : column // 4 + cells])
    there = (..., slice(row + MARGIN, None), slice(column + MARGIN, column + tile - MARGIN))
    inner = cut[..., MARGIN:, MARGIN : tile - MARGIN]
    assert_same_but_rounding(inner, pixels[there])


def test_the_margin_is_the_reach():
    vae = trained(4)
    image = torch.rand(1, 1, 32, 128, generator=torch.Generator().manual_seed(6))
    other = image.clone()
    other[..., :64] = torch.rand(1, 1, 32, 64, generator=torch.Generator().manual_seed(7))
    changed = (vae.encode(image) != vae.encode(other))[..., 16:].any(dim=(0, 1, 2)).nonzero()
    assert FACTOR * (int(changed.max()) + 1) <= MARGIN
    latent = vae.encode(image)
    moved = latent.clone()
    moved[..., :16] += 1.0
    changed = (vae.decode(latent) != vae.decode(moved))[..., 64:].any(dim=(0, 1, 2)).nonzero()
    assert MARGIN - FACTOR < int(changed.max()) + 1 <= MARGIN
