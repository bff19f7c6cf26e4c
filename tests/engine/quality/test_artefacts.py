"""Rings, lost texture and shifted means are told; what the inputs hold is not."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from seamline.engine.optics.degrade import Rows
from seamline.engine.quality.artefacts import artefact_sums, cell_sums
from seamline.engine.quality.consistency import consistency_sums
from seamline.engine.quality.full import FullScene, seen_rows

SIDE, RATIO = 128, 4


def inputs(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth of two bands, its MS as area means, and PAN."""
    rng = np.random.default_rng(seed)
    down, across = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE), indexing="ij")
    shape = 1.0 / (np.hypot(down, across) + 0.02)
    plane = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * shape).real
    truth = np.stack([500 + 60 * plane / plane.std(), 300 + 40 * plane / plane.std()])
    cells = SIDE // RATIO
    ms = truth.reshape(2, cells, RATIO, cells, RATIO).mean(axis=(2, 4))
    return truth, ms, truth.mean(axis=0, keepdims=True)


def scored(fused, ms, pan, valid=None, strip=SIDE):
    mask = None if valid is None else Rows.of(valid[None])
    scene = FullScene(Rows.of(fused), Rows.of(pan), Rows.of(ms), (0.3, 0.3), RATIO, mask, "area")
    cells = reduce(add, (cell_sums(scene, a, a + 8) for a in range(0, SIDE // RATIO, 8)))
    sums = reduce(add, (artefact_sums(scene, cells, a, a + strip) for a in range(0, SIDE, strip)))
    return sums.scores(cells)


def test_the_truth_has_next_to_none():
    truth, ms, pan = inputs()
    found = scored(truth, ms, pan)
    assert found.undershoot < 0.05
    assert found.overshoot < 0.05
    assert found.detail > 0.99


def test_rings_are_told_by_their_side():
    truth, ms, pan = inputs()
    deviation = truth.std(axis=(1, 2), keepdims=True)
    spots = np.zeros((1, SIDE, SIDE))
    spots[:, 8::16, 8::16] = 1.0
    above, below = scored(truth + 3 * deviation * spots, ms, pan), scored(truth - 3 * deviation * spots, ms, pan)
    plain = scored(truth, ms, pan)
    assert above.overshoot > plain.overshoot + 0.05
    assert above.undershoot == pytest.approx(plain.undershoot, abs=0.01)
    assert below.undershoot > plain.undershoot + 0.05


def test_lost_texture_lowers_the_correlation_with_pan():
    _, ms, pan = inputs()
    repeated = np.repeat(np.repeat(ms, RATIO, axis=1), RATIO, axis=2)
    assert scored(repeated, ms, pan).detail < 0.7
    assert scored(repeated, ms, pan).undershoot == 0.0


def test_strips_add_up():
    truth, ms, pan = inputs()
    noisy = truth + np.random.default_rng(1).normal(0, 20, truth.shape)
    whole, parts = scored(noisy, ms, pan), scored(noisy, ms, pan, strip=32)
    assert parts.undershoot == pytest.approx(whole.undershoot, rel=1e-9)
    assert parts.detail == pytest.approx(whole.detail, rel=1e-9)


def test_what_is_masked_never_matters():
    truth, ms, pan = inputs()
    valid = np.ones((SIDE, SIDE), np.uint8)
    valid[40:48, 60:68] = 0
    spoilt = truth.copy()
    spoilt[:, valid == 0] = 1e6
    other = np.where(valid, pan, -5.0)
    found, clean = scored(spoilt, ms, other, valid), scored(truth, ms, pan, valid)
    assert found == clean


def test_flat_bands_say_nothing():
    flat = np.full((2, SIDE, SIDE), 7.0)
    ms = np.full((2, SIDE // RATIO, SIDE // RATIO), 7.0)
    assert scored(flat, ms, flat[:1]) is None


def test_the_bias_is_the_relative_change_of_a_mean():
    truth, ms, pan = inputs()
    changed = truth * np.array([1.0, 1.03])[:, None, None]
    scene = FullScene(Rows.of(changed), Rows.of(pan), Rows.of(ms), (0.3, 0.3), RATIO, None, "area")
    sums = consistency_sums(scene, 0, SIDE // RATIO, seen_rows(scene, 0, SIDE // RATIO))
    assert sums.as_dict()["bias"] == pytest.approx(0.03, abs=1e-6)
