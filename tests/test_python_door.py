"""Python: arrays in, arrays out that need no file and are like those that were given; options and errors of Python."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.transform import from_origin

import seamline
from seamline import api
from seamline.engine import errors
from seamline.engine.errors import ModelError, RequestError, SeamlineError
from seamline.engine.events import Cancel
from seamline.engine.request import Request
from seamline.tests.toys import packaged

FINE, COARSE = from_origin(500_000, 5_000_000, 0.5, 0.5), from_origin(500_000, 5_000_000, 2, 2)
FUNCTIONS = (seamline.pansharpen, seamline.superres, seamline.segment, seamline.classify)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Folder of ms.tif (4 bands, 40 x 48 px at 2 m, uint16) and pan.tif (four times as fine), without nodata."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:160, :192]
    ground = 400 + 150 * np.sin(rows / 7) + 120 * np.cos(columns / 5) + 40 * rng.standard_normal((160, 192))
    fine = np.stack([ground * (0.6 + 0.25 * i) + 100 * i for i in range(4)]).clip(1, 60_000)
    ms = fine.reshape(4, 40, 4, 48, 4).mean((2, 4))
    put(folder / "ms.tif", ms.astype(np.uint16), COARSE, names=("blue", "green", "red", "nir"))
    put(folder / "pan.tif", fine.mean(0, keepdims=True).astype(np.uint16), FINE)
    return folder


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    """A file of int16 with nodata -9999 in a corner, scale and offset."""
    path = tmp_path_factory.mktemp("scaled") / "s.tif"
    values = np.random.default_rng(1).integers(500, 20_000, (4, 40, 48)).astype(np.int16)
    values[:, :5, :5] = -9999
    put(path, values, COARSE, nodata=-9999)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4,) * 4, (-0.1,) * 4
    return path


def put(path, values, transform, crs="EPSG:32633", names=None, **more):
    count, height, width = values.shape
    shape = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **more) as file:
        file.write(values)
        if names:
            file.descriptions = names
    return path


def opened(path, **how):
    with rioxarray.open_rasterio(path, **how) as array:
        return array.load()


def stored(path):
    with rasterio.open(path) as file:
        return file.read()


# A result needs no file


@pytest.mark.parametrize("given", [str, Path, opened])
@pytest.mark.parametrize("task", ["pansharpen", "superres"])
def test_a_result_needs_no_file(pair, task, given, tmp_path):
    ms, pan = given(pair / "ms.tif"), given(pair / "pan.tif")
    if task == "pansharpen":
        result, transform = seamline.pansharpen(ms, pan, model="gsa"), FINE
    else:
        result, transform = seamline.superres(ms, model="bicubic"), FINE
    assert result.rio.nodata is None
    assert result.rio.encoded_nodata is None
    result.rio.to_raster(tmp_path / "x.tif")
    with rasterio.open(tmp_path / "x.tif") as file:
        assert np.array_equal(file.read(), result.values)
        assert (file.transform, file.crs) == (transform, "EPSG:32633")
    assert result.rio.reproject("EPSG:4326").rio.crs == "EPSG:4326"
    assert result.rio.clip_box(500_000, 4_999_990, 500_010, 5_000_000).shape == (4, 20, 20)
    assert "source" not in result.encoding
    for said in (*result.attrs.values(), *result.encoding.values()):
        assert "seamline-" not in str(said)


@pytest.mark.parametrize("given", [str, opened])
def test_a_kept_result_is_the_same_array(pair, given, tmp_path):
    alone = seamline.superres(given(pair / "ms.tif"), model="bicubic")
    kept = seamline.superres(given(pair / "ms.tif"), model="bicubic", out=tmp_path / "o.tif")
    assert kept.identical(alone)
    assert np.array_equal(stored(tmp_path / "o.tif"), kept.values)
    (tmp_path / "o.tif").unlink()
    assert kept.rio.nodata is None
    assert kept.rio.reproject("EPSG:4326").size


def test_nothing_is_left_in_the_temporary_folder(pair, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seamline.superres(opened(pair / "ms.tif"), model="identity")
    with pytest.raises(RequestError):
        seamline.superres(opened(pair / "ms.tif"), model="identity", bands=(9,))
    assert list(tmp_path.iterdir()) == []


def test_what_was_given_is_left_as_it_was(scaled):
    given = opened(scaled, mask_and_scale=True)
    before = given.copy(deep=True)
    before.encoding = dict(given.encoding)
    seamline.superres(given, model="identity")
    assert given.identical(before)
    assert given.encoding == before.encoding


# The same pixels through every door


def test_arrays_and_files_give_the_same_pixels(pair):
    of_files = seamline.pansharpen(pair / "ms.tif", str(pair / "pan.tif"), model="mtf-glp-fs")
    of_arrays = seamline.pansharpen(opened(pair / "ms.tif"), opened(pair / "pan.tif"), model="mtf-glp-fs")
    mixed = seamline.pansharpen(pair / "ms.tif", opened(pair / "pan.tif")[0], model="mtf-glp-fs")
    assert np.array_equal(of_files, of_arrays)
    assert np.array_equal(of_files, mixed)


@pytest.mark.parametrize("how", [{}, {"masked": True}, {"mask_and_scale": True}])
def test_an_array_has_the_identity_of_its_file_however_it_was_opened(scaled, how):
    """Not its pixels alone: statistics, noise and ranges are those of the stored values."""
    of_file = seamline.superres(scaled, model="slimdiffsr-tiny-x2", seed=4)
    of_array = seamline.superres(opened(scaled, **how), model="slimdiffsr-tiny-x2", seed=4)
    back = {} if not how else {"_FillValue": -9999, "dtype": "int16"}
    assert back.items() <= of_array.encoding.items()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoded = xr.conventions.encode_cf_variable(of_array.variable).values
    assert np.array_equal(encoded, of_file)


def test_a_lazy_array_is_taken(pair):
    lazy = rioxarray.open_rasterio(pair / "ms.tif", chunks={"x": 20, "y": 17})
    assert np.array_equal(seamline.superres(lazy, model="bicubic"), seamline.superres(pair / "ms.tif", model="bicubic"))


def test_the_fourth_band_of_bytes_is_no_alpha(tmp_path):
    values = np.random.default_rng(2).integers(40, 126, (4, 20, 24)).astype(np.uint8)
    put(tmp_path / "a.tif", values, COARSE, photometric="MINISBLACK")
    assert np.array_equal(seamline.superres(opened(tmp_path / "a.tif"), model="identity"), values)


# Masks, types and encodings


@pytest.mark.parametrize("how", [{}, {"masked": True}, {"mask_and_scale": True}])
def test_the_identity_model_gives_an_array_back(scaled, how, tmp_path):
    given = opened(scaled, **how)
    result = seamline.superres(given, model="identity")
    assert result.dtype == given.dtype
    assert np.array_equal(result, given, equal_nan=bool(how))
    assert np.array_equal(result.rio.nodata, given.rio.nodata, equal_nan=True)
    assert result.rio.encoded_nodata == given.rio.encoded_nodata
    kept = ("scale_factor", "add_offset", "_FillValue", "dtype")
    for place in ("attrs", "encoding"):
        own, theirs = ({key: getattr(array, place).get(key) for key in kept} for array in (result, given))
        assert own == theirs
    result.rio.to_raster(tmp_path / "back.tif")
    with rasterio.open(tmp_path / "back.tif") as back, rasterio.open(scaled) as file:
        assert np.array_equal(back.read(), file.read())
        assert (back.nodata, back.scales, back.offsets) == (file.nodata, file.scales, file.offsets)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32"])
def test_the_data_type_is_kept(dtype):
    values = np.random.default_rng(3).integers(1, 120, (2, 12, 14)).astype(dtype)
    result = seamline.superres(placed(values), model="identity")
    assert result.dtype == dtype
    assert np.array_equal(result, values)
    assert result.rio.nodata is None
    assert "_FillValue" not in {*result.attrs, *result.encoding}


def placed(values, transform=COARSE, **attrs):
    _, height, width = values.shape
    xs = transform.c + transform.a * (np.arange(width) + 0.5)
    ys = transform.f + transform.e * (np.arange(height) + 0.5)
    array = xr.DataArray(values, coords={"y": ys, "x": xs}, dims=("band", "y", "x"), attrs=attrs)
    return array.rio.write_crs("EPSG:32633")


def test_values_between_the_encoded_ones_are_not_rounded(scaled):
    given = opened(scaled, masked=True)
    given.values += np.float32(0.25)
    assert np.array_equal(seamline.superres(given, model="identity"), given, equal_nan=True)


def test_wider_floats_are_taken_where_their_encoding_says_what_is_stored(scaled):
    given = opened(scaled, mask_and_scale=True)
    wide = given.astype(np.float64)
    wide.encoding = given.encoding
    result = seamline.superres(wide, model="identity")
    assert result.dtype == np.float64
    assert np.allclose(result, wide, atol=1e-7, equal_nan=True)
    with pytest.raises(RequestError, match=r"^the array image: its data type float64 cannot be returned exactly"):
        seamline.superres(given.astype(np.float64).drop_encoding(), model="identity")


@pytest.mark.parametrize(
    ("dtype", "value"), [("uint16", 0), ("int16", 0), ("uint8", 0), ("float32", np.nan)], ids=lambda value: str(value)
)
def test_what_the_other_image_masks_gets_a_nodata_value_where_the_main_one_has_none(pair, dtype, value):
    ms, pan = opened(pair / "ms.tif"), opened(pair / "pan.tif")
    ms = (ms // 8).clip(1, 255).astype(dtype)
    pan[:, 40:60, 80:110] = 0
    result = seamline.pansharpen(ms, pan.rio.write_nodata(0), model="brovey")
    assert result.dtype == dtype
    assert np.array_equal(result.rio.nodata, value, equal_nan=True)
    masked = np.isnan(result) if dtype == "float32" else result == value
    assert masked[:, 40:60, 80:110].all()
    assert masked.sum() == 4 * 20 * 30
    result.rio.reproject("EPSG:4326")


def test_where_every_byte_is_taken_the_masked_pixels_make_floats(pair):
    pan = opened(pair / "pan.tif")
    pan[:, :8, :8] = 0
    ms = placed(np.resize(np.arange(256, dtype=np.uint8), (4, 40, 48)))
    result = seamline.pansharpen(ms, pan.rio.write_nodata(0), model="brovey", consistency="off", dtype="uint8")
    assert result.dtype == np.float32
    assert np.isnan(result[:, :8, :8]).all()
    assert np.isnan(result).sum() == 4 * 64


def test_the_mask_of_another_image_is_kept_in_a_masked_array(pair):
    ms, pan = opened(pair / "ms.tif", masked=True), opened(pair / "pan.tif")
    pan[:, 40:60, 80:110] = 0
    result = seamline.pansharpen(ms, pan.rio.write_nodata(0), model="brovey")
    assert np.isnan(result).sum() == 4 * 20 * 30
    assert (result.encoding["dtype"], result.rio.encoded_nodata) == ("uint16", 0)


@pytest.mark.parametrize("wanted", ["float32", np.uint8, np.dtype("uint16")])
def test_another_data_type_is_that_of_the_stored_values(scaled, wanted):
    plain = seamline.superres(opened(scaled), model="identity", dtype=wanted)
    assert plain.dtype == wanted
    given = opened(scaled, masked=True)
    decoded = seamline.superres(given, model="identity", dtype=wanted)
    assert decoded.dtype == given.dtype
    assert np.dtype(decoded.encoding["dtype"]) == wanted
    assert np.isnan(decoded[:, :5, :5]).all()
    assert np.isnan(decoded).sum() == 100


def test_a_stated_scale_becomes_an_attribute_unless_values_are_scaled_already(pair, scaled):
    result = seamline.superres(opened(pair / "ms.tif"), model="identity", offset=-1000, scale_factor=1e-4)
    assert (result.attrs["scale_factor"], result.attrs["add_offset"]) == (1e-4, -0.1)
    with pytest.raises(RequestError, match="the values of image are scaled already"):
        seamline.superres(opened(scaled, mask_and_scale=True), model="identity", offset=-1000)


# Bands, axes and attributes


def labelled(names=("B02", "B03", "B04", "B08")):
    rng = np.random.default_rng(4)
    values = rng.integers(100, 3000, (4, 12, 14)).astype(np.uint16)
    array = placed(values, platform="Sentinel-2B", cloud=0.25).assign_coords(
        band=list(names), wavelength=("band", [490.0, 560.0, 665.0, 842.0]), time=np.datetime64("2024-05-01", "ns")
    )
    return array.rename("reflectance")


def test_bands_are_chosen_by_the_names_along_their_axis():
    given = labelled()
    result = seamline.superres(given, model="identity", bands=("B04", "b02"))
    assert np.array_equal(result, given.sel(band=["B04", "B02"]))
    assert result.band.values.tolist() == ["B04", "B02"]
    assert result.wavelength.values.tolist() == [665.0, 490.0]
    assert "long_name" not in result.attrs


def test_bands_are_chosen_by_their_long_names_and_numbers():
    given = labelled().drop_vars("band").assign_attrs(long_name=("B02", "B03", "B04", "B08"), units=list("abcd"))
    result = seamline.superres(given, model="identity", bands=["B08", 1])
    assert np.array_equal(result, given[[3, 0]])
    assert (result.attrs["long_name"], result.attrs["units"]) == (("B08", "B02"), ("d", "a"))
    with pytest.raises(RequestError, match=r"the array image: it has no band B11; choose .* with bands"):
        seamline.superres(given, model="identity", bands=("B11",))


def test_what_the_user_says_of_an_image_is_carried():
    given = labelled()
    result = seamline.superres(given, model="bicubic", scale=2)
    assert result.name == "reflectance"
    assert {"platform": "Sentinel-2B", "cloud": 0.25}.items() <= result.attrs.items()
    assert result.time == given.time
    assert result.band.equals(given.band)
    assert result.rio.transform() == from_origin(500_000, 5_000_000, 1, 1)
    assert result.attrs["SEAMLINE_MODEL"].startswith("bicubic@")
    assert not {"scale_factor", "add_offset", "AREA_OR_POINT", "long_name", "units"} & result.attrs.keys()


def test_attributes_keep_their_kind_and_those_of_other_pixels_go():
    given = labelled().assign_attrs(view={"azimuth": [3, 4]}, STATISTICS_MEAN=7.0, TIFFTAG_SOFTWARE="a camera")
    first = seamline.superres(given, model="bicubic", scale=2)
    assert first.attrs["view"] == {"azimuth": [3, 4]}
    assert "STATISTICS_MEAN" not in first.attrs
    assert first.attrs["TIFFTAG_SOFTWARE"] == "Seamline"
    assert seamline.superres(first, model="identity").attrs["SEAMLINE_MODEL"].startswith("identity@")


def test_a_nodata_value_that_was_set_and_not_written_counts():
    given = labelled()
    given[:, :3, :4] = 0
    given.rio.set_nodata(0)
    result = seamline.superres(given, model="bicubic", scale=2)
    assert result.rio.nodata == 0
    assert np.array_equal(result == 0, np.repeat(np.repeat(given == 0, 2, axis=1), 2, axis=2))


def test_axes_keep_their_names_and_take_their_order():
    given = labelled().rename(band="channel", y="latitude", x="longitude").transpose("latitude", "longitude", "channel")
    given = given.rio.write_crs("EPSG:4326").assign_coords(
        latitude=50 - 1e-4 * np.arange(12), longitude=8 + 1e-4 * np.arange(14)
    )
    given.latitude.attrs["units"] = "degrees_north"
    result = seamline.superres(given, model="identity")
    assert result.dims == ("channel", "latitude", "longitude")
    assert np.array_equal(result, given.transpose(*result.dims))
    assert result.latitude.attrs["units"] == "degrees_north"
    assert np.allclose(result.latitude, given.latitude, atol=1e-12)


def test_rows_and_columns_alone_are_one_band():
    given = labelled().isel(band=1)
    result = seamline.superres(given, model="identity")
    assert result.dims == ("band", "y", "x")
    assert result.band.values.tolist() == ["B03"]
    assert np.array_equal(result[0], given)


def test_a_rotated_image_keeps_its_grid(tmp_path):
    affine = Affine.translation(500_000, 5_000_000) @ Affine.rotation(20) @ Affine.scale(2, -2)
    values = np.random.default_rng(5).integers(1, 999, (1, 20, 24)).astype(np.uint16)
    whole = opened(put(tmp_path / "turned.tif", values, affine))
    part = seamline.superres(whole[:, 5:, 3:], model="identity")
    assert np.array_equal(part, values[:, 5:, 3:])
    moved = affine @ Affine.translation(3, 5)
    assert np.allclose(part.rio.transform(), moved, rtol=0, atol=2e-9)
    assert np.allclose(part.xc, whole.xc[5:, 3:], rtol=0, atol=2e-9)


def test_a_slice_lies_where_it_was(pair):
    given = opened(pair / "ms.tif")[:, 7:30, 9:]
    result = seamline.superres(given, model="bicubic", scale=2)
    assert result.rio.transform() == from_origin(500_018, 4_999_986, 1, 1)
    assert result.rio.bounds() == given.rio.bounds(recalc=True)


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("given", [str, opened])
def test_without_a_georeference_the_result_has_none_either(suffix, given, tmp_path):
    values = np.random.default_rng(6).integers(1, 250, (3, 40, 48)).astype(np.uint8)
    path = tmp_path / f"plain.{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver={"tif": "GTiff", "png": "PNG"}[suffix], count=3, height=40, width=48, dtype="uint8"
        ) as file:
            file.write(values)
        image = given(path)
    with pytest.warns(errors.GeoreferenceWarning, match="no georeference; the output has none either"):
        result = seamline.superres(image, model="bicubic", scale=2, window=(3, 5, 20, 10), out=tmp_path / "o.tif")
    assert result.shape == (3, 20, 40)
    assert result.rio.transform().is_identity
    assert result.rio.crs is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(tmp_path / "o.tif") as file:
            assert file.transform.is_identity
            assert file.crs is None


# Options


def test_every_option_of_a_request_is_an_option_and_is_described():
    # Where an output goes to in a bucket is taken from ``out``.
    own = {field.name for field in dataclasses.fields(Request)} - {"inputs", "out", "upload"}
    known = set(api.Options.__annotations__)
    assert own <= known
    described = inspect.getdoc(api.Options).split("Attributes:")[1]
    named = {
        name.strip() for line in described.splitlines() if line[4:5].strip() for name in line.split(":")[0].split(",")
    }
    assert known == named


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_help_lists_the_options(function):
    parameters = inspect.signature(function).parameters
    assert set(api.Options.__annotations__) < set(parameters)
    assert "tile: 'int | None' = None" in str(inspect.signature(function))
    assert parameters["device"].default == "auto"
    assert parameters["seed"].default == 0
    assert getattr(seamline, function.__name__) is function
    assert function.__name__ in dir(seamline)


def test_type_checkers_see_what_is_imported_on_first_use():
    tree = ast.parse(Path(seamline.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {(node.module, alias.name, alias.asname) for node in block.body for alias in node.names}
    assert seen == {(module, name, name) for name, module in seamline._PUBLIC.items()}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize(("wrong", "right"), [("tyle", "tile"), ("over_write", "overwrite"), ("models", "model")])
def test_an_option_that_there_is_not_is_refused_as_python_does(function, wrong, right):
    images = ["ms.tif", "pan.tif"][: 1 + (function is seamline.pansharpen)]
    with pytest.raises(TypeError, match=rf"{function.__name__}\(\) has no option '{wrong}'; did you mean {right}\?"):
        function(*images, **{wrong: 3})


WRONG = {
    "tile": [0, -64, 6.5, "64", True],
    "overlap": [-1, 8.5],
    "batch": [0, "2"],
    "seed": [-1, 2**64, 0.5, None, "0"],
    "steps": [0, 1.5],
    "blend": ["latents", 1],
    "guidance": [np.nan, np.inf, "much"],
    "device": ["gpu", "cuda:x"],
    "precision": ["fp64", None],
    "attention": ["flash", None],
    "threads": [0, 2.5],
    "consistency": ["yes", True, "mean"],
    "sensor": ["no such sensor"],
    "extent": [(1, 2, 3), "1 2 3 4", (0, 0, "a", 1), 5],
    "window": [(0, 0, 4), (0, 0, 4.5, 4), (0, 0, 0, 4)],
    "bands": ["B04", 4, (0,), (9,), ("none",), (1.5,), None],
    "offset": [np.nan, "low"],
    "scale_factor": [0, -1, np.inf],
    "nodata": [np.nan, np.inf, "low", 0.5],
    "dtype": ["float64", "complex64", "uint17", np.int64, object, bool],
    "compress": ["jpeg", None, ""],
    "memory": [0, -1, 1e9, "4G"],
    "coregister": ["no", 1, None],
    "overwrite": ["yes", None],
    "resume": ["yes", None],
    "stac": ["yes", None],
    "work": ["folder"],
    "policy": ["vrt", None],
    "allow_host": [["https://example.org"], [5]],
    "guides": [{"none": "n.tif"}, ["n.tif"]],
    "also": [{"none": "n.tif"}, ["u.tif"]],
    "uncertainty": ["u.tif"],
    "trust": ["t.tif"],
    "support": ["o.tif", "none/s.tif", "s.png", ""],
    "probabilities": ["p.tif"],
    "confidence": ["c.tif"],
    "polygons": ["p.gpkg", "p.tif", "none/p.gpkg", "", 3],
    "min_area": [-1, np.nan, "much", 5],
    "simplify": [-1, np.inf, "much", 5],
    "patches": ["p.gpkg", "p.shp", True],
    "listener": [print],
    "cancel": [True],
    "scale": [0, 2.5, "2", True],
    "workers": [0, -2, 1.5, "2", True],
    "scheduler": ["10.0.0.1", "tcp://10.0.0.1", 8786, ""],
    "client": ["tcp://10.0.0.1:8786"],
    "adapt": [0, 1.5, "x", True],
    "keep_model": ["folder"],
}


def test_no_option_is_left_out_of_the_wrong_ones():
    assert set(WRONG) - {"scale"} == set(api.Options.__annotations__)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_value_that_no_run_can_mean_is_refused(pair, tmp_path, name, value, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = {"consistency": "on"} if name == "sensor" else {}
    with pytest.raises(RequestError) as caught:
        seamline.superres(opened(pair / "ms.tif"), model="bicubic", out="o.tif", **{name: value}, **more)
    assert caught.value.what
    assert caught.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tile", np.int64(32)),
        ("seed", np.uint8(3)),
        ("memory", np.int64(8 << 30)),
        ("window", [np.int64(2), 3, 10, 8]),
        ("extent", np.array([500_004.0, 4_999_960.0, 500_040.0, 4_999_990.0]).tolist()),
        ("extent", tuple(np.float64([500_004.0, 4_999_960.0, 500_040.0, 4_999_990.0]))),
        ("bands", (np.int64(2), 1)),
        ("offset", np.float32(-1)),
        ("nodata", np.int64(0)),
        ("attention", "auto"),
        ("sensor", None),
        ("compress", "lzw"),
    ],
)
def test_values_that_are_taken(pair, name, value):
    assert seamline.superres(pair / "ms.tif", model="identity", overlap=16, **{name: value}).size


def test_a_part_is_that_of_the_whole(pair):
    whole = seamline.superres(opened(pair / "ms.tif"), model="bicubic")
    part = seamline.superres(opened(pair / "ms.tif"), model="bicubic", window=(4, 6, 20, 10))
    assert part.equals(whole.isel(y=slice(24, 64), x=slice(16, 96)))


def test_further_outputs_need_an_output_to_lie_beside(pair, tmp_path):
    image = opened(pair / "ms.tif")
    for wanted in ({"uncertainty": tmp_path / "u.tif"}, {"also": {"uncertainty": tmp_path / "u.tif"}}):
        with pytest.raises(RequestError, match=r"^also: uncertainty: there is no output to lie beside; give out too"):
            seamline.superres(image, model="slimdiffsr-tiny-x2", **wanted)
        result = seamline.superres(image, model="slimdiffsr-tiny-x2", out=tmp_path / "o.tif", **wanted)
        assert np.array_equal(result, stored(tmp_path / "o.tif"))
        assert stored(tmp_path / "u.tif").dtype == np.float32
        for name in ("o.tif", "u.tif"):
            (tmp_path / name).unlink()
    with pytest.raises(RequestError, match="two paths for uncertainty"):
        seamline.superres(image, out=tmp_path / "o.tif", **wanted, uncertainty="v.tif")


def test_a_run_is_resumed_from_files_alone(pair, tmp_path):
    for image, out in ((opened(pair / "ms.tif"), tmp_path / "o.tif"), (pair / "ms.tif", None)):
        with pytest.raises(RequestError, match=r"^resume: .*; give out, and the inputs as paths$"):
            seamline.superres(image, model="bicubic", out=out, resume=True)
    assert seamline.superres(pair / "ms.tif", model="bicubic", out=tmp_path / "o.tif", resume=True).size


def test_an_output_is_replaced_on_request(pair, tmp_path):
    (tmp_path / "o.tif").write_bytes(b"old")
    with pytest.raises(RequestError, match="the output exists; pass overwrite to replace it"):
        seamline.superres(pair / "ms.tif", model="bicubic", out=tmp_path / "o.tif")
    assert seamline.superres(pair / "ms.tif", model="bicubic", out=tmp_path / "o.tif", overwrite=True).size


# Errors and warnings


def test_errors_speak_of_arrays_and_options_and_not_of_files(pair):
    ms, pan = opened(pair / "ms.tif"), opened(pair / "pan.tif")
    far = pan.assign_coords(x=pan.x + 1e5).rio.write_transform(pan.rio.transform().translation(1e5, 0) @ FINE)
    cases = (
        lambda: seamline.pansharpen(ms, far, model="gsa"),
        lambda: seamline.pansharpen(ms, pan, model="gsa", tile=100, overlap=99),
        lambda: seamline.pansharpen(ms, pan, model="gsa", attention="flash"),
        lambda: seamline.superres(ms, model="bicubic", reference=pan),
        lambda: seamline.superres(ms.astype(np.int64), model="bicubic"),
        lambda: seamline.superres(ms, model="slimdiffsr-tiny-x4", scale=3),
    )
    for ask in cases:
        with pytest.raises(SeamlineError) as caught:
            ask()
        said = str(caught.value)
        assert "seamline-" not in said
        assert ".tif" not in said
        assert "--" not in said
        assert said == f"{caught.value.where}: {caught.value.what}; {caught.value.fix}"


def test_a_model_that_takes_no_reference_refuses_it(pair):
    with pytest.raises(
        ModelError, match=r"^the array reference: bicubic takes no input 'reference'.*leave reference out"
    ):
        seamline.superres(opened(pair / "ms.tif"), model="bicubic", reference=opened(pair / "pan.tif"))


def test_odd_arrays_are_refused_by_name(pair):
    ms, pan = opened(pair / "ms.tif"), opened(pair / "pan.tif")
    for wrong, sentence in (
        (pan.values, "^pan: a ndarray has no georeference"),
        (pan.rename(y="row"), "^pan: none of its axes band, row, x are known"),
        (pan.astype(complex), "^pan: values of the data type complex128"),
        (pan.assign_coords(x=np.geomspace(1, 9, 192)), "^pan: its coordinates along x are not evenly spaced"),
        (pan.drop_vars(["x", "y", "spatial_ref"]), "^the array pan: it has no georeference"),
        (pan[:, :0], "^pan: an array of 1, 0, 192 cells is empty"),
    ):
        with pytest.raises(RequestError, match=sentence):
            seamline.pansharpen(ms, wrong, model="gsa")


def test_warnings_are_those_of_python(pair):
    with pytest.warns(errors.UnusedOptionWarning, match="guidance does nothing") as caught:
        seamline.superres(pair / "ms.tif", model="bicubic", guidance=2.0)
    ours = [each for each in caught if issubclass(each.category, errors.SeamlineWarning)]
    assert [Path(each.filename).name for each in ours] == [Path(__file__).name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(errors.UnusedOptionWarning):
            seamline.superres(pair / "ms.tif", model="bicubic", guidance=2.0)
        warnings.simplefilter("ignore", errors.SeamlineWarning)
        assert seamline.superres(pair / "ms.tif", model="bicubic", guidance=2.0).size


def test_nobody_is_warned_of_what_is_none_of_their_doing(pair):
    """Libraries announce changes to each other; a user who makes errors of warnings sees none of that."""
    script = f"""
