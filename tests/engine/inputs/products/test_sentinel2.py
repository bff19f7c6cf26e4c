"""Sentinel-2 products: what their metadata say, and what they may not say."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.archives import archived, split_archived
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.files import open_raster
from seamline.engine.inputs.products import files
from seamline.engine.inputs.products.find import find_product
from seamline.engine.inputs.products.sentinel2 import BANDS
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.safe import NATIVE, SIDE, write_image, write_product

L2A = [name for name in BANDS if name != "B10"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A product of level 2A; tests read it only."""
    return write_product(tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize(("level", "names"), [("1C", list(BANDS)), ("2A", L2A)])
def test_bands_come_in_the_order_of_wavelength_from_their_finest_images(tmp_path, level, names):
    made = write_product(tmp_path, level)
    product = find_product(str(made.safe))
    assert [band.name for band in product.bands] == names
    scene = describe("image", str(made.safe))
    assert scene.grid.shape == (SIDE, SIDE)
    assert [(band.name, band.nodata) for band in scene.bands] == [(name, 0) for name in names]
    pixels = {band.name: part.grid.affine.a for part in scene.parts for band in part.bands}
    assert pixels == {name: NATIVE.get(name, 20) for name in names}
    assert {band.name: band.colour for band in scene.bands if band.colour} == {
        "B02": "blue",
        "B03": "green",
        "B04": "red",
    }


@pytest.mark.parametrize("level", ["1C", "2A"])
@pytest.mark.parametrize(("baseline", "added"), [("02.14", 0), ("04.00", 1000), ("05.11", 1000)])
def test_offsets_are_those_of_each_band(tmp_path, level, baseline, added):
    made = write_product(tmp_path, level, baseline)
    for band in find_product(str(made.safe)).bands:
        wanted = -(added + BANDS.index(band.name)) / 10000 if added else 0.0
        assert (band.scale, band.offset) == (1 / 10000, wanted)


def test_folder_archive_and_metadata_are_one_product(made):
    sources = [made.safe, made.metadata, made.zipped(), made.zipped("product.SAFE.zip")]
    products = [find_product(str(source)) for source in sources]
    assert all(product.bands == products[0].bands for product in products)
    scenes = [describe("image", str(source), bands=("B02", "B8A")) for source in sources]
    window = Window(0, 0, SIDE, SIDE)
    for scene in scenes:
        reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
        b02, b8a = reader.strip(window)
        np.testing.assert_array_equal(b02.raw[0], made.bands["B02"])
        np.testing.assert_array_equal(b8a.raw[0], made.bands["B8A"])
        reader.close()
    assert scenes[0].fingerprint == scenes[1].fingerprint
    assert scenes[2].fingerprint == scenes[3].fingerprint


@pytest.mark.parametrize("packed", [False, True])
def test_threads_with_readers_of_their_own_read_the_same(made, packed):
    scene = describe("image", str(made.zipped() if packed else made.safe))
    windows = [Window(row, column, 24, 17) for row in range(0, 36, 3) for column in range(0, 40, 8)]

    def read(share):
        reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
        values = [reader.patch(reader.strip(window), window).values.tobytes() for window in share]
        reader.close()
        return values

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(read, [windows] * 4))
    assert all(values == read(windows) for values in together)


def test_the_fingerprint_of_an_archive_is_that_of_its_images(made, tmp_path):
    other = write_product(tmp_path)
    before = describe("image", str(other.zipped()), bands=("B02",)).fingerprint
    assert before == describe("image", str(made.zipped()), bands=("B02",)).fingerprint
    image = next(other.safe.rglob("*B02_10m.jp2"))
    image.write_bytes(image.read_bytes() + b"\0")
    assert describe("image", str(other.zipped()), bands=("B02",)).fingerprint != before


def test_an_archive_without_a_folder_will_do(made, tmp_path):
    path = tmp_path / "flat.zip"
    with zipfile.ZipFile(path, "w") as file:
        for member in made.safe.rglob("*"):
            file.write(member, member.relative_to(made.safe))
    assert [band.name for band in describe("image", str(path)).bands] == L2A


def test_bands_by_number_and_by_name(made):
    scene = describe("image", str(made.safe), bands=(2, "b8a", "B12"))
    assert [band.name for band in scene.bands] == ["B02", "B8A", "B12"]
    for wrong in (13, "B10"):
        with pytest.raises(
            RequestError, match=f"it has no band {wrong}; choose bands from 1 to 12 or B01, B02, .* B12"
        ):
            describe("image", str(made.safe), bands=(wrong,))


def test_images_that_are_not_wanted_need_not_be_there(tmp_path):
    made = write_product(tmp_path)
    next(made.safe.rglob("*B11_20m.jp2")).unlink()
    for source in (made.safe, made.zipped()):
        assert len(describe("image", str(source), bands=("B02", "B12")).bands) == 2
        with pytest.raises(RequestError, match=r"lacks the image of B11, GRANULE/.*R20m/.*B11_20m\.jp2; .*--bands"):
            describe("image", str(source))


