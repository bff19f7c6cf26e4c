"""Masks of every kind are read, and nothing that lies under them is seen by a model."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.fill import fill_masked
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import run
from seamline.models.classical.interpolate import Bicubic, Identity

RED_TO_ALPHA = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)


def pixels(count=2, dtype="uint16", height=12, width=15):
    """Values from 10 upward, all different within a band."""
    values = 10 + np.arange(height * width).reshape(height, width) + 300 * np.arange(count)[:, None, None]
    return (values % 240 + 10 if np.dtype(dtype).itemsize == 1 else values).astype(dtype)


def hole(height=12, width=15):
    """Valid but for a rectangle."""
    valid = np.ones((height, width), bool)
    valid[3:7, 5:11] = False
    return valid


def write_alpha(path, values, alpha):
    """A raster whose last band is named alpha (GDAL keeps the name only if it comes before the pixels)."""
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count + 1, "height": height, "width": width, "dtype": values.dtype}
    transform = rasterio.Affine(2, 0, 5e5, 0, -2, 5e6)
    with rasterio.open(path, "w", crs="EPSG:32633", transform=transform, **profile) as file:
        file.colorinterp = [*[ColorInterp.undefined] * count, ColorInterp.alpha]
        file.write(np.concatenate([values, alpha.astype(values.dtype)[None]]))
    with rasterio.open(path) as file:
        assert file.colorinterp[-1] == ColorInterp.alpha
    return path


def seen(path, bands=()):
    """(values, validity) of all bands as the engine takes them in; validity in full."""
    scene = describe("image", str(path), bands=bands)
    reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
    window = Window(0, 0, *scene.grid.shape)
    patch = reader.patch(reader.strip(window), window)
    reader.close()
    valid = np.ones(patch.values.shape, bool) if patch.valid is None else patch.valid
    assert np.isfinite(patch.values).all()
    return patch.values, np.broadcast_to(valid, patch.values.shape)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32"])
def test_nodata_counts_band_by_band(write_raster, dtype):
    values = pixels(2, "uint8" if dtype == "int8" else dtype).astype(dtype)
    values[values == 5] = 6
    values[0, ~hole()] = 5
    path = write_raster("in.tif", values, nodata=5)
    got, valid = seen(path)
    np.testing.assert_array_equal(valid[0], hole())
    assert valid[1].all()
    np.testing.assert_array_equal(got[valid], values[valid])
    assert not (got[0] == 5).any()


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_masks_of_the_dataset(write_raster, dtype, internal):
    path = write_raster("in.tif", pixels(2, dtype))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as file:
        file.write_mask(hole().astype(np.uint8) * 255)
    assert path.with_name("in.tif.msk").exists() != internal
    _, valid = seen(path)
    np.testing.assert_array_equal(valid, np.stack([hole(), hole()]))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("nodata", [None, np.nan, -9999.0])
def test_what_is_no_number_is_not_valid(write_raster, number, nodata):
    values = pixels(2, "float32")
    values[1, ~hole()] = number
    values[0, 0, 0] = np.nan if nodata is None else nodata
    _, valid = seen(write_raster("in.tif", values, nodata=nodata))
    np.testing.assert_array_equal(valid[1], hole())
    assert (~valid[0]).nonzero() == (0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_alpha_is_a_mask_beside_any_number_of_bands(tmp_path, dtype, count):
    values = pixels(count, dtype)
    got, valid = seen(write_alpha(tmp_path / "in.tif", values, hole() * 100))
    assert got.shape == values.shape
    np.testing.assert_array_equal(valid, np.broadcast_to(hole(), got.shape))
    np.testing.assert_array_equal(got[valid], values[valid])


def test_alpha_amid_the_bands_does_not_shift_their_numbers(tmp_path):
    values = pixels(3)
    profile = {"driver": "GTiff", "count": 3, "height": 12, "width": 15, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "in.tif", "w", transform=rasterio.Affine(2, 0, 0, 0, -2, 0), **profile) as file:
        file.colorinterp = [ColorInterp.gray, ColorInterp.alpha, ColorInterp.undefined]
        file.write(values)
    got, _ = seen(tmp_path / "in.tif", bands=(3, 1))
    np.testing.assert_array_equal(got, values[[2, 0]])
    with pytest.raises(RequestError, match="no band 4"):
        seen(tmp_path / "in.tif", bands=(4,))


def test_near_infrared_under_the_name_of_alpha_is_data_where_there_is_a_nodata_value(write_raster, tmp_path):
    values = pixels(4, "uint8")
    values[3, 0, 0] = 0
    values[:3, ~hole()] = 255
    path = write_raster("in.tif", values, nodata=255, alpha="YES", photometric="RGB")
    with rasterio.open(path) as file:
        assert file.colorinterp == RED_TO_ALPHA
    got, valid = seen(path)
    assert len(got) == 4
    np.testing.assert_array_equal(valid[:3], np.broadcast_to(hole(), (3, 12, 15)))
    assert valid[3].all()
    run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif")), Identity())
    with rasterio.open(tmp_path / "o.tif") as out:
        np.testing.assert_array_equal(out.read(), values)
        # Its readers must not take it for a mask either.
        assert ColorInterp.alpha not in out.colorinterp
        assert out.nodata == 255


def test_who_names_the_alpha_band_wants_its_values(write_raster, tmp_path):
    values = pixels(4, "uint8")
    values[3, ~hole()] = 0
    path = write_raster("in.tif", values, alpha="YES", photometric="RGB")
    assert seen(path)[0].shape[0] == 3
    assert not seen(path)[1].all()
    got, valid = seen(path, bands=(1, 2, 3, 4))
    np.testing.assert_array_equal(got, values)
    assert valid.all()
    run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), bands=(1, 2, 3, 4)), Identity())
    with rasterio.open(tmp_path / "o.tif") as out:
        np.testing.assert_array_equal(out.read(), values)
        assert ColorInterp.alpha not in out.colorinterp
        assert out.dataset_mask().all()
    # Colours without it keep it as their mask.
    assert seen(path, bands=(3, 1))[0].shape[0] == 2
    np.testing.assert_array_equal(seen(path, bands=(3, 1))[1][0], hole())


def test_each_of_several_files_brings_its_own_mask(write_raster, tmp_path):
    paths = [write_raster(f"{i}.tif", pixels(1) + i) for i in range(3)]
    for i, path in enumerate(paths[:2]):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.write_mask(np.roll(hole(), i, axis=0).astype(np.uint8) * 255)
    _, valid = seen(",".join(map(str, paths)))
    np.testing.assert_array_equal(valid, np.stack([hole(), np.roll(hole(), 1, axis=0), np.ones((12, 15), bool)]))


def test_several_files_with_alpha_are_refused(write_raster, tmp_path):
    alpha = write_alpha(tmp_path / "a.tif", pixels(2), hole())
    plain = write_raster("b.tif", pixels(2))
    with pytest.raises(RequestError, match=r"alpha band; .*stack them first"):
        describe("image", f"{plain},{alpha}")


@pytest.mark.parametrize("kind", ["nodata", "mask", "alpha", "nan"])
def test_no_output_bit_depends_on_what_is_masked(write_raster, tmp_path, kind):
    rng = np.random.default_rng(3)
    valid = rng.random((90, 80)) > 0.2
    valid[20:60, 30:70] = False
    base = rng.integers(10, 200, (2, 90, 80)).astype("float32" if kind == "nan" else "uint8")
    files = []
    for i, under in enumerate((rng.integers(0, 255, base.shape), np.zeros(base.shape))):
        values = np.where(valid, base, under.astype(base.dtype))
        if kind == "nodata":
            values[:, ~valid] = 5
        if kind == "nan":
            values[:, ~valid] = (np.inf, np.nan)[i]
        options = {"nodata": 5} if kind == "nodata" else {"mask": valid} if kind == "mask" else {}
        source, out = tmp_path / f"in{i}.tif", tmp_path / f"o{i}.tif"
        if kind == "alpha":
            write_alpha(source, values, valid * 255)
        else:
            write_raster(source.name, values, **options)
        run(Request(inputs={"image": str(source)}, out=str(out), tile=32, overlap=16, threads=1), Bicubic(2))
        with rasterio.open(out) as data:
            files.append((data.read(), data.read(3) if kind == "alpha" else data.read_masks(1)))
    assert files[0][0].tobytes() == files[1][0].tobytes()
    np.testing.assert_array_equal(files[0][1], files[1][1])
    np.testing.assert_array_equal(files[0][1] > 0, valid.repeat(2, 0).repeat(2, 1))


FIELD = arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
ANY = st.floats(width=32)


@given(data=st.data(), shape=FIELD)
def test_filling_depends_on_valid_cells_only(data, shape):
    known = data.draw(arrays.arrays(np.float32, shape, elements=st.floats(-1e6, 1e6, width=32)))
    valid = data.draw(arrays.arrays(np.bool_, shape))
    filled = [fill_masked(np.where(valid, known, data.draw(arrays.arrays(np.float32, shape, elements=ANY))), valid)
              for _ in range(2)]  # fmt: skip
    assert filled[0].tobytes() == filled[1].tobytes()
    assert np.isfinite(filled[0]).all()
    np.testing.assert_array_equal(filled[0][valid], known[valid])
    for band, inside, before in zip(filled[0], valid, known, strict=True):
        low, high = (before[inside].min(), before[inside].max()) if inside.any() else (0, 0)
        slack = 1e-6 * max(abs(low), abs(high))
        assert low - slack <= band.min() <= band.max() <= high + slack


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 39), st.integers(0, 39))
def test_one_valid_cell_fills_everything(height, width, row, column):
    valid = np.zeros((1, height, width), bool)
    valid[0, row % height, column % width] = True
    filled = fill_masked(np.where(valid, np.float32(7), np.float32(np.nan)), valid)
    assert (filled == 7).all()


@pytest.mark.parametrize(("dtype", "kept"), [("uint8", True), ("uint16", True), ("int16", False), ("float32", False)])
def test_alpha_becomes_another_mask_where_readers_would_not_heed_it(tmp_path, dtype, kept):
    source = write_alpha(tmp_path / "in.tif", pixels(3, "uint8"), hole() * 255)
    run(Request(inputs={"image": str(source)}, out=str(tmp_path / "o.tif"), dtype=dtype), Identity())
    with rasterio.open(tmp_path / "o.tif") as out:
        assert (ColorInterp.alpha in out.colorinterp, out.count) == (kept, 3 + kept)
        np.testing.assert_array_equal(out.dataset_mask() > 0, hole())
        np.testing.assert_array_equal(out.read()[:3, hole()], pixels(3, "uint8")[:, hole()])
