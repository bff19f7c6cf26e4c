"""Maxar deliveries: tiles as one image, its bands and its satellite by the IMD file."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.products.find import find_product
from seamline.engine.optics.sensors import find_sensor
from seamline.tests.engine.deliveries import SIDE, read, write_maxar

DELIVERED = {
    "WV03": ("C B G Y R RE N N2", "Multi", "WV3"),
    "WV02": ("B G R N", "MS1", "WV2"),
    "GE01": ("B G R N", "BGRN", "GeoEye-1"),
    "QB02": ("B G R N", "Multi", "QB"),
}


@pytest.mark.parametrize(("craft", "told"), DELIVERED.items(), ids=DELIVERED)
def test_bands_have_the_names_by_which_the_sensor_knows_them(tmp_path, craft, told):
    letters, identity, sensor = told
    made = write_maxar(tmp_path, craft=craft, letters=letters, identity=identity)
    scene = describe("ms", str(made.folder))
    assert (scene.delivery.kind, scene.delivery.sensor) == ("Maxar", sensor)
    known = find_sensor(sensor)
    gains = {band.name: band.gain for band in known.bands}
    names = [band.name for band in scene.bands]
    assert known.gains(len(names), names) == tuple(gains[name] for name in names)
    assert [band.name for band in describe("pan", str(made.folder)).bands] == ["pan"]


def test_letters_tell_the_order_of_the_file(tmp_path):
    made = write_maxar(tmp_path, craft="GE01", letters="B G R", identity="RGB")
    assert [band.name for band in describe("ms", str(made.metadata)).bands] == ["red", "green", "blue"]


def test_tiles_are_one_image_of_counts(tmp_path):
    made = write_maxar(tmp_path)
    scene = describe("ms", str(made.folder))
    assert scene.grid.shape == (SIDE, SIDE)
    assert {(band.scale, band.offset, band.nodata) for band in scene.bands} == {(1, 0, None)}
    values, _ = read(made.folder)
    np.testing.assert_array_equal(values, np.stack(list(made.bands.values())))


def test_what_the_imd_says_is_part_of_the_fingerprint(tmp_path):
    made = write_maxar(tmp_path)
    before = describe("ms", str(made.folder)).fingerprint
    imd = made.metadata.with_suffix(".IMD")
    imd.write_text(imd.read_text().replace("1.78e-02", "1.79e-02"))
    assert describe("ms", str(made.folder)).fingerprint != before


def test_metadata_that_do_not_fit_are_refused(tmp_path):
    made = write_maxar(tmp_path)
    imd = made.metadata.with_suffix(".IMD")
    text = imd.read_text()
    imd.write_text(text.replace("GROUP = BAND_C", "GROUP = BAND_B"))
    with pytest.raises(RequestError, match="have two bands of one name"):
        find_product(str(made.folder))
    imd.write_text(text[: text.index("BEGIN_GROUP = BAND_N2")])
    with pytest.raises(RequestError, match="its metadata end too early"):
        find_product(str(made.folder))
    imd.write_text(text.replace("GROUP = BAND_N2", "GROUP = OTHER"))
    with pytest.raises(RequestError, match="it holds 8 bands, not 7"):
        describe("ms", str(made.folder))
    imd.unlink()
    with pytest.raises(RequestError, match=r"TIL: it cannot be opened"):
        describe("ms", str(made.metadata))
