"""The base model's UNet: what it is told matters, and it never looks beyond its margin."""

from __future__ import annotations

import math

import pytest
import torch

from seamline.engine.errors import ModelError
from seamline.models.registry import WEIGHTS
from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.network import Config, TerraLdmTiny, load_base
from seamline.models.terra_ldm.sampler import levels
from seamline.models.terra_ldm.unet import MARGIN, STRIDE
from seamline.models.terra_ldm.vae import FACTOR, LATENT
from seamline.tests.bounds import ROUNDING, assert_same_but_rounding

SMALL = {"forecast": 8, "depth": 2, "unet": [16, 24], "embedding": 16}
NEAR_INFRARED = Band(0.84, 10.0, "reflectance")


def trained(config: dict = SMALL, seed: int = 0) -> TerraLdmTiny:
    """A network in which nothing is zero, as after training."""
    torch.manual_seed(seed)
    network = TerraLdmTiny(Config.of(config))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def given(*bands: Band) -> Conditioning:
    return Conditioning.of(bands or (NEAR_INFRARED,))


@pytest.mark.parametrize("tile", [192, 256, 512])
@pytest.mark.parametrize("time", [0.1, 1.0])
def test_a_step_on_a_tile_gives_the_latents_of_the_whole_scene(tile, time):
    network = trained()
    noisy = noise(1, LATENT, 192, 144)
    whole = network.denoise(noisy, time, given())
    cells = tile // FACTOR
    row, column = 192 - cells, min(16, 144 - cells)
    part = network.denoise(noisy[..., row:, column : column + cells], time, given())
    inner = part[..., MARGIN:, MARGIN : cells - MARGIN]
    there = whole[..., row + MARGIN :, column + MARGIN : column + cells - MARGIN]
    assert inner.numel() > 0
    assert_same_but_rounding(inner, there)
    assert float(inner.std()) > 0.01


def test_the_margin_is_the_reach():
    network = trained(seed=1)
    one, two = noise(1, LATENT, 8, 64), noise(1, LATENT, 8, 64)
    two[..., :32] += 5.0
    moved = network.denoise(one, 0.5, given()) != network.denoise(two, 0.5, given())
    assert int(moved[..., 32:].any(dim=(0, 1, 2)).nonzero().max()) + 1 == MARGIN
    two = one.clone()
    two[..., 32:] += 5.0
    moved = network.denoise(one, 0.5, given()) != network.denoise(two, 0.5, given())
    assert 32 - int(moved[..., :32].any(dim=(0, 1, 2)).nonzero().min()) == MARGIN


