"""From model values to stored ones: rounding, clipping, and the promise that valid never turns into nodata."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from seamline.engine.ground.nodata import Nodata
from seamline.engine.ground.radiometry import Counts, quantise
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.classical.interpolate import Identity

WHOLE = ("uint8", "int8", "uint16", "int16")
SHAPE = (2, 3, 4)
HIGHEST = float(np.finfo(np.float32).max)
FINITE = st.floats(-80000, 80000, width=32)
# Halves are where rounding is decided, limits where clipping is.
HALVES = st.integers(-140_000, 140_000).map(lambda k: k / 2)
RIMS = st.sampled_from([limit + step / 2 for name in WHOLE for limit in (np.iinfo(name).min, np.iinfo(name).max)
                        for step in (-2, -1, 0, 1, 2)])  # fmt: skip
VALUES = arrays.arrays(np.float32, SHAPE, elements=st.one_of(FINITE, HALVES, RIMS))
VALID = st.none() | arrays.arrays(np.bool_, SHAPE)


def rounded(value):
    """Half to even, in exact arithmetic."""
    return round(Fraction(float(value)))


def expectation(value, info, nodata):
    """(stored value, clipped, moved) of one valid value."""
    whole = rounded(value)
    kept = min(max(whole, info.min), info.max)
    if nodata is None or kept != nodata:
        return kept, whole != kept, False
    # The nearest value beside nodata that the type holds; the upper one of two that are equally near.
    beside = [k for k in (nodata + 1, nodata - 1) if info.min <= k <= info.max]
    return min(beside, key=lambda k: abs(Fraction(float(value)) - k)), whole != kept, True


@given(values=VALUES, valid=VALID, dtype=st.sampled_from(WHOLE), data=st.data())
def test_whole_types(values, valid, dtype, data):
    info = np.iinfo(dtype)
    near = sorted({min(max(rounded(v), info.min), info.max) for v in values.flat})
    some = st.sampled_from([info.min, info.max, 0, *near]) | st.integers(int(info.min), int(info.max))
    nodata = data.draw(st.none() | some, label="nodata")
    out, counts = quantise(values.copy(), valid, dtype, None if nodata is None else float(nodata))
    known = np.ones(SHAPE, bool) if valid is None else valid
    wanted = [expectation(v, info, nodata) for v in values[known]]
    assert out.dtype == dtype
    assert out[known].tolist() == [kept for kept, _, _ in wanted]
    assert (out[~known] == (0 if nodata is None else nodata)).all()
    assert nodata is None or not (out[known] == nodata).any()
    assert counts == Counts(sum(c for _, c, _ in wanted), sum(m for _, _, m in wanted), int((~known).sum()))


@pytest.mark.parametrize("dtype", WHOLE)
def test_half_a_step_beyond_the_limits(dtype):
    info = np.iinfo(dtype)
    # The even limit takes its half in; the odd one loses it.
    for value, clipped in ((info.min - 0.5, 0), (info.max + 0.5, 1), (info.min - 1, 1), (info.max + 0.25, 0)):
        out, counts = quantise(np.full((1, 1, 2), value, np.float32), None, dtype, None)
        assert out.tolist() == [[[info.min if value < 0 else info.max] * 2]]
        assert counts == Counts(clipped=2 * clipped)


@given(
    values=arrays.arrays(np.float32, SHAPE, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)),
    valid=VALID,
    nodata=st.none()
    | st.sampled_from([float("nan"), 0.0, HIGHEST, -HIGHEST])
    | st.floats(width=32, allow_nan=False, allow_infinity=False),
    hit=arrays.arrays(np.bool_, SHAPE),
)
def test_floats(values, valid, nodata, hit):
    if nodata is not None and not np.isnan(nodata):
        values[hit] = nodata
    before = values.copy()
    out, counts = quantise(values, valid, "float32", nodata)
    known = np.ones(SHAPE, bool) if valid is None else valid
    missing = np.nan if nodata is None else np.float32(nodata)
    np.testing.assert_array_equal(out[~known], np.full((~known).sum(), missing, np.float32))
    assert np.isfinite(out[known]).all()
    met = known & (before == missing)
    assert not (out[known] == missing).any()
    np.testing.assert_array_equal(out[known & ~met], before[known & ~met])
    # The least step after which readers, who compare floats within a few units in the last place, see a valid value.
    if met.any():
        assert set(out[met]) == {Nodata.of(nodata, "float32").beside}
    assert counts == Counts(0, int(met.sum()), int((~known).sum()))


@given(values=VALUES, dtype=st.sampled_from((*WHOLE, "float32")), other=VALUES, valid=arrays.arrays(np.bool_, SHAPE))
def test_what_is_masked_changes_nothing(values, dtype, other, valid):
    first = quantise(np.where(valid, values, other), valid, dtype, 9.0)
    second = quantise(np.where(valid, values, np.float32(np.nan)), valid, dtype, 9.0)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1] == second[1]


@given(dtype=st.sampled_from((*WHOLE, "float32")), data=st.data())
def test_values_of_the_type_come_back_bit_by_bit(dtype, data):
    stored = data.draw(arrays.arrays(dtype, SHAPE, elements={"allow_nan": False} if dtype == "float32" else None))
    out, counts = quantise(stored.astype(np.float32), None, dtype, None)
    assert out.tobytes() == stored.tobytes()
    assert counts == Counts()


@given(st.lists(st.builds(Counts, *[st.integers(0, 2**40)] * 3)))
def test_counts_add_up(parts):
    total = sum(parts, Counts())
    assert total.as_dict() == {
        name: sum(getattr(part, name) for part in parts) for name in ("clipped", "moved", "masked")
    }


@pytest.mark.parametrize(("dtype", "nodata"), [("float32", float("nan")), ("float32", -9999.0), ("int16", None)])
def test_a_nodata_value_that_the_output_cannot_hold_is_replaced(write_raster, tmp_path, dtype, nodata):
    lowest = np.finfo(np.float64).min
    pixels = np.arange(48.0).reshape(1, 6, 8)
    pixels[0, 2, 3:6] = lowest if nodata is None or np.isnan(nodata) else nodata
    source = write_raster("in.tif", pixels, nodata=pixels.min())
    run(Request(inputs={"image": str(source)}, out=str(tmp_path / "o.tif"), dtype=dtype), Identity())
    with rasterio.open(tmp_path / "o.tif") as out:
        assert (out.nodata is None) == (nodata is None)
        assert nodata is None or np.array_equal([out.nodata], [nodata], equal_nan=True)
        valid = pixels[0] >= 0
        np.testing.assert_array_equal(out.dataset_mask() > 0, valid)
        np.testing.assert_array_equal(out.read(1)[valid], pixels[0][valid])
