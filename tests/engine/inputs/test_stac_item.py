"""Assets of STAC items are bands, with the scale, offset, nodata value and names that the item states."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.facts import facts_of
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import run
from seamline.engine.testing import assert_same_pixels
from seamline.models.classical.interpolate import Identity

OLD = {"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0, "unit": "1"}]}
NEW = {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0, "unit": "1"}


@pytest.fixture
def item(write_raster, tmp_path):
    """A function that writes an item of red (10) and nir (20), with assets changed, and returns its path."""
    for value, name in ((10, "red"), (20, "nir")):
        write_raster(f"{name}.tif", np.full((1, 24, 32), value, np.uint16))

    def write(*, properties=None, version="1.0.0", **changed):
        assets = {
            "red": {"href": "./red.tif", "eo:bands": [{"name": "B04", "common_name": "red"}], **OLD},
            "nir": {"href": "nir.tif", "bands": [{"name": "B08", "eo:common_name": "nir"}], **NEW},
        }
        properties = {"datetime": "2023-06-01T10:05:59Z", "eo:cloud_cover": 12.5, "proj:code": "EPSG:3857"} | (
            properties or {}
        )
        whole = {"type": "Feature", "stac_version": version, "id": "x", "properties": properties}
        path = tmp_path / "item.json"
        path.write_text(json.dumps(whole | {"assets": assets | changed}))
        return path

    return write


def test_assets_are_bands_in_the_order_of_the_source(item):
    scene = describe("image", f"{item()}#nir,red")
    assert [band.name for band in scene.bands] == ["nir", "red"]
    assert [band.colour for band in scene.bands] == ["gray", "red"]
    assert {(band.scale, band.offset, band.nodata, band.unit) for band in scene.bands} == {(0.0001, -0.1, 0.0, "1")}
    assert scene.mask == "nodata"
    # Where the pixels lie is for the files to say.
    assert scene.grid.crs == "EPSG:32633"


def test_the_item_says_when_and_through_which_clouds(item):
    facts = facts_of(describe("image", f"{item()}#red"))
    assert (facts.date, facts.cloud) == ((2023, 6, 1), 0.125)


def test_bands_are_chosen_by_the_names_of_the_item(item):
    assert [band.name for band in describe("image", f"{item()}#red,nir", bands=("nir",)).bands] == ["nir"]


def test_what_the_item_does_not_say_is_taken_from_the_file(item, write_raster):
    write_raster("plain.tif", np.ones((2, 24, 32), np.uint8), nodata=7, names=("one", "two"))
    scene = describe("image", f"{item(plain={'href': 'plain.tif'})}#plain")
    assert [(band.name, band.nodata, band.scale) for band in scene.bands] == [("one", 7.0, 1.0), ("two", 7.0, 1.0)]


def test_two_bands_of_one_asset_keep_their_own_names_where_they_share_the_common_one(item, write_raster):
    write_raster("two.tif", np.ones((2, 24, 32), np.uint8))
    said = [{"name": name, "common_name": "rededge"} for name in ("B05", "B06")]
    scene = describe("image", f"{item(two={'href': 'two.tif', 'eo:bands': said})}#two")
    assert [band.name for band in scene.bands] == ["B05", "B06"]


def test_a_run_of_an_item_gives_the_pixels_of_its_files(item, tmp_path):
    path, out = item(), tmp_path / "o.tif"
    run(Request(inputs={"image": f"{path}#red"}, out=str(out), tile=64, overlap=0), Identity())
    assert_same_pixels(out, tmp_path / "red.tif")


def test_items_and_their_assets_are_read_from_servers(server, item, tmp_path):
    absolute = {"href": server.put("/files/red.tif", (item().parent / "red.tif").read_bytes())}
    path = item(red=absolute)
    with pytest.raises(RequestError, match="pass --allow-host"):
        describe("image", f"{path}#red")
    assert describe("image", f"{path}#red", policy=server.policy).bands[0].path == absolute["href"]
    there = server.put("/items/item.json", path.read_bytes())
    server.put("/items/nir.tif", (tmp_path / "nir.tif").read_bytes())
    scene = describe("image", f"{there}#red,nir", policy=server.policy)
    assert [band.path for band in scene.bands] == [absolute["href"], server.url("/items/nir.tif")]


@pytest.mark.parametrize(
    "href", ["../red.tif", "/etc/red.tif", "a/../../red.tif", "C:\\red.tif", "/vsicurl/http://h/a.tif"]
)
@pytest.mark.parametrize("remote", [False, True])
def test_a_file_outside_the_item_s_folder_is_refused(server, item, href, remote):
    path = item(red={"href": href})
    place = server.put("/item.json", path.read_bytes()) if remote else path
    with pytest.raises(RequestError, match="its asset red lies outside its folder"):
        describe("image", f"{place}#red", policy=server.policy)


def test_a_trusted_item_may_name_files_elsewhere(item, tmp_path):
    path = item(red={"href": str(tmp_path / "red.tif")})
    assert len(describe("image", f"{path}#red", policy=OpenPolicy(vrt=True)).bands) == 1


@pytest.mark.parametrize("href", ["file:///etc/passwd", "ftp://h/a.tif"])
def test_other_addresses_are_refused(item, href):
    with pytest.raises(RequestError, match="no address that is read"):
        describe("image", f"{item(red={'href': href})}#red", policy=OpenPolicy(vrt=True))


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("", r"no asset of the item is named; give .*item\.json#NAME with names of red, nir"),
        ("#blue", r"has no asset blue; give .*#NAME with names of red, nir"),
        ("#red,blue", "has no asset blue"),
    ],
)
def test_assets_must_be_named(item, end, sentence):
    with pytest.raises(RequestError, match=sentence):
        describe("image", f"{item()}{end}")


@pytest.mark.parametrize(
    "asset",
    [
        {"href": "red.tif", "raster:bands": [{}, {}]},
        {"href": "red.tif", "raster:bands": [{"scale": 0}]},
        {"href": "red.tif", "raster:bands": [{"scale": "much"}]},
        {"href": "red.tif", "raster:bands": [{"offset": "nan"}]},
        {"href": 5},
        {},
    ],
)
def test_what_an_item_cannot_mean_is_refused(item, asset):
    with pytest.raises(RequestError):
        describe("image", f"{item(red=asset)}#red")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"type": "Feature"}', b'{"type": "FeatureCollection"}', b"[" * 10**5]
)
def test_what_is_no_item_is_refused(tmp_path, content):
    path = tmp_path / "item.json"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"no STAC item|not JSON"):
        describe("image", f"{path}#red")
