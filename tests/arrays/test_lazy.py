"""A lazy array gives a lazy result: nothing computes where it is made, and its pixels are those of a file."""

from __future__ import annotations

import gc
import pickle
import tempfile
import threading

import dask
import dask.array as da
import numpy as np
import pytest
import rioxarray
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import seamline
from seamline.arrays import lazy
from seamline.engine.errors import BlocksWarning, GeoreferenceWarning, ModelError, RequestError, RunError
from seamline.engine.output.row_bands import RowBands

SHAPE = (3, 90, 70)
VALUES = np.random.default_rng(7).integers(1, 3000, SHAPE).astype(np.uint16)


def image(values, **attrs):
    """(band, y, x) with a place."""
    height, width = values.shape[1:]
    coords = {"y": 5e6 - 10 * np.arange(height) - 5, "x": 4e5 + 10 * np.arange(width) + 5}
    return xr.DataArray(values, coords, ("band", "y", "x"), "scene", attrs).rio.write_crs("EPSG:32633")


def chunked(axis):
    """Ways to cut an axis into chunks."""
    cuts = st.sets(st.integers(1, axis - 1), max_size=4)
    return cuts.map(lambda at: tuple(np.diff([0, *sorted(at), axis]).tolist()))


EAGER = seamline.superres(image(VALUES), model="bicubic", scale=2, tile=32, overlap=8)


