"""Whole runs against another version: a scene whose PAN is a mixture, and a ratio above its bound is missed."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.benchmarks.engine import against


def test_ms_is_the_mean_over_its_cells_and_pan_that_of_the_bands(tmp_path):
    ms, pan = against.make_scenes(tmp_path, 64)
    with rasterio.open(ms) as coarse, rasterio.open(pan) as fine, rasterio.open(tmp_path / "whole.tif") as whole:
        assert coarse.bounds == fine.bounds
        values = whole.read().astype(np.float64)
        assert np.allclose(fine.read(1), values.mean(axis=0), atol=1.0)
        assert np.allclose(coarse.read()[:, 3, 5], values[:, 12:16, 20:24].mean(axis=(1, 2)), atol=1.0)


@pytest.mark.parametrize(("now", "verdict"), [((3.0, 3.2, 2.9), "held"), ((3.5, 3.6, 3.4), "MISSED")])
def test_a_ratio_above_its_bound_is_missed(now, verdict):
    lines = list(against.lines_of({"pansharpen": ((10.0, 9.9, 10.1), now)}, 1 / 3))
    assert lines[-1].endswith(verdict)
    assert "| pansharpen | 10.00 |" in lines[2]
