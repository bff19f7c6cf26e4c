"""The lattice score: 1 where no lattice is, more the more of one, whatever strips and masks do."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from seamline.engine.output.lattice import STEP, lattice_sums


def scene(side: int = 256, bands: int = 2) -> np.ndarray:
    rng = np.random.default_rng(4)
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    white = np.fft.fft2(rng.standard_normal((bands, side, side)))
    image = np.fft.ifft2(white / (np.hypot(down, across) + 0.02)).real
    return 500.0 + 100.0 * image / image.std()


def checkerboard(side: int, period: int, size: float) -> np.ndarray:
    cell = np.random.default_rng(period).standard_normal((period, period))
    return size * np.tile(cell, (side // period, side // period))


@pytest.mark.parametrize("period", [2, 4])
def test_the_more_of_a_lattice_the_larger_the_score(period):
    image = scene()
    scores = [
        lattice_sums(image + checkerboard(256, period, size), None, 0, 256).score(period) for size in (0, 2, 5, 20)
    ]
    assert scores[0] < 1.6
    assert scores == sorted(scores)
    assert scores[-1] > 5.0


def test_the_worst_band_counts():
    image = scene()
    image[1] += checkerboard(256, 4, 20.0)
    both = lattice_sums(image, None, 0, 256).score(4)
    assert both == pytest.approx(lattice_sums(image[1:], None, 0, 256).score(4))


def test_strips_add_up():
    image = scene()
    whole = lattice_sums(image, None, 0, 256)
    parts = [lattice_sums(image[:, a : min(a + 64 + STEP, 256)], None, a, a + 64) for a in range(0, 256, 64)]
    total = reduce(add, parts)
    assert total.windows == whole.windows
    assert np.allclose(total.power, whole.power)


def test_what_is_masked_does_not_count():
    image = scene()
    known = np.ones((256, 256), np.bool_)
    known[100:110, 100:110] = False
    spoilt = image.copy()
    spoilt[:, ~known] = 1e6
    masked = lattice_sums(spoilt, known, 0, 256)
    assert 0 < masked.windows < lattice_sums(image, None, 0, 256).windows
    assert masked.score(4) < 2.0


def test_nothing_is_said_of_too_small_or_flat_images_and_of_no_lattice():
    assert lattice_sums(scene(32), None, 0, 32).score(4) is None
    assert lattice_sums(np.ones((1, 128, 128)), None, 0, 128).score(4) is None
    assert lattice_sums(scene(), None, 0, 256).score(1.5) is None