import seamline
ms, pan = {str(pair / "ms.tif")!r}, {str(pair / "pan.tif")!r}
assert seamline.superres(ms, model="bicubic").shape == (4, 160, 192)
assert seamline.pansharpen(ms, pan).shape == (4, 160, 192)
assert seamline.pansharpen(ms, pan, model="gsa", workers=2, tile=96, overlap=40).shape == (4, 160, 192)
"""
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment, timeout=500
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("model", ["gsa", "brovey", "mtf-glp-fs", "mtf-glp-hpm"])
def test_nobody_is_warned_of_sums_over_a_constant_image(pair, model):
    flat = opened(pair / "pan.tif")
    flat[:] = 500
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert np.isfinite(seamline.pansharpen(opened(pair / "ms.tif"), flat, model=model)).all()


def test_nobody_is_warned_of_a_nodata_value_that_no_float32_holds():
    values = np.random.default_rng(7).random((2, 12, 14))
    values[:, :3, :3] = -1.7e308
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = seamline.superres(placed(values, _FillValue=-1.7e308), model="identity", dtype="float32")
    assert np.isnan(result[:, :3, :3]).all()
    assert np.isnan(result).sum() == 18


class Ears:
    def __init__(self):
        self.heard = []

    def emit(self, event, **fields):
        self.heard.append(event)


def test_a_listener_hears_and_a_switch_stops(pair):
    ears, cancel = Ears(), Cancel()
    seamline.superres(pair / "ms.tif", model="bicubic", listener=ears)
    assert (ears.heard[0], ears.heard[-1], "progress" in ears.heard) == ("start", "done", True)
    cancel.set()
    with pytest.raises(errors.Cancelled):
        seamline.superres(pair / "ms.tif", model="bicubic", cancel=cancel)


# Workers


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_workers_need_no_guard_in_the_script(pair, way, tmp_path):
    """A script may start workers at its top level, and none of them runs it again."""
    script = tmp_path / "s.py"
    script.write_text(
        f"""
