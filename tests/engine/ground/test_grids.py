"""Grids lie on each other to the last fraction of a pixel: footprints, extents, lattices, and whole runs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from seamline.engine.contract import InputSpec, ModelSpec
from seamline.engine.errors import GeoreferenceWarning, RequestError
from seamline.engine.ground import grids
from seamline.engine.ground.grids import Window
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry

UTM = "EPSG:32633"
PLAIN = Affine.identity()
ORIGIN = Affine.translation(512345.25, 5123456.75)


@dataclass(frozen=True)
class SampledMs:
    """A model that gives back what the engine shows it of the MS image on the pixels of PAN."""

    identity: str = "sampled-ms@1"

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(
            name="sampled-ms",
            version="1",
            task="pansharpen",
            inputs=(InputSpec(name="pan"), InputSpec(name="ms")),
            main="ms",
            overlap=8,
        )

    def load(self, runtime: Any) -> SampledMs:
        return self

    def predict(self, batch: Any, where: Any) -> Any:
        return batch["ms"]


@dataclass(frozen=True)
class Pair:
    """Two grids over one ground, in units of a PAN pixel around a common origin."""

    ratio: float = 4
    pan_at: tuple[float, float] = (0, 0)
    pan_hw: tuple[int, int] = (80, 96)
    ms_at: tuple[float, float] = (0, 0)
    ms_hw: tuple[int, int] = (20, 24)
    shape: Affine = PLAIN
    turn: float = 0.0

    @property
    def pan(self) -> Affine:
        return ORIGIN * self.shape * Affine.scale(0.5, -0.5) * Affine.translation(*self.pan_at)

    @property
    def ms(self) -> Affine:
        place = Affine.translation(*self.ms_at) * Affine.rotation(self.turn) * Affine.scale(self.ratio)
        return ORIGIN * self.shape * Affine.scale(0.5, -0.5) * place


PAIRS = {
    "one origin, ratio 2": Pair(2, ms_hw=(40, 48)),
    "one origin, ratio 4": Pair(),
    "one origin, ratio 3.2": Pair(3.2, ms_hw=(25, 30)),
    "pan larger": Pair(pan_at=(-13, -22), pan_hw=(150, 160)),
    "ms larger": Pair(ms_at=(-24, -36), ms_hw=(40, 45)),
    "pan upper left": Pair(pan_at=(-40, -30), pan_hw=(90, 100), ms_hw=(30, 30)),
    "pan lower right": Pair(pan_at=(41, 33), pan_hw=(90, 100), ms_hw=(30, 30)),
    "half a pixel": Pair(pan_at=(-10.5, -20.5), pan_hw=(120, 130)),
    "half a pixel, ms larger": Pair(ms_at=(-16.5, -15.5), ms_hw=(35, 36)),
    "a third of a pixel": Pair(pan_at=(1 / 3, -7 - 2 / 3), pan_hw=(120, 130)),
    "a third of a pixel, ratio 3.2": Pair(3.2, ms_at=(-9 - 1 / 3, 4 + 1 / 3), ms_hw=(30, 31)),
    "both turned": Pair(shape=Affine.rotation(30), pan_at=(-5, 3.25), pan_hw=(100, 110)),
    "both sheared": Pair(shape=Affine(1.1, 0.3, 0, -0.2, 0.9, 0), pan_at=(-5, 3.25), pan_hw=(100, 110)),
    "both upside down": Pair(shape=Affine.scale(1, -1), ms_at=(7.5, 2)),
}
TURNED = {
    "a tenth of a turn": Pair(turn=36, ms_at=(40, -5)),
    "a degree": Pair(turn=1),
    "a quarter": Pair(turn=90, ms_at=(90, 0)),
}
# Smooth against the MS pixel (40 of them a wave) in PAN pixels from the origin.
WAVES = [(0.031, 0.012, 0.4), (-0.017, 0.033, 1.9), (0.036, -0.008, 5.0)]


def waves(u, v):
    """Sinusoids."""
    return 500 + sum(60 * np.sin(a * u + b * v + c) for a, b, c in WAVES)


def bowl(u, v):
    """A polynomial of second degree, which cubic convolution reproduces exactly."""
    return 300 + 3.1 * u - 1.7 * v + 0.021 * u * u - 0.013 * v * v + 0.017 * u * v


def ground(pair, affine, hw, function):
    """Values of a function of the ground at pixel centres."""
    to_plane = ~(ORIGIN * pair.shape * Affine.scale(0.5, -0.5)) * affine
    x, y = np.meshgrid(np.arange(hw[1]) + 0.5, np.arange(hw[0]) + 0.5)
    return function(to_plane.a * x + to_plane.b * y + to_plane.c, to_plane.d * x + to_plane.e * y + to_plane.f)


def expected_pixels(pair):
    """The PAN pixels whose centre lies in the MS footprint, one by one: (row, column) of the first, and a mask."""
    to_ms = ~pair.ms * pair.pan
    x, y = np.meshgrid(np.arange(pair.pan_hw[1]) + 0.5, np.arange(pair.pan_hw[0]) + 0.5)
    u, v = to_ms.a * x + to_ms.b * y + to_ms.c, to_ms.d * x + to_ms.e * y + to_ms.f
    # A centre on the rim belongs to the cell that begins there.
    inside = (u > -1e-6) & (u < pair.ms_hw[1] - 1e-6) & (v > -1e-6) & (v < pair.ms_hw[0] - 1e-6)
    rows, columns = inside.any(axis=1).nonzero()[0], inside.any(axis=0).nonzero()[0]
    # How far from the rim of the MS image, in its pixels: nearer than two, its rim is repeated.
    depth = np.minimum.reduce([u, v, pair.ms_hw[1] - u, pair.ms_hw[0] - v])
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return rows[0], columns[0], inside[cut], depth[cut] >= 2


@pytest.fixture
def fused(write_raster, tmp_path):
    """A function that fuses a pair of synthetic images of one ground; returns the open output."""
    opened = []

    def make(pair, function, model=None, *, crs=UTM, bands=(1.0,), point=False, listener=None, masks=(None, None)):
        ms = np.stack([k * ground(pair, pair.ms, pair.ms_hw, function) for k in bands])
        pan = ground(pair, pair.pan, pair.pan_hw, function)[None]
        tags = {"AREA_OR_POINT": "Point"} if point else None
        paths = [
            write_raster(f"{name}.tif", values.astype(np.float32), transform=affine, crs=crs, tags=tags, mask=mask)
            for name, values, affine, mask in (("ms", ms, pair.ms, masks[0]), ("pan", pan, pair.pan, masks[1]))
        ]
        out = tmp_path / "o.tif"
        inputs = {"ms": str(paths[0]), "pan": str(paths[1])}
        # Several tiles, as small as the margin of the model lets them be.
        tile, overlap = (64, 16) if model is None else (128, 2 * model.spec.margin)
        # By the georeference alone: smooth grounds tell of no instrument.
        request = Request(inputs=inputs, out=str(out), tile=tile, overlap=overlap, threads=1, sensor="none")
        run(request, model or SampledMs(), listener=listener)
        opened.append(rasterio.open(out))
        return opened[-1]

    yield make
    for data in opened:
        data.close()


def assert_on_the_pixels_of_pan(out, pair, row, column, hw):
    assert out.shape == hw
    wanted = pair.pan * Affine.translation(column, row)
    for corner in itertools.product((0, out.width), (0, out.height)):
        # Half a millionth of a pixel: what is left of coordinates of five million metres.
        assert np.hypot(*np.subtract(~wanted * (out.transform * corner), corner)) < 5e-7
    size = math.sqrt(abs(wanted.determinant))
    assert max(abs(a - b) for a, b in zip(out.transform, wanted, strict=True)) < 1e-9 * size * max(abs(wanted.f), 1)


@pytest.mark.parametrize("point", [False, True], ids=["area", "point"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_ms_is_sampled_where_it_lies(fused, pair, point):
    row, column, inside, deep = expected_pixels(pair)
    assert inside.all()
    assert deep.sum() > 500
    out = fused(pair, bowl, point=point)
    assert out.tags()["AREA_OR_POINT"] == ("Point" if point else "Area")
    assert_on_the_pixels_of_pan(out, pair, row, column, inside.shape)
    got, truth = out.read(1), ground(pair, out.transform, out.shape, bowl)
    assert np.isfinite(got).all()
    # float32 keeps seven digits; a thousandth of a PAN pixel would be 3e-3.
    assert np.abs(got - truth)[deep].max() < 1e-6 * np.abs(truth).max()


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_smooth_scene_is_met_up_to_the_rim(fused, pair):
    out = fused(pair, waves)
    _, _, _, deep = expected_pixels(pair)
    error = np.abs(out.read(1) - ground(pair, out.transform, out.shape, waves))
    assert error[deep].max() < 0.15
    # The rim is repeated for at most half an MS pixel: the value there is of a place that near.
    steepest = sum(60 * math.hypot(a, b) for a, b, _ in WAVES)
    assert error.max() < steepest * pair.ratio * math.sqrt(0.5)


@pytest.mark.parametrize("pair", TURNED.values(), ids=TURNED)
def test_grids_turned_against_each_other_leave_a_mask(fused, pair):
    row, column, inside, deep = expected_pixels(pair)
    out = fused(pair, bowl)
    assert_on_the_pixels_of_pan(out, pair, row, column, inside.shape)
    assert math.isnan(out.nodata)
    np.testing.assert_array_equal(out.dataset_mask() > 0, inside)
    got, truth = out.read(1), ground(pair, out.transform, out.shape, bowl)
    assert np.abs(got - truth)[deep].max() < 2e-6 * np.abs(truth).max()


@pytest.mark.parametrize("pair", (PAIRS | TURNED).values(), ids=PAIRS | TURNED)
def test_validity_is_that_of_the_cell_under_the_centre(fused, pair):
    rng = np.random.default_rng(2)
    masks = rng.random(pair.ms_hw) > 0.2, rng.random(pair.pan_hw) > 0.1
    row, column, inside, _ = expected_pixels(pair)
    out = fused(pair, bowl, masks=masks)
    height, width = inside.shape
    to_ms = ~pair.ms * pair.pan * Affine.translation(column, row)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    # The millionth decides for centres on the line between two cells.
    i = np.floor(to_ms.d * x + to_ms.e * y + to_ms.f + 1e-6).astype(int).clip(0, pair.ms_hw[0] - 1)
    j = np.floor(to_ms.a * x + to_ms.b * y + to_ms.c + 1e-6).astype(int).clip(0, pair.ms_hw[1] - 1)
    wanted = inside & masks[0][i, j] & masks[1][row : row + height, column : column + width]
    np.testing.assert_array_equal(out.dataset_mask() > 0, wanted)


# A pyramid's wide kernels see more of the rim than is left out here, and so take curvature for a little shift.
@pytest.mark.parametrize(("model", "most"), [("brovey", 1e-4), ("mtf-glp-fs", 0.06)])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_fusion_of_a_ground_without_detail_is_the_ground(fused, pair, model, most):
    row, column, inside, deep = expected_pixels(pair)
    shares = (0.6, 1.0, 1.4)
    out = fused(pair, waves, registry.resolve(model, "pansharpen"), bands=shares)
    assert_on_the_pixels_of_pan(out, pair, row, column, inside.shape)
    got, truth = out.read(), ground(pair, out.transform, out.shape, waves)
    assert np.isfinite(got).all()
    # Low passes see the rims, so the outermost pixels are left out.
    deep[:8] = deep[-8:] = deep[:, :8] = deep[:, -8:] = False
    slopes = np.gradient(truth)
    bends = [bend for slope in slopes for bend in np.gradient(slope)]
    changes = np.stack([change[deep] for change in (*slopes, *bends, truth, np.ones_like(truth))], axis=1)
    for band, share in zip(got, shares, strict=True):
        error = (band - share * truth)[deep]
        # Half a PAN pixel would be up to 3; what is left is curvature under a low pass, which is no shift.
        assert np.abs(error).max() < 0.8 * share
        shift = np.linalg.lstsq(share * changes, error, rcond=None)[0][:2]
        assert np.abs(shift).max() < most


class Recorder:
    """Keeps the warnings of a run."""

    def __init__(self):
        self.warnings = []

    def emit(self, event, **fields):
        if event == "warning":
            self.warnings.append((fields["kind"], fields["what"]))


def test_neither_with_a_crs_works_with_a_warning(fused):
    pair = PAIRS["a third of a pixel"]
    heard = Recorder()
    out = fused(pair, bowl, crs=None, listener=heard)
    assert {kind for kind, _ in heard.warnings} == {GeoreferenceWarning.__name__}
    assert [what.partition(": ")[2] for _, what in heard.warnings] == ["no CRS; the output has none either"] * 2
    row, column, inside, _ = expected_pixels(pair)
    assert out.crs is None
    assert_on_the_pixels_of_pan(out, pair, row, column, inside.shape)


SIDE, PLACE = st.integers(1, 40), st.floats(-30, 30)


@given(PLACE, PLACE, SIDE, SIDE, SIDE, SIDE, st.floats(1, 6))
def test_the_footprint_holds_the_pixels_whose_centre_is_inside(x, y, height, width, ms_height, ms_width, ratio):
    fine = GeoBox((height, width), Affine.translation(100, 200) * Affine.scale(2, -2), UTM)
    coarse = GeoBox((ms_height, ms_width), fine.affine * Affine.translation(x, y) * Affine.scale(ratio), UTM)
    columns = [j for j in range(width) if x <= j + 0.5 + 1e-6 < x + ratio * ms_width]
    rows = [i for i in range(height) if y <= i + 0.5 + 1e-6 < y + ratio * ms_height]
    names = {"fine_name": "PAN", "coarse_name": "MS"}
    if not (rows and columns):
        with pytest.raises(RequestError, match="PAN: it does not overlap MS"):
            grids.footprint(fine, coarse, **names)
        return
    window = grids.footprint(fine, coarse, **names)
    assert (window.rows, window.columns) == ((rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1))
    assert grids.ratio(fine, coarse) == pytest.approx((ratio, ratio), rel=1e-9)


@given(PLACE, PLACE, st.floats(0.01, 50), st.floats(0.01, 50), st.booleans())
def test_an_extent_is_snapped_outward_and_no_further(x, y, width, height, south_up):
    grid = GeoBox((30, 40), Affine.translation(-7, 11) * Affine.scale(0.5, 0.5 if south_up else -0.5), UTM)
    # In pixels of the grid; y runs down its rows.
    low, high = grid.affine * (x, y), grid.affine * (x + width, y + height)
    extent = (low[0], min(low[1], high[1]), high[0], max(low[1], high[1]))
    columns = [j for j in range(40) if j + 1 > x + 1e-6 and j < x + width - 1e-6]
    rows = [i for i in range(30) if i + 1 > y + 1e-6 and i < y + height - 1e-6]
    if not (rows and columns):
        with pytest.raises(RequestError, match="outside the scene"):
            grids.extent_window(grid, extent)
        return
    window = grids.extent_window(grid, extent)
    # A side within a millionth of a pixel line may fall on either side of it.
    assert max(abs(a - b) for a, b in zip((*window.rows, *window.columns), (rows[0], rows[-1] + 1, columns[0],
               columns[-1] + 1), strict=True)) <= on_a_line(x, y, x + width, y + height)  # fmt: skip


def on_a_line(*positions):
    """1 where any position is too near a whole number to tell, else 0."""
    return int(any(abs(abs(p - round(p)) - 1e-6) < 1e-8 for p in positions))


@pytest.mark.parametrize("affine", [pair.pan for pair in PAIRS.values()])
def test_the_extent_of_a_pixel_rectangle_selects_it(affine):
    grid = GeoBox((80, 96), affine, UTM)
    xs, ys = zip(*(affine * corner for corner in itertools.product((17, 23), (31, 44))), strict=True)
    window = grids.extent_window(grid, (min(xs), min(ys), max(xs), max(ys)))
    if grids.is_separable(affine) or not (affine.b or affine.d):
        assert window == Window(31, 17, 13, 6)
    else:
        assert window.row <= 31 < 44 <= window.rows[1]
        assert window.column <= 17 < 23 <= window.columns[1]


@given(
    pixel=st.sampled_from([0.3, 0.5, 1 / 3, 2.0, 10.0, 30.0, 1 / 3600]),
    start=st.tuples(st.integers(-(10**7), 10**7), st.integers(-(10**7), 10**7)),
    fraction=st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.9]),
    crop=st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
    noise=st.tuples(*[st.floats(-1e-8, 1e-8)] * 2),
)
def test_crops_of_one_scene_count_the_same_cells(pixel, start, fraction, crop, noise):
    whole = Affine.translation((start[0] + fraction) * pixel, (start[1] + fraction) * pixel) * Affine.scale(
        pixel, -pixel
    )
    # A cropped file's origin was rounded on its way.
    part = Affine.translation(noise[0] * pixel, noise[1] * pixel) * whole * Affine.translation(crop[1], crop[0])
    row, column = grids.lattice_origin(GeoBox((9, 9), whole, UTM))
    assert grids.lattice_origin(GeoBox((5, 7), part, UTM)) == (row + crop[0], column + crop[1])


@pytest.mark.parametrize(
    ("affine", "crs"),
    [(ORIGIN * Affine.rotation(1) * Affine.scale(1, -1), UTM), (ORIGIN, UTM), (ORIGIN * Affine.scale(1, -1), None)],
)
def test_grids_without_a_lattice_count_from_their_own_first_pixel(affine, crs):
    assert grids.lattice_origin(GeoBox((9, 9), affine, crs)) == (0, 0)


def test_whole_ratios_and_shifts():
    fine = GeoBox((40, 40), Affine.scale(0.5, -0.5), UTM)
    for ratio, whole in ((4, 4), (1, 1), (3.2, 1), (4 + 1e-9, 4), (4.001, 1)):
        assert grids.whole_ratio(fine, GeoBox((9, 9), Affine.scale(0.5 * ratio, -0.5 * ratio), UTM)) == whole
    shifted = GeoBox((9, 9), fine.affine * Affine.translation(-3, 5 + 1e-9), UTM)
    assert grids.whole_shift(grids.relation(fine, shifted)) == (-5, 3)
    assert grids.whole_shift(grids.relation(fine, grids.magnified(fine, 2))) is None
    assert Window(2, 3, 10, 10).padded(5, 14, 100) == Window(0, 0, 14, 18)


@pytest.mark.parametrize(("west", "other"), [(179.9, -180.1), (-180.1, 179.9), (359.0, -1.0), (10.0, 10.0)])
def test_grids_that_count_longitudes_otherwise_lie_on_each_other(west, other):
    fine = GeoBox((40, 40), Affine(0.01, 0, west, 0, -0.01, 5), "EPSG:4326")
    coarse = GeoBox((10, 10), Affine(0.04, 0, other, 0, -0.04, 5), "EPSG:4326")
    assert grids.footprint(fine, coarse, fine_name="a", coarse_name="b") == Window(0, 0, 40, 40)
    assert grids.relation(fine, coarse).almost_equals(Affine.scale(0.25), 1e-6)
    flat = GeoBox((10, 10), Affine(0.04, 0, west + 360, 0, -0.04, 5), "EPSG:32633")
    assert grids.relation(GeoBox((40, 40), fine.affine, "EPSG:32633"), flat).c < -100