ALTERED = {
    "several granules": (("<Granule_List>", "<Granule_List><Granule></Granule>"), "the product has 2 granules"),
    "other images": (('imageFormat="JPEG2000"', 'imageFormat="TIFF"'), "its images are TIFF"),
    "no offset of a band": (('band_id="8"', 'band_id="99"'), "no BOA_ADD_OFFSET of B8A"),
    "no offsets": (("BOA_ADD_OFFSET", "BOA_ADDED"), "no BOA_ADD_OFFSET, which baseline 05.09 has"),
    "no quantification": (("BOA_QUANTIFICATION_VALUE", "L2A_QUANTIFICATION"), "have no BOA_QUANTIFICATION_VALUE"),
    "quantified by nothing": ((">10000<", ">0<"), "a quantification value of 0"),
    "quantified by no number": ((">10000<", ">nan<"), "'nan' as BOA_QUANTIFICATION_VALUE"),
    "baseline": ((">05.09<", ">new<"), "'new' as PROCESSING_BASELINE"),
    "upward": (("GRANULE/L2A_T33UUP", "../GRANULE/L2A_T33UUP"), r"an image outside the product, '\.\./GRANULE"),
    "absolute": (("GRANULE/L2A_T33UUP", "/GRANULE/L2A_T33UUP"), "an image outside the product, '/GRANULE"),
    "no bands": (("031_B", "031_C"), "no image of a band"),
    "document type": (("<n1:Level", "<!DOCTYPE n [<!ENTITY a 'b'>]><n1:Level"), "declare a document type"),
    "cut": (("</n1:General_Info>", ""), "are not XML"),
}


@pytest.mark.parametrize(("replacement", "sentence"), ALTERED.values(), ids=ALTERED)
def test_metadata_that_do_not_tell_are_refused(tmp_path, replacement, sentence):
    made, (old, new) = write_product(tmp_path), replacement
    text = made.metadata.read_text()
    assert old in text
    made.metadata.write_text(text.replace(old, new))
    with pytest.raises(RequestError, match=sentence):
        find_product(str(made.safe))


def test_metadata_of_any_size_are_not_read(tmp_path, monkeypatch):
    made = write_product(tmp_path)
    monkeypatch.setattr(files, "_LARGEST_METADATA", 1000)
    for source in (made.safe, made.zipped()):
        with pytest.raises(RequestError, match=r"MTD_MSIL2A\.xml is larger than"):
            find_product(str(source))


def test_what_is_no_product_says_so(tmp_path, made):
    (tmp_path / "empty.SAFE").mkdir()
    (tmp_path / "text.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("notes/readme.txt", "nothing")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as file:
        for name in ("a", "b"):
            file.write(made.metadata, f"{name}.SAFE/MTD_MSIL2A.xml")
    sentences = {
        "empty.SAFE": "it holds no Sentinel-2 product",
        "text.zip": "it is not a zip archive",
        "other.zip": "it holds no Sentinel-2, Landsat or PlanetScope product",
        "two.zip": "it holds more than one Sentinel-2, Landsat or PlanetScope product",
    }
    for name, sentence in sentences.items():
        with pytest.raises(RequestError, match=sentence):
            find_product(str(tmp_path / name))
    assert find_product(str(tmp_path)) is None
    assert find_product(str(tmp_path / "nowhere.zip")) is None


def test_images_with_more_than_one_band_are_refused(tmp_path):
    made = write_product(tmp_path)
    image = next(made.safe.rglob("*B02_10m.jp2"))
    image.unlink()
    write_image(image, np.ones((3, SIDE, SIDE), np.uint16), 10)
    with pytest.raises(RequestError, match=r"B02_10m\.jp2: it holds 3 bands, not one"):
        describe("image", str(made.safe))


def test_archives_are_opened_where_they_lie_on_this_machine(made):
    member = next(made.safe.rglob("*B02_10m.jp2")).relative_to(made.safe.parent)
    with open_raster(archived(made.zipped(), str(member)), OpenPolicy()) as data:
        assert data.driver == "JP2OpenJPEG"
    for path in ("/vsicurl/http://example.org/a.zip", "/vsizip//vsicurl/http://example.org/a.zip/b.jp2"):
        with pytest.raises(RequestError, match="it is not a local file"):
            open_raster(path, OpenPolicy())
    for archive in ("/vsicurl/example.org/a.zip", "/nowhere/a.zip"):
        with pytest.raises(RequestError, match="the file does not exist"):
            open_raster(f"/vsizip/{{{archive}}}/b.jp2", OpenPolicy())


def test_paths_into_archives_and_back(tmp_path):
    path = tmp_path / "odd.zip, but {}.zip"
    assert split_archived(str(path)) is None
    path = tmp_path / "a.zip" / "b.zip"
    assert split_archived(archived(path, "c.zip/d.jp2")) == (path, "c.zip/d.jp2")


def test_level_2a_before_baseline_02_07_calls_its_values_by_older_names(tmp_path):
    made = write_product(tmp_path, "2A", "02.05")
    text = made.metadata.read_text()
    text = text.replace("BOA_QUANTIFICATION", "L2A_BOA_QUANTIFICATION").replace("IMAGE_FILE>", "IMAGE_FILE_2A>")
    made.metadata.write_text(text)
    product = find_product(str(made.safe))
    assert [band.name for band in product.bands] == L2A
    assert {(band.scale, band.offset) for band in product.bands} == {(1 / 10000, 0)}
