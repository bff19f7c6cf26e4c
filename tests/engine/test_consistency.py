from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from seamline.engine.consistency import CellAxis, Consistency, compose, relative_rms
from seamline.engine.grids import Window
from seamline.engine.plan import CONSISTENCY_REACH, Request
from seamline.engine.resample import area_taps, point_taps
from seamline.engine.run import run
from seamline.models import registry


def dense(taps, length):
    matrix = np.zeros((len(taps.index), length))
    np.add.at(
        matrix, (np.repeat(np.arange(len(taps.index)), taps.index.shape[1]), taps.index.ravel()), taps.weight.ravel()
    )
    return matrix


@given(st.floats(1.0, 9.0), st.floats(-1, 1), st.integers(3, 30))
def test_area_taps_average_exactly(ratio, shift, cells):
    """Against the integral of a piecewise constant function."""
    edges = shift + ratio * np.arange(cells + 1)
    length = int(np.ceil(edges[-1])) + 1
    values = np.random.default_rng(0).normal(size=length)
    integral = np.concatenate([[0], np.cumsum(values)])
    low, high = np.clip(edges[:-1], 0, length), np.clip(edges[1:], 0, length)
    grid = np.arange(length + 1)
    mean = (np.interp(high, grid, integral) - np.interp(low, grid, integral)) / np.maximum(high - low, 1e-12)
    taps = area_taps(edges, length)
    inside = high - low > 1e-6
    assert np.allclose((dense(taps, length) @ values)[inside], mean[inside], atol=1e-6)


@given(st.floats(1.5, 8.0), st.floats(-0.5, 0.5), st.integers(8, 30))
def test_compose_is_the_product_of_both_maps(ratio, shift, cells):
    axis = CellAxis(1 / ratio, shift / ratio, cells, int(cells * ratio))
    inside = axis.inside(0, axis.fine_length)
    down, up = axis.down(inside, 0, axis.fine_length), axis.up(inside, 0, axis.fine_length)
    count = inside[1] - inside[0]
    product = dense(down, axis.fine_length) @ dense(up, count)
    assert np.allclose(dense(compose(down, up), count), product, atol=1e-9)


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_interpolation_reproduces_a_constant_and_passes_through_the_cells(kernel):
    values = np.random.default_rng(1).normal(size=(1, 12)).astype(np.float32)
    assert np.allclose(point_taps(np.arange(12) + 0.5, 12, kernel).along(values, 1), values, atol=1e-6)
    assert np.allclose(point_taps(np.linspace(0, 12, 50), 12, kernel).weight.sum(axis=1), 1)


@pytest.fixture
def pair(write_raster):
    def make(ratio, offset):
        rng = np.random.default_rng(3)
        ms = rng.integers(200, 1800, (3, 40, 44)).astype(np.float32)
        pan = rng.integers(200, 1800, (1, int(40 * ratio), int(44 * ratio))).astype(np.float32)
        gsd = 2.0 / ratio
        return (
            write_raster("ms.tif", ms, nodata=0),
            write_raster(
                "pan.tif", pan, nodata=0, transform=from_origin(5e5 + offset * gsd, 5e6 - offset * gsd, gsd, gsd)
            ),
        )

    return make


@pytest.mark.parametrize(("ratio", "offset"), [(4, 0.0), (4, 0.5), (2, 0.5), (2.5, 0.3)])
def test_enforced_consistency_holds_by_an_independent_measure(pair, tmp_path, ratio, offset):
    """Even for white noise, the hardest case: nothing of it is smooth."""
    ms, pan = pair(ratio, offset)
    residuals = {}
    for wanted in (False, True):
        out = tmp_path / f"{wanted}.tif"
        request = Request({"ms": str(ms), "pan": str(pan)}, str(out), tile=256, consistency=wanted)
        facts = run(request, registry.resolve("mtf-glp-fs", "pansharpen")).facts
        residuals[wanted] = facts["metrics"]["consistency"]
        assert np.allclose(by_hand(out, ms), residuals[wanted], rtol=0.02, atol=2e-4)
    assert max(residuals[True]) < 0.01
    assert min(residuals[False]) > 0.02


