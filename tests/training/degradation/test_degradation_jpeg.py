"""The imitation of JPEG against libjpeg, against sums by hand, and beyond what JPEG can store."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from seamline.training.degradation.jpeg import _CHROMINANCE, _LUMINANCE, compress, quantisation


def picture(bands: int, side: int = 96) -> np.ndarray:
    """Soft shapes with some texture, uint8, (side, side, bands)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    soft = np.stack([np.sin(7 * x * (k + 1) + 3 * y) + np.cos(9 * y - k) for k in range(bands)], axis=-1)
    texture = rng.normal(0.0, 0.15, (side, side, 1))
    return np.clip(128 + 40 * (soft + texture), 0, 255).astype(np.uint8)


def libjpeg(image: np.ndarray, quality: int) -> tuple[np.ndarray, dict[int, list[int]]]:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "jpeg", quality=quality, subsampling="4:2:0")
    read = Image.open(file)
    return np.asarray(read).reshape(image.shape), read.quantization


def mine(image: np.ndarray, quality: float) -> np.ndarray:
    x = torch.from_numpy(image.copy()).movedim(-1, 0)[None].float() / 255.0
    return (compress(x, torch.tensor([float(quality)]))[0].movedim(0, -1) * 255.0).numpy()


def rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


@pytest.mark.parametrize("quality", [20, 50, 75, 95, 100])
def test_steps_are_those_of_libjpeg(quality):
    tables = libjpeg(picture(3), quality)[1]
    for number, table in ((0, _LUMINANCE), (1, _CHROMINANCE)):
        steps = quantisation(table, torch.tensor([float(quality)]))
        assert steps.flatten().tolist() == list(tables[number])


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("bands", [1, 3])
def test_losses_are_those_of_libjpeg(bands, quality):
    image = picture(bands)
    theirs = libjpeg(image, quality)[0].astype(np.float64)
    ours = mine(image, quality)
    # libjpeg rounds pixels, colours and coefficients, which now and then turns a coefficient to the next step.
    assert rms(ours - theirs) < (0.3 if bands == 1 else 0.55) * rms(theirs - image)
    assert rms(ours - image) == pytest.approx(rms(theirs - image), rel=0.03)


def test_losses_fall_with_quality():
    image = picture(4)
    losses = [rms(mine(image, quality) - image) for quality in (10, 30, 50, 70, 90, 100)]
    assert all(worse > better for worse, better in pairwise(losses))
    # At 100 every step is 1, and rounding to whole numbers loses 1/sqrt(12).
    assert losses[-1] == pytest.approx(1 / math.sqrt(12), abs=0.02)


@pytest.mark.parametrize("quality", [50.0, 80.0])
def test_a_cosine_below_half_its_step_vanishes(quality):
    # One frequency down, none across: amplitude a has the coefficient a * sqrt(8) * 2.
    step = float(quantisation(_LUMINANCE, torch.tensor([quality]))[0, 1, 0])
    wave = torch.cos(math.pi / 8 * (torch.arange(8) + 0.5))[:, None].expand(8, 8)[None, None]
    for share, left in ((0.45, 0.0), (0.55, 1.0), (1.45, 1.0), (1.55, 2.0)):
        amplitude = share * step / (2 * math.sqrt(8)) / 255
        change = compress(0.5019608 + amplitude * wave, torch.tensor([quality])) - 0.5019608
        assert (change - left * step / (2 * math.sqrt(8)) / 255 * wave).abs().max() < 1e-5


def test_each_image_has_its_quality_and_each_band_its_own_blocks():
    x = torch.from_numpy(picture(5)).movedim(-1, 0)[None].float() / 255.0
    pair = compress(x.repeat(2, 1, 1, 1), torch.tensor([40.0, 90.0]))
    assert torch.equal(pair[:1], compress(x, torch.tensor([40.0])))
    assert torch.equal(pair[1:], compress(x, torch.tensor([90.0])))
    assert torch.equal(pair[:1, 2:3], compress(x[:, 2:3], torch.tensor([40.0])))


@pytest.mark.parametrize("bands", [1, 2, 3, 13])
def test_values_beyond_the_unit_range_and_odd_sides_survive(bands):
    ramp = torch.linspace(-0.5, 4.0, 53).expand(1, bands, 21, 53)
    out = compress(ramp, torch.tensor([95.0]))
    assert out.shape == ramp.shape
    assert (out - ramp).abs().max() < 0.05
