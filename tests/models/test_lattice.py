"""Cells leave no lattice: what repeats is taken out, the scene is kept, and tiles agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seamline.engine.output.lattice import lattice_sums
from seamline.models.lattice import REACH, without_lattice


def smooth_noise(side: int, seed: int = 0) -> torch.Tensor:
    """A scene's spectrum: power that falls with frequency."""
    rng = np.random.default_rng(seed)
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    white = np.fft.fft2(rng.standard_normal((side, side)))
    scene = np.fft.ifft2(white / (np.hypot(down, across) + 0.02)).real
    return torch.from_numpy(scene / scene.std())[None, None]


def score(x: torch.Tensor, period: float) -> float | None:
    return lattice_sums(x[0].numpy(), None, 0, x.shape[2]).score(period)


@pytest.mark.parametrize("period", [4, 8])
def test_a_planted_lattice_is_told_and_taken_out(period):
    scene = smooth_noise(256)
    generator = torch.Generator().manual_seed(1)
    cell = torch.randn(1, 1, period, period, generator=generator, dtype=torch.float64)
    planted = scene + 0.5 * cell.tile(1, 1, 256 // period, 256 // period)
    assert score(scene, period) < 1.6
    assert score(planted, period) > 5.0
    clean = without_lattice(planted, period)
    assert score(clean, period) < 1.2
    # Of white noise it takes out a share of .136 in each axis, squared.
    assert float((clean - scene).std()) < 0.14


def test_the_mean_is_kept_and_a_flat_image_stays():
    flat = torch.full((2, 3, 32, 32), 0.7, dtype=torch.float64)
    assert torch.allclose(without_lattice(flat, 8), flat)
    scene = smooth_noise(64)
    assert float((without_lattice(scene, 4).mean() - scene.mean()).abs()) < 1e-12


def test_a_pixel_sees_four_cells_around_its_own():
    scene = smooth_noise(160)
    whole = without_lattice(scene, 8)
    part = without_lattice(scene[..., 16:144, 24:152], 8)
    inner = 8 * REACH
    same = whole[..., 16 + inner : 144 - inner, 24 + inner : 152 - inner]
    assert torch.allclose(part[..., inner:-inner, inner:-inner], same)
