"""The sensor-true degradation: gains at the coarse Nyquist frequency, true centres, noise and bits as said."""

from __future__ import annotations

import math

import pytest
import torch

from seamline.engine.errors import RequestError
from seamline.engine.optics.sensors import find_sensor
from seamline.training.degradation.jpeg import compress
from seamline.training.degradation.noise import add_sensor_noise
from seamline.training.degradation.sensor import SensorTrue, quantise, sample
from seamline.training.degradation.settings import SensorSettings

STILL = {"misregistration": (0.0, 0.0), "electrons": (1e12, 1e12), "read": (1e-9, 1e-9), "bits": 0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def nyquist_wave(scale: float, side: int, bands: int) -> torch.Tensor:
    """Columns of a wave at the coarse grid's Nyquist frequency, whose crests meet the coarse centres."""
    at = torch.arange(side, dtype=torch.float64)
    wave = torch.cos(math.pi / scale * (at - (scale / 2 - 0.5)))
    return (1.0 + wave).float().expand(1, bands, side, side)


@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 8.0, 2.5])
def test_a_wave_at_the_coarse_nyquist_frequency_keeps_the_gain_of_its_band(scale):
    gains = torch.tensor([[0.15, 0.30, 0.45]])
    side = round(40 * scale)
    seen = sample(nyquist_wave(scale, side, 3), scale, gains, torch.zeros(1, 3, 2))
    contrast = (seen[0, :, 8:-8, 8:-8] - 1.0).abs().mean((1, 2))
    assert contrast.tolist() == pytest.approx([0.15, 0.30, 0.45], abs=3e-3)


def test_a_named_sensor_gives_its_gains():
    names = ("b02", "b03", "b8a")
    kind = SensorTrue(SensorSettings(sensor="Sentinel-2", bands=names, **STILL))
    seen = kind(nyquist_wave(4.0, 160, 3), 4.0, generator())
    contrast = (seen[0, :, 8:-8, 8:-8] - 1.0).abs().mean((1, 2))
    assert contrast.tolist() == pytest.approx(find_sensor("s2").gains(3, names), abs=3e-3)
    with pytest.raises(RequestError, match="bands"):
        kind(torch.zeros(1, 5, 16, 16), 4.0, generator())


def test_drawn_gains_fill_their_range_and_never_leave_it():
    kind = SensorTrue(SensorSettings(gain=(0.2, 0.4), **STILL))
    seen = kind(nyquist_wave(4.0, 96, 3).expand(60, 3, 96, 96), 4.0, generator())
    contrast = (seen[..., 6:-6, 6:-6] - 1.0).abs().mean((2, 3))
    assert 0.197 < contrast.min() < 0.22
    assert 0.38 < contrast.max() < 0.403
    assert (contrast.max(1).values - contrast.min(1).values).max() < 0.063


@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 2.5])
def test_pixels_lie_at_true_centres(scale):
    side = round(40 * scale)
    at = torch.arange(side) + 0.5
    ramps = torch.stack([at[:, None].expand(side, side), at.expand(side, side)])[None]
    rows, columns = SensorTrue(SensorSettings(**STILL))(ramps, scale, generator())[0, :, 6:-6, 6:-6]
    centres = ((torch.arange(40) + 0.5) * scale)[6:-6]
    assert (rows - centres[:, None]).abs().max() < 2e-3
    assert (columns - centres).abs().max() < 2e-3


def test_bands_are_misregistered_about_a_place_that_stays():
    at = torch.arange(96) + 0.5
    ramp = at.expand(200, 4, 96, 96)
    kind = SensorTrue(SensorSettings(**{**STILL, "misregistration": (0.1, 0.1)}))
    seen = kind(ramp, 4.0, generator())[..., 6:-6, 6:-6]
    shifts = (seen - ((torch.arange(24) + 0.5) * 4.0)[6:-6]).mean((2, 3)) / 4.0
    assert shifts.mean(1).abs().max() < 1e-3
    # Four bands about their mean.
    assert float(shifts.square().mean().sqrt()) == pytest.approx(0.1 * math.sqrt(3 / 4), rel=0.05)
    alone = kind(ramp[:5, :1], 4.0, generator())[..., 6:-6, 6:-6]
    assert (alone - ((torch.arange(24) + 0.5) * 4.0)[6:-6]).abs().max() < 2e-3


