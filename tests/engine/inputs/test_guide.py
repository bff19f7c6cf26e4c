"""Guides lie where they like: their pixels come to the base grid in place, unaliased, the same in every window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.ground.relation import WARP_ERROR
from seamline.engine.ground.resample import point_taps
from seamline.engine.inputs import guide
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.guide import GuideReader, guide_bytes, guide_cells
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy

UTM, WEST, DEGREES = "EPSG:32633", "EPSG:32632", "EPSG:4326"
SIZE = 10.0
HEIGHT, WIDTH = 90, 120
BASE = GeoBox((HEIGHT, WIDTH), Affine(SIZE, 0, 3e5, 0, -SIZE, 5.5e6), UTM)
ALL = Window(0, 0, HEIGHT, WIDTH)
NODATA = 0


@dataclass(frozen=True)
class Lie:
    """How a guide lies: CRS, metres a pixel, degrees it is turned, metres by which it is cut on each side of BASE."""

    crs: str = UTM
    size: float = SIZE
    turn: float = 0.0
    cut: float = -60.0
    offset: tuple[float, float] = (0.0, 0.0)

    @property
    def grid(self) -> GeoBox:
        """A grid around the middle of BASE."""
        middle = BASE.affine * (WIDTH / 2, HEIGHT / 2)
        x, y = Transformer.from_crs(UTM, self.crs, always_xy=True).transform(*middle)
        across, down = self.size, self.size
        if self.crs == DEGREES:
            across, down = self.size / (111320 * math.cos(math.radians(y))), self.size / 111200
        # What is turned, or lies in another CRS, needs more room to cover the corners.
        room = 1.0 if self.crs == UTM and not self.turn else 1.1 + 0.02 * abs(self.turn)
        height = round((HEIGHT * SIZE * room - 2 * self.cut) / self.size)
        width = round((WIDTH * SIZE * room - 2 * self.cut) / self.size)
        affine = Affine.translation(x, y) * Affine.rotation(self.turn) * Affine.scale(across, -down)
        return GeoBox(
            (height, width),
            affine * Affine.translation(self.offset[0] - width / 2, self.offset[1] - height / 2),
            self.crs,
        )


LIES = {
    "same": Lie(cut=100),
    "shifted": Lie(size=7.3, offset=(0.3, 0.1), cut=100),
    "coarser": Lie(size=31, offset=(0.2, 0.4)),
    "much finer": Lie(size=1.7, cut=-20),
    "turned": Lie(size=13, turn=30, cut=120),
    "turned and finer": Lie(size=3.1, turn=-17, cut=120),
    "other zone": Lie(WEST, size=11),
    "other zone, finer": Lie(WEST, size=6.2, cut=80),
    "degrees": Lie(DEGREES, size=24, cut=80),
    "degrees, finer": Lie(DEGREES, size=4.6),
}


def ground_points(grid):
    """Easting and northing on BASE's CRS of the pixel centres of a grid."""
    columns, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    return Transformer.from_crs(str(grid.crs), UTM, always_xy=True).transform(*(grid.affine * (columns, rows)))


def place_in(grid):
    """(row, column) in a guide of the centres of BASE, by PROJ alone."""
    x, y = Transformer.from_crs(UTM, str(grid.crs), always_xy=True).transform(*ground_points(BASE))
    columns, rows = ~grid.affine * (x, y)
    return rows, columns


def write(path, grid, values, nodata=None, **more):
    values = np.asarray(values)
    profile = {"driver": "GTiff", "count": len(values), "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(
        path, "w", **profile, dtype=values.dtype, crs=str(grid.crs), transform=grid.affine, nodata=nodata, **more
    ) as file:
        file.write(values)
    return path


def reader_of(path, kernel="cubic", base=BASE):
    return GuideReader(describe("guide", str(path)), base, kernel, OpenPolicy())


def seen(path, kernel="cubic", window=ALL, base=BASE):
    """(values, validity) of a guide on a window of the base grid; validity in full."""
    reader = reader_of(path, kernel, base)
    patch = reader.patch(reader.strip(window), window)
    reader.close()
    assert patch.values.dtype == np.float32
    assert np.isfinite(patch.values).all()
    return patch.values, np.ones(patch.values.shape, bool) if patch.valid is None else patch.valid


