"""Palettes and maps of classes are no measurements: what would mix their numbers refuses them, and says what helps."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import pixels
from seamline.models.classical.interpolate import Bicubic, Identity
from seamline.tests.engine.inputs.hostile import write


def with_palette(path):
    write(path, dtype="uint8")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {i: (i, 0, 255 - i, 255) for i in range(256)})


def of_classes(path):
    write(path, dtype="uint8")
    with rasterio.open(path, "r+") as file:
        file.update_tags(SEAMLINE_CLASSES='["water", "wood"]')


def thematic(path):
    write(path, dtype="uint8")
    with rasterio.open(path, "r+") as file:
        file.update_tags(1, LAYER_TYPE="thematic")


@pytest.mark.parametrize("kind", [with_palette, of_classes, thematic])
def test_numbers_of_colours_and_classes_are_refused_where_pixels_are_mixed(tmp_path, kind):
    path = tmp_path / "a.tif"
    kind(path)
    with pytest.raises(RequestError, match="numbers of colours or classes") as refused:
        run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), threads=1), Bicubic(2))
    assert "-expand rgb" in refused.value.fix
    assert "gdalwarp -r near" in refused.value.fix
    with pytest.raises(RequestError, match="numbers of colours or classes"):
        describe("pan", f"{write(tmp_path / 'b.tif', dtype='uint8')},{path}")
    assert describe("labels", str(path), coded=True).bands
    run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), threads=1), Identity())
    np.testing.assert_array_equal(pixels(tmp_path / "o.tif"), pixels(path))


def test_a_file_that_claims_more_bands_than_are_read_is_refused_at_once(tmp_path):
    path = write(tmp_path / "a.tif", count=4097, dtype="uint8", interleave="pixel")
    with pytest.raises(RequestError, match="it has 4097 bands"):
        describe("image", str(path))
    whole = describe("image", str(write(tmp_path / "b.tif", count=4096, dtype="uint8", interleave="pixel")))
    assert [band.index for band in whole.bands] == list(range(1, 4097))
