"""Whole runs against another version, and against GDAL: a ratio above its bound is missed."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.benchmarks.engine import against, classics, cluster


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


@pytest.mark.parametrize(("ratios", "verdict"), [((1.2, 1.9, 2.0), "held"), ((1.4, 1.9, 2.0), "MISSED")])
def test_a_method_is_missed_where_the_whole_interval_lies_above_its_bound(ratios, verdict):
    lines = list(classics.lines_of({"brovey": ratios}))
    assert f"| brovey | 1.90 | {ratios[0]:.2f} to 2.00 |" in lines
    assert lines[-1] == f"- brovey: 1.90, bound 1.3: {verdict}"


def test_what_gdal_fuses_is_the_pair(tmp_path):
    ms, pan = against.make_scenes(tmp_path, 64)
    classics.write_fusion(tmp_path / "gdal.vrt", ms, pan)
    with rasterio.open(tmp_path / "gdal.vrt") as fused, rasterio.open(ms) as coarse, rasterio.open(pan) as fine:
        assert (fused.count, fused.shape, fused.transform) == (coarse.count, fine.shape, fine.transform)
        cells = fused.read().astype(np.float64).reshape(4, 16, 4, 16, 4).mean(axis=(2, 4))
        assert np.corrcoef(cells.ravel(), coarse.read().ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("claim", "values", "verdict"),
    [
        ("efficiency", (0.7, 0.86, 0.9), "held"),
        ("efficiency", (0.7, 0.8, 0.9), "MISSED"),
        ("overhead", (1.0, 1.04, 1.2), "held"),
        ("overhead", (1.0, 1.06, 1.2), "MISSED"),
        ("memory", (1.1e9,), "held"),
        ("memory", (2.1e9,), "MISSED"),
    ],
)
def test_a_cluster_is_judged_by_the_median(claim, values, verdict):
    (line,) = cluster.CLAIMS[claim].lines(values)
    assert line.split(": ")[-1] == verdict
