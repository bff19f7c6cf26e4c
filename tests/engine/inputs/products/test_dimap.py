"""DIMAP deliveries: tiles as one image, its bands by name, reflectance only where it is stated."""

from __future__ import annotations

import re

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.products.find import find_product
from seamline.tests.engine.deliveries import SIDE, ground, read, write, write_dimap


def test_a_bundle_is_ms_and_pan(tmp_path):
    made = write_dimap(tmp_path)
    ms, pan = (describe(name, str(made.folder)) for name in ("ms", "pan"))
    assert [band.name for band in ms.bands] == ["B2", "B1", "B0", "B3"]
    assert [band.colour for band in ms.bands] == ["red", "green", "blue", ""]
    assert [band.name for band in pan.bands] == ["P"]
    assert (ms.grid.shape, pan.grid.shape) == ((SIDE, SIDE), (2 * SIDE, 2 * SIDE))
    assert ms.delivery.sensor == "Pleiades"
    alone = describe("ms", str(made.metadata))
    assert alone.bands == ms.bands


def test_tiles_are_one_image_and_nodata_masks(tmp_path):
    made = write_dimap(tmp_path)
    values, valid = read(made.folder)
    assert valid[:, 1:].all()
    assert not valid[:, 0].any()
    for band, expected in zip(values, made.bands.values(), strict=True):
        np.testing.assert_array_equal(band[1:], expected[1:])


def test_counts_are_no_reflectance(tmp_path):
    made = write_dimap(tmp_path)
    scene = describe("ms", str(made.folder))
    assert {(band.scale, band.offset) for band in scene.bands} == {(1, 0)}
    assert not scene.delivery.states_scale


def test_reflectance_that_is_stated_is_kept(tmp_path):
    made = write_dimap(tmp_path, mission="SPOT", processing="REFLECTANCE")
    scene = describe("ms", str(made.folder))
    assert [(b.scale, b.offset) for b in scene.bands] == [(1 / (10000 + i), 0.5) for i in range(4)]
    assert (scene.delivery.sensor, scene.delivery.states_scale) == ("SPOT", True)


def test_bands_are_numbered_as_the_metadata_number_them(tmp_path):
    made = write_dimap(tmp_path)
    numbers = {"B0": 1, "B1": 2, "B2": 3, "B3": 4}
    listed = "".join(
        f"<Raster_Index><BAND_ID>{band}</BAND_ID><BAND_INDEX>{i}</BAND_INDEX></Raster_Index>"
        for band, i in reversed(numbers.items())
    )
    made.change("<Band_Display_Order>", f"<Raster_Index_List>{listed}</Raster_Index_List><Band_Display_Order>")
    scene = describe("ms", str(made.folder))
    assert {band.name: band.index for band in scene.bands} == numbers


ALTERED = {
    "count": (("<NBANDS>4", "<NBANDS>3"), "have 3 NBANDS, and names of 4"),
    "nodata": (("<SPECIAL_VALUE_COUNT>0<", "<SPECIAL_VALUE_COUNT>zero<"), "have 'zero' as SPECIAL_VALUE_COUNT"),
    "gain": (("<GAIN>10000<", "<GAIN>0<"), "have '0' as GAIN"),
    "document type": (("<Dimap_Document>", "<!DOCTYPE n><Dimap_Document>"), "declare a document type"),
    "cut": (("</Dimap_Document>", ""), "are not XML"),
}


@pytest.mark.parametrize(("replacement", "sentence"), ALTERED.values(), ids=ALTERED)
def test_metadata_that_do_not_tell_are_refused(tmp_path, replacement, sentence):
    made = write_dimap(tmp_path, processing="REFLECTANCE")
    made.change(*replacement)
    with pytest.raises(RequestError, match=sentence):
        find_product(str(made.folder))


def test_tiles_that_lack_or_lie_elsewhere_are_refused(tmp_path):
    made = write_dimap(tmp_path)
    made.change('href="IMG', 'href="../../IMG')
    with pytest.raises(RequestError, match="which lies outside its folder"):
        describe("ms", str(made.folder))
    made.change('href="../../IMG', 'href="IMG')
    next(made.metadata.parent.glob("*R1C2.TIF")).unlink()
    with pytest.raises(RequestError, match="which is no local file"):
        describe("ms", str(made.folder))


def in_blocks(made, tiles=1):
    """The delivery with its bands in two files, or in two mosaics."""
    text, blocks = made.metadata.read_text(), ""
    for stem, names in (("RGB", ("R", "G", "B")), ("NED", ("NIR", "RE", "DB"))):
        values = np.stack([ground(SIDE, 1 + len(name) / 10) for name in names])
        write(made.metadata.parent / f"{stem}_R1C1.TIF", values, 2)
        files = f'<Data_File><DATA_FILE_PATH href="{stem}_R1C1.TIF"/></Data_File>' * tiles
        listed = "".join(
            f"<Raster_Index><BAND_ID>{name}</BAND_ID><BAND_INDEX>{i}</BAND_INDEX></Raster_Index>"
            for i, name in enumerate(names, 1)
        )
        blocks += f"<Data_Files>{files}<Raster_Index_List>{listed}</Raster_Index_List></Data_Files>"
    text = re.sub("<Data_Files>.*</Data_Files>", blocks, text).replace("<NBANDS>4", "<NBANDS>6")
    made.metadata.write_text(text)


def test_bands_in_two_files_are_one_image(tmp_path):
    made = write_dimap(tmp_path, pan=False, mission="PNEO")
    whole = made.metadata.read_text()
    in_blocks(made)
    scene = describe("ms", str(made.folder))
    assert [(band.name, band.index) for band in scene.bands] == [
        ("R", 1), ("G", 2), ("B", 3), ("NIR", 1), ("RE", 2), ("DB", 3),
    ]  # fmt: skip
    values, _ = read(made.folder, bands=("NIR",))
    np.testing.assert_array_equal(values[0], ground(SIDE, 1.3))
    made.metadata.write_text(whole)
    in_blocks(made, tiles=2)
    with pytest.raises(RequestError, match="its bands lie in several mosaics"):
        find_product(str(made.folder))


def test_several_images_are_refused(tmp_path):
    made = write_dimap(tmp_path)
    more = made.folder / "IMG_PHR1A_MS_003"
    made.metadata.parent.rename(more)
    write_dimap(tmp_path)
    with pytest.raises(RequestError, match="it holds more than one DIMAP product"):
        find_product(str(made.folder))
