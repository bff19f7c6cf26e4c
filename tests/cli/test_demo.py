"""The demo writes a scene like a delivered one, calls the public door once, and draws before and after."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import Resampling

from seamline.api import DEFAULT_PANSHARPEN
from seamline.cli import demo_scene as demo
from seamline.engine.errors import RequestError


@pytest.fixture
def fusion(monkeypatch):
    """Stands in for the engine: records the call, and delivers the truth as if it were the result."""
    calls = []

    def truth_as_result(ms, pan, *, out, **options):
        calls.append((ms.name, pan.name, options))
        out.write_bytes((out.parent / "demo_truth.tif").read_bytes())

    monkeypatch.setattr(demo, "pansharpen", truth_as_result)
    return calls


def test_the_scene_is_a_georeferenced_pair_of_one_footprint(tmp_path):
    paths = demo.write_scene(tmp_path, 259)
    with rasterio.open(paths[0]) as ms, rasterio.open(paths[1]) as pan, rasterio.open(paths[2]) as truth:
        check_scene(ms, pan, truth)


def check_scene(ms, pan, truth):
    assert [f.name.rsplit("/", 1)[-1] for f in (ms, pan, truth)] == ["demo_ms.tif", "demo_pan.tif", "demo_truth.tif"]
    assert ms.bounds == pan.bounds == truth.bounds
    assert (ms.shape, pan.shape) == ((64, 64), (256, 256))
    assert ms.res == (2.0, 2.0)
    assert pan.res == (0.5, 0.5)
    for source in (ms, pan, truth):
        assert source.crs.to_epsg() == 32633
        assert source.nodata == 0
        assert set(source.dtypes) == {"uint16"}
        assert source is ms or source.block_shapes[0] == (128, 128)  # one block holds an MS band of this size
        assert source.compression.name == "deflate"
        assert (source.read() > 0).all()
    assert ms.descriptions == ("blue", "green", "red", "nir")
    assert pan.descriptions == ("pan",)


def test_a_demo_leaves_its_files_and_one_sentence(tmp_path, fusion):
    said = []
    result = demo.run_demo(tmp_path / "new" / "folder", size=256, model="gsa", echo=said.append)
    options = {"model": "gsa", "overwrite": True, "listener": None, "cancel": None}
    assert fusion == [("demo_ms.tif", "demo_pan.tif", options)]
    assert said == [result.sentence]
    assert "\n" not in said[0]
    assert str(result.picture) in said[0]
    written = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    names = {path.name for path in (result.ms, result.pan, result.truth, result.fused, result.picture)}
    assert written == names
    demo.run_demo(tmp_path / "new" / "folder", size=256, echo=said.append)  # a second run replaces the first
    assert fusion[1][2]["model"] == DEFAULT_PANSHARPEN


def test_the_picture_shows_more_detail_after_than_before(tmp_path, fusion):
    result = demo.run_demo(tmp_path, size=512, echo=lambda _: None)
    sheet = np.asarray(Image.open(result.picture).convert("L"), float)
    half = sheet.shape[1] // 2
    before, after = (
        np.abs(np.diff(part, axis=1)).mean() for part in (sheet[40:700, 20 : half - 20], sheet[40:700, half + 20 : -20])
    )
    assert after > 1.5 * before
    # One stretch for both: the level of the two sides agrees.
    assert sheet[40:700, 20 : half - 20].mean() == pytest.approx(sheet[40:700, half + 20 : -20].mean(), rel=0.05)


def test_the_detail_is_where_the_edges_are():
    image = np.zeros((90, 120), np.float32)
    image[50:70:2, 80:100] = 1.0
    left, top, right, bottom = demo._busiest(image, 30)
    assert (right - left, bottom - top) == (30, 30)
    assert left <= 80
    assert right >= 100
    assert top <= 50
    assert bottom >= 70


def test_a_request_that_cannot_be_met_is_refused_before_anything_is_written(tmp_path, fusion):
    occupied = tmp_path / "file"
    occupied.write_text("mine")
    with pytest.raises(RequestError, match="too small"):
        demo.run_demo(tmp_path / "never", size=100)
    with pytest.raises(RequestError, match="this is a file"):
        demo.run_demo(occupied)
    assert occupied.read_text() == "mine"
    assert not (tmp_path / "never").exists()
    assert fusion == []


def test_a_real_run_fuses_the_scene_and_comes_nearer_to_the_truth_than_interpolation(tmp_path):
    result = demo.run_demo(tmp_path, size=256, model="mtf-glp-fs", echo=lambda _: None)
    with rasterio.open(result.fused) as fused, rasterio.open(result.truth) as truth, rasterio.open(result.ms) as ms:
        assert fused.shape == truth.shape
        assert fused.transform == truth.transform
        assert fused.descriptions == ms.descriptions
        image, expected = fused.read().astype(float), truth.read().astype(float)
        zoomed = ms.read(out_shape=expected.shape, resampling=Resampling.cubic).astype(float)
    inner = (slice(None), slice(16, -16), slice(16, -16))
    error, before = (np.sqrt(((view - expected)[inner] ** 2).mean()) for view in (image, zoomed))
    assert error < 0.75 * before
