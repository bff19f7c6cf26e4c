"""A pixel of an overview is valid exactly if one of the four below it is, as GDAL reads both."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning

from seamline.engine.ground.radiometry import opaque_value
from seamline.engine.output.pyramid import Pyramid, level_shapes

DTYPES = ("uint8", "int8", "uint16", "int16", "float32")
LARGEST = float(np.finfo(np.float32).max)
EPS = float(np.finfo(np.float32).eps)


def levels_of(rows, nodata, *, plane_mask=False, how="mean", chunks=None):
    """The raster (planes, rows, columns) and its overviews, as they are read from the files."""
    with TemporaryDirectory() as folder:
        pyramid = Pyramid(Path(folder), rows.shape[1:], len(rows), rows.dtype.name, nodata, plane_mask, how)
        for start, stop in pairwise(sorted({0, rows.shape[1], *(chunks or ())})):
            pyramid.push(rows[:, start:stop])
        pyramid.finish()
        found = [rows]
        for path in pyramid.paths:
            with (
                warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
                rasterio.open(path) as level,
            ):
                found.append(level.read())
    assert [level.shape[1:] for level in found[1:]] == level_shapes(*rows.shape[1:])
    return found


def validity(level, nodata, plane_mask=False):
    """What GDAL says is valid: (planes, rows, columns)."""
    if plane_mask:
        return np.broadcast_to(level[-1:] != 0, level[:-1].shape)
    planes, height, width = level.shape
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=width, height=height, count=planes, dtype=level.dtype, nodata=nodata,
            transform=rasterio.Affine.scale(2),
        ) as file:  # fmt: skip
            file.write(level)
        with memory.open() as file:
            return file.read_masks() > 0


def fours(level):
    """The four pixels below each pixel of the next overview, the rim repeated: (4, planes, rows, columns)."""
    level = np.pad(level, [(0, 0), *((0, n % 2) for n in level.shape[1:])], mode="edge")
    return np.stack([level[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def numbers(dtype):
    """Values that a raster of that type can hold."""
    if dtype == "float32":
        return st.floats(-LARGEST, LARGEST, width=32)
    return st.integers(np.iinfo(dtype).min, np.iinfo(dtype).max)


def nodata_values(dtype):
    """Anywhere in the range and at both ends of it; NaN and none at all."""
    ends = [-LARGEST, LARGEST, 0.0, np.nan] if dtype == "float32" else [np.iinfo(dtype).min, np.iinfo(dtype).max, 0]
    return st.none() | st.sampled_from(ends) | numbers(dtype)


def around(nodata, dtype):
    """Values whose means often come to the nodata value, itself left out."""
    if nodata is None or np.isnan(nodata):
        return []
    if dtype != "float32":
        info = np.iinfo(dtype)
        return [v for v in range(nodata - 3, nodata + 4) if v != nodata and info.min <= v <= info.max]
    near = [nodata * (1 + share) for share in (-1e-3, 1e-3, -1e-6, 1e-6)] + [nodata - 1, nodata + 1, -nodata]
    near = np.array([v for v in near if abs(v) <= LARGEST] or [1], "float32")
    # What GDAL takes for nodata is not valid at full resolution either.
    return near[validity(near[None, None], nodata)[0, 0]].tolist()


@st.composite
def rasters(draw, dtype):
    """(rows, nodata, plane_mask, first rows of chunks), wide and low, with values that crowd around nodata."""
    plane_mask = draw(st.booleans())
    nodata = None if plane_mask else draw(nodata_values(dtype))
    ends = [-LARGEST, LARGEST] if dtype == "float32" else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    others = draw(st.lists(numbers(dtype) | st.sampled_from(ends), min_size=1, max_size=3))
    if nodata is not None and not np.isnan(nodata):
        others = [v for v, ok in zip(others, validity(np.array([[others]], dtype), nodata)[0, 0], strict=True) if ok]
    values = np.array(others + around(nodata, dtype) or [1 if nodata == 0 else 0], dtype)
    shape = (2, draw(st.integers(1, 7)), draw(st.sampled_from([513, 1030, 1101])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, valid = rng.choice(values, shape), rng.random(shape) >= draw(st.sampled_from([0, 0.3, 0.9]))
    if plane_mask:
        rows[-1] = np.where(valid[0], opaque_value(dtype), 0)
    elif nodata is not None:
        rows[~valid] = nodata
    return (
        rows,
        nodata,
        plane_mask,
        draw(st.lists(st.integers(1, 6), max_size=2).map(lambda c: [x for x in c if x < shape[1]])),
    )


@pytest.mark.parametrize("how", ["mean", "mode", "nearest"])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_pixel_is_valid_exactly_if_one_of_its_four_is(dtype, how, data):
    rows, nodata, plane_mask, chunks = data.draw(rasters(dtype))
    for below, level in pairwise(levels_of(rows, nodata, plane_mask=plane_mask, how=how, chunks=chunks)):
        known = fours(validity(below, nodata, plane_mask))
        np.testing.assert_array_equal(validity(level, nodata, plane_mask), known.any(axis=0))
        if plane_mask:
            assert set(np.unique(level[-1])) <= {0, opaque_value(dtype)}


def means(below, known):
    """Mean of the valid of each four in float64; NaN where there is none."""
    with np.errstate(invalid="ignore"):
        return np.where(known, fours(below).astype(float), 0).sum(axis=0) / known.sum(axis=0)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_mean_is_that_of_the_valid_ones_or_one_step_beside_nodata(dtype, data):
    rows, nodata, plane_mask, chunks = data.draw(rasters(dtype))
    for below, level in pairwise(levels_of(rows, nodata, plane_mask=plane_mask, chunks=chunks)):
        if plane_mask:
            known = fours(np.broadcast_to(below[-1:] != 0, below.shape))[:, :-1]
            below, level = below[:-1], level[:-1]
        else:
            known = fours(validity(below, nodata))
        some = known.any(axis=0)
        mean, got = means(below, known)[some], level[some].astype(float)
        if dtype != "float32":
            mean = np.floor(mean + 0.5)
            aside = mean == nodata
            np.testing.assert_array_equal(got[~aside], mean[~aside])
            np.testing.assert_array_equal(np.abs(got[aside] - mean[aside]), 1)
        else:
            # Sums of four round at their largest, and GDAL takes for nodata what lies within 4 eps of it.
            slack = 2 * EPS * np.where(known, np.abs(fours(below).astype(float)), 0).max(axis=0)[some]
            if nodata is not None and abs(nodata) < LARGEST / 4:
                slack += np.where(np.abs(mean - nodata) <= 5 * EPS * abs(nodata), 9 * EPS * abs(nodata), 0)
            elif nodata is not None:
                near = validity(mean.astype("float32")[None, None], nodata)[0, 0]
                slack = np.where(near, slack, np.inf)
            assert (np.abs(got - mean) <= slack + 1e-44).all()


@pytest.mark.parametrize("how", ["mode", "nearest"])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_modes_and_nearest_values_are_among_the_valid_ones(dtype, how, data):
    rows, nodata, plane_mask, chunks = data.draw(rasters(dtype))
    for below, level in pairwise(levels_of(rows, nodata, plane_mask=plane_mask, how=how, chunks=chunks)):
        known = fours(validity(below, nodata, plane_mask))
        values, some = fours(below[: known.shape[1]]), known.any(axis=0)
        if how == "nearest":
            expected = np.take_along_axis(values, known.argmax(axis=0)[None], axis=0)[0]
        else:
            # Votes first, then the lower value: of those with most votes, the lowest.
            votes = sum(known * (known[i] & (values[i] == values)) for i in range(4))
            expected = np.where(votes == votes.max(axis=0), values.astype(float), np.inf).min(axis=0)
        np.testing.assert_array_equal(level[: len(some)][some], expected[some])


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint16", 100), ("int8", -7), ("float32", 100.0), ("float32", -9999.0), ("float32", 0.0)]
)
@pytest.mark.parametrize("hole", [False, True])
def test_columns_on_both_sides_of_nodata_stay_valid(dtype, nodata, hole):
    rows = np.full((1, 6, 2100), nodata - 1, dtype)
    rows[..., 1::2] = nodata + 1
    if hole:
        rows[..., :64] = nodata
    for level in levels_of(rows, nodata)[1:]:
        known = validity(level, nodata)
        assert known.all() != hole
        np.testing.assert_allclose(
            level[known], nodata, atol=1 if dtype != "float32" else 1e-44 + 5 * EPS * abs(nodata)
        )


def test_four_large_values_do_not_overflow():
    rows = np.full((1, 2, 1026), LARGEST, "float32")
    rows[:, 1, ::4] = -LARGEST
    for nodata in (None, np.nan):
        _, first, *_ = levels_of(rows, nodata)
        np.testing.assert_allclose(first[0, 0, :2], [LARGEST / 2, LARGEST], rtol=1e-6)


def test_the_rim_of_an_odd_raster_stands_for_itself():
    rows = np.zeros((1, 3, 1025), "uint8")
    rows[0, -1, -1] = 9
    for how in ("mean", "mode", "nearest"):
        assert levels_of(rows, None, how=how)[1][0, -1, -1] == 9
