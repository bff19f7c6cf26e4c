"""What a report reads of rasters: stored values at points, means under the input's pixels, on any grids."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from seamline.report.change import Change, Index, changes
from seamline.report.rasters import Cells, described, input_scene
from seamline.report.samples import Samples, Spectra, take


@pytest.fixture
def fine(write_raster):
    """4 bands of 200 x 240 px at 0.5 m, with overviews that hold other values."""
    values = np.random.default_rng(3).integers(1, 4000, (4, 200, 240), dtype=np.uint16)
    path = write_raster("fine.tif", values, transform=from_origin(500000, 5000000, 0.5, 0.5), names=tuple("bgrn"))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    return described("fine", path), values


def test_spectra_are_those_that_the_files_store(fine, write_raster):
    scene, values = fine
    coarse = np.arange(4 * 50 * 60, dtype=np.uint16).reshape(4, 50, 60)
    path = write_raster("coarse.tif", coarse, transform=from_origin(500000, 5000000, 2, 2), nodata=7)
    samples = take(scene.grid, {"Output": scene, "Input": described("coarse", path)})
    assert samples.step == 1
    assert (samples.spectra["Output"].values == values).all()
    expected = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)
    expected[expected == 7] = np.nan
    np.testing.assert_array_equal(samples.spectra["Input"].values, expected)


def test_points_lie_in_the_middle_of_pixels_where_not_all_fit(fine, monkeypatch):
    scene, values = fine
    monkeypatch.setattr("seamline.report.samples._MOST_BYTES", 20_000)
    samples = take(scene.grid, {"Output": scene})
    assert samples.step % 2 == 1
    half = samples.step // 2
    assert samples.step > 1
    found = samples.spectra["Output"].values
    assert found.nbytes // 2 <= 20_000
    assert (found == values[:, half :: samples.step, half :: samples.step]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_spectra_are_packed_without_loss(dtype):
    values = (np.random.default_rng(4).normal(500, 300, (2, 5, 7)).clip(0)).astype(dtype).astype(np.float32)
    values[0, 2, 3] = np.nan
    spectra = Spectra(("a", "b"), values)
    raw = zlib.decompress(spectra.packed())
    if spectra.plain()["type"] == "uint16":
        whole = np.frombuffer(raw, "<u2").reshape(values.shape).cumsum(axis=2, dtype=np.uint16)
        found = np.where(whole == 65535, np.nan, whole.astype(np.float32))
    else:
        found = np.frombuffer(raw, "<f4").reshape(values.shape)
    np.testing.assert_array_equal(found, values)
    assert isinstance(Samples(1, 5, 7, {"x": spectra}).spectra["x"], Spectra)


def test_an_output_that_keeps_the_inputs_means_changes_no_index(fine, write_raster):
    scene, values = fine
    means = values.reshape(4, 50, 4, 60, 4).mean(axis=(2, 4)).astype(np.float32)
    place = from_origin(500000, 5000000, 2, 2)
    alike = described("ms", write_raster("alike.tif", means, transform=place, names=tuple("bgrn")))
    with Cells(scene, alike) as cells:
        assert (cells.window.height, cells.window.width) == (50, 60)
        found = changes(cells, ["blue", "green", "red", "nir"], lambda: None)
    assert [change.plain()["name"] for change in found] == ["NDVI", "green / blue", "red / green", "nir / red"]
    assert all(change.pixels == 3000 for change in found)
    assert all(change.plain()["rms"] < 1e-5 and change.plain()["notable"] == 0 for change in found)
    other = described("ms", write_raster("other.tif", means * np.float32([1, 1, 2, 1])[:, None, None], transform=place))
    with Cells(scene, other) as cells:
        ratio = Change(Index("n / r", 3, 2, False))
        ratio.add(*cells.read(cells.window))
    assert ratio.plain()["after"] == pytest.approx(2 * ratio.plain()["before"], rel=1e-4)
    assert ratio.plain()["notable"] == 1


def test_an_input_is_put_together_of_the_bands_of_the_run(write_raster):
    one = write_raster("one.tif", np.arange(24, dtype=np.uint16).reshape(2, 3, 4))
    two = write_raster("two.tif", 100 + np.arange(12, dtype=np.uint16).reshape(1, 3, 4))
    bands = [{"path": str(two), "band": 1}, {"path": str(one), "band": 2}]
    scene = input_scene("ms", bands)
    found = take(scene.grid, {"Input": scene}).spectra["Input"].values
    assert found[:, 0, 0].tolist() == [100, 12]