import seamline
print("once")
ms, pan = {str(pair / "ms.tif")!r}, {str(pair / "pan.tif")!r}
r = seamline.pansharpen(ms, pan, model="gsa", tile=96, overlap=40, workers=2)
r.rio.to_raster("w.tif")
"""
    )
    words = [sys.executable, str(script)] if way == "file" else [sys.executable, "-"]
    text = None if way == "file" else script.read_text()
    ran = subprocess.run(words, input=text, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=500)
    assert (ran.returncode, ran.stdout) == (0, "once\n"), ran.stderr
    one = seamline.pansharpen(pair / "ms.tif", pair / "pan.tif", model="gsa", tile=96, overlap=40)
    assert np.array_equal(stored(tmp_path / "w.tif"), one)


OWN_MODEL = """
from seamline.engine.request import Request
from seamline.engine.run import Processes, run
from seamline.engine.testing import PassThrough

class Own(PassThrough):
    pass

request = Request(inputs={{"image": {path!r}}}, out="o.tif", tile=32, overlap=16)
{guard}run(request, Own(), executor=Processes(2))
"""


@pytest.mark.parametrize("guarded", [True, False])
def test_a_model_that_stands_in_the_script_needs_the_guard_and_the_error_says_so(pair, guarded, tmp_path):
    guard = "if __name__ == '__main__': " if guarded else ""
    (tmp_path / "s.py").write_text(OWN_MODEL.format(path=str(pair / "ms.tif"), guard=guard))
    words = [sys.executable, "s.py"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=500)
    if guarded:
        assert ran.returncode == 0, ran.stderr
        assert np.array_equal(stored(tmp_path / "o.tif"), stored(pair / "ms.tif"))
    else:
        assert "below if __name__ == '__main__', as the model is defined in it" in ran.stderr.splitlines()[-1]


# Other tasks


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    packaged.install(folder / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "site"))
        yield packaged.write_models(folder / "models")


@pytest.mark.parametrize("function", [seamline.segment, seamline.classify])
def test_a_task_without_a_model_asks_for_one(function, pair):
    with pytest.raises(RequestError, match=r"^model: which classes to (segment|classify) by is for") as caught:
        function(opened(pair / "ms.tif"))
    assert "bring-your-own-model" in caught.value.fix
    assert "train-on-labels" in caught.value.fix


@pytest.mark.parametrize("how", [{}, {"masked": True}, {"mask_and_scale": True}])
def test_classes_are_numbers_with_names(toys, scaled, how):
    given = opened(scaled, **how).assign_coords(time=np.datetime64("2024-05-01", "ns"))
    result = seamline.segment(given, model=toys["segments"])
    assert (result.dims, result.shape, result.dtype) == (("band", "y", "x"), (1, 40, 48), np.uint8)
    assert result.rio.nodata == 255
    assert (result[:, :5, :5] == 255).all()
    assert int((result == 255).sum()) == 25
    assert result.attrs["flag_values"] == [0, 1, 2, 3, 4]
    assert result.attrs["flag_meanings"] == "water forest field soil built-up"
    assert result.time == given.time
    assert not {"scale_factor", "add_offset", "dtype"} & result.encoding.keys()
    assert result.rio.transform() == COARSE
    assert np.array_equal(result, seamline.segment(scaled, model=toys["segments"]))


def test_further_outputs_lie_beside(toys, scaled, tmp_path):
    also = {name: tmp_path / f"{name}.tif" for name in ("probabilities", "uncertainty")}
    result = seamline.segment(opened(scaled), model=str(toys["segments"]), out=tmp_path / "c.tif", also=also)
    chances = stored(also["probabilities"])
    known = result[0].values != 255
    assert np.array_equal(chances.argmax(0)[known], result[0].values[known])


def test_a_reference_may_be_an_array_of_any_kind(toys, pair):
    image, reference = opened(pair / "ms.tif"), opened(pair / "pan.tif").rio.reproject("EPSG:32632").astype(np.float64)
    plain = seamline.superres(image, model=toys["reference"])
    refined = seamline.superres(image, reference=reference, model=toys["reference"])
    assert plain.shape == refined.shape == (4, 80, 96)
    assert (plain != refined).mean() > 0.5
    again = seamline.superres(image, guides={"reference": reference}, model=toys["reference"])
    assert again.identical(refined)


def test_steps_are_blended_from_python_too(toys, pair):
    assert seamline.superres(opened(pair / "ms.tif"), model=toys["stepping"]).shape == (4, 40, 48)
