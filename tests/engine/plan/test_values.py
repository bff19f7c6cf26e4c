"""Values that look like fill are warned of, with the option that declares them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from seamline.engine.errors import RequestError, UndeclaredFillWarning
from seamline.engine.inputs.describe import describe
from seamline.engine.plan.values import warn_of_fill
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import run
from seamline.engine.testing import pixels
from seamline.models.classical.interpolate import Bicubic, Identity


def ground(dtype=np.float32, height=80, width=90):
    """Two bands of a scene of some 100 to 4000, with a few glints."""
    rng = np.random.default_rng(4)
    values = 1000 + 300 * rng.standard_normal((2, height, width)).cumsum(axis=2) / 9
    values = values.clip(100, 4000)
    values[:, 20:22, 30] = 9000
    return values.astype(dtype)


def told(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_fill([describe("image", str(path))], OpenPolicy(), lambda: None)
    return [str(each.message) for each in caught if issubclass(each.category, UndeclaredFillWarning)]


def rows_of(value):
    return lambda image: image.__setitem__((slice(None), slice(30, 33)), value)


def one_of(value):
    return lambda image: image.__setitem__((0, 41, 43), value)


def collar(image):
    image[:, :, :5] = image[:, :, -5:] = 0


def turned(image):
    """The footprint of a scene that is turned: triangles of fill at the corners."""
    rows, columns = np.indices(image.shape[1:])
    height, width = image.shape[1:]
    outside = np.minimum(rows, height - 1 - rows) + np.minimum(columns, width - 1 - columns) < 25
    image[:, outside] = 0


@pytest.mark.parametrize(
    ("spoil", "dtype", "value"),
    [
        (rows_of(-9999), "float32", "-9999"),
        (rows_of(-32768), "int16", "-32768"),
        (rows_of(65535), "uint16", "65535"),
        (one_of(1e30), "float32", "1e+30"),
        (collar, "uint16", "0"),
        (turned, "uint16", "0"),
    ],
    ids=["rows", "least", "greatest", "one", "collar", "turned"],
)
def test_what_looks_like_fill_is_told_until_it_is_declared(write_raster, spoil, dtype, value):
    image = ground(dtype)
    assert told(write_raster("clean.tif", image)) == []
    spoil(image)
    (said,) = told(write_raster("spoilt.tif", image))
    assert value in said or f"{float(np.float32(value)):.9g}" in said
    assert "pass --nodata" in said
    assert told(write_raster("declared.tif", image, nodata=float(np.array(value, "float64").astype(dtype)))) == []


def test_flat_dark_and_small_images_are_not_suspected(write_raster):
    half = np.zeros((1, 64, 64), np.uint8)
    half[:, :, 32:] = 200
    for name, image in {
        "flat": np.full((1, 64, 64), 777, np.uint16),
        "half": half,
        "small": np.array([[[0, 0], [0, 9]]], np.uint8),
        "ramp": np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64) // 64,
    }.items():
        assert told(write_raster(f"{name}.tif", image)) == []


def test_a_stated_nodata_value_masks_and_becomes_that_of_the_output(write_raster, tmp_path):
    image = ground()
    image[:, :3] = -9999
    path = write_raster("in.tif", image)
    asked = {"inputs": {"image": str(path)}, "out": str(tmp_path / "o.tif"), "threads": 1}
    with pytest.warns(UndeclaredFillWarning):
        warn_of_fill([describe("image", str(path))], OpenPolicy(), lambda: None)
    facts = run(Request(**asked, nodata=-9999), Bicubic(2)).facts
    assert facts["warnings"] == []
    assert facts["counts"]["masked"] == 2 * 6 * 180
    valid = pixels(tmp_path / "o.tif")[:, 6:]
    assert valid.min() > 0
    reported = run(Request(**asked, overwrite=True), Identity()).facts["warnings"]
    assert [each["kind"] for each in reported] == ["UndeclaredFillWarning"]
    whole = write_raster("uint16.tif", ground("uint16"))
    with pytest.raises(RequestError, match="no value of its data type uint16"):
        run(Request(**asked | {"inputs": {"image": str(whole)}}, nodata=-1, overwrite=True), Identity())
    with pytest.raises(RequestError, match="--nodata"):
        Request(**asked, nodata=float("nan"))
