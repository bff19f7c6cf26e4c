"""Patches come from the named split alone, and never from masked pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from seamline.engine.errors import RequestError
from seamline.training.data.sources import PROCEDURAL, Source, alike, draw_patch, fits, load_sources
from seamline.training.settings import SourceSettings


def write(path: Path, image: np.ndarray, nodata: float | None = None) -> None:
    profile = {"driver": "GTiff", "count": len(image), "height": image.shape[1], "width": image.shape[2]}
    with rasterio.open(
        path,
        "w",
        dtype=image.dtype,
        crs="EPSG:32631",
        transform=from_origin(1000, 9000, 10, 10),
        nodata=nodata,
        **profile,
    ) as file:
        file.write(image)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One scene whose columns are numbered, with a west-east split whose boxes cut pixels."""
    columns = np.broadcast_to(np.arange(1, 201, dtype=np.uint16), (2, 100, 200)).copy()
    columns[:, 40:45, 20:25] = 0
    write(tmp_path / "a.tif", columns, nodata=0)
    write(tmp_path / "b.tif", columns + np.uint16(1000))
    boxes = {"train": [[1000.0, 8000.0, 2004.0, 9000.0]], "val": [[2013.0, 8000.0, 3000.0, 9000.0]], "test": []}
    strips = {"unit": "bbox", "files": ["a.tif"], **boxes}
    whole = {"unit": "file", "train": ["b.tif"], "val": [], "test": ["a.tif"]}
    (tmp_path / "splits.json").write_text(json.dumps({"datasets": {"strips": strips, "whole": whole}}))
    return tmp_path


def test_only_whole_pixels_inside_the_box_are_read(data):
    (train,) = load_sources(data, [SourceSettings("strips")], "train", 0)
    (val,) = load_sources(data, [SourceSettings("strips")], "val", 0)
    assert train.images[0].max() == 100
    assert val.images[0].min() == 103
    assert load_sources(data, [SourceSettings("strips")], "test", 0) == []


def test_patches_avoid_masked_pixels_and_lie_in_the_unit_range(data):
    (source,) = load_sources(data, [SourceSettings("strips", bands=(2,), reduce=(1, 2))], "train", 0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        patch = draw_patch(source, 24, rng)
        assert patch.shape == (1, 24, 24)
        assert patch.dtype == np.float32
        assert patch.min() > 0.0
        assert patch.max() <= 1.02


def test_values_that_are_not_finite_are_as_good_as_masked(data):
    image = np.ones((2, 60, 60), np.float32)
    image[1, 10, 12] = np.nan
    write(data / "b.tif", image)
    (source,) = load_sources(data, [SourceSettings("whole")], "train", 0)
    assert not source.valid[0][10, 12]
    assert source.valid[0].sum() == 3599
    assert np.isfinite(source.peaks[0]).all()


def test_a_patch_is_found_where_few_images_can_hold_one():
    small, large = np.ones((1, 50, 50), np.uint8), np.full((1, 70, 70), 2, np.uint8)
    images = (*[small] * 400, large)
    valid = tuple(np.ones(image.shape[1:], np.bool_) for image in images)
    source = Source(SourceSettings("x", reduce=(1, 4)), images, valid, (np.ones(1, np.float32),) * 401)
    rng = np.random.default_rng(0)
    assert all(draw_patch(source, 64, rng)[0, 0, 0] == 2 for _ in range(100))


def test_files_can_be_chosen_by_name(data):
    with pytest.raises(RequestError, match="whole: no image of the train part is left"):
        load_sources(data, [SourceSettings("whole", excludes=("b.",))], "train", 0)
    assert load_sources(data, [SourceSettings("whole", excludes=("b.",))], "val", 0) == []
    (source,) = load_sources(data, [SourceSettings("whole", contains=("b.",))], "train", 0)
    assert source.images[0].min() == 1000
    assert fits(source, 100)
    assert not fits(source, 101)


def test_kinds_of_images_can_count_alike_and_made_up_scenes_not_at_all():
    ones, valid = np.ones((1, 64, 64), np.uint8), np.ones((64, 64), np.bool_)
    kinds = (("rare", 0.1), (PROCEDURAL, 4.0), ("often", 3.0))
    sources = [Source(SourceSettings(name, weight=w), (ones,), (valid,), (np.ones(1),)) for name, w in kinds]
    assert [(s.settings.dataset, s.settings.weight) for s in alike(sources)] == [("rare", 1.0), ("often", 1.0)]
    assert [s.settings.dataset for s in alike(sources[1:2])] == [PROCEDURAL]


def test_a_wavelength_belongs_to_every_band(data):
    with pytest.raises(RequestError, match="whole: 1 wavelengths are named for 2 bands"):
        load_sources(data, [SourceSettings("whole", wavelengths=(0.5,))], "train", 0)
    assert load_sources(data, [SourceSettings("whole", wavelengths=(0.5, 0.0))], "train", 0)


def test_what_is_missing_is_named(data):
    with pytest.raises(RequestError, match="no such dataset"):
        load_sources(data, [SourceSettings("nowhere")], "train", 0)
    (source,) = load_sources(data, [SourceSettings("whole")], "train", 0)
    with pytest.raises(RequestError, match="no valid patch"):
        draw_patch(source, 128, np.random.default_rng(0))
