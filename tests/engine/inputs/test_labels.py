"""Labels: a cell is what stands at its centre, in every format, CRS, window and order; odd labels get one sentence."""

from __future__ import annotations

import contextlib
import json
import warnings

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from seamline.engine.errors import (
    GeoreferenceWarning,
    OverlappingLabelsWarning,
    RepairedGeometryWarning,
    RequestError,
    SeamlineWarning,
    SkippedLabelsWarning,
    UnusedOptionWarning,
)
from seamline.engine.ground.grids import Window, crop
from seamline.engine.inputs import shapes as shapes_module
from seamline.engine.inputs.label_classes import UNLABELLED
from seamline.engine.inputs.labels import LabelRequest, open_labels
from seamline.tests.engine.inputs.hostile import Listener
from seamline.tests.engine.inputs.label_files import GRID, UTM, square, write_shapes

DRIVERS = {"GPKG": "gpkg", "GeoJSON": "geojson", "ESRI Shapefile": "shp", "FlatGeobuf": "fgb"}
# Turned, of other cells, and partly beside the image.
TURNED = GeoBox((70, 50), Affine.translation(500_050, 4_999_900) * Affine.rotation(20) * Affine.scale(7, -9), UTM)


def read(path, *grids, field="kind", **more):
    return open_labels(LabelRequest(str(path), field, **more), None, *grids)


