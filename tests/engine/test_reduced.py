"""Reduced-resolution indices: the toolbox's own values, and the laws they obey."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from seamline.engine.quality.reduced import (
    ReducedSums,
    _product,
    crop_rim,
    q2n_blocks,
    reduced_scores,
    strip_sums,
)

DATA = Path(os.environ["SEAMLINE_DATA"]) / "quality" if "SEAMLINE_DATA" in os.environ else None
needs_data = pytest.mark.skipif(DATA is None, reason="SEAMLINE_DATA is not set")
SCENES = {"landsat8_istanbul": (2, 16), "spacenet6_wv2_1": (4, 11)}
METHODS = ("exp", "brovey", "gsa", "bdsd-pc", "mtf-glp-fs", "mtf-glp-hpm", "otb-rcs")


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read().astype(np.float64)


@needs_data
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("method", METHODS)
def test_values_of_the_toolbox_are_reproduced(scene, method):
    ratio, bits = SCENES[scene]
    name = f"rr_fused_{method}.tif"
    expected = json.loads((DATA / "expected.json").read_text())[scene][name]
    scores = reduced_scores(
        read(DATA / scene / name), read(DATA / scene / "rr_ref.tif"), ratio=ratio, bits=bits, rim="toolbox"
    ).as_dict()
    assert scores.keys() == expected.keys()
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, abs=1e-6), key


def pair(bands=3, rows=600, columns=75, seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.integers(100, 2000, (bands, rows, columns)).astype(np.float64)
    return reference + rng.normal(0, 40, reference.shape), reference


def test_an_image_equals_itself():
    _, reference = pair(bands=5)
    scores = reduced_scores(reference, reference, ratio=4, bits=11)
    assert scores.q2n == pytest.approx(1.0, abs=1e-12)
    assert scores.scc == pytest.approx(1.0, abs=1e-12)
    assert scores.sam == pytest.approx(0.0, abs=1e-5)
    assert (scores.ergas, scores.psnr) == (0.0, np.inf)


@pytest.mark.parametrize("rows", [600, 544, 40, 32])
def test_strips_of_any_grouping_add_up_to_the_whole(rows):
    fused, reference = pair(rows=rows)
    starts = list(range(0, max(rows - 31, 1), 32))
    total: ReducedSums | None = None
    for start, stop in zip(starts, [*starts[1:], rows], strict=True):
        part = strip_sums(fused, reference, start, stop)
        total = part if total is None else total + part
    got = total.scores(ratio=2, bits=11).as_dict()
    whole = strip_sums(fused, reference, 0, rows).scores(ratio=2, bits=11).as_dict()
    assert got == pytest.approx(whole, rel=1e-12)
    assert reduced_scores(fused, reference, ratio=2, bits=11).as_dict() == pytest.approx(whole, rel=1e-12)


def test_an_offset_costs_what_arithmetic_says():
    reference = np.full((2, 64, 64), 1000.0)
    reference[:, ::2] += 100.0
    scores = reduced_scores(reference + 10.0, reference, ratio=4, bits=11)
    assert scores.psnr == pytest.approx(20 * np.log10(2047 / 10))
    assert scores.ergas == pytest.approx(25 * 10 / 1050)


def test_sam_is_the_angle_in_degrees():
    reference = np.zeros((2, 40, 40))
    reference[0] = 100.0
    fused = np.full((2, 40, 40), 100.0)
    assert reduced_scores(fused, reference, ratio=4, bits=11).sam == pytest.approx(45.0)


def test_quaternions_multiply_as_hamilton_says():
    i, j, k = np.eye(4)[1:]
    minus_one = -np.eye(4)[0]
    for unit in (i, j, k):
        np.testing.assert_array_equal(_product(unit, unit), minus_one)
    np.testing.assert_array_equal(_product(i, j), -_product(j, i))


@pytest.mark.parametrize("components", [2, 4, 8])
def test_the_product_keeps_norms_up_to_octonions(components):
    x, y = np.random.default_rng(4).normal(size=(2, components))
    assert np.linalg.norm(_product(x, y)) == pytest.approx(np.linalg.norm(x) * np.linalg.norm(y))


def test_one_band_gives_the_universal_quality_index():
    fused, reference = pair(bands=1, rows=32, columns=32)
    x, y = np.round(reference).ravel(), np.floor(fused + 0.5).ravel()
    # The index is taken after the reference's block was brought to mean and deviation one.
    x, y = (x - x.mean()) / x.std(ddof=1) + 1, (y - x.mean()) / x.std(ddof=1) + 1
    index = 4 * np.cov(x, y)[0, 1] * x.mean() * y.mean()
    index /= (x.var(ddof=1) + y.var(ddof=1)) * (x.mean() ** 2 + y.mean() ** 2)
    assert q2n_blocks(fused, reference)[0, 0] == pytest.approx(abs(index))


def test_a_flat_block_is_finite():
    flat = np.full((3, 32, 32), 500.0)
    assert np.isfinite(q2n_blocks(flat, flat)).all()


def test_the_toolbox_rim_keeps_20_to_n_minus_22():
    image = np.broadcast_to(np.arange(100.0), (1, 90, 100))
    inner = crop_rim(image, "toolbox")
    assert inner.shape == (1, 49, 59)
    assert (inner[0, 0, 0], inner[0, 0, -1]) == (20, 78)
    assert crop_rim(image, 3).shape == (1, 84, 94)
    with pytest.raises(ValueError, match="leaves nothing"):
        crop_rim(image, 45)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must be one"):
        reduced_scores(np.zeros((1, 64, 64)), np.zeros((2, 64, 64)), ratio=2, bits=8)