def texture(grid, bands=2, dtype="uint16", seed=3):
    """Noise with holes: a rectangle in all bands, single pixels band by band."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 4000, (bands, *grid.shape)).astype(dtype)
    height, width = grid.shape
    values[:, height // 3 : height // 2, width // 4 : width // 2] = NODATA
    values[rng.random(values.shape) < 0.01] = NODATA
    return values


@pytest.fixture(scope="module", params=LIES)
def textured(request, tmp_path_factory):
    """The path of a guide of noise with holes: uint16 with nodata, or float32 with NaN where it is turned."""
    lie = LIES[request.param]
    values = texture(lie.grid)
    path = tmp_path_factory.mktemp("guide") / "guide.tif"
    if not lie.turn:
        return write(path, lie.grid, values, nodata=NODATA)
    return write(path, lie.grid, np.where(values == NODATA, np.nan, values / np.float32(7)).astype(np.float32))


@st.composite
def windows(draw, around=ALL):
    row, column = draw(st.integers(0, around.height - 1)), draw(st.integers(0, around.width - 1))
    height, width = draw(st.integers(1, around.height - row)), draw(st.integers(1, around.width - column))
    return Window(around.row + row, around.column + column, height, width)


# Same pixels in every window


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_a_tile_does_not_depend_on_its_strip(textured, kernel):
    reader = reader_of(textured, kernel)
    whole = reader.strip(ALL)

    @settings(max_examples=25, deadline=None)
    @given(windows())
    def law(window):
        one, other = reader.patch(whole, window), reader.patch(reader.strip(window), window)
        assert one.values.tobytes() == other.values.tobytes()
        assert (one.valid is None) == (other.valid is None)
        assert one.valid is None or one.valid.tobytes() == other.valid.tobytes()

    law()
    reader.close()


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_windows_agree_on_what_they_share(textured, kernel):
    values, valid = seen(textured, kernel)
    assert 0.5 < valid.mean() < 1
    reader = reader_of(textured, kernel)

    @settings(max_examples=25, deadline=None)
    @given(windows())
    @example(Window(0, 0, 6, 1))
    def law(window):
        patch = reader.patch(reader.strip(window), window)
        cut = (slice(None), slice(*window.rows), slice(*window.columns))
        known = np.ones(patch.values.shape, bool) if patch.valid is None else patch.valid
        np.testing.assert_array_equal(known, valid[cut])
        assert patch.values[known].tobytes() == values[cut][known].tobytes()

    law()
    reader.close()


def test_means_do_not_depend_on_how_the_file_is_read(tmp_path, monkeypatch):
    lie = Lie(size=1.7)
    values = texture(lie.grid).astype(np.float32) / np.float32(7)
    path = write(tmp_path / "g.tif", lie.grid, np.where(values == 0, np.nan, values))
    once = seen(path)
    row_bytes = 2 * 4 * lie.grid.shape[1]
    for rows in (1, 4, 32):
        monkeypatch.setattr(guide, "_CHUNK_BYTES", rows * row_bytes)
        assert guide._chunk_rows(row_bytes) == rows
        for one, other in zip(once, seen(path), strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", LIES)
def test_what_lies_under_the_mask_never_matters(name, tmp_path):
    grid = LIES[name].grid
    values = texture(grid)
    mask = np.zeros(grid.shape, bool)
    mask[grid.shape[0] // 2 :, : grid.shape[1] // 2] = True
    found = []
    for under in (17, 65535):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            path = write(tmp_path / f"{under}.tif", grid, np.where(mask, under, values).astype(np.uint16))
            with rasterio.open(path, "r+") as file:
                file.write_mask(~mask)
        found.append(seen(path))
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()
    assert not found[0][1].all()


# In place


LENGTH = 700.0
"""Metres a wave of the smooth image."""


def smooth(east, north):
    """A sum of two waves, each between -1 and 1."""
    return np.sin(2 * np.pi * (east - 3e5) / LENGTH) + np.cos(2 * np.pi * (north - 5.5e6 + 0.3 * (east - 3e5)) / LENGTH)


def moments(stretch):
    """What cubic weights make of (x - place)^k at worst: signed for k = 1 and 2, in size for k = 3 and 0."""
    places = 20 + np.linspace(0, 1, 1001)
    taps = point_taps(places, 40, "cubic", stretch)
    distance = taps.index + 0.5 - places[:, None]
    signed = [float(np.abs((taps.weight * distance**k).sum(axis=1)).max()) for k in (1, 2)]
    third, none = (float((np.abs(taps.weight) * np.abs(distance) ** k).sum(axis=1).max()) for k in (3, 0))
    return *signed, third, none


def most_off(size, stretch, averaged):
    """How far a sampled pixel may be off the smooth image, and how far beside a hole.

    Taylor's series around the place: the kernel makes of each of its terms, and of the remainder after the third, what
    its moments say, along one axis and then along the other.  Cells that are averaged differ from the value in their
    middle by size^2 / 24 times the second derivatives.  The place is off by what a warp may be.

    Args:
        size: of the cells, m.
        averaged: whether they are means.
    """
    # The second wave runs at a slant, which makes it steeper.
    wave = 2 * np.pi / LENGTH * size
    first, second, third = ((1 + math.hypot(1, 0.3) ** order) * wave**order for order in (1, 2, 3))
    one, two, three, total = moments(stretch)
    inside = (1 + total) * (one * first + two / 2 * second + three / 6 * third)
    inside += 2 * WARP_ERROR * first * total + 1e-5
    if averaged:
        inside += total**2 * 2 / 24 * second
    # Of four cells around, the valid ones lie at most a cell away along each axis.
    return inside, 2 * first + inside


@pytest.mark.parametrize("name", [name for name in LIES if name != "same"])
def test_a_smooth_image_is_found_in_its_place_and_so_is_its_hole(name, tmp_path):
    lie = LIES[name]
    grid = lie.grid
    image = smooth(*ground_points(grid))
    height, width = grid.shape
    hole = (slice(height // 3, height // 2), slice(width // 3, width // 2))
    image[hole] = np.nan
    values, valid = seen(write(tmp_path / "g.tif", grid, image[None].astype(np.float32)))
    cells = guide_cells(grid, BASE, name="g.tif")
    pixels = max(cells.factors)
    rows, columns = place_in(grid)

    def within(margin):
        """Pixels of BASE whose centre lies so many px of the guide inside the hole."""
        return (
            (rows >= hole[0].start + margin)
            & (rows < hole[0].stop - margin)
            & (columns >= hole[1].start + margin)
            & (columns < hole[1].stop - margin)
        )

    inside = (rows > 0.01) & (rows < height - 0.01) & (columns > 0.01) & (columns < width - 0.01)
    assert within(pixels).any()
    # The hole is as large as its pixels, or as the cells of which it holds half, and nothing else is missing.
    margin = 0.01 + (pixels / 2 if pixels > 1 else 0)
    assert not valid[0][within(margin)].any()
    assert valid[0][inside & ~within(-margin)].all()
    assert not valid[0][(rows < -0.01) | (rows > height + 0.01) | (columns < -0.01) | (columns > width + 0.01)].any()
    # Clear of hole and rim, where a kernel lacks nothing.
    reach = pixels * (2 * max(cells.stretch) + 1)
    core = (rows > reach) & (rows < height - reach) & (columns > reach) & (columns < width - reach)
    off = np.abs(values[0] - smooth(*ground_points(BASE)))
    # Pixels in degrees are not as large in UTM as they should be.
    tight, loose = most_off(1.02 * lie.size * pixels, max(cells.stretch), averaged=pixels > 1)
    assert off[core & ~within(-reach)].max() <= tight
    assert off[core & valid[0]].max() <= loose
    # The bound means something: it is a small part of the image's range, and a pixel's shift would break it.
    assert tight < 0.1
    assert np.abs(np.diff(values[0], axis=1))[core[:, 1:] & core[:, :-1]].max() > 0.05


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_a_guide_on_the_base_grid_keeps_its_values(tmp_path, kernel):
    grid = GeoBox((40, 50), BASE.affine * Affine.translation(-7, 12), BASE.crs)
    stored = texture(grid)
    values, valid = seen(write(tmp_path / "g.tif", grid, stored, nodata=NODATA), kernel)
    expected = np.zeros((2, HEIGHT, WIDTH), np.uint16)
    expected[:, 12:52, :43] = stored[:, :, 7:]
    np.testing.assert_array_equal(valid, expected != NODATA)
    np.testing.assert_array_equal(values[valid], expected[valid])


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_nothing_leaks_between_pixels_that_coincide(tmp_path, kernel):
    grid = GeoBox((40, 50), BASE.affine * Affine.translation(3, 2), BASE.crs)
    stored = 10.0 ** np.random.default_rng(2).integers(-20, 20, (1, 40, 50)).astype(np.float32)
    values, valid = seen(write(tmp_path / "g.tif", grid, stored), kernel)
    np.testing.assert_array_equal(values[valid], stored.ravel())


def test_a_finer_guide_on_the_base_lattice_gives_the_means_of_its_valid_pixels(tmp_path):
    grid = GeoBox((4 * 30 + 2, 4 * 40 + 3), BASE.affine * Affine.translation(5, 6) * Affine.scale(1 / 4), BASE.crs)
    stored = texture(grid)
    # Half of what is left of the cells in the last column, which is cut.
    stored[:, 40:60:2, -3:] = NODATA
    values, valid = seen(write(tmp_path / "g.tif", grid, stored, nodata=NODATA))
    cells = np.pad(stored.astype(np.float64), ((0, 0), (0, 2), (0, 1)), constant_values=-1).reshape(2, 31, 4, 41, 4)
    there = (cells >= 0).sum(axis=(2, 4))
    known = (cells > 0).sum(axis=(2, 4))
    enough = 2 * known >= there
    # The last row of cells is cut in half, so that the centres of its pixels lie on the guide's rim: they are outside.
    enough[:, -1] = False
    expected = (np.maximum(cells, 0).sum(axis=(2, 4)) / np.maximum(known, 1)).astype(np.float32)
    placed = np.zeros((2, HEIGHT, WIDTH), bool)
    placed[:, 6:37, 5:46] = enough
    np.testing.assert_array_equal(valid, placed)
    np.testing.assert_array_equal(values[placed], expected[enough])


@pytest.mark.parametrize("lie", [Lie(size=31, offset=(0.2, 0.4)), Lie(size=13, turn=30)], ids=["north-up", "turned"])
@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_a_coarser_guide_without_holes_is_sampled_like_any_other_input(tmp_path, lie, kernel):
    stored = np.random.default_rng(1).integers(1, 4000, (3, *lie.grid.shape)).astype(np.uint16)
    path = write(tmp_path / "g.tif", lie.grid, stored)
    values, valid = seen(path, kernel)
    reader = InputReader(describe("guide", str(path)), BASE, kernel, OpenPolicy())
    patch = reader.patch(reader.strip(ALL), ALL)
    reader.close()
    assert patch.valid is None
    assert valid.all()
    assert values.tobytes() == patch.values.tobytes()


# Unaliased


@pytest.mark.parametrize("turn", [0, 31])
@pytest.mark.parametrize("crs", [UTM, WEST])
@pytest.mark.parametrize("finer", [1.4, 1.7, 2, 2.5, 3.3, 4, 7.6])
def test_a_checkerboard_finer_than_the_base_comes_out_grey(tmp_path, finer, crs, turn):
    """A mean over an odd number of cells keeps a ninth of their contrast at most, and a kernel a tenth at most."""
    lie = Lie(crs, size=SIZE / finer, turn=turn, offset=(0.37, 0.11))
    board = 100 * (np.indices(lie.grid.shape).sum(axis=0) % 2)
    values, valid = seen(write(tmp_path / "g.tif", lie.grid, board[None].astype(np.uint8)))
    assert valid.all()
    assert np.abs(values - 50).max() <= 50 / 9


def test_an_even_number_of_pixels_a_cell_leaves_nothing_of_a_checkerboard(tmp_path):
    lie = Lie(size=SIZE / 4)
    board = 100 * (np.indices(lie.grid.shape).sum(axis=0) % 2)
    values, _ = seen(write(tmp_path / "g.tif", lie.grid, board[None].astype(np.uint8)))
    np.testing.assert_array_equal(values, 50)


@pytest.mark.parametrize(
    ("finer", "factor", "stretch"),
    [(0.3, 1, 1), (1, 1, 1), (1.05, 1, 1), (1.5, 1, 1.5), (1.95, 2, 1), (2.05, 2, 1), (2.5, 2, 1.25), (10, 10, 1)],
)
def test_cells_are_whole_pixels_and_the_kernel_makes_up_for_the_rest(finer, factor, stretch):
    grid = Lie(size=SIZE / finer).grid
    cells = guide_cells(grid, BASE, name="g.tif")
    assert cells.factors == (factor, factor)
    assert cells.stretch == pytest.approx((stretch, stretch))
    # A tall pixel is averaged along its columns alone.
    flat = GeoBox(grid.shape, grid.affine * Affine.scale(1, finer), grid.crs)
    assert guide_cells(flat, BASE, name="g.tif").factors == (1, factor)


# Where there is nothing


def test_a_window_beside_the_guide_reads_nothing(tmp_path):
    lie = Lie(WEST, size=6, cut=300)
    path = write(tmp_path / "g.tif", lie.grid, texture(lie.grid), nodata=NODATA)
    reader = reader_of(path)
    path.unlink()
    corner = Window(0, 0, 9, 11)
    patch = reader.patch(reader.strip(corner), corner)
    assert patch.values.shape == (2, 9, 11)
    assert not patch.values.any()
    assert not patch.valid.any()
    with pytest.raises(RequestError, match="does not exist"):
        reader.strip(ALL)
    assert guide_bytes(reader.scene, BASE, corner) == 0


@pytest.mark.parametrize("name", LIES)
def test_what_is_missing_is_made_from_the_valid_pixels_of_the_tile(name, tmp_path):
    grid = LIES[name].grid
    stored = texture(grid, bands=3)
    stored[2] = NODATA
    stored[0] = np.where(stored[0] == NODATA, NODATA, 1000)
    values, valid = seen(write(tmp_path / "g.tif", grid, stored, nodata=NODATA))
    assert not valid[0].all()
    # The weights of a kernel sum to one.
    np.testing.assert_allclose(values[0], 1000, rtol=1e-6)
    assert not valid[2].any()
    assert not values[2].any()
    lone = seen(write(tmp_path / "one.tif", grid, stored[:1], nodata=NODATA))
    assert lone[0].tobytes() == values[:1].tobytes()


def test_values_that_overflow_between_pixels_are_not_valid(tmp_path):
    lie = Lie(size=17, turn=20)
    image = np.full(lie.grid.shape, 1.0, np.float32)
    image[30:40, 50:60] = np.finfo(np.float32).max
    values, valid = seen(write(tmp_path / "g.tif", lie.grid, image[None]))
    assert not valid.all()
    assert valid.mean() > 0.9
    assert np.isfinite(values).all()


def test_bands_of_several_sizes_are_each_read_as_a_guide_of_its_own(tmp_path):
    coarse, fine = (GeoBox((n, n), Affine(800 / n, 0, 3e5 + 103, 0, -800 / n, 5.5e6 - 55), UTM) for n in (40, 160))
    paths = [
        write(tmp_path / f"{i}.tif", grid, texture(grid, 1, seed=i), nodata=NODATA)
        for i, grid in enumerate((fine, coarse, fine))
    ]
    values, valid = seen(",".join(map(str, paths)))
    for i, path in enumerate(paths):
        own = seen(path)
        assert own[0][0].tobytes() == values[i].tobytes()
        assert own[1][0].tobytes() == valid[i].tobytes()


def test_the_bytes_of_a_strip_are_known_beforehand(textured):
    reader = reader_of(textured)
    for window in (ALL, Window(30, 0, 20, WIDTH)):
        kept = sum(stored.raw.nbytes + stored.valid.nbytes for stored in reader.strip(window))
        assert guide_bytes(reader.scene, BASE, window) == kept
    reader.close()


def test_a_guide_without_a_crs_is_refused(write_raster):
    path = write_raster("g.tif", np.ones((1, 20, 20), np.uint8), crs=None)
    with pytest.warns(match="no CRS"), pytest.raises(RequestError, match="no CRS") as caught:
        reader_of(path)
    assert caught.value.where == str(path)


# Real pixels


def test_a_real_guide_in_degrees_is_sampled_as_gdal_does(data, tmp_path):
    """A NAIP scene in degrees, as coarse as its own pixels or a little more, comes to another scene's grid."""
    with rasterio.open(data / "naip" / "naip_m_4709963_se_20170827.tif") as file:
        base = GeoBox((128, 128), file.transform * Affine.translation(300, 200), str(file.crs))
        stored, transform, crs = file.read(), file.transform, file.crs
        middle = file.transform * (file.width / 2, file.height / 2)
        east, north = Transformer.from_crs(file.crs, DEGREES, always_xy=True).transform(*middle)
    across, down = 5.3 / (111320 * math.cos(math.radians(north))), 5.3 / 111200
    affine = Affine(across, 0, east - 400 * across, 0, -down, north + 320 * down)
    turned = np.zeros((4, 640, 800), np.uint8)
    reproject(
        stored,
        turned,
        src_transform=transform,
        src_crs=crs,
        dst_transform=affine,
        dst_crs=DEGREES,
        src_nodata=0,
        resampling=Resampling.cubic,
    )
    # Without nodata: GDAL weighs what is left of a kernel beside a hole, which is not compared here.
    turned = np.maximum(turned, 1)
    path = write(tmp_path / "g.tif", GeoBox((640, 800), affine, DEGREES), turned, photometric="minisblack")
    window = Window(0, 0, 128, 128)
    values, valid = seen(path, window=window, base=base)
    assert valid.all()
    expected = np.zeros((4, 128, 128), np.float32)
    reproject(
        turned.astype(np.float32),
        expected,
        src_transform=affine,
        src_crs=DEGREES,
        dst_transform=base.affine,
        dst_crs=str(base.crs),
        resampling=Resampling.cubic,
    )
    # GDAL draws straight lines through the rows of its output, which on so few pixels are off by less than 0.002 px.
    off = np.abs(values - expected)
    assert (off <= 1).mean() >= 0.9999
    # Less than a shift by a hundredth of a pixel would make of this texture.
    assert off.mean() <= 0.01 * np.abs(np.diff(values, axis=2)).mean()
