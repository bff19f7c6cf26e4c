"""Landsat scenes of Collection 2: bands, factors and fill, whichever of its metadata files is read."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.products.find import find_product
from seamline.tests.engine.deliveries import SIDE, read, write_landsat

REFLECTIVE = [f"B{n}" for n in range(1, 8)]


@pytest.mark.parametrize("kind", ["txt", "xml", "json"])
@pytest.mark.parametrize(("craft", "sensor"), [("LANDSAT_8", "Landsat-8"), ("LANDSAT_9", "Landsat-9")])
def test_bands_of_level_1_have_the_reflectance_of_their_own(tmp_path, kind, craft, sensor):
    made = write_landsat(tmp_path, craft=craft, kinds=(kind,))
    product = find_product(str(made.folder))
    assert (product.kind, product.sensor) == ("Landsat", sensor)
    scene = describe("ms", str(made.folder))
    assert [band.name for band in scene.bands] == REFLECTIVE
    for n, band in enumerate(scene.bands, 1):
        assert (band.scale, band.offset) == pytest.approx(((2 + n) * 1e-5, -0.1 - n * 1e-6), rel=1e-12)
        assert (band.nodata, band.unit) == (0, "")
    assert {b.name: b.colour for b in scene.bands if b.colour} == {"B2": "blue", "B3": "green", "B4": "red"}
    assert scene.delivery.sensor == sensor
    assert scene.delivery.states_scale


def test_level_2_has_its_own_factors_and_files_not_those_that_it_was_made_of(tmp_path):
    made = write_landsat(tmp_path, "L2SP", "LANDSAT_9", ("xml",))
    scene = describe("ms", str(made.folder))
    assert [band.name for band in scene.bands] == REFLECTIVE
    assert {(band.scale, band.offset, band.unit) for band in scene.bands} == {(2.75e-5, -0.2, "")}
    warm = describe("ms", str(made.folder), bands=("ST_B10",))
    assert [(b.name, b.scale, b.offset, b.unit) for b in warm.bands] == [("ST_B10", 0.00341802, 149.0, "K")]


def test_pan_is_what_pan_takes_and_further_bands_are_taken_by_name(tmp_path):
    made = write_landsat(tmp_path)
    pan = describe("pan", str(made.folder))
    assert [(band.name, band.scale) for band in pan.bands] == [("B8", pytest.approx(1e-4))]
    assert pan.grid.shape == (2 * SIDE - 1, 2 * SIDE - 1)
    scene = describe("ms", str(made.folder), bands=("b10", "B9", 4))
    assert [band.name for band in scene.bands] == ["B10", "B9", "B4"]
    # Counts of temperature, for which the metadata state radiance alone.
    assert (scene.bands[0].scale, scene.bands[0].offset) == (1, 0)
    assert not scene.delivery.states_scale


def test_fill_is_masked_by_its_dn_and_by_the_quality_band_and_clouds_are_not(tmp_path):
    made = write_landsat(tmp_path)
    values, valid = read(made.folder, bands=("B2", "B5"))
    expected = np.ones((SIDE, SIDE), bool)
    expected[0], expected[:, 0] = False, False
    assert (valid == expected).all()
    np.testing.assert_array_equal(values[0][expected], made.bands["B2"][expected])


def test_fill_by_the_quality_band_never_matters(tmp_path):
    made = write_landsat(tmp_path)
    values, _ = read(made.folder, bands=("B2",))
    with rasterio.open(next(made.folder.glob("*_B2.TIF")), "r+") as file:
        dn = file.read(1)
        dn[:, 0] = 60000
        file.write(dn, 1)
    again, _ = read(made.folder, bands=("B2",))
    np.testing.assert_array_equal(again, values)


def test_without_the_quality_band_dn_0_is_fill(tmp_path):
    made = write_landsat(tmp_path)
    next(made.folder.glob("*QA_PIXEL.TIF")).unlink()
    _, valid = read(made.folder, bands=("B2",))
    assert valid[:, 1:].all()
    assert not valid[:, 0].any()


def test_folder_metadata_and_archive_are_one_product(tmp_path):
    made = write_landsat(tmp_path, kinds=("txt", "xml"))
    sources = [made.folder, made.metadata, made.metadata.with_suffix(".txt"), made.zipped()]
    scenes = [describe("ms", str(source)) for source in sources]
    told = [[(b.name, b.scale, b.offset, b.nodata) for b in scene.bands] for scene in scenes]
    assert told == told[:1] * 4
    first = read(sources[0])
    for source in sources[1:]:
        for ours, theirs in zip(read(source), first, strict=True):
            np.testing.assert_array_equal(ours, theirs)


ALTERED = {
    "collection 1": (("<COLLECTION_NUMBER>02", "<COLLECTION_NUMBER>01"), "it is of Landsat Collection 01, level L1TP"),
    "another level": (("<PROCESSING_LEVEL>L1TP", "<PROCESSING_LEVEL>L3"), "it is of Landsat Collection 02, level L3"),
    "no addend": (("REFLECTANCE_ADD_BAND_3", "REFLECTANCE_PLUS_3"), "have no REFLECTANCE_ADD_BAND_3"),
    "no factor": (("5.0000E-05", "-5.0000E-05"), "have '-5.0000E-05' as REFLECTANCE_MULT_BAND_3"),
    "no number": (("5.0000E-05", "nan"), "have 'nan' as REFLECTANCE_MULT_BAND_3"),
    "upward": (("<FILE_NAME_BAND_2>", "<FILE_NAME_BAND_2>../"), r"an image outside the product, '\.\./LC08"),
    "absolute": (("<FILE_NAME_BAND_2>", "<FILE_NAME_BAND_2>/"), "an image outside the product, '/LC08"),
    "in a file system of GDAL": (
        ("<FILE_NAME_BAND_2>", "<FILE_NAME_BAND_2>/vsicurl/http://x/"),
        "an image outside the product",
    ),
    "mask upward": (("<FILE_NAME_QUALITY_L1_PIXEL>", "<FILE_NAME_QUALITY_L1_PIXEL>../"), "outside the product"),
    "no bands": (("FILE_NAME_BAND_", "FILE_NAME_OF_"), "have no image of a band"),
    "no contents": (("PRODUCT_CONTENTS", "CONTENTS"), "have no PRODUCT_CONTENTS"),
    "document type": (("<LANDSAT_M", "<!DOCTYPE n [<!ENTITY a 'b'>]><LANDSAT_M"), "declare a document type"),
    "cut": (("</LANDSAT_METADATA_FILE>", ""), "are not XML"),
}


@pytest.mark.parametrize(("replacement", "sentence"), ALTERED.values(), ids=ALTERED)
def test_metadata_that_do_not_tell_are_refused(tmp_path, replacement, sentence):
    made = write_landsat(tmp_path)
    made.change(*replacement)
    with pytest.raises(RequestError, match=sentence):
        find_product(str(made.folder))


@pytest.mark.parametrize("kind", ["txt", "json"])
def test_metadata_that_are_cut_are_refused(tmp_path, kind):
    made = write_landsat(tmp_path, kinds=(kind,))
    text = made.metadata.read_text()
    made.metadata.write_text(text[: text.index("REFLECTANCE_ADD_BAND_7")])
    with pytest.raises(RequestError, match="MTL.json is not JSON" if kind == "json" else "its metadata end too early"):
        describe("ms", str(made.folder), bands=("B7",))


def test_json_of_any_depth_is_read(tmp_path):
    made = write_landsat(tmp_path, kinds=("json",))
    made.metadata.write_text('{"a":' * 2000 + "1" + "}" * 2000)
    with pytest.raises(RequestError, match=r"MTL\.json is not JSON|have no PRODUCT_CONTENTS"):
        find_product(str(made.folder))


def test_an_image_that_lacks_is_named_and_need_not_be_there_where_it_is_not_wanted(tmp_path):
    made = write_landsat(tmp_path)
    next(made.folder.glob("*_B3.TIF")).unlink()
    assert [band.name for band in describe("ms", str(made.folder), bands=("B2", "B4")).bands] == ["B2", "B4"]
    with pytest.raises(RequestError, match=r"the product lacks the image of B3, LC08.*_B3\.TIF; .*--bands"):
        describe("ms", str(made.folder))


def test_two_scenes_in_a_folder_are_refused(tmp_path):
    made = write_landsat(tmp_path)
    (made.folder / "LC08_L1TP_190029_20230601_20230607_02_T1_MTL.xml").write_text(made.metadata.read_text())
    with pytest.raises(RequestError, match="it holds more than one Landsat product"):
        find_product(str(made.folder))
    assert find_product(str(made.metadata)) is not None
