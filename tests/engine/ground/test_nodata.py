"""What counts as nodata is what GDAL says, and the value beside it is the nearest one that GDAL lets through."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seamline.engine.ground.nodata import Nodata

LARGEST = float(np.finfo(np.float32).max)
INTEGERS = ("uint8", "int8", "uint16", "int16")


def valid_to_gdal(values, dtype, nodata):
    """Which values GDAL takes for valid in a raster of that type and nodata value."""
    row = np.array(values, dtype)[None, None]
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=row.size,
            height=1,
            count=1,
            dtype=dtype,
            nodata=nodata,
            transform=rasterio.Affine.scale(2),
        ) as file:
            file.write(row)
        with memory.open() as file:
            return (file.read_masks(1)[0] > 0).tolist()


@settings(deadline=None)
@given(nodata=st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(0.0)
@example(-0.0)
@example(100.0)
@example(-9999.0)
@example(LARGEST)
@example(-LARGEST)
@example(3e38)
@example(float(np.float32(1e-45)))
def test_the_value_beside_nodata_is_the_nearest_valid_one_towards_zero(nodata):
    found = Nodata.of(nodata, "float32")
    towards = np.nextafter(found.beside, np.float32(nodata))
    assert valid_to_gdal([found.beside, towards, nodata, found.low, found.high], "float32", nodata) == [
        True, False, False, False, False,
    ]  # fmt: skip
    assert abs(found.beside) <= abs(nodata) or nodata == 0
    # Where sums of two values overflow, all of that magnitude counts as nodata; elsewhere a few units do.
    if abs(nodata) < LARGEST / 4:
        outside = [np.nextafter(found.low, np.float32(-np.inf)), np.nextafter(found.high, np.float32(np.inf))]
        assert valid_to_gdal(outside, "float32", nodata) == [True, True]
        assert abs(found.beside - nodata) <= max(5 * np.finfo(np.float32).eps * abs(nodata), 1.5e-45)


@pytest.mark.parametrize("dtype", INTEGERS)
@settings(deadline=None)
@given(data=st.data())
def test_integers_are_exact_and_stay_within_their_type(dtype, data):
    info = np.iinfo(dtype)
    nodata = data.draw(st.sampled_from([info.min, info.max]) | st.integers(info.min, info.max))
    found = Nodata.of(float(nodata), dtype)
    assert found.low == found.high == nodata
    assert int(found.beside) == (nodata + 1 if nodata < info.max else nodata - 1)
    assert valid_to_gdal([found.low, found.beside], dtype, nodata) == [False, True]


@pytest.mark.parametrize(("dtype", "nodata"), [("uint16", 100), ("float32", 100.0), ("int16", 32767)])
def test_valid_values_step_aside_and_no_others(dtype, nodata):
    seen = Nodata.of(nodata, dtype)
    values = np.array([nodata, 5, nodata, 50], dtype)
    assert seen.step_aside(values, np.array([True, True, False, True])) == 1
    assert values.tolist() == [seen.beside, 5, nodata, 50]
    assert seen.step_aside(values) == 1
    assert values.tolist() == [seen.beside, 5, seen.beside, 50]


def test_nan_is_a_nodata_value_that_nothing_comes_to():
    assert Nodata.of(float("nan"), "float32") is None
