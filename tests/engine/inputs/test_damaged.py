"""Damaged files are refused in one sentence when they are described."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rasterio import Affine

from seamline.engine.errors import RequestError, RunError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.georeference import _is_usable
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.inputs.hostile import SIDE, write

# TIFF tags of 64-bit floats.
PIXEL_SCALE, TIE_POINTS = 33550, 33922


def refuse(path, sentence):
    with pytest.raises(RequestError, match=sentence) as refused:
        describe("image", str(path))
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


def rewrite(path, tag, index, value):
    """Change one number of a tag of a little-endian TIFF."""
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    entries = [directory + 2 + 12 * i for i in range(count)]
    entry = next(place for place in entries if struct.unpack_from("<H", content, place)[0] == tag)
    (values,) = struct.unpack_from("<I", content, entry + 8)
    struct.pack_into("<d", content, values + 8 * index, value)
    path.write_bytes(content)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200, 1e-320, 1e308])
@pytest.mark.parametrize(("tag", "index"), [(PIXEL_SCALE, 0), (PIXEL_SCALE, 1), (TIE_POINTS, 3), (TIE_POINTS, 4)])
def test_an_affine_that_places_no_pixel_is_degenerate(tmp_path, tag, index, value):
    path = write(tmp_path / "a.tif")
    rewrite(path, tag, index, value)
    if tag == TIE_POINTS and value == 1e-320:
        describe("image", str(path))
    else:
        refuse(path, "its affine is degenerate")


TERMS = st.floats(-1e7, 1e7) | st.floats(-1, 1) | st.floats()


@given(st.lists(TERMS, min_size=6, max_size=6), st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
@example([0.0, 1.0, 0.0, 1.427079918668412e-20, 1.427079918668412e-20, 6.103515625e-05], 1, 13)
def test_a_usable_affine_places_every_corner_and_finds_its_pixel_again(terms, width, height):
    affine = Affine(*terms)
    if _is_usable(affine, width, height):
        for corner in ((0, 0), (width, 0), (0, height), (width, height)):
            assert all(map(math.isfinite, affine * corner))
            back = ~affine * (affine * corner)
            assert max(abs(a - b) for a, b in zip(back, corner, strict=True)) < 0.5


def test_a_coordinate_system_that_is_none_is_refused(tmp_path):
    path = write(tmp_path / "a.tif")
    (tmp_path / "a.tif.aux.xml").write_text('<PAMDataset><SRS>PROJCS["x"</SRS></PAMDataset>')
    refuse(path, "its metadata cannot be read .*; the file or one beside it is damaged")


def test_a_coordinate_system_that_one_library_knows_and_another_does_not_is_refused(tmp_path):
    path = write(tmp_path / "a.tif")
    (tmp_path / "a.tif.aux.xml").write_text('<PAMDataset><SRS>LOCAL_CS["{"]</SRS></PAMDataset>')
    refuse(path, "its CRS cannot be read .*; assign one with gdal_edit.py -a_srs")


def test_a_damaged_second_directory_is_refused(tmp_path):
    path = write(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * count, len(content) - 3)
    path.write_bytes(content)
    refuse(path, "its metadata cannot be read")


@pytest.mark.parametrize("lost", [1, SIDE, 2 * SIDE * SIDE])
@pytest.mark.parametrize("offset", [0, 77])
def test_a_raw_raster_shorter_than_its_header_says_is_truncated(tmp_path, lost, offset):
    path = write(tmp_path / "a.dat", driver="ENVI", count=3, dtype="uint16")
    header = tmp_path / "a.hdr"
    header.write_text(header.read_text().replace("header offset = 0", f"header offset = {offset}"))
    content = bytes(offset) + path.read_bytes()
    path.write_bytes(content)
    describe("image", str(path))
    path.write_bytes(content[:-lost])
    refuse(path, f"it is truncated: {len(content) - lost} of the {len(content)} bytes")


@pytest.mark.parametrize("offset", ["1e308", "7.5"])
def test_an_offset_of_a_raw_raster_is_a_number_of_bytes(tmp_path, offset):
    path, header = write(tmp_path / "a.dat", driver="ENVI"), tmp_path / "a.hdr"
    header.write_text(header.read_text().replace("header offset = 0", f"header offset = {offset}"))
    refuse(path, "the offset in its header is no number of bytes")


def test_what_is_said_of_a_damaged_header_need_not_be_text(tmp_path):
    path, header = write(tmp_path / "a.dat", driver="ENVI"), tmp_path / "a.hdr"
    header.write_bytes(header.read_bytes().replace(b'PROJCS["', b'PROJCS["\x80'))
    refuse(path, "it cannot be opened as a raster")


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_damaged_png_is_not_read_as_what_lies_in_memory(tmp_path, kept):
    path = write(tmp_path / "a.png", driver="PNG", count=3, dtype="uint8")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    scene = describe("image", str(path))
    reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
    with pytest.raises(RunError, match=r"rows 0 to \d+ cannot be read .*; the file is truncated or damaged"):
        reader.strip(Window(0, 0, SIDE, SIDE))


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    # On Linux alone names are any bytes.
    try:
        path = write(tmp_path / "a.tif").rename(tmp_path / "m\udce4p.tif")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such name")
    refuse(path, r"m\\udce4p\.tif: its name is not UTF-8; rename it")


def test_an_input_that_is_gone_is_refused(tmp_path):
    path = write(tmp_path / "a.tif")
    describe("image", str(path))
    path.unlink()
    refuse(path, "the file does not exist")
