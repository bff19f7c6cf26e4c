"""The STAC item of a run is valid, and says of the output what the output says of itself."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest
import rasterio
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio.transform import from_origin
from shapely.geometry import box, shape

from seamline import api
from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.models.classical.interpolate import Bicubic, Identity

TAKEN = {"ACQUISITIONDATETIME": "2023-06-01T10:05:59Z"}


@pytest.fixture
def scene(write_raster):
    """A function that writes a scene of two bands and returns its path."""

    def write(tags=TAKEN, **more):
        path = write_raster(
            "in.tif", np.full((2, 30, 40), 9, np.uint16), **({"nodata": 0, "names": ("Red", "B8A")} | more), tags=tags
        )
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = (0.0001,) * 2, (-0.1,) * 2
        return path

    return write


def item_of(path, tmp_path, model=None, **options):
    """The item of a run, once it is known to be valid."""
    out = tmp_path / "o.tif"
    run(
        Request(inputs={"image": str(path)}, out=str(out), stac=True, tile=64, overlap=6, **options),
        model or Identity(),
    )
    item = json.loads((tmp_path / "o.stac.json").read_text())
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")
    return item


def test_it_says_what_the_cog_says(scene, tmp_path):
    item = item_of(scene(), tmp_path, Bicubic(2), window=(4, 6, 20, 10))
    properties, asset = item["properties"], item["assets"]["image"]
    with rasterio.open(tmp_path / asset["href"]) as file:
        assert properties["proj:code"] == "EPSG:32633"
        assert properties["proj:shape"] == list(file.shape) == [20, 40]
        assert properties["proj:transform"] == list(file.transform)[:6]
        assert properties["proj:bbox"] == list(file.bounds)
        assert [band["name"] for band in asset["bands"]] == list(file.descriptions)
        assert {(band["raster:scale"], band["raster:offset"]) for band in asset["bands"]} == {(0.0001, -0.1)}
        assert (asset["data_type"], asset["nodata"]) == (file.dtypes[0], file.nodata)
        lineage = file.tags()["SEAMLINE_IDENTITY"]
    assert [band.get("eo:common_name") for band in asset["bands"]] == ["red", None]
    assert lineage in properties["processing:lineage"]
    assert "Seamline" in properties["processing:software"]
    west, south, east, north = item["bbox"]
    np.testing.assert_allclose(shape(item["geometry"]).bounds, item["bbox"])
    # Zone 33 has its central meridian at 15 degrees; the scene begins on it, near 45.15 degrees north.
    assert 15.0 <= west < east < 15.001
    assert 45.15 < south < north < 45.16


def test_the_extensions_that_are_used_are_named(scene, tmp_path):
    def names(item):
        return {url.split("/")[3] + " " + url.split("/")[4] for url in item["stac_extensions"]}

    every = {"projection v2.0.0", "eo v2.0.0", "raster v2.0.0", "processing v1.2.0"}
    assert names(item_of(scene(), tmp_path)) == every


def test_what_has_no_place_and_no_names_has_a_plain_item(write_raster, tmp_path):
    path = write_raster(
        "in.tif", np.ones((1, 30, 40), np.float32), crs=None, transform=rasterio.Affine.identity(), tags=TAKEN
    )
    item = item_of(path, tmp_path)
    assert item["geometry"] is None
    assert "bbox" not in item
    assert [url.split("/")[3] for url in item["stac_extensions"]] == ["processing"]
    assert item["assets"]["image"]["bands"] == [{"name": "band1"}]


def test_a_crs_without_a_code_is_given_as_wkt(scene, tmp_path):
    item = item_of(scene(crs="+proj=tmerc +lat_0=45 +lon_0=14.3 +x_0=500000 +y_0=5000000 +datum=WGS84"), tmp_path)
    assert item["properties"]["proj:code"] is None
    assert rasterio.CRS.from_wkt(item["properties"]["proj:wkt2"]).is_projected


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32601"])
def test_a_scene_on_the_antimeridian_is_cut_there(scene, tmp_path, crs):
    here = from_origin(179.8, -16.8, 0.01, 0.01) if crs == "EPSG:4326" else from_origin(330000, 7000000, 1000, 1000)
    item = item_of(scene(crs=crs, transform=here), tmp_path)
    west, _, east, _ = item["bbox"]
    assert 170 < west < 180
    assert -180 < east < -170
    outline = shape(item["geometry"])
    assert outline.geom_type == "MultiPolygon"
    assert box(-180, -90, 180, 90).covers(outline)
    assert outline.area < 1


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (TAKEN, {"datetime": "2023-06-01T10:05:59Z"}),
        ({"ACQUISITION_DATE": "2023-06-01"}, {"datetime": "2023-06-01T00:00:00Z"}),
        ({"ACQUISITIONDATETIME": "2023:06:01 12:05:59+02:00"}, {"datetime": "2023-06-01T10:05:59Z"}),
        ({"PRODUCT_START_TIME": "2023-06-01T10:05:59Z"}, {"datetime": "2023-06-01T10:05:59Z"}),
        (
            {"PRODUCT_START_TIME": "2023-06-01T10:05:59Z", "PRODUCT_STOP_TIME": "2023-06-02T00:00:00Z"},
            {"datetime": None, "start_datetime": "2023-06-01T10:05:59Z", "end_datetime": "2023-06-02T00:00:00Z"},
        ),
    ],
)
def test_the_times_are_those_of_the_input(scene, tmp_path, tags, expected):
    properties = item_of(scene(tags=tags), tmp_path)["properties"]
    assert {name: value for name, value in properties.items() if name.endswith("datetime")} == expected
    assert datetime.fromisoformat(properties["created"]).tzinfo is not None


@pytest.mark.parametrize("tags", [None, {"TIFFTAG_DATETIME": "2023:06:01 10:05:59"}, {"ACQUISITION_DATE": "soon"}])
def test_a_scene_that_is_not_dated_is_refused_before_it_runs(scene, tmp_path, tags):
    with pytest.raises(RequestError, match="nothing says when it was taken"):
        item_of(scene(tags=tags), tmp_path)
    assert not list(tmp_path.glob("o.*"))


def test_an_item_in_gives_its_time_and_clouds_to_the_item_out(scene, tmp_path):
    scene(tags=None)
    span = {"start_datetime": "2023-06-01T10:05:59Z", "end_datetime": "2023-06-02T00:00:00Z"}
    given = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "properties": {"datetime": None, **span, "eo:cloud_cover": 7.5},
        "assets": {"a": {"href": "in.tif"}},
    }
    (tmp_path / "item.json").write_text(json.dumps(given))
    properties = item_of(f"{tmp_path / 'item.json'}#a", tmp_path)["properties"]
    assert properties.items() >= (span | {"datetime": None, "eo:cloud_cover": 7.5}).items()


def test_an_item_out_is_an_item_in(scene, tmp_path):
    item_of(scene(), tmp_path)
    again = describe("image", f"{tmp_path / 'o.stac.json'}#image")
    plain = describe("image", str(tmp_path / "in.tif"))
    assert [(b.scale, b.offset, b.nodata) for b in again.bands] == [(b.scale, b.offset, b.nodata) for b in plain.bands]
    assert again.grid == plain.grid


def test_merged_shards_have_it_too(scene, tmp_path):
    out = tmp_path / "o.tif"
    asked = Request(inputs={"image": str(scene())}, out=str(out), stac=True, tile=64, overlap=6)
    run(asked, Identity(), shard=Shard(1, 1))
    (tmp_path / "o.stac.json").unlink()
    out.unlink()
    run(asked, Identity(), shard=Shard(1, 2))
    run(asked, Identity(), shard=Shard(2, 2))
    merge(out)
    assert (tmp_path / "o.stac.json").exists()


def test_an_item_that_is_there_is_not_replaced_unasked(scene, tmp_path):
    (tmp_path / "o.stac.json").write_text("mine")
    with pytest.raises(RequestError, match="the output exists"):
        item_of(scene(), tmp_path)
    assert (tmp_path / "o.stac.json").read_text() == "mine"
    assert item_of(scene(), tmp_path, overwrite=True)["id"] == "o"


def test_the_item_of_an_output_that_is_replaced_goes_with_it(scene, tmp_path):
    item_of(scene(), tmp_path)
    again = Request(inputs={"image": str(scene())}, out=str(tmp_path / "o.tif"), overwrite=True)
    run(again, Bicubic(2))
    assert not (tmp_path / "o.stac.json").exists()


def test_the_item_of_an_input_is_not_replaced_at_all(scene, tmp_path):
    scene()
    given = {"type": "Feature", "stac_version": "1.1.0", "properties": {}, "assets": {"a": {"href": "in.tif"}}}
    (tmp_path / "o.stac.json").write_text(json.dumps(given))
    with pytest.raises(RequestError, match="one of the inputs"):
        item_of(f"{tmp_path / 'o.stac.json'}#a", tmp_path, overwrite=True)


def test_in_python_it_needs_an_output_that_stays(scene):
    with pytest.raises(RequestError, match="there is no output that it could speak of"):
        api.superres(scene(), model="identity", stac=True)
