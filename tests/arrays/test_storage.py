"""What an array holds and what a raster stores are one and the same, there and back, for every way to hold it."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.transform import from_origin

from seamline.arrays.given import Given
from seamline.arrays.storage import Storage, free_value, nodata_of
from seamline.engine.errors import RequestError
from seamline.engine.types import EXACT_DTYPES

DOWN = {"y": [30.0, 20.0, 10.0, 0.0], "x": [0.0, 10.0, 20.0]}


def image(values, encoding=None, **attrs) -> xr.DataArray:
    array = xr.DataArray(values, dims=("band", "y", "x"), attrs=attrs)
    array.encoding = encoding or {}
    return array


def storage_of(array: xr.DataArray) -> Storage:
    return Storage.of(array, nodata_of(array), "image")


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(EXACT_DTYPES))
def test_stored_values_are_laid_down_bit_for_bit(data, dtype):
    values = data.draw(arrays(dtype, (2, 4, 3)))
    assert storage_of(image(values)).encode(values).tobytes() == values.tobytes()


INTEGERS = ("uint8", "int8", "uint16", "int16")


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    st.sampled_from(INTEGERS),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([(None, None), (1e-4, -0.1), (2.75e-5, -0.2), (0.00341802, 149.0), (-0.5, 3.0), (10.0, 0.0)]),
)
def test_decoded_values_go_back_to_the_stored_ones_and_come_out_as_they_were(data, stored, held, scaling):
    """As ``mask_and_scale`` makes them: with NaN where masked, and scaled in the floats that the array holds."""
    limits = np.iinfo(stored)
    nodata = data.draw(st.integers(int(limits.min), int(limits.max)))
    numbers = data.draw(arrays(stored, (2, 4, 3)))
    valid = numbers != nodata
    scale, offset = scaling
    encoding = {"dtype": stored, "_FillValue": nodata}
    values = numbers.astype(held)
    if scale is not None:
        values *= scale
        values += offset
        encoding |= {"scale_factor": scale, "add_offset": offset}
    values[~valid] = np.nan
    found = storage_of(image(values, encoding))
    assert np.array_equal(found.encode(values), numbers)
    assert np.array_equal(found.decode(numbers, valid, np.dtype(held)), values, equal_nan=True)


@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        ([0.5, 1.0, np.nan], {"dtype": "int16", "_FillValue": -1}),
        ([40_000.0, 1.0, 2.0], {"dtype": "int16", "_FillValue": -1}),
        ([-1.0, 1.0, 2.0], {"dtype": "int16", "_FillValue": -1}),
        ([np.nan, 1.0, 2.0], {"dtype": "uint16"}),
        ([np.inf, 1.0, 2.0], {"dtype": "uint16", "_FillValue": 0}),
        ([-9.0, np.nan, 2.0], {"dtype": "float32", "_FillValue": -9.0}),
        ([0.00015, np.nan, 2.0], {"dtype": "int16", "_FillValue": -1, "scale_factor": 1e-4}),
    ],
    ids=["fractions", "too large", "the fill value is valid", "no fill value", "infinite", "floats", "scaled"],
)
def test_what_the_encoding_cannot_hold_is_stored_as_floats(values, encoding):
    held = np.broadcast_to(np.float32(values), (1, 4, 3))
    first, second = storage_of(image(held, encoding)).candidates()
    assert first.encode(held) is None
    assert second.dtype == "float32"
    stored = second.encode(held)
    assert np.array_equal(np.isnan(stored), np.isnan(held))
    assert np.allclose(second.decode(stored, ~np.isnan(stored), np.dtype("float32")), held, rtol=1e-6, equal_nan=True)


def test_a_scale_for_each_band():
    encoding = {"dtype": "int16", "_FillValue": -1, "scales": (0.5, 2.0), "offsets": (1.0, 0.0)}
    values = np.float32([np.full((4, 3), 2.0), np.full((4, 3), 6.0)])
    found = storage_of(image(values, encoding))
    assert [plane.max() for plane in found.encode(values)] == [2, 3]
    second = found.of_bands([2])
    assert (second.scales, second.offsets) == ((2.0,), (0.0,))


@pytest.mark.parametrize(
    ("values", "encoding", "attrs", "sentence"),
    [
        (np.zeros((1, 4, 3), complex), {}, {}, "complex128 are not those of a raster; give amplitudes"),
        (np.zeros((1, 4, 3), bool), {}, {}, "bool are not those of a raster; convert it"),
        (np.zeros((1, 4, 3), np.float16), {}, {}, "float16 are not those of a raster; convert it"),
        (np.zeros((1, 4, 3), "U3"), {}, {}, "<U3 are not those of a raster"),
        (np.zeros((1, 4, 3), "datetime64[s]"), {}, {}, "are not those of a raster"),
        (np.zeros((1, 4, 3), object), {}, {}, "object are not those of a raster"),
        (np.zeros((2, 4, 3), "uint8"), {}, {"scales": (1.0, 2.0, 3.0)}, "does not tell the values of 2 band"),
        (np.zeros((1, 4, 3), "uint8"), {}, {"scale_factor": 0.0}, "scale_factor 0.0 does not tell"),
        (np.zeros((1, 4, 3), "f4"), {"scale_factor": np.nan}, {}, "scale_factor nan does not tell"),
        (np.zeros((1, 4, 3), "f4"), {"add_offset": "much"}, {}, "add_offset much does not tell"),
    ],
)
def test_what_no_raster_holds_is_refused(values, encoding, attrs, sentence):
    with pytest.raises(RequestError, match=sentence):
        storage_of(image(values, encoding, **attrs))


@pytest.mark.parametrize("nodata", [-9999, 70_000, 0.5, np.nan])
def test_a_nodata_value_that_the_type_cannot_hold_marks_nothing(nodata):
    assert storage_of(image(np.zeros((1, 4, 3), "uint16"), _FillValue=nodata)).nodata is None


def test_a_nodata_value_counts_wherever_it_is_stated():
    plain = image(np.zeros((1, 4, 3), "uint16"))
    assert storage_of(plain).nodata is None
    assert storage_of(plain.rio.write_nodata(7)).nodata == 7
    assert storage_of(plain.rio.write_nodata(7, encoded=True)).nodata == 7
    assert storage_of(plain.rio.set_nodata(8, inplace=False)).nodata == 8


def test_an_array_whose_file_is_gone_states_no_nodata(tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=4, width=3, dtype="uint8", transform=from_origin(0, 0, 1, 1)
    ) as file:
        file.write(np.ones((1, 4, 3), "uint8"))
    with rioxarray.open_rasterio(path) as opened:
        array = opened.load()
    path.unlink()
    assert nodata_of(array) is None


@settings(max_examples=100, deadline=None)
@given(arrays("int8", (1, 20, 20)), arrays(bool, (1, 20, 20)))
def test_a_free_value_is_that_of_no_valid_pixel(stored, valid):
    value = free_value(stored, valid)
    assert value is None or value not in stored[valid]
    assert (value is None) == (np.unique(stored[valid]).size == 256)


def test_no_value_is_free_where_all_are_taken():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert free_value(stored, np.ones(stored.shape, bool)) is None
    assert free_value(stored, stored != 0) == 0
    assert free_value(stored, stored != 255) == 255
    assert free_value(stored, stored != 100) == 100


def laid(array, tmp_path):
    path = tmp_path / "laid.tif"
    Given.of(array, "image").lay_down(path)
    return path


def georeferenced(values, **attrs):
    return xr.DataArray(values, coords=DOWN, dims=("band", "y", "x"), attrs=attrs).rio.write_crs("EPSG:32633")


def test_four_bands_of_bytes_are_bands_and_no_alpha(tmp_path):
    """GDAL takes them for colours and alpha unless it is told."""
    with rasterio.open(laid(georeferenced(np.full((4, 4, 3), 9, np.uint8)), tmp_path)) as file:
        assert rasterio.enums.ColorInterp.alpha not in file.colorinterp
        assert file.mask_flag_enums[0] == [rasterio.enums.MaskFlags.all_valid]


@pytest.mark.parametrize("kind", ["Area", "Point"])
def test_names_units_tags_and_place_are_laid_down(kind, tmp_path):
    attrs = {"long_name": ("red", "nir"), "units": ("a", "b"), "AREA_OR_POINT": kind, "platform": "S2A", "cloud": 0.5}
    with rasterio.open(laid(georeferenced(np.zeros((2, 4, 3), np.uint8), **attrs, odd=object()), tmp_path)) as file:
        assert (file.descriptions, file.units) == (("red", "nir"), ("a", "b"))
        assert {"AREA_OR_POINT": kind, "platform": "S2A", "cloud": "0.5"}.items() <= file.tags().items()
        assert "odd" not in file.tags()
        assert file.transform == from_origin(-5, 35, 10, 10)
        assert file.crs.to_epsg() == 32633


def test_bytes_in_the_other_order_are_the_same_values(tmp_path):
    values = np.arange(12, dtype=">u2").reshape(1, 4, 3)
    with rasterio.open(laid(georeferenced(values), tmp_path)) as file:
        assert np.array_equal(file.read(), values)


def test_a_lazy_array_is_computed_once_and_by_its_chunks(tmp_path):
    """Chunks do not end where blocks of rows would."""
    dask = pytest.importorskip("dask.array")
    made = []

    def make(block_info=None):
        where = block_info[None]["array-location"]
        made.append(tuple(where[1]))
        return np.full([stop - start for start, stop in where], where[1][0], np.uint16)

    chunks = ((2,), (700, 700), (3,))
    lazy = dask.map_blocks(make, chunks=chunks, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    path = laid(xr.DataArray(lazy, coords={"y": np.arange(1400.0), "x": DOWN["x"]}, dims=("band", "y", "x")), tmp_path)
    assert sorted(made) == [(0, 700), (700, 1400)]
    with rasterio.open(path) as file:
        assert np.array_equal(file.read()[:, :, 0], np.repeat([0, 700], 700)[None].repeat(2, axis=0))