def test_tiles_start_at_multiples_of_the_stride():
    network = trained()
    noisy = noise(1, LATENT, 64, 64)
    whole = network.denoise(noisy, 0.7, given())
    for offset, same in ((STRIDE, True), (STRIDE // 2, False)):
        part = network.denoise(noisy[..., offset : offset + 48, :], 0.7, given())
        gap = (part[..., 16:32, :] - whole[..., offset + 16 : offset + 32, :]).abs().max()
        assert (float(gap) <= ROUNDING * float(whole.square().mean().sqrt())) is same


def test_an_untrained_step_predicts_no_velocity():
    torch.manual_seed(2)
    network = TerraLdmTiny(Config.of(SMALL))
    noisy = noise(1, LATENT, 8, 8)
    signal, _ = levels(0.3)
    torch.testing.assert_close(network.denoise(noisy, 0.3, given()), signal * noisy)


@pytest.mark.parametrize(
    "other",
    [
        Band(0.49, 10.0, "reflectance"),
        Band(0.84, 0.5, "reflectance"),
        Band(0.84, 10.0, "photo"),
        Band(None, 10.0, "reflectance"),
        Band(0.84, None, "reflectance"),
        Band(0.84, 10.0),
        Band(),
    ],
)
def test_everything_known_matters_and_so_does_not_knowing(other):
    network, noisy = trained(), noise(1, LATENT, 8, 8)
    a, b = (network.denoise(noisy, 0.8, given(band)) for band in (NEAR_INFRARED, other))
    assert torch.isfinite(b).all()
    assert float((a - b).abs().max()) > 1e-4


def test_time_matters():
    network, noisy = trained(), noise(1, LATENT, 8, 8)
    times = torch.tensor([0.9])
    other = network.unet(noisy, times * 0.5, given())
    assert not torch.allclose(network.unet(noisy, times, given()), other, atol=1e-4)


def test_bands_of_a_batch_do_not_see_each_other():
    network, noisy = trained(), noise(3, LATENT, 8, 12)
    bands = (NEAR_INFRARED, Band(), Band(0.5, 0.1, "photo"))
    together = network.denoise(noisy, 0.6, given(*bands))
    for k, band in enumerate(bands):
        alone = network.denoise(noisy[k : k + 1], 0.6, given(band))
        assert_same_but_rounding(together[k : k + 1], alone)


def test_guidance_of_one_asks_once_and_more_moves_away_from_knowing_nothing():
    network, noisy = trained(), noise(1, LATENT, 8, 8)
    calls = []
    handle = network.unet.register_forward_hook(lambda *_: calls.append(1))
    plain = network.denoise(noisy, 0.6, given())
    assert len(calls) == 1
    blind = network.denoise(noisy, 0.6, given().unknown())
    double = network.denoise(noisy, 0.6, given(), guidance=2.0)
    handle.remove()
    assert_same_but_rounding(double, 2 * plain - blind)


def test_sampling_is_a_function_of_noise_bands_and_steps():
    network, start = trained(), noise(2, LATENT, 8, 8)
    bands = given(NEAR_INFRARED, Band(0.66, 0.1, "photo"))
    checks = []
    image = network(start, bands, 3, checkpoint=lambda: checks.append(1))
    assert image.shape == (2, 1, 32, 32)
    assert len(checks) == 3
    assert torch.equal(image, network(start, bands, 3))
    assert not torch.equal(image, network(start, bands, 2))
    assert not torch.equal(image, network(noise(2, LATENT, 8, 8, seed=1), bands, 3))


def test_feature_maps_are_those_of_the_pass():
    network, noisy = trained(), noise(1, LATENT, 8, 12)
    time = torch.tensor([0.5])
    velocity, maps = network.unet.trace(noisy, time, given())
    assert torch.equal(velocity, network.unet(noisy, time, given()))
    assert [tuple(m.shape[1:]) for m in (*maps.encoder, maps.middle, *maps.decoder)] == [
        (16, 4, 6),
        (16, 4, 6),
        (24, 2, 3),
        (16, 4, 6),
        (16, 4, 6),
    ]


def test_forgetting_leaves_out_entries_and_whole_bands():
    bands = Conditioning.of([NEAR_INFRARED] * 4000)
    kept = bands.forget(0.2, torch.Generator().manual_seed(3))
    lost = torch.stack((kept.wavelength.isnan(), kept.gsd.isnan(), kept.kind == 0)).double()
    assert lost.mean(dim=1).tolist() == pytest.approx([1 - 0.8**2] * 3, abs=0.03)
    assert float(lost.prod(dim=0).mean()) == pytest.approx(0.2 + 0.8 * 0.2**3, abs=0.03)
    assert torch.equal(bands.forget(0.0, torch.Generator()).wavelength, bands.wavelength)
    nothing = bands.unknown()
    assert nothing.wavelength.isnan().all()
    assert nothing.gsd.isnan().all()
    assert not nothing.kind.any()
    assert not math.isnan(float(bands.gsd[0]))


def test_size():
    parameters = sum(p.numel() for p in TerraLdmTiny(Config()).state_dict().values())
    assert 2 * parameters + 50_000 <= 12e6


@pytest.mark.parametrize("change", [{"unet": [16]}, {"unet": 16}, {"depth": 0}, {"depth": 4}, {"layers": 2}])
def test_configs_that_fit_nothing_are_refused(change):
    with pytest.raises(ModelError, match="config"):
        Config.of(SMALL | change)


def test_another_architecture_is_no_base():
    with pytest.raises(ModelError, match="salad_pan_tiny"):
        load_base(WEIGHTS / "salad-pan-tiny")
