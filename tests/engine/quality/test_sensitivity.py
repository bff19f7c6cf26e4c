from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from seamline.engine.ground.tiles import even_axis
from seamline.engine.quality.sensitivity import shifted, tile_sensitivity
from seamline.engine.request import Request
from seamline.engine.testing import PassThrough, assert_partition_of_unity
from seamline.models import registry


@dataclass(frozen=True)
class InTile:
    """Adds the column inside the tile, so that every pixel tells where its tile starts."""

    identity: str = "in-tile@1"

    @property
    def spec(self):
        return replace(PassThrough().spec, name="in-tile", align=8)

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        return batch["image"] + torch.arange(batch["image"].shape[3])


@pytest.fixture
def scene(write_raster):
    """1 band of 256 x 256 px, textured, float32."""
    values = np.random.default_rng(3).normal(500, 50, (1, 256, 256))
    return write_raster("scene.tif", values.astype(np.float32))


def request(path, tmp_path, **more):
    return Request(inputs={"image": str(path)}, out=str(tmp_path / "out.tif"), threads=1, **more)


def test_the_identity_has_none(scene, tmp_path):
    found = tile_sensitivity(request(scene, tmp_path, tile=64, overlap=16), PassThrough(align=8))
    assert found.shifted == (0.0,)
    assert found.untiled == (0.0,)


def test_a_model_that_sees_its_tile_shows_by_how_much(scene, tmp_path):
    found = tile_sensitivity(request(scene, tmp_path, tile=64, overlap=0), InTile())
    column = np.arange(256)
    start = column // 64 * 64
    # Tiles from 0, 32, 96, 160 and 192; neighbours hand over in the middle of what they share.
    moved = np.select([column < 48, column < 96, column < 160, column < 208], [0, 32, 96, 160], 192)
    assert found.shifted == pytest.approx([np.sqrt(np.mean((start - moved) ** 2.0))], rel=1e-5)
    assert found.untiled == pytest.approx([np.sqrt(np.mean(start**2.0))], rel=1e-5)


def test_a_large_scene_is_not_run_without_tiles(scene, tmp_path):
    found = tile_sensitivity(request(scene, tmp_path, tile=64), PassThrough(), largest=255)
    assert found.shifted == (0.0,)
    assert found.untiled is None


def test_a_single_tile_cannot_be_moved(scene, tmp_path):
    found = tile_sensitivity(request(scene, tmp_path, tile=256), InTile())
    assert found.shifted is None
    assert found.untiled is None


def test_nothing_stays_on_disk(scene, tmp_path):
    tile_sensitivity(request(scene, tmp_path, tile=64), PassThrough())
    assert [path.name for path in tmp_path.iterdir()] == ["scene.tif"]


def test_the_shipped_model_is_tile_exact(write_raster, tmp_path):
    """Its receptive field is smaller than its margin: what differs is the last bit, and rounding."""
    rng = np.random.default_rng(2)
    pan = np.clip(rng.normal(0, 30, (1, 160, 304)).cumsum(axis=1).cumsum(axis=2) / 60 + 900, 100, 2000)
    ms = pan.reshape(1, 40, 4, 76, 4).mean(axis=(2, 4)) * np.array([0.6, 0.8, 0.7, 1.4])[:, None, None]
    paths = {
        "ms": str(write_raster("ms.tif", ms.astype(np.uint16))),
        "pan": str(write_raster("pan.tif", pan.astype(np.uint16), transform=from_origin(500000, 5000000, 0.5, 0.5))),
    }
    wanted = Request(inputs=paths, out=str(tmp_path / "out.tif"), tile=192, overlap=88, threads=1)
    found = tile_sensitivity(wanted, registry.resolve("salad-pan-tiny", "pansharpen"))
    assert max(found.shifted) <= 1
    assert max(found.untiled) <= 1


@given(st.integers(65, 3000), st.sampled_from([64, 96, 192]), st.integers(0, 32))
def test_a_shifted_axis_is_a_tile_axis(length, tile, overlap):
    axis = even_axis(length, tile=tile, overlap=overlap, align=8)
    moved = shifted(axis, 8)
    assert_partition_of_unity(moved)
    assert moved.starts[0] == 0
    assert moved.starts[-1] == axis.starts[-1]
    assert all(start % 8 == 0 for start in moved.starts)
    inner = set(moved.starts[1:-1])
    assert inner <= {start + tile // 2 for start in axis.starts}