@given(st.tuples(*map(chunked, SHAPE)), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_bits(chunks, rows_a_block):
    before, lazy._ROWS_A_BLOCK = lazy._ROWS_A_BLOCK, rows_a_block
    try:
        source = image(da.from_array(VALUES, chunks=chunks))
        result = seamline.superres(source, model="bicubic", scale=2, tile=32, overlap=8)
    finally:
        lazy._ROWS_A_BLOCK = before
    assert result.chunks is not None
    assert result.dtype == EAGER.dtype
    assert result.shape == EAGER.shape
    xr.testing.assert_equal(result.compute(scheduler="synchronous"), EAGER)


def never(*_):
    raise AssertionError("something was computed")


def test_nothing_computes_where_it_is_made():
    source = image(da.map_blocks(never, chunks=((3,), (9000, 9000), (9000,)), dtype="uint16", meta=VALUES[:0]))
    with dask.config.set(scheduler=never):
        result = seamline.superres(source, model="bicubic", scale=4)
        corner = result[:, :8, :8]
    assert result.shape == (3, 72000, 36000)
    assert corner.shape == (3, 8, 8)


@pytest.mark.parametrize("nodata", [None, 7])
@pytest.mark.parametrize("model", ["bicubic", "slimdiffsr-tiny-x2"])
def test_it_is_like_the_result_of_an_array_in_memory(nodata, model):
    whole = image(VALUES, mine="kept", long_name=("red", "green", "blue"))
    if nodata is not None:
        whole = whole.where(whole > 300, nodata).rio.write_nodata(nodata)
    eager = seamline.superres(whole, model=model)
    late = seamline.superres(whole.chunk({"y": 40}), model=model)
    found = late.compute()
    xr.testing.assert_equal(found, eager)
    assert found.attrs == {key: value for key, value in eager.attrs.items() if key != "SEAMLINE_IDENTITY"}
    assert found.encoding == eager.encoding
    assert list(found.coords) == list(eager.coords)
    assert found.rio.transform() == eager.rio.transform()
    assert found.rio.crs == eager.rio.crs


def test_floats_that_an_encoding_tells_of(tmp_path, write_raster):
    path = write_raster("s.tif", VALUES, nodata=9, scales=(1e-4,) * 3, offsets=(-0.1,) * 3)
    with rioxarray.open_rasterio(path, mask_and_scale=True, chunks={"y": 30}) as opened:
        late = seamline.superres(opened, model="bicubic")
        eager = seamline.superres(opened.load(), model="bicubic")
    xr.testing.assert_equal(late.compute(), eager)
    assert late.dtype == eager.dtype
    assert late.encoding == eager.encoding


def test_a_pair_of_which_one_is_a_file_or_in_memory(small_pair):
    ms, pan = map(rioxarray.open_rasterio, small_pair)
    eager = seamline.pansharpen(ms, pan, model="gsa", tile=96)
    for pair in ((ms.chunk({"y": 11}), pan), (ms.chunk({"x": 9}), pan.chunk({"y": 50})), (ms.chunk(), small_pair[1])):
        xr.testing.assert_equal(seamline.pansharpen(*pair, model="gsa", tile=96).compute(), eager)


def test_where_no_value_says_that_a_pixel_is_masked_floats_do(small_pair):
    ms, pan = map(rioxarray.open_rasterio, small_pair)
    ms.attrs.clear()
    pan = pan.where(pan > int(pan.quantile(0.2)), 0).rio.write_nodata(0)
    eager = seamline.pansharpen(ms, pan, model="brovey", tile=96)
    late = seamline.pansharpen(ms.chunk({"y": 11}), pan, model="brovey", tile=96)
    assert late.dtype == np.float32
    found = late.compute()
    masked = eager == eager.attrs["_FillValue"]
    assert masked.any()
    assert np.array_equal(np.isnan(found), masked)
    assert np.array_equal(found.where(~masked, 0), eager.where(~masked, 0))


def test_only_the_blocks_that_are_wanted_are_computed(monkeypatch):
    computed = []
    write = RowBands.write
    monkeypatch.setattr(RowBands, "write", lambda self, band, *rest: (computed.append(band), write(self, band, *rest)))
    monkeypatch.setattr(lazy, "_ROWS_A_BLOCK", 1)
    with pytest.warns(BlocksWarning, match="tile rows for"):
        result = seamline.superres(
            image(da.from_array(VALUES, chunks=-1)), model="bicubic", scale=2, tile=32, overlap=8
        )
    assert np.array_equal(result[:, -5:, 3:9], EAGER[:, -5:, 3:9])
    assert len(computed) == 1


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = seamline.superres(image(da.from_array(VALUES, chunks=40)), model="bicubic", scale=2, tile=32)
    result.compute()
    again = result.compute()
    del result
    gc.collect()
    assert again.shape == EAGER.shape
    assert list(tmp_path.iterdir()) == []


def test_the_workers_of_a_cluster_compute_it(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    result = seamline.superres(image(da.from_array(VALUES, chunks=40)), model="bicubic", scale=2, tile=32, overlap=8)
    here = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0)
    with here, distributed.Client(here):
        xr.testing.assert_equal(result.compute(), EAGER)


def test_threads_take_one_block_at_a_time(monkeypatch):
    """The plan counts the memory of one."""
    at_work, most, run_job = set(), [], lazy.run_job

    def counting(*arguments):
        at_work.add(threading.get_ident())
        most.append(len(at_work))
        run_job(*arguments)
        at_work.discard(threading.get_ident())

    monkeypatch.setattr(lazy, "run_job", counting)
    monkeypatch.setattr(lazy, "_ROWS_A_BLOCK", 1)
    with pytest.warns(BlocksWarning):
        result = seamline.superres(image(da.from_array(VALUES, chunks=40)), model="bicubic", scale=2, tile=32)
    result.compute(scheduler="threads", num_workers=4)
    assert len(most) > 1
    assert set(most) == {1}


def test_what_is_wrong_is_said_at_once_or_by_the_names_of_arrays(tmp_path, monkeypatch):
    source = image(da.from_array(VALUES, chunks=40))
    with pytest.raises(RequestError, match="tile"):
        seamline.superres(source, model="bicubic", tile=0)
    with pytest.raises(RequestError, match="also"):
        seamline.superres(source, model="bicubic", also={"uncertainty": "u.tif"})
    result = seamline.superres(source, model="bicubic")
    monkeypatch.setattr(lazy.np, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RunError, match="a chunk of the array cannot be written"):
        result.compute()


def test_what_stands_for_values_is_never_computed_and_weighs_nothing(monkeypatch):
    """It has the shape of a scene, and would be as large."""
    monkeypatch.setattr(lazy.da, "zeros", lambda shape, dtype, chunks: da.map_blocks(never, chunks=chunks, dtype=dtype))
    result = seamline.superres(image(da.from_array(VALUES, chunks=40)), model="bicubic", scale=2, tile=32, overlap=8)
    (plan,) = (task for key, task in dict(result.__dask_graph__()).items() if str(key).startswith("_lay_down"))
    assert len(pickle.dumps(plan)) < VALUES.nbytes
    xr.testing.assert_equal(result.compute(), EAGER)


@pytest.mark.parametrize("kind", ["nc", "zarr"])
def test_a_cube_of_netcdf_or_zarr_keeps_its_place_and_its_mask(kind, tmp_path):
    pytest.importorskip("h5netcdf" if kind == "nc" else "zarr")
    holed = image(np.where(VALUES < 300, 0, VALUES)).rio.write_nodata(0)
    expected = seamline.superres(holed, model="bicubic", scale=2)
    cube, path = holed.to_dataset(name="red"), tmp_path / f"cube.{kind}"
    if kind == "nc":
        cube.to_netcdf(path, engine="h5netcdf")
        opened = xr.open_dataset(path, decode_coords="all", chunks={"y": 20})
    else:
        cube.to_zarr(path)
        opened = xr.open_zarr(path, decode_coords="all", chunks={"y": 20})
    with opened:
        result = seamline.superres(opened["red"], model="bicubic", scale=2)
        found = result.compute()
    assert result.chunks is not None
    assert found.rio.crs == expected.rio.crs
    assert found.rio.transform() == expected.rio.transform()
    assert np.array_equal(np.isnan(found), expected == 0)
    assert np.array_equal(found.fillna(0), expected)


def test_warnings_are_in_the_words_of_arrays(recwarn):
    plain = image(da.from_array(VALUES, chunks=40)).drop_vars("spatial_ref")
    seamline.superres(plain, model="bicubic", scale=2).compute()
    said = [str(each.message) for each in recwarn if issubclass(each.category, GeoreferenceWarning)]
    assert said
    assert all(text.startswith("the array image: ") for text in said)


def test_the_methods_of_an_array_and_its_writer(tmp_path, small_pair):
    import seamline.accessor

    ms, pan = map(rioxarray.open_rasterio, small_pair)
    assert ms.seamline.pansharpen(pan, model="gsa", tile=96).equals(seamline.pansharpen(ms, pan, model="gsa", tile=96))
    source = image(da.from_array(VALUES, chunks=40))
    source.seamline.superres(model="bicubic", scale=2, tile=32, overlap=8).seamline.to_cog(tmp_path / "o.tif")
    with rioxarray.open_rasterio(tmp_path / "o.tif") as written:
        assert np.array_equal(written, EAGER)
    with pytest.raises(ModelError, match="knows images of 8 bits alone"):
        source.seamline.segment(model="satdifuser-buildings")
    with pytest.raises(RequestError, match="exists"):
        source.seamline.to_cog(tmp_path / "o.tif")
