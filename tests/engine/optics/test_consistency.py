from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin
from scipy.ndimage import map_coordinates

from seamline.engine.ground.grids import Window
from seamline.engine.ground.resample import area_taps, point_taps
from seamline.engine.optics.consistency import CellAxis, Consistency, compose, consistency_reach, relative_rms
from seamline.engine.optics.degrade import Rows, degrade_ms, filtered_rows
from seamline.engine.optics.mtf import mtf_kernel
from seamline.engine.optics.sensors import find_sensor
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry


class Events:
    """Remembers what kinds of warnings came."""

    def __init__(self):
        self.kinds = []

    def emit(self, event, **fields):
        self.kinds.append(fields.get("kind"))


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
    assert np.allclose(dense(compose(down, up, 3), count), product, atol=1e-9)


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
    for wanted in ("off", "area"):
        out = tmp_path / f"{wanted}.tif"
        request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(out), tile=256, consistency=wanted)
        facts = run(request, registry.resolve("mtf-glp-fs", "pansharpen")).facts
        residuals[wanted] = facts["metrics"]["consistency"]
        assert np.allclose(by_hand(out, ms), residuals[wanted], rtol=0.02, atol=2e-4)
    assert max(residuals["area"]) < 0.01
    assert min(residuals["off"]) > 0.02


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
    request = Request(inputs={"image": str(scene)}, out=str(out), tile=64, overlap=16, consistency="area")
    facts = run(request, registry.resolve("bicubic", "superres", scale=4)).facts
    with rasterio.open(out) as file:
        means = file.read().reshape(2, 90, 4, 70, 4).mean(axis=(2, 4))
    assert np.sqrt(np.mean((means - image) ** 2)) < 0.01 * image.mean()
    assert max(facts["metrics"]["consistency"]) < 0.01