def blobs(count, seed=0, corners=9):
    """Polygons with as many random corners, and what they are."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random((count, corners)), axis=1) * 2 * np.pi
    radius, middle = rng.uniform(20, 120, (count, corners)), rng.uniform((0, 0), (600, 400), (count, 2))
    x = 500_000 + middle[:, :1] + radius * np.cos(angles)
    y = 5_000_000 - middle[:, 1:] + radius * np.sin(angles)
    shapes = [shapely.Polygon(np.stack(each, axis=1)) for each in zip(x, y, strict=True)]
    return shapes, [("wood", "water", "field")[i % 3] for i in range(count)]


def moved(shapes, crs, to):
    there = Transformer.from_crs(crs, to, always_xy=True)
    return [shapely.transform(s, lambda p: np.stack(there.transform(p[:, 0], p[:, 1]), axis=1)) for s in shapes]


def by_centres(shapes, numbers, grid, fill=UNLABELLED):
    """The later shape that holds the centre of each cell."""
    rows, columns = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    x, y = grid.affine * (columns, rows)
    cells = np.full(grid.shape, fill, np.uint8)
    for shape, number in zip(shapes, numbers, strict=True):
        cells[shapely.contains_xy(shape, x, y)] = number
    return cells


def sentence(path, *grids, **more):
    with pytest.raises(RequestError) as caught:
        read(path, *grids, **more)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("grid", [GRID, TURNED], ids=["upright", "turned"])
@pytest.mark.parametrize("crs", [UTM, "EPSG:4326", "EPSG:3857", "EPSG:32634"])
def test_a_cell_is_of_the_class_at_its_centre_in_any_crs_and_the_later_polygon_wins(tmp_path, grid, crs):
    shapes, kinds = blobs(12)
    drawn = moved(shapes, UTM, crs)
    path = write_shapes(tmp_path / "a.gpkg", drawn, crs, kind=kinds)
    with pytest.warns(OverlappingLabelsWarning):
        labels = read(path, grid)
    assert labels.names == ("field", "water", "wood")
    numbers = [labels.names.index(kind) for kind in kinds]
    expected = by_centres(moved(drawn, crs, UTM), numbers, grid)
    assert len(np.unique(expected)) == 4
    np.testing.assert_array_equal(labels.rasterise(grid), expected)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_format_says_the_same(tmp_path, driver):
    shapes, kinds = [square(3, 4), square(20.3, 10, 7), square(40, 30.2, 5)], ["b", "a", "b"]
    path = write_shapes(
        tmp_path / f"a.{DRIVERS[driver]}", moved(shapes, UTM, "EPSG:4326"), "EPSG:4326", driver=driver, kind=kinds
    )
    labels = read(path, GRID)
    assert (labels.names, labels.counts) == (("a", "b"), (1, 2))
    np.testing.assert_array_equal(labels.rasterise(GRID), by_centres(shapes, [1, 0, 1], GRID))


@pytest.mark.parametrize("slope", [0, 1, -1, 0.5])
def test_a_window_gets_the_cells_of_the_whole_also_where_edges_run_through_centres(tmp_path, slope):
    # Edges through the centres of cells, in coordinates that no number has exactly.
    grid = GeoBox((90, 90), Affine(0.3, 0, 500_000.1, 0, -0.3, 5_000_000.7), UTM)
    corners = [(10.5, 20.5), (60.5, 20.5 + 50 * slope), (60.5, 80.5), (10.5, 80.5)]
    path = write_shapes(tmp_path / "a.gpkg", [shapely.Polygon([grid.affine * c for c in corners])], kind=["b"])
    labels = read(path, rest="a")
    whole = labels.rasterise(grid)
    assert 0 < whole.mean() < 1
    for row, column, height, width in ((7, 3, 40, 60), (20, 10, 1, 90 - 10), (33, 31, 57, 59), (50, 0, 7, 90)):
        window = Window(row, column, height, width)
        here = whole[row : row + height, column : column + width]
        np.testing.assert_array_equal(labels.rasterise(crop(grid, window)), here)


def test_a_shape_of_many_corners_is_cut_into_pieces_that_fill_the_same_cells(tmp_path, monkeypatch):
    rng, angles = np.random.default_rng(3), np.linspace(0, 2 * np.pi, 6000, endpoint=False)
    radius = 150 + 40 * np.sin(7 * angles) + rng.uniform(-0.2, 0.2, 6000)
    x, y = 500_300 + radius * np.cos(angles), 4_999_800 + radius * np.sin(angles)
    shapes = [shapely.Polygon(np.stack([x, y], axis=1)).difference(square(25, 15, 6)), square(20, 10, 9)]
    path = write_shapes(tmp_path / "a.gpkg", shapes, kind=["a", "b"])
    cut = read(path, rest="x")
    pieces, owners = cut._in(GRID.crs).on_cells(GRID)
    assert len(pieces) > 5
    assert max(map(shapely.get_num_coordinates, pieces)) <= shapes_module._MOST_CORNERS
    assert owners.tolist() == sorted(owners.tolist())
    fine = GeoBox((400, 600), GRID.affine * Affine.scale(0.1), UTM)
    found = cut.rasterise(fine)
    assert len(np.unique(found)) == 3
    monkeypatch.setattr(shapes_module, "_MOST_CORNERS", 10**6)
    np.testing.assert_array_equal(found, read(path, rest="x").rasterise(fine))


def test_a_point_labels_the_cell_that_holds_it(tmp_path):
    places = [(0.01, 0.01), (59.99, 39.99), (7.5, 3.02), (30, 20)]
    points = [shapely.Point(GRID.affine * place) for place in places]
    several = shapely.MultiPoint([GRID.affine * (12.2, 9.9), GRID.affine * (13.7, 9.1)])
    path = write_shapes(tmp_path / "a.gpkg", [*points, several], kind=["a", "b", "a", "b", "a"])
    labels = read(path, GRID)
    expected = np.full(GRID.shape, UNLABELLED)
    for (column, row), number in zip([*places, (12.2, 9.9), (13.7, 9.1)], [0, 1, 0, 1, 0, 0], strict=True):
        expected[int(row), int(column)] = number
    np.testing.assert_array_equal(labels.rasterise(GRID), expected)


def test_the_rest_is_class_0_and_may_be_a_class_that_was_drawn_too(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], kind=["tree", "a"])
    labels = read(path, GRID, rest="other")
    assert (labels.names, labels.counts) == (("other", "a", "tree"), (0, 1, 1))
    assert np.bincount(labels.rasterise(GRID).ravel()).tolist() == [2400 - 32, 16, 16]
    drawn = read(path, GRID, rest="tree")
    assert (drawn.names, drawn.counts) == (("tree", "a"), (1, 1))
    assert np.bincount(drawn.rasterise(GRID).ravel()).tolist() == [2400 - 16, 16]


def test_whole_numbers_are_ordered_by_value_and_one_may_be_ignored(tmp_path):
    squares = [square(5 * i, 3) for i in range(4)]
    path = write_shapes(tmp_path / "a.gpkg", squares, kind=[10, 9, 2, 2])
    assert read(path, GRID).names == ("2", "9", "10")
    ignoring = read(path, GRID, ignore=9, rest="other")
    assert (ignoring.names, ignoring.counts) == (("other", "2", "10"), (0, 2, 1))
    cells = ignoring.rasterise(GRID)
    assert (cells[3:7, 5:9] == UNLABELLED).all()
    assert np.count_nonzero(cells == UNLABELLED) == 16
    written_as_real = write_shapes(tmp_path / "b.gpkg", squares, kind=np.array([10.0, 9.0, 2.0, 2.0]))
    assert read(written_as_real, GRID).names == ("2", "9", "10")


def test_a_column_called_class_needs_no_naming_and_without_one_all_are_called_like_the_layer(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], Class=["a", "b"])
    assert read(path, GRID, field=None).names == ("a", "b")
    path = write_shapes(tmp_path / "houses.gpkg", [square(3, 4), square(20, 10)], kind=["a", "b"])
    assert read(path, GRID, field=None, rest="other").names == ("other", "houses")


def test_boxes_and_bounds_are_those_of_the_shapes_in_any_crs(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], kind=["a", "b"])
    labels = read(path)
    boxes = np.array([[500_030, 4_999_920, 500_070, 4_999_960], [500_200, 4_999_860, 500_240, 4_999_900]], float)
    np.testing.assert_allclose(labels.boxes(GRID.crs), boxes)
    assert labels.bounds(GRID.crs) == pytest.approx((500_030, 4_999_860, 500_240, 4_999_960))
    lon_lat = GeoBox((1, 1), Affine.identity(), "EPSG:4326").crs
    west, south, east, north = labels.bounds(lon_lat)
    assert (west, south, east, north) == pytest.approx((15.0004, 45.1517, 15.003, 45.1526), abs=1e-3)


# What the issue calls bad input.


def test_labels_without_a_crs_are_taken_to_be_in_that_of_the_image_if_they_meet_it(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], None, kind=["a", "b"])
    with pytest.warns(
        GeoreferenceWarning, match="a.gpkg: no CRS; its coordinates are taken to be in that of the images"
    ):
        labels = read(path, GRID)
    np.testing.assert_array_equal(labels.rasterise(GRID), by_centres([square(3, 4), square(20, 10)], [0, 1], GRID))
    in_degrees = moved([square(3, 4), square(20, 10)], UTM, "EPSG:4326")
    path = write_shapes(tmp_path / "b.gpkg", in_degrees, None, kind=["a", "b"])
    assert "it has no CRS, and by its coordinates no label lies on an image; assign the CRS" in sentence(path, GRID)


def test_a_crs_of_labels_is_no_use_where_the_image_has_none(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], kind=["a", "b"])
    bare = GeoBox(GRID.shape, GRID.affine, None)
    assert "it has a CRS and the image has none, so it cannot be laid on the image" in sentence(path, bare)


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_labels_outside_every_image_are_refused(tmp_path, crs):
    shapes = moved([square(100, 4), square(20, 80)], UTM, crs)
    path = write_shapes(tmp_path / "a.gpkg", shapes, crs, kind=["a", "b"])
    assert "a.gpkg: no label lies on an image; check the CRS of both" in sentence(path, GRID, TURNED)
    # Metres that are said to be degrees lie nowhere.
    path = write_shapes(tmp_path / "b.gpkg", [square(3, 4), square(20, 10)], "EPSG:4326", kind=["a", "b"])
    assert "b.gpkg: no label lies on an image" in sentence(path, GRID)
    assert np.isnan(read(path).boxes(GRID.crs)).all()
    assert read(path).bounds(GRID.crs) is None


def test_classes_that_lie_on_no_image_are_left_out_and_told(tmp_path):
    east = GeoBox(GRID.shape, GRID.affine * Affine.translation(60, 0), UTM)
    squares = [square(3, 4), square(20, 10), square(70, 4), square(500, 4), square(500, 20)]
    path = write_shapes(tmp_path / "a.gpkg", squares, kind=["a", "b", "c", "d", "a"])
    with pytest.warns(SkippedLabelsWarning, match="no label of c, d lies on an image, so there is no such class"):
        labels = read(path, GRID)
    assert (labels.names, labels.counts) == (("a", "b"), (1, 1))
    with pytest.warns(SkippedLabelsWarning, match="no label of d lies"):
        both = read(path, GRID, east)
    assert (both.names, both.counts) == (("a", "b", "c"), (1, 1, 1))
    assert read(path).counts == (2, 1, 1, 1)


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_shapes_without_a_class_are_left_out_and_counted(tmp_path, nothing):
    squares = [square(3 + 6 * i, 4) for i in range(4)]
    path = write_shapes(tmp_path / "a.gpkg", squares, kind=["a", nothing, "b", nothing])
    with pytest.warns(SkippedLabelsWarning, match="2 of its shapes are left out: they have no class"):
        labels = read(path, GRID)
    assert (labels.names, labels.counts) == (("a", "b"), (1, 1))
    path = write_shapes(tmp_path / "b.gpkg", squares[:2], kind=[nothing, nothing])
    assert "no label has a class; fill the class column in" in sentence(path, GRID)


def test_numbers_that_are_missing_are_no_class(tmp_path):
    path = write_shapes(
        tmp_path / "a.gpkg", [square(3, 4), square(9, 4), square(20, 10)], kind=np.array([1, np.nan, 4])
    )
    with pytest.warns(SkippedLabelsWarning, match="1 of its shapes are left out"):
        assert read(path, GRID).names == ("1", "4")


def test_what_is_neither_polygon_nor_point_is_left_out_and_counted(tmp_path):
    line = shapely.LineString([GRID.affine * (1, 1), GRID.affine * (9, 9)])
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), line, None, square(20, 10)], kind=["a", "b", "b", "b"])
    with pytest.warns(SkippedLabelsWarning, match="2 of its shapes are left out: no polygons, no points, or empty"):
        assert read(path).counts == (1, 1)
    path = write_shapes(tmp_path / "b.gpkg", [line, line], kind=["a", "b"])
    assert "it holds no polygon and no point that can be used; draw labels as polygons" in sentence(path, GRID)


def test_one_class_only_is_refused_with_the_way_out(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], kind=["a", "a"])
    said = sentence(path, GRID)
    assert "all labels are of one class, a; pass --rest NAME to make all other ground a class" in said
    assert read(path, GRID, rest="other").names == ("other", "a")
    assert "all labels are of one class, a" in sentence(path, GRID, rest="a")


def test_a_missing_column_is_told_with_those_there_are(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4)], kind=["a"], size=[3])
    assert "a.gpkg: it has no column crop; its columns are kind, size; name one with --class-field" in sentence(
        path, GRID, field="crop"
    )


@pytest.mark.parametrize("values", [np.array([0.5, 1.0]), np.array(["2020-01-01", "2021-01-01"], "datetime64[ms]")])
def test_measurements_and_times_name_no_class(tmp_path, values):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], kind=values)
    assert "name a column of names or numbers" in sentence(path, GRID)


def test_255_classes_are_the_most(tmp_path):
    shapes = [square(i % 60, i // 60 * 2, 1) for i in range(256)]
    path = write_shapes(tmp_path / "a.gpkg", shapes, kind=list(range(256)))
    assert "it holds 256 classes, and a class map has room for 255; merge classes" in sentence(path, GRID)
    path = write_shapes(tmp_path / "b.gpkg", shapes[:255], kind=list(range(255)))
    cells = read(path, GRID).rasterise(GRID)
    assert len(np.unique(cells)) == 256
    assert cells[0, 59] == 59
    assert "it holds 256 classes" in sentence(path, GRID, rest="other")


def test_invalid_shapes_are_repaired_and_counted(tmp_path):
    bow = shapely.Polygon([GRID.affine * c for c in ((3, 3), (13, 13), (13, 3), (3, 13))])
    # Two parts that overlap: the ground of both is labelled, theirs in common too.
    twice = shapely.MultiPolygon([square(20, 10, 6), square(23, 13, 6)])
    path = write_shapes(tmp_path / "a.gpkg", [bow, twice, square(40, 20)], kind=["a", "b", "a"])
    with pytest.warns(RepairedGeometryWarning, match="2 of its shapes were not valid and have been repaired"):
        labels = read(path, GRID)
    cells = labels.rasterise(GRID)
    assert np.count_nonzero(cells == 1) == 36 + 36 - 9
    assert 40 <= np.count_nonzero(cells[:, :15] == 0) <= 60
    flat = shapely.Polygon([GRID.affine * c for c in ((3, 3), (13, 3), (13, 3), (3, 3))])
    path = write_shapes(tmp_path / "b.gpkg", [flat, square(20, 10), square(40, 20)], kind=["a", "a", "b"])
    with pytest.warns(SkippedLabelsWarning, match="1 of its shapes are left out"):
        assert read(path).counts == (1, 1)


def test_overlaps_of_different_classes_are_counted_and_those_of_one_or_along_edges_are_none(tmp_path):
    shapes = [square(3, 4), square(5, 6), square(6, 5), square(20, 10), square(24, 10), square(21, 14), square(22, 12)]
    path = write_shapes(tmp_path / "a.gpkg", shapes, kind=["a", "b", "b", "a", "b", "b", "a"])
    expected = "3 of its polygons overlap earlier ones of another class; the later counts"
    with pytest.warns(OverlappingLabelsWarning, match=expected):
        labels = read(path, GRID)
    np.testing.assert_array_equal(labels.rasterise(GRID), by_centres(shapes, [0, 1, 1, 0, 1, 1, 0], GRID))
    path = write_shapes(
        tmp_path / "b.gpkg", [*shapes[3:6], square(5, 20), square(6, 21)], kind=["a", "b", "b", "a", "a"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", SeamlineWarning)
        read(path, GRID)


def test_a_layer_is_named_where_there_are_several(tmp_path):
    path = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10)], layer="fields", kind=["a", "b"])
    write_shapes(path, [square(3, 4), square(20, 10)], layer="woods", append=True, kind=["c", "d"])
    assert "it holds the layers fields, woods; name one of them with --layer" in sentence(path, GRID)
    assert "it holds the layers fields, woods, but no trees" in sentence(path, GRID, layer="trees")
    assert read(path, GRID, layer="woods").names == ("c", "d")


def test_an_empty_name_of_the_rest_is_refused():
    with pytest.raises(RequestError, match="--rest: the name is empty"):
        LabelRequest("a.gpkg", rest=" ")


def test_a_layer_or_column_of_a_raster_is_not_used(tmp_path):
    from seamline.tests.engine.inputs.label_files import write_raster

    path = write_raster(tmp_path / "a.tif", np.arange(2400, dtype=np.uint8).reshape(40, 60) % 3)
    with pytest.warns(UnusedOptionWarning, match="--class-field kind is not used"):
        read(path, GRID)


# What may be opened.


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("https://example.org/a.gpkg", "it is not a local file; download it first"),
        ("/vsicurl/https://example.org/a.gpkg", "it is not a local file"),
        ("/vsizip/a.zip/a.shp", "it is not a local file"),
        ("nowhere.gpkg", "the file does not exist"),
    ],
)
def test_places_elsewhere_are_refused(name, said):
    assert said in sentence(name, GRID)


@pytest.mark.parametrize(
    "content",
    [
        b"<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/b.gpkg</SrcDataSource></OGRVRTLayer>",
        b"<OGRWFSDataSource><URL>http://127.0.0.1/</URL></OGRWFSDataSource>",
        b"kind,x,y\na,1,2\n",
        b"SQLite format 3\0" + bytes(200),
        b"",
    ],
)
@pytest.mark.parametrize("suffix", ["gpkg", "vrt", "csv"])
def test_other_formats_are_refused(tmp_path, content, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert "it is neither a vector file nor a raster of an allowed format; give a GeoPackage" in sentence(path, GRID)


@pytest.mark.parametrize(
    "text", ["{", '{"type": "FeatureCollection"', '{"a": 1}', '{"type": "Topology", "objects": {}}']
)
def test_damaged_or_other_json_is_refused_in_a_sentence(tmp_path, text):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    said = sentence(path, GRID)
    assert str(path) in said
    assert len(said) < 400
    assert "\n" not in said


def test_what_another_driver_makes_of_json_is_refused(tmp_path):
    ring = [[500_030, 4_999_900], [500_090, 4_999_900], [500_090, 4_999_950], [500_030, 4_999_900]]
    features = [{"attributes": {"kind": kind}, "geometry": {"rings": [ring]}} for kind in ("a", "b")]
    fields = [{"name": "kind", "type": "esriFieldTypeString"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"geometryType": "esriGeometryPolygon", "fields": fields, "features": features}))
    assert pyogrio.read_info(path)["driver"] == "ESRIJSON"
    assert "a.json: it is no vector file of an allowed format; give a GeoPackage, GeoJSON" in sentence(path)


@pytest.mark.parametrize("keep", [200, 3000])
@pytest.mark.parametrize("driver", DRIVERS)
def test_files_that_were_cut_are_refused_in_a_sentence(tmp_path, driver, keep):
    shapes, kinds = blobs(40)
    path = tmp_path / f"a.{DRIVERS[driver]}"
    write_shapes(path, moved(shapes, UTM, "EPSG:4326"), "EPSG:4326", driver=driver, kind=kinds)
    path.write_bytes(path.read_bytes()[:keep])
    said, count = "", 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            count = sum(read(path).counts)
        except RequestError as error:
            said = str(error)
    # Some formats are read up to the cut.
    assert 0 < count < 40 or str(path) in said


def test_nothing_is_fetched_for_the_crs_of_a_file(tmp_path):
    with Listener(tmp_path) as server:
        link = {"type": "link", "properties": {"href": f"http://{server.address}/crs", "type": "proj4"}}
        square_of = {"type": "Polygon", "coordinates": [[[15, 45], [15.1, 45], [15.1, 45.1], [15, 45]]]}
        features = [{"type": "Feature", "properties": {"kind": kind}, "geometry": square_of} for kind in ("a", "b")]
        path = tmp_path / "a.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "crs": link, "features": features}))
        pyogrio.set_gdal_config_options({"GDAL_HTTP_PROXY": "of the user"})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with contextlib.suppress(RequestError):
                    read(path, GRID)
            assert server.heard == []
            assert pyogrio.get_gdal_config_option("GDAL_HTTP_PROXY") == "of the user"
        finally:
            pyogrio.set_gdal_config_options({"GDAL_HTTP_PROXY": None})


@pytest.mark.parametrize("city", ["buildings", "buildings_banepa"])
def test_buildings_of_real_cities_lie_on_their_tiles(data, city):
    from seamline.engine.inputs.describe import describe

    grids = [describe("image", str(path)).grid for path in sorted((data / city / "tiles").glob("*.tif"))[::9]]
    labels = read(data / city / "labels.geojson", *grids, field=None, rest="background")
    assert labels.names[0] == "background"
    assert labels.counts[1] > 50
    shares = [labels.rasterise(grid).mean() for grid in grids]
    assert 0.05 < np.mean(shares) < 0.6
