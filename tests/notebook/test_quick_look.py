"""Quick looks read little, colour as the report does, and lie where the ground is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import rasterio
import rioxarray
from affine import Affine
from rasterio.transform import from_origin

import seamline
from seamline.engine.errors import RequestError
from seamline.notebook.look import looked_at
from seamline.report.colours import Ramp, Stretch

pytest.importorskip("matplotlib").use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def pixels(axes):
    """(rows, columns, 4) of the picture that axes show."""
    return np.asarray(axes.get_images()[0].get_array())


def test_overviews_are_read_and_no_full_pixel(write_raster):
    path = write_raster("large.tif", np.full((1, 2048, 2048), 50, np.uint8), tiled=True)
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as file:
        file.build_overviews([8, 16], rasterio.enums.Resampling.average)
    # Overviews that say another thing than the pixels show which of them are read.
    fine, coarse = np.zeros((256, 256), np.uint8), np.zeros((128, 128), np.uint8)
    fine[:, 128:], coarse[:, 64:] = 200, 200
    for level, values in ((0, fine), (1, coarse)):
        with rasterio.open(f"GTIFF_DIR:{level + 1}:{path}.ovr", "r+") as overview:
            overview.write(values, 1)
    shown = pixels(seamline.quick_look(path, size=128))
    assert shown.shape == (128, 128, 4)
    assert (shown[:, :64, 0] == 0).all()
    assert (shown[:, 65:, 0] > 200).all()


def test_masked_pixels_are_transparent(write_raster):
    values = np.random.default_rng(0).integers(1, 900, (3, 20, 30)).astype(np.uint16)
    values[:, :5, :7] = 0
    shown = pixels(seamline.quick_look(write_raster("m.tif", values, nodata=0)))
    assert (shown[:5, :7, 3] == 0).all()
    assert (shown[..., 3] == 255).sum() == 20 * 30 - 35


def test_images_side_by_side_have_one_stretch_and_one_ground(small_pair, tmp_path):
    ms, pan = small_pair
    fused = seamline.pansharpen(ms, pan, model="brovey", out=tmp_path / "f.tif", window=(8, 12, 40, 32))
    left, right = seamline.quick_look([ms, tmp_path / "f.tif"])
    assert left.get_xlim() == right.get_xlim() == (500_004, 500_024)
    assert left.get_ylim() == right.get_ylim() == (4_999_978, 4_999_994)
    assert pixels(left).shape[:2] == (8, 10)
    assert pixels(right).shape[:2] == (32, 40)
    with rasterio.open(ms) as file:
        part = file.read([3, 2, 1])[:, 3:11, 2:12].astype(np.float32)
    stretch = Stretch.of(part)
    assert np.array_equal(pixels(left), stretch.paint(part, masked=True))
    assert np.array_equal(pixels(right), stretch.paint(fused.to_numpy()[[2, 1, 0]].astype(np.float32), masked=True))
    assert right.get_xlabel() == "easting, m"


def test_images_of_other_bands_have_a_stretch_of_their_own(write_raster):
    dark = np.random.default_rng(3).integers(1, 300, (3, 12, 12)).astype(np.uint16)
    for name, bright, names in (
        ("more.tif", np.concatenate([10 * dark, dark]), None),
        ("infrared.tif", 10 * dark, ("nir", "swir1", "swir2")),
    ):
        rgb = ("red", "green", "blue") if names else None
        paths = [write_raster("rgb.tif", dark, names=rgb), write_raster(name, bright, names=names)]
        beside, alone = seamline.quick_look(paths)[1], seamline.quick_look(paths[1])
        assert np.array_equal(pixels(beside), pixels(alone))


def test_an_array_looks_like_its_file_and_a_list_like_its_parts(small_pair):
    ms, _ = small_pair
    of_file, of_array = seamline.quick_look(ms), seamline.quick_look(rioxarray.open_rasterio(ms))
    assert np.array_equal(pixels(of_file), pixels(of_array))
    assert of_file.get_title() == "ms.tif"
    drawn = seamline.quick_look([ms], ax=pyplot.subplots()[1])
    assert np.array_equal(pixels(drawn[0]), pixels(of_file))


def test_a_large_array_is_looked_at_in_steps(write_raster):
    values = np.random.default_rng(1).integers(1, 250, (1, 300, 500)).astype(np.uint8)
    array = rioxarray.open_rasterio(write_raster("a.tif", values))
    axes = seamline.quick_look(array, size=40)
    assert max(pixels(axes).shape) == 40
    assert axes.get_xlim() == pytest.approx((500_000, 501_000), abs=8)


def test_a_quantity_has_the_ramp_and_counts_are_grey(write_raster):
    shares = np.linspace(0, 1, 600, dtype=np.float32).reshape(1, 20, 30)
    axes = seamline.quick_look(write_raster("share.tif", shares, names=("trust",)))
    assert np.array_equal(pixels(axes), Ramp(0.0, 1.0, "", Ramp.of(shares, "").anchors).paint(shares, masked=True))
    bar = axes.figure.axes[1]
    assert bar.get_ylabel() == "trust"
    grey = pixels(seamline.quick_look(write_raster("pan.tif", (1000 * shares).astype(np.uint16))))
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()


def test_deviations_of_bands_make_no_colour(write_raster):
    values = np.random.default_rng(2).random((4, 12, 10), dtype=np.float32)
    names = tuple(f"standard deviation of {each}" for each in ("blue", "green", "red", "nir"))
    axes = seamline.quick_look(write_raster("u.tif", values, names=names))
    assert axes.figure.axes[1].get_ylabel() == names[0]
    assert len(seamline.quick_look(write_raster("f.tif", values)).figure.axes) == 1


def test_a_map_of_classes_has_its_colours_and_a_legend(write_raster):
    values = np.zeros((1, 10, 12), np.uint8)
    values[:, :, 6:], values[:, 0] = 2, 255
    path = write_raster("map.tif", values, nodata=255, tags={"SEAMLINE_CLASSES": '["water", "wood", "field"]'})
    colours = {0: (10, 20, 200), 1: (0, 120, 0), 2: (230, 210, 40)}
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, colours)
    axes = seamline.quick_look(path)
    shown = pixels(axes)
    assert (shown[1:, :6] == (*colours[0], 255)).all()
    assert (shown[1:, 6:] == (*colours[2], 255)).all()
    assert (shown[0, :, 3] == 0).all()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["water", "field"]
    array = rioxarray.open_rasterio(path).assign_attrs(flag_values=[0, 1, 2], flag_meanings="water wood field")
    assert [text.get_text() for text in seamline.quick_look(array).get_legend().get_texts()] == ["water", "field"]


@pytest.mark.parametrize("bands", [(3, 2, 1), ("red", "GREEN", 1)])
def test_bands_are_chosen_by_number_and_by_name(small_pair, bands):
    assert np.array_equal(
        pixels(seamline.quick_look(small_pair[0], bands=bands)), pixels(seamline.quick_look(small_pair[0]))
    )
    assert pixels(seamline.quick_look(small_pair[0], bands=("nir",))).shape == (20, 24, 4)


@pytest.mark.parametrize(
    ("bands", "what"), [((1, 2), "not one band or three"), ((5,), "no band 5"), (("swir",), "'swir'"), ("red", "'red'")]
)
def test_bands_that_there_are_not_are_refused(small_pair, bands, what):
    with pytest.raises(RequestError, match=what):
        seamline.quick_look(small_pair[0], bands=bands)


def test_pixels_of_a_turned_grid_lie_where_the_affine_has_them(write_raster):
    affine = Affine.translation(500_000, 5_000_000) * Affine.rotation(30) * Affine.scale(2, -2)
    axes = seamline.quick_look(write_raster("t.tif", np.ones((1, 10, 20), np.uint8), transform=affine))
    image = axes.get_images()[0]
    corner = (image.get_transform() - axes.transData).transform((20, 10))
    assert corner == pytest.approx(affine * (20, 10))
    xs, ys = zip(*(affine * each for each in ((0, 0), (20, 0), (0, 10), (20, 10))), strict=True)
    assert axes.get_xlim() == (min(xs), max(xs))
    assert axes.get_ylim() == (min(ys), max(ys))


def test_degrees_are_as_long_as_they_are_on_the_ground(write_raster):
    path = write_raster(
        "d.tif", np.ones((1, 10, 10), np.uint8), transform=from_origin(14, 60.05, 0.01, 0.01), crs="EPSG:4326"
    )
    axes = seamline.quick_look(path)
    assert axes.get_aspect() == pytest.approx(2.0, rel=1e-2)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("longitude, °", "latitude, °")


def test_without_a_georeference_rows_count_downwards(write_raster):
    axes = seamline.quick_look(
        write_raster("p.tif", np.ones((3, 8, 9), np.uint8), crs=None, transform=Affine.identity())
    )
    assert axes.get_ylim() == (8, 0)
    assert axes.get_ylabel() == "row, px"


def test_images_that_cannot_be_laid_beside_each_other_are_refused(write_raster):
    one = write_raster("1.tif", np.ones((1, 8, 8), np.uint8))
    for name, more, what in (
        ("2.tif", {"crs": "EPSG:32634"}, "another CRS"),
        ("3.tif", {"transform": from_origin(600_000, 5_000_000, 2, 2)}, "no ground in common"),
        ("4.tif", {"transform": from_origin(500_000, 5_000_000, 2, 2) * Affine.rotation(9)}, "turned"),
    ):
        with pytest.raises(RequestError, match=what):
            looked_at([one, write_raster(name, np.ones((1, 8, 8), np.uint8), **more)], None, 100)
    with pytest.raises(RequestError, match="no image"):
        seamline.quick_look([])
    with pytest.raises(RequestError, match="2 axes for 1 images"):
        seamline.quick_look(one, ax=pyplot.subplots(1, 2)[1])


def test_without_matplotlib_a_sentence_says_so(small_pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RequestError, match="matplotlib, which is not installed; install it"):
        seamline.quick_look(small_pair[0])


def test_no_door_imports_matplotlib_before_something_is_drawn():
    code = (
        "import sys, seamline.cli.run, seamline.cli.evaluate, seamline.notebook.door, seamline.app.pictures\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
