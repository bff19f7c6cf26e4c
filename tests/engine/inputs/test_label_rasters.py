"""Label rasters: each cell asks the one that holds its centre, on any grid; what they cannot be is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from seamline.engine.errors import GeoreferenceWarning, RequestError
from seamline.engine.ground.grids import Window, crop
from seamline.engine.inputs import label_rasters
from seamline.engine.inputs.label_classes import UNLABELLED
from seamline.engine.inputs.labels import LabelRequest, open_labels
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.inputs.label_files import GRID, UTM, write_raster

# Coarser, finer, turned, elsewhere in part, and in other systems.
OTHERS = {
    "same": GRID,
    "shifted": GeoBox((30, 30), GRID.affine * Affine.translation(-10, 15), UTM),
    "coarse": GeoBox((9, 11), Affine(57, 0, 499_963, 0, -61, 5_000_040), UTM),
    "fine": GeoBox((333, 411), Affine(1.3, 0, 500_050.37, 0, -1.1, 4_999_980.21), UTM),
    "turned": GeoBox((60, 60), Affine.translation(500_100, 4_999_900) * Affine.rotation(31) * Affine.scale(7, -6), UTM),
    "degrees": GeoBox((40, 55), Affine(1.4e-4, 0, 15.0, 0, -1e-4, 45.1535), "EPSG:4326"),
    "neighbour zone": GeoBox((90, 80), Affine(9, 0, 28_300, 0, -9, 5_017_700), "EPSG:32634"),
}


def read(path, *grids, **more):
    return open_labels(LabelRequest(str(path), **more), None, *grids)


def noise(grid, classes=4, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, classes, grid.shape).astype(dtype)


def sentence(path, *grids, **more):
    with pytest.raises(RequestError) as caught:
        read(path, *grids, **more)
    return str(caught.value)


def looked_up(values, own, to, fill=UNLABELLED):
    """The value of the cell that holds the centre of each cell of ``to``, and how far that centre is from any edge."""
    rows, columns = np.mgrid[: to.shape[0], : to.shape[1]] + 0.5
    x, y = to.affine * (columns, rows)
    if own.crs != to.crs:
        x, y = Transformer.from_crs(to.crs.proj, own.crs.proj, always_xy=True).transform(x, y)
    column, row = ~own.affine * (x, y)
    inside = (row >= 0) & (row < own.shape[0]) & (column >= 0) & (column < own.shape[1])
    i, j = np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)
    from_edge = np.minimum(abs(row - np.rint(row)), abs(column - np.rint(column)))
    return np.where(inside, values[i, j], fill), from_edge


@pytest.mark.parametrize("other", OTHERS)
def test_a_cell_is_of_the_class_of_the_cell_that_holds_its_centre(tmp_path, other):
    own, values = OTHERS[other], noise(OTHERS[other])
    labels = read(write_raster(tmp_path / "a.tif", values, own), GRID)
    assert labels.names == ("0", "1", "2", "3")
    found, (expected, from_edge) = labels.rasterise(GRID), looked_up(values, own, GRID)
    # Between nodes the warp of another CRS is good to 0.002 px.
    sure = from_edge > (5e-3 if own.crs != GRID.crs else 1e-9)
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found[sure], expected[sure])
    assert labels.counts == tuple(np.bincount(found[found != UNLABELLED], minlength=4))


@pytest.mark.parametrize("other", ["fine", "degrees"])
def test_memory_bounds_change_no_cell(tmp_path, monkeypatch, other):
    path = write_raster(tmp_path / "a.tif", noise(OTHERS[other]), OTHERS[other])
    whole = read(path, GRID).rasterise(GRID)
    monkeypatch.setattr(label_rasters, "_MOST_CELLS", 700)
    read_at_once = []

    def spy(reader, relation, window, touched):
        read_at_once.append(touched.height * touched.width)
        return looked_up(reader, relation, window, touched)

    looked_up = label_rasters._looked_up
    monkeypatch.setattr(label_rasters, "_looked_up", spy)
    np.testing.assert_array_equal(read(path, GRID).rasterise(GRID), whole)
    assert max(read_at_once) <= 700
    monkeypatch.setattr(label_rasters, "_STRIP", 7)
    assert read(path, GRID).counts == tuple(np.bincount(whole[whole != UNLABELLED], minlength=4))


def test_a_window_gets_the_cells_of_the_whole(tmp_path):
    labels = read(write_raster(tmp_path / "a.tif", noise(OTHERS["coarse"]), OTHERS["coarse"]), GRID)
    whole = labels.rasterise(GRID)
    window = Window(11, 7, 20, 31)
    np.testing.assert_array_equal(labels.rasterise(crop(GRID, window)), whole[11:31, 7:38])


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint8", 0), ("int16", -1), ("float32", float("nan")), ("uint16", 60000)]
)
def test_nodata_is_not_labelled_or_the_rest(tmp_path, dtype, nodata):
    values = noise(GRID, dtype=dtype) + np.dtype(dtype).type(1)
    values[:10] = nodata
    path = write_raster(tmp_path / "a.tif", values, nodata=nodata)
    labels = read(path, GRID)
    assert labels.names == ("1", "2", "3", "4")
    assert (labels.rasterise(GRID)[:10] == UNLABELLED).all()
    np.testing.assert_array_equal(labels.rasterise(GRID)[10:], values[10:] - 1)
    other = read(path, GRID, rest="other")
    assert other.names[0] == "other"
    assert other.counts[0] == 0
    assert (other.rasterise(GRID)[:10] == 0).all()


def test_a_number_may_be_ignored_also_where_there_is_a_rest(tmp_path):
    values = noise(GRID)
    labels = read(write_raster(tmp_path / "a.tif", values), GRID, ignore=2, rest="other")
    assert labels.names == ("other", "0", "1", "3")
    np.testing.assert_array_equal(labels.rasterise(GRID), np.array([1, 2, UNLABELLED, 3])[values])


def test_all_the_numbers_of_a_byte_are_classes_but_one_may_be_nodata(tmp_path):
    values = (np.arange(2400) % 256).astype(np.uint8).reshape(GRID.shape)
    assert "it holds 256 classes, and a class map has room for 255" in sentence(
        write_raster(tmp_path / "a.tif", values)
    )
    labels = read(write_raster(tmp_path / "b.tif", values, nodata=255))
    np.testing.assert_array_equal(labels.rasterise(GRID), values)


def test_classes_have_the_names_of_a_class_map_of_ours(tmp_path):
    path = write_raster(tmp_path / "a.tif", noise(GRID, 3))
    with rasterio.open(path, "r+") as file:
        file.update_tags(SEAMLINE_CLASSES=json.dumps(["wood", "field", "water"]))
    labels = read(path, GRID)
    assert labels.names == ("field", "water", "wood")
    np.testing.assert_array_equal(labels.rasterise(GRID), np.array([2, 0, 1])[noise(GRID, 3)])


def test_only_classes_on_the_images_count(tmp_path):
    values = noise(GRID, 2)
    values[:, 30:] += 5
    path = write_raster(tmp_path / "a.tif", values)
    west = crop(GRID, Window(0, 0, 40, 30))
    labels = read(path, west)
    assert labels.names == ("0", "1")
    assert (labels.rasterise(GRID)[:, 30:] == UNLABELLED).all()
    assert read(path).names == ("0", "1", "5", "6")


def test_labels_outside_every_image_are_refused(tmp_path):
    far = GeoBox(GRID.shape, GRID.affine * Affine.translation(0, 40), UTM)
    path = write_raster(tmp_path / "a.tif", noise(far), far)
    assert "a.tif: no label lies on an image; check the CRS of both" in sentence(path, GRID)
    path = write_raster(tmp_path / "b.tif", np.full(GRID.shape, 9, np.uint8), nodata=9)
    assert "b.tif: no label lies on an image" in sentence(path, GRID)


def test_without_a_crs_coordinates_are_those_of_the_image_if_they_meet_it(tmp_path):
    bare = GeoBox((30, 30), OTHERS["shifted"].affine, None)
    path = write_raster(tmp_path / "a.tif", noise(bare), bare)
    with pytest.warns(GeoreferenceWarning, match="no CRS; its coordinates are taken to be in that of the images"):
        labels = read(path, GRID)
    np.testing.assert_array_equal(labels.rasterise(GRID), looked_up(noise(bare), OTHERS["shifted"], GRID)[0])
    degrees = GeoBox((30, 30), OTHERS["degrees"].affine, None)
    path = write_raster(tmp_path / "b.tif", noise(degrees), degrees)
    with pytest.warns(GeoreferenceWarning):
        assert "it has no CRS, and by its coordinates no label lies on an image; assign" in sentence(path, GRID)
    path = write_raster(tmp_path / "c.tif", noise(GRID), GRID)
    assert "it has a CRS and the image has none" in sentence(path, GeoBox(GRID.shape, GRID.affine, None))


def test_without_a_georeference_a_raster_of_the_size_of_the_image_lies_on_it(tmp_path):
    values = noise(GRID)
    path = tmp_path / "a.png"
    with rasterio.open(path, "w", driver="PNG", count=1, height=40, width=60, dtype="uint8") as file:
        file.write(values, 1)
    with pytest.warns(GeoreferenceWarning, match="no georeference; its cells are taken to be those of the image"):
        labels = read(path, GRID)
    np.testing.assert_array_equal(labels.rasterise(GRID), values)
    with pytest.warns(GeoreferenceWarning):
        assert "no label lies on an image" in sentence(path, crop(GRID, Window(0, 0, 39, 60)))


def test_measurements_several_bands_and_one_class_are_refused(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.linspace(0, 1, 2400, dtype=np.float32).reshape(GRID.shape))
    assert "the raster holds fractions, which name no class" in sentence(path, GRID)
    path = write_raster(tmp_path / "b.tif", np.stack([noise(GRID)] * 3))
    assert "it has 3 bands, and labels have one; give a raster of class numbers" in sentence(path, GRID)
    path = write_raster(tmp_path / "c.tif", np.full(GRID.shape, 7, np.uint8))
    assert "all labels are of one class, 7; pass --rest NAME" in sentence(path, GRID)


def test_virtual_rasters_need_their_flag(tmp_path):
    path = write_raster(tmp_path / "a.tif", noise(GRID))
    virtual = tmp_path / "a.vrt"
    with rasterio.open(path) as file:
        rasterio.shutil.copy(file, virtual, driver="VRT")
    assert "pass --allow-vrt" in sentence(virtual, GRID)
    labels = open_labels(LabelRequest(str(virtual)), OpenPolicy(vrt=True), GRID)
    np.testing.assert_array_equal(labels.rasterise(GRID), noise(GRID))


def test_boxes_are_those_of_the_raster_in_any_crs(tmp_path):
    labels = read(write_raster(tmp_path / "a.tif", noise(GRID)))
    np.testing.assert_allclose(labels.boxes(GRID.crs), [[500_000, 4_999_600, 500_600, 5_000_000]])
    assert labels.bounds(GRID.crs) == (500_000, 4_999_600, 500_600, 5_000_000)
    assert labels.bounds(OTHERS["degrees"].crs) == pytest.approx((15.0, 45.1499, 15.0076, 45.1535), abs=1e-3)