def by_hand(fused, ms):
    """RMS of (area mean - MS) over the mean of MS, by summing 100 points a fine pixel into the cells."""
    with rasterio.open(fused) as a, rasterio.open(ms) as b:
        values, cells = a.read().astype(np.float64), b.read().astype(np.float64)
        place = ~b.transform * a.transform
    sub = 10  # divides every ratio and offset of the test
    x = (np.arange(values.shape[2] * sub) + 0.5) / sub * place.a + place.c
    y = (np.arange(values.shape[1] * sub) + 0.5) / sub * place.e + place.f
    rows, columns = np.floor(y).astype(int), np.floor(x).astype(int)
    fine = values.repeat(sub, axis=1).repeat(sub, axis=2)
    result = []
    for band, target in zip(fine, cells, strict=True):
        # One row and column more than there are cells: what sticks out beyond the MS lands there.
        total, count = np.zeros((2, target.shape[0] + 1, target.shape[1] + 1))
        np.add.at(total, (rows[:, None], columns[None, :]), band)
        np.add.at(count, (rows[:, None], columns[None, :]), 1)
        total, count = total[:-1, :-1], count[:-1, :-1]
        full = count >= 0.98 * count.max()
        residual = total[full] / count[full] - target[full]
        result.append(np.sqrt(np.mean(residual**2)) / target[full].mean())
    return result


def test_superresolution_keeps_the_mean_of_every_pixel(write_raster, tmp_path):
    image = np.random.default_rng(0).integers(100, 3000, (2, 90, 70)).astype(np.float32)
    scene, out = write_raster("lr.tif", image), tmp_path / "o.tif"
    request = Request({"image": str(scene)}, str(out), tile=64, overlap=16, consistency=True)
    facts = run(request, registry.resolve("bicubic", "superres", scale=4)).facts
    with rasterio.open(out) as file:
        means = file.read().reshape(2, 90, 4, 70, 4).mean(axis=(2, 4))
    assert np.sqrt(np.mean((means - image) ** 2)) < 0.01 * image.mean()
    assert max(facts["metrics"]["consistency"]) < 0.01


@pytest.mark.parametrize(("ratio", "shift"), [(4, 0.0), (4, 0.125), (2, 0.25), (2.5, 0.1), (3, -0.3)])
def test_the_correction_reaches_no_further_than_the_plan_allows(ratio, shift):
    cells = 40
    axis = CellAxis(1 / ratio, shift, cells, int(cells * ratio))
    relation = Consistency(axis, axis)
    block = Window(0, 0, axis.fine_length, axis.fine_length)
    area = relation.cells(block)
    residual = np.zeros((1, area.height, area.width), np.float32)
    residual[0, 20 - area.row, 20 - area.column] = 1
    moved = np.argwhere(relation.correction(residual, block, area)[0])
    first, last = moved.min() * axis.slope + shift, (moved.max() + 1) * axis.slope + shift
    # The residual of a cell is that of its pixels: a pixel in cell 20 moves pixels up to here.
    assert 21 - first <= CONSISTENCY_REACH
    assert last - 20 <= CONSISTENCY_REACH


def test_relative_rms_of_nothing_is_nothing():
    assert relative_rms([]) is None
    assert relative_rms([[[0.0], [0.0], [0.0]]]) is None


def test_grids_turned_against_each_other_warn_that_nothing_is_enforced(write_raster, tmp_path):
    turned = Affine.translation(5e5, 5e6) @ Affine.rotation(20) @ Affine.scale(2, -2)
    ms = write_raster("ms.tif", np.full((2, 30, 30), 500, np.uint16), transform=turned)
    pan = write_raster("pan.tif", np.full((1, 90, 90), 500, np.uint16), transform=from_origin(5e5, 5e6, 0.5, 0.5))
    events = []

    class Listener:
        def emit(self, event, **fields):
            events.append(fields.get("kind"))

    request = Request({"ms": str(ms), "pan": str(pan)}, str(tmp_path / "o.tif"), tile=128, consistency=True)
    run(request, registry.resolve("brovey", "pansharpen"), listener=Listener())
    assert "ConsistencyWarning" in events
