"""PlanetScope scenes: bands, reflectance and the usable data mask."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.products.find import find_product
from seamline.tests.engine.deliveries import SIDE, read, write, write_planetscope


@pytest.mark.parametrize("clip", ["", "_clip"])
@pytest.mark.parametrize(("count", "sensor"), [(4, "PlanetScope"), (8, None)])
def test_bands_have_the_coefficients_of_their_own(tmp_path, count, sensor, clip):
    made = write_planetscope(tmp_path, count, clip=clip)
    for source in (made.folder, made.metadata):
        scene = describe("image", str(source))
        assert [band.name for band in scene.bands] == list(made.bands)
        scales = [(band.scale, band.offset) for band in scene.bands]
        assert scales == [(pytest.approx(i * 1e-5 + 0.5e-5), 0) for i in range(1, count + 1)]
        assert (scene.delivery.kind, scene.delivery.sensor) == ("PlanetScope", sensor)
        assert {band.name: band.colour for band in scene.bands if band.colour} == {
            "blue": "blue",
            "green": "green",
            "red": "red",
        }


def test_surface_reflectance_is_counted_in_ten_thousandths(tmp_path):
    made = write_planetscope(tmp_path, surface=True)
    assert {(b.scale, b.offset) for b in describe("image", str(made.folder)).bands} == {(1e-4, 0)}


def test_the_image_alone_is_a_plain_file(tmp_path):
    made = write_planetscope(tmp_path)
    image = next(made.folder.glob("*AnalyticMS.tif"))
    assert find_product(str(image)) is None
    assert {band.scale for band in describe("image", str(image)).bands} == {1}


def test_what_was_not_imaged_or_is_suspect_is_masked_and_clouds_are_not(tmp_path):
    made = write_planetscope(tmp_path)
    values, valid = read(made.folder)
    expected = np.ones((SIDE, SIDE), bool)
    expected[0], expected[:, 0], expected[7, 7] = False, False, False
    assert (valid == expected).all()
    with rasterio.open(next(made.folder.glob("*AnalyticMS.tif")), "r+") as file:
        dn = file.read()
        dn[:, 7, 7] = 65000
        file.write(dn)
    np.testing.assert_array_equal(read(made.folder)[0], values)


def test_without_its_mask_a_scene_is_masked_by_its_dn(tmp_path):
    made = write_planetscope(tmp_path)
    next(made.folder.glob("*udm2.tif")).unlink()
    _, valid = read(made.folder)
    assert valid[:, 1:].all()
    assert not valid[:, 0].any()


def test_a_mask_that_is_none_is_refused(tmp_path):
    made = write_planetscope(tmp_path)
    mask = next(made.folder.glob("*udm2.tif"))
    for values, pixel, sentence in (
        (np.zeros((2, SIDE, SIDE), np.uint8), 3, "it has no flags in band 8"),
        (np.zeros((8, SIDE, SIDE), np.float32), 3, "it has no flags in band 8"),
        (np.zeros((8, SIDE, SIDE), np.uint8), 6, "but lies on another grid"),
    ):
        write(mask, values, pixel)
        with pytest.raises(RequestError, match=sentence):
            describe("image", str(made.folder))


ALTERED = {
    "no coefficient": (("<ps:bandNumber>3<", "<ps:bandNumber>9<"), "have no reflectanceCoefficient of band 3"),
    "no coefficient in a band": (("3.5e-05", "none"), "have 'none' as reflectanceCoefficient"),
    "other bands": (("<ps:numBands>4", "<ps:numBands>5"), "have 5 bands, not 4 or 8"),
    "more bands than the image": (("<ps:numBands>4", "<ps:numBands>8"), "no reflectanceCoefficient of band 5"),
    "no count": (("numBands", "bands"), "have no numBands"),
    "document type": (("<ps:EarthObservation ", "<!DOCTYPE n><ps:EarthObservation "), "declare a document type"),
    "cut": (("</ps:EarthObservation>", ""), "are not XML"),
}


@pytest.mark.parametrize(("replacement", "sentence"), ALTERED.values(), ids=ALTERED)
def test_metadata_that_do_not_tell_are_refused(tmp_path, replacement, sentence):
    made = write_planetscope(tmp_path)
    made.change(*replacement)
    with pytest.raises(RequestError, match=sentence):
        find_product(str(made.folder))


def test_one_image_is_wanted(tmp_path):
    made = write_planetscope(tmp_path)
    write_planetscope(tmp_path, surface=True)
    with pytest.raises(RequestError, match=r"holds more than one image, .*AnalyticMS\.tif and .*AnalyticMS_SR\.tif"):
        find_product(str(made.folder))
    for image in made.folder.glob("*Analytic*.tif"):
        image.unlink()
    with pytest.raises(RequestError, match="the product lacks its image, AnalyticMS or AnalyticMS_SR"):
        find_product(str(made.metadata))


def test_an_archive_is_read_as_it_is(tmp_path):
    made = write_planetscope(tmp_path)
    for ours, theirs in zip(read(made.zipped()), read(made.folder), strict=True):
        np.testing.assert_array_equal(ours, theirs)