def test_bands_look_where_their_shifts_say():
    at = torch.arange(96) + 0.5
    ramps = torch.stack([at[:, None].expand(96, 96), at.expand(96, 96)])[None]
    shifts = torch.tensor([[[0.25, -0.5], [0.125, -0.375]]])
    rows, columns = sample(ramps, 4.0, torch.full((1, 2), 0.3), shifts)[0, :, 6:-6, 6:-6]
    centres = ((torch.arange(24) + 0.5) * 4.0)[6:-6]
    assert (rows - centres[:, None] - 4.0 * 0.25).abs().max() < 2e-3
    assert (columns - centres + 4.0 * 0.375).abs().max() < 2e-3


def test_a_constant_is_kept_up_to_the_rim_and_a_mean_within_it():
    flat = torch.full((2, 5, 64, 48), 1.8)
    assert (SensorTrue(SensorSettings(**STILL))(flat, 4, generator()) - 1.8).abs().max() < 1e-4
    x = torch.zeros(1, 1, 64, 64)
    x[..., 20:44, 20:44] = torch.rand(24, 24, generator=generator())
    seen = SensorTrue(SensorSettings(**STILL))(x, 4, generator())
    assert float(seen.mean()) == pytest.approx(float(x.mean()), rel=1e-3)


def test_shot_noise_grows_with_the_signal_and_read_noise_does_not():
    level = torch.tensor([0.0, 0.2, 1.5])[:, None, None, None].expand(3, 2, 200, 200)
    noise = add_sensor_noise(level, torch.full((3,), 2e4), torch.full((3,), 2e-3), generator()) - level
    expected = [math.sqrt(x / 2e4 + 4e-6) for x in (0.0, 0.2, 1.5)]
    assert noise.std((1, 2, 3)).tolist() == pytest.approx(expected, rel=0.02)


def test_default_noise_is_that_of_12_bit_instruments():
    kind = SensorTrue(SensorSettings(bits=0))
    flat = torch.full((300, 1, 96, 96), 0.2)
    ratios = 0.2 / (kind(flat, 4, generator()) - 0.2).std((1, 2, 3))
    # Of 24 x 24 px, a ratio is known to some 3 %.
    assert 38 < ratios.min() < 60
    assert 125 < ratios.max() < 195


@pytest.mark.parametrize("bits", [8, 12])
def test_stored_numbers_are_whole_and_values_above_one_are_kept(bits):
    x = torch.tensor([0.0, 0.1234567, 1.0, 1.3])
    stored = quantise(x, bits) * (2**bits - 1)
    assert (stored - stored.round()).abs().max() < 1e-3
    assert (quantise(x, bits) - x).abs().max() <= 0.5 / (2**bits - 1) + 1e-6
    assert torch.equal(quantise(x, 0), x)


def test_sensors_that_nobody_knows_are_refused():
    with pytest.raises(RequestError, match="no sensor"):
        SensorSettings(sensor="sentinel-9")


def test_a_sharpened_product_has_more_contrast_at_nyquist_than_its_instrument():
    """Unsharp masking by 0.5 with a Gaussian that lets nothing through at Nyquist: one and a half times as much."""
    kind = SensorTrue(SensorSettings(gain=(0.3, 0.3), sharpened=1.0, sharpening=(0.5, 0.5), width=(1.5, 1.5), **STILL))
    seen = kind(nyquist_wave(4.0, 160, 3), 4.0, generator())
    contrast = (seen[0, :, 10:-10, 10:-10] - 1.0).abs().mean((1, 2))
    assert contrast.tolist() == pytest.approx([0.45] * 3, abs=6e-3)


def test_a_compressed_product_has_the_steps_of_jpeg():
    image = 0.2 + 0.2 * torch.rand(1, 3, 64, 64, generator=generator())
    plain, compressed = (
        SensorTrue(SensorSettings(compressed=share, jpeg=(50.0, 50.0), **STILL))(image, 2.0, generator(3))
        for share in (0.0, 1.0)
    )
    assert torch.equal(compressed, compress(plain, torch.tensor([50.0])))
    assert not torch.allclose(compressed, plain, atol=1e-2)


def test_what_is_no_share_is_refused():
    with pytest.raises(RequestError, match="out of range"):
        SensorSettings(sharpened=1.5)