@pytest.mark.parametrize(
    ("gains", "strict"), [((), True), ((0.3,), False), ((0.3,), True)], ids=["area", "mtf", "mtf in whole"]
)
@pytest.mark.parametrize(("ratio", "shift"), [(4, 0.0), (4, 0.125), (2, 0.25), (2.5, 0.1), (3, -0.3)])
def test_nothing_is_felt_further_than_the_plan_allows(ratio, shift, gains, strict):
    """A changed pixel moves no corrected pixel, and no residual left there, beyond the reach."""
    cells = 120
    axis = CellAxis(1 / ratio, shift, cells, int(cells * ratio))
    relation = Consistency(axis, axis, gains, strict)
    block = Window(0, 0, axis.fine_length, axis.fine_length)
    area = relation.cells(block)
    coarse = np.zeros((1, area.height, area.width), np.float32)

    def corrected(fine):
        residual, _ = relation.residual(fine, None, block, coarse, None, area)
        made = fine + relation.correction(residual, block, area)
        return made, relation.residual(made, None, block, coarse, None, area)[0]

    image = np.zeros((1, block.height, block.width), np.float32)
    image[0, block.height // 2, block.width // 2] = 1
    made, left = corrected(image)
    moved = np.argwhere(made[0])
    reach = consistency_reach("mtf" if gains else "area", ratio, strict=strict)
    assert reach < block.height // 2  # or the test could not fail
    assert np.abs(moved - block.height // 2).max() <= reach
    felt = (np.argwhere(left[0])[:, 0] + area.row + 0.5 - shift) * ratio
    assert np.abs(felt - block.height // 2).max() <= reach


def test_a_default_brings_back_two_thirds_and_sharpens_nothing():
    axis = CellAxis(0.25, 0.0, 60, 240)
    relation, block = Consistency(axis, axis, (0.3,)), Window(0, 0, 240, 240)
    area = relation.cells(block)
    assert area is not None
    rows, columns = np.indices((area.height, area.width))
    inner = np.s_[:, 60:-60, 60:-60]
    even = relation.correction(np.full((1, area.height, area.width), 3.0, np.float32), block, area)
    assert np.allclose(even[inner], 2.0, atol=1e-5)
    finest = np.where((rows + columns) % 2, 3.0, -3.0).astype(np.float32)[None]
    assert np.abs(relation.correction(finest, block, area)[inner]).max() <= 2.0 + 1e-5
    in_whole = Consistency(axis, axis, (0.3,), strict=True).correction(finest, block, area)
    assert np.abs(in_whole[inner]).max() > 6.0


@pytest.mark.parametrize(("ratio", "shift"), [(4, 0.0), (4, 0.125), (2, 0.25), (3, 0.0), (2.5, 0.0)])
def test_a_cell_sees_what_the_degradation_gives_it(ratio, shift):
    """The sight through an MTF is the degradation of Wald's protocol, but for its missing 0.1 %."""
    cells, gain = 30, 0.26
    axis = CellAxis(1 / ratio, shift, cells, int(cells * ratio))
    image = np.random.default_rng(5).normal(1000, 200, (1, axis.fine_length, axis.fine_length))
    taps = axis.down((0, cells), 0, axis.fine_length, gain)
    found = taps.along(taps.along(image.astype(np.float32), 1), 2)
    spread = mtf_kernel(gain, float(ratio)).sum()
    filtered = filtered_rows(Rows.of(image), (gain,), float(ratio), 0, axis.fine_length)[0] / spread
    at = (np.arange(cells) + 0.5 - shift) * ratio - 0.5
    inner = (at > 30) & (at < axis.fine_length - 30)
    wanted = map_coordinates(filtered, np.meshgrid(at, at, indexing="ij"), order=3, mode="nearest")
    assert np.allclose(found[0][np.ix_(inner, inner)], wanted[np.ix_(inner, inner)], atol=0.1)


@pytest.mark.parametrize("sensor", ["none", "QB"])
def test_consistency_through_the_mtf_holds_by_an_independent_measure(pair, tmp_path, sensor):
    """White noise is the hardest input there is: its finest half is corrected in part only."""
    ms, pan = pair(4, 0.0)
    gains = find_sensor(sensor or "none").gains(4)
    spread = np.array([mtf_kernel(gain, 4.0).sum() for gain in gains])[:, None, None]
    shares = {}
    for wanted in ("off", "mtf"):
        out = tmp_path / f"{wanted}.tif"
        request = Request(
            inputs={"ms": str(ms), "pan": str(pan)}, out=str(out), tile=128, bands=(1, 2, 3, 1), consistency=wanted
        )
        facts = run(replace(request, sensor=sensor), registry.resolve("mtf-glp-fs", "pansharpen")).facts
        with rasterio.open(out) as a, rasterio.open(ms) as b:
            fused, cells = a.read().astype(np.float64), b.read([1, 2, 3, 1]).astype(np.float64)
        residual = (degrade_ms(fused, gains, 4) / spread - cells)[:, 8:-8, 8:-8]
        shares[wanted] = np.sqrt(np.mean(residual**2, axis=(1, 2))) / cells.mean(axis=(1, 2))
    assert (shares["mtf"] < 0.4 * shares["off"]).all()
    assert facts["metrics"]["consistency_sight"] == "mtf"
    assert np.allclose(facts["metrics"]["consistency"], shares["mtf"], rtol=0.25)


def test_a_sensor_that_nothing_asks_for_is_mentioned(write_raster, tmp_path):
    image = write_raster("image.tif", np.full((3, 64, 64), 500, np.uint16))
    events = Events()
    request = Request(inputs={"image": str(image)}, out=str(tmp_path / "o.tif"), tile=64, sensor="WV2")
    run(request, registry.resolve("bicubic", "superres"), listener=events)
    assert "UnusedOptionWarning" in events.kinds


def test_relative_rms_of_nothing_is_nothing():
    assert relative_rms([]) is None
    assert relative_rms([[[0.0], [0.0], [0.0]]]) is None


def test_grids_turned_against_each_other_warn_that_nothing_is_enforced(write_raster, tmp_path):
    turned = Affine.translation(5e5, 5e6) @ Affine.rotation(20) @ Affine.scale(2, -2)
    ms = write_raster("ms.tif", np.full((2, 30, 30), 500, np.uint16), transform=turned)
    pan = write_raster("pan.tif", np.full((1, 90, 90), 500, np.uint16), transform=from_origin(5e5, 5e6, 0.5, 0.5))
    request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(tmp_path / "o.tif"), tile=128, consistency="on")
    run(request, registry.resolve("brovey", "pansharpen"), listener=(events := Events()))
    assert "ConsistencyWarning" in events.kinds
