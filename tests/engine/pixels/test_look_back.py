from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.optics.degrade import Rows, degrade_ms
from seamline.engine.optics.mtf import mtf_kernel
from seamline.engine.quality.consistency import consistency_sums
from seamline.engine.quality.full import FullScene, seen_rows

GAINS, RATIO, SIDE = (0.3, 0.25), 4, 256


def scene(ms, fused, valid=None):
    pan = np.ones((1, SIDE, SIDE))
    mask = None if valid is None else Rows.of(valid[None])
    return FullScene(Rows.of(fused), Rows.of(pan), Rows.of(ms), GAINS, float(RATIO), mask, "area")


def sums(what, start, stop):
    return consistency_sums(what, start, stop, seen_rows(what, start, stop))


@pytest.fixture(scope="module")
def fused():
    return np.random.default_rng(0).normal(1000, 150, (2, SIDE, SIDE))


def test_what_was_degraded_looks_back_to_itself(fused):
    spread = np.array([mtf_kernel(gain, float(RATIO)).sum() for gain in GAINS])[:, None, None]
    mtf = degrade_ms(fused, GAINS, RATIO) / spread
    area = fused.reshape(2, SIDE // RATIO, RATIO, -1, RATIO).mean(axis=(2, 4))
    through, means = (sums(scene(ms, fused), 0, SIDE // RATIO).as_dict() for ms in (mtf, area))
    assert through["consistency_mtf"] < 1e-12
    assert means["consistency_area"] < 1e-12
    assert min(through["consistency_area"], means["consistency_mtf"]) > 0.005


def test_the_figure_is_the_relative_rms_of_the_worst_band(fused):
    area = fused.reshape(2, SIDE // RATIO, RATIO, -1, RATIO).mean(axis=(2, 4))
    area[1] += np.where(np.arange(SIDE // RATIO) % 2, 30.0, -30.0)
    found = sums(scene(area, fused), 0, SIDE // RATIO).as_dict()["consistency_area"]
    assert found == pytest.approx(30.0 / area[1].mean(), rel=1e-9)


def test_strips_add_up_and_what_is_masked_never_matters(fused):
    area = fused.reshape(2, SIDE // RATIO, RATIO, -1, RATIO).mean(axis=(2, 4)) + 5.0
    valid = np.ones((SIDE, SIDE), np.bool_)
    valid[100:110, 50:70] = False
    other = fused.copy()
    other[:, ~valid] = 1e9
    whole = sums(scene(area, fused, valid), 0, SIDE // RATIO)
    parts = sums(scene(area, other, valid), 0, 32) + sums(scene(area, other, valid), 32, 64)
    assert whole.cells == parts.cells < (SIDE // RATIO) ** 2
    assert parts.as_dict() == pytest.approx(whole.as_dict(), rel=1e-12)
    assert sums(scene(area, fused, np.zeros_like(valid)), 0, 64).as_dict() == {}
