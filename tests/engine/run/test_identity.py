"""An identity model returns its input exactly: any size, tile, overlap, affine, type and mask."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import PassThrough

affines = st.builds(
    lambda x, y, size, ratio, turn, shear: (
        Affine.translation(x, y) * Affine.rotation(turn) * Affine.shear(shear) * Affine.scale(size, -size * ratio)
    ),
    st.floats(-1e6, 1e6),
    st.floats(-1e7, 1e7),
    st.floats(1e-5, 100),
    st.floats(0.3, 3),
    st.sampled_from([0.0, 0.0, 30.0, -77.5]),
    st.sampled_from([0.0, 0.0, 20.0]),
)


@st.composite
def rasters(draw):
    dtype = np.dtype(draw(st.sampled_from(["uint8", "int8", "uint16", "int16", "float32"])))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 170)), draw(st.integers(1, 170)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    if dtype.kind == "f":
        values = (rng.normal(size=shape) * 10.0 ** rng.uniform(-20, 20)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    few = draw(arrays.arrays(dtype, 4, elements=_elements(dtype)))
    values.flat[: min(4, values.size)] = few[: values.size]
    kind = draw(st.sampled_from(["none", "nodata", "mask", "alpha"]))
    valid = rng.random(shape[1:]) > draw(st.sampled_from([0.0, 0.3, 1.0]))
    return values, kind, valid


def _elements(dtype):
    if dtype.kind == "f":
        return st.floats(-(2.0**100), 2.0**100, width=32)
    info = np.iinfo(dtype)
    return st.sampled_from([info.min, info.max, 0, 1])


def _write(path, values, kind, valid, affine):
    planes = values
    profile = {}
    if kind == "nodata":
        planes = np.where(valid, values, 7).astype(values.dtype)
        profile["nodata"] = 7
    elif kind == "alpha":
        opaque = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
        planes = np.concatenate([values, np.where(valid, opaque, 0).astype(values.dtype)[None]])
        profile |= {"photometric": "minisblack"}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=len(planes),
            height=planes.shape[1],
            width=planes.shape[2],
            dtype=planes.dtype,
            crs="EPSG:32633",
            transform=affine,
            **profile,
        ) as file,
    ):
        if kind == "alpha":
            gray = [rasterio.enums.ColorInterp.gray, *[rasterio.enums.ColorInterp.undefined] * (len(values) - 1)]
            file.colorinterp = [*gray, rasterio.enums.ColorInterp.alpha]
        file.write(planes)
        if kind == "mask":
            file.write_mask(valid.astype(np.uint8) * 255)


@settings(max_examples=40, deadline=None)
@given(rasters(), affines, st.integers(1, 6), st.floats(0, 0.5), st.integers(0, 3))
def test_identity_returns_its_input_exactly(raster, affine, steps, share, margin):
    values, kind, valid = raster
    tile = steps * 16 + 16
    overlap = max(int(share * tile), 2 * margin)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.tif", Path(folder) / "out.tif"
        _write(source, values, kind, valid, affine)
        run(
            Request(inputs={"image": str(source)}, out=str(out), tile=tile, overlap=overlap),
            PassThrough(margin=margin, align=1),
        )
        with rasterio.open(source) as a, rasterio.open(out) as b:
            assert b.dtypes == a.dtypes
            assert b.count == a.count
            assert b.crs == a.crs
            _assert_same_affine(a, b)
            masks_a, masks_b = a.read_masks(), b.read_masks()
            before, after = a.read(), b.read()
            if kind == "alpha":
                masks_a, masks_b = (np.broadcast_to(m[-1:] > 0, m.shape) for m in (before, after))
                masks_a, masks_b = masks_a.copy(), masks_b.copy()
                masks_a[-1] = masks_b[-1] = True
    assert np.array_equal(masks_a > 0, masks_b > 0)
    assert np.array_equal(before[masks_a > 0], after[masks_b > 0])


def _assert_same_affine(a, b):
    for corner in ((0, 0), (a.width, 0), (0, a.height), (a.width, a.height)):
        column, row = ~b.transform * (a.transform * corner)
        assert math.hypot(column - corner[0], row - corner[1]) < 1e-9 * max(1.0, *map(abs, ~a.transform * (0, 0)))


@settings(max_examples=20, deadline=None)
@given(rasters(), st.integers(0, 2**32 - 1), st.sampled_from([1, 2]))
def test_what_is_masked_never_matters(raster, seed, scale):
    values, kind, valid = raster
    if kind in ("none", "nodata"):
        kind = "mask"
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        outs = []
        for name in ("a", "b"):
            source, out = Path(folder) / f"{name}.tif", Path(folder) / f"{name}_out.tif"
            noise = rng.permutation(values.ravel()).reshape(values.shape)
            if values.dtype.kind == "f" and name == "b":
                noise = np.full_like(values, np.nan)
            _write(source, np.where(valid, values, noise), kind, valid, Affine(2, 0, 5e5, 0, -2, 5e6))
            run(Request(inputs={"image": str(source)}, out=str(out), tile=48, overlap=16), PassThrough(scale=scale))
            with rasterio.open(out) as file:
                outs.append((file.read(), file.read_masks()))
    assert np.array_equal(outs[0][0], outs[1][0], equal_nan=values.dtype.kind == "f")
    assert np.array_equal(outs[0][1], outs[1][1])
