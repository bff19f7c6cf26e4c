"""Reduced-resolution indices: the toolbox's own values, and the laws they obey."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import FlatImageWarning, RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.optics.degrade import Rows
from seamline.engine.quality.reduced import (
    _product,
    inside_rim,
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
    with pytest.warns(FlatImageWarning, match="PSNR is infinite"):
        scores = reduced_scores(reference, reference, ratio=4, bits=11)
    assert scores.q2n == pytest.approx(1.0, abs=1e-12)
    assert scores.scc == pytest.approx(1.0, abs=1e-12)
    assert scores.sam == pytest.approx(0.0, abs=1e-5)
    assert (scores.ergas, scores.psnr) == (0.0, np.inf)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("rows", [600, 544, 40, 33])
def test_strips_of_any_grouping_add_up_to_the_whole(rows, masked):
    fused, reference = pair(rows=rows)
    starts = list(range(0, max(rows - 31, 1), 32))
    valid = np.ones((rows, 75), bool)
    valid[5:9, 40:50] = not masked
    known = Rows.of(valid[None])
    images = Rows.of(fused), Rows.of(reference)
    ends = zip(starts, [*starts[1:], rows], strict=True)
    parts = [strip_sums(*images, start, stop, known) for start, stop in ends]
    got = sum(parts[1:], parts[0]).scores(ratio=2, bits=11).as_dict()
    whole = strip_sums(*images, 0, rows, known).scores(ratio=2, bits=11).as_dict()
    assert got == pytest.approx(whole, rel=1e-12)
    scores = reduced_scores(fused, reference, ratio=2, bits=11, valid=valid)
    assert scores.as_dict() == pytest.approx(whole, rel=1e-12)
    plain = reduced_scores(fused, reference, ratio=2, bits=11).as_dict()
    assert (plain == pytest.approx(whole, rel=1e-12)) is not masked


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
    assert inside_rim((90, 100), "toolbox") == Window(20, 20, 49, 59)
    assert inside_rim((90, 100), 3) == Window(3, 3, 84, 94)
    for rim in (45, -1):
        with pytest.raises(RequestError, match="leaves nothing"):
            inside_rim((90, 100), rim)


def test_what_is_masked_never_matters():
    fused, reference = pair(rows=200, columns=150)
    valid = np.ones((200, 150), bool)
    valid[40:44, 7:20] = False
    first = reduced_scores(fused, reference, ratio=4, bits=11, valid=valid)
    assert first != reduced_scores(fused, reference, ratio=4, bits=11)
    for junk in (np.nan, np.inf, 1e9, -5.0):
        f, r = fused.copy(), reference.copy()
        f[:, ~valid], r[:, ~valid] = junk, -junk
        assert reduced_scores(f, r, ratio=4, bits=11, valid=valid) == first


def test_a_masked_pixel_takes_its_block_and_its_neighbours_gradients_along():
    fused, reference = pair(rows=96, columns=96)
    valid = np.ones((1, 96, 96), bool)
    valid[0, 40, 50] = False
    images = Rows.of(fused), Rows.of(reference)
    sums, plain = strip_sums(*images, 0, 96, Rows.of(valid)), strip_sums(*images, 0, 96)
    assert (plain.pixels - sums.pixels, plain.blocks - sums.blocks) == (1, 1)
    assert plain.gradients - sums.gradients == 9
    assert sums.q == pytest.approx(plain.q - q2n_blocks(fused, reference)[1, 1])


def test_groups_of_columns_do_not_show_in_q2n():
    fused, reference = pair(rows=40, columns=1063)
    blocks = q2n_blocks(fused, reference)
    assert blocks.shape == (2, 34)
    np.testing.assert_allclose(blocks[:, :8], q2n_blocks(fused[:, :, :256], reference[:, :, :256]), rtol=1e-12)
    np.testing.assert_allclose(blocks[:, 20:], q2n_blocks(fused[:, :, 640:], reference[:, :, 640:]), rtol=1e-12)


def test_limiting_values_come_with_a_warning():
    zero, (_, reference) = np.zeros((3, 64, 64)), pair(rows=64, columns=64)
    with pytest.warns(FlatImageWarning, match="SAM has no value"):
        scores = reduced_scores(zero, reference, ratio=4, bits=11)
    assert (scores.sam, scores.scc) == (None, 0.0)
    centred = reference.copy()
    centred[0] = np.tile([1.0, -1.0], (64, 32))
    with pytest.warns(FlatImageWarning, match="ERGAS is infinite"):
        assert reduced_scores(reference, centred, ratio=4, bits=11).ergas == np.inf
    with pytest.warns(FlatImageWarning, match="PSNR is infinite"):
        assert reduced_scores(zero, zero, ratio=4, bits=11).as_dict() == {
            "Q2n": 1.0, "ERGAS": 0.0, "SCC": 1.0, "PSNR": np.inf,
        }  # fmt: skip


def test_what_was_not_asked_for_is_left_out():
    fused, reference = pair(rows=64, columns=64)
    assert reduced_scores(fused, reference, ratio=None, bits=None).as_dict().keys() == {"Q2n", "SAM", "SCC"}


def test_wholly_masked_is_refused():
    fused, reference = pair(rows=64, columns=64)
    with pytest.raises(RequestError, match="no pixel is valid"):
        reduced_scores(fused, reference, ratio=4, bits=11, valid=np.zeros((64, 64), bool))


def test_shapes_must_agree():
    with pytest.raises(RequestError, match="must be one"):
        reduced_scores(np.zeros((1, 64, 64)), np.zeros((2, 64, 64)), ratio=2, bits=8)
