"""What happens when a model misbehaves: memory, values that are not finite, wrong shapes, cancelling."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
import torch

from seamline.engine.contract import InputSpec, ModelSpec
from seamline.engine.errors import RunError
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import assert_same_pixels


@dataclass(frozen=True)
class Misbehaving:
    """Passes the image through, but for the fault that it is told to show."""

    fault: str = ""
    batch: int = 4
    identity: str = "misbehaving@1"

    @property
    def spec(self):
        return ModelSpec(
            name="misbehaving",
            version="1",
            task="superres",
            inputs=(InputSpec(name="image"),),
            main="image",
            tile=32,
            overlap=8,
            batch=self.batch,
        )

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = batch["image"].clone()
        if self.fault == "memory" and len(image) > 1:
            raise torch.OutOfMemoryError("not enough")
        if self.fault == "memory for one":
            raise MemoryError
        if self.fault == "nan":
            image[image == 123] = torch.nan
        if self.fault == "nan in bf16" and torch.is_autocast_enabled("cpu"):
            image[...] = torch.inf
        return image[:, :, 1:] if self.fault == "shape" else image


@pytest.fixture
def scene(write_raster):
    values = np.random.default_rng(0).integers(200, 900, (2, 70, 150)).astype(np.uint16)
    return write_raster("scene.tif", values, nodata=0), values


def request_for(scene, out, **options):
    return Request(inputs={"image": str(scene[0])}, out=str(out), threads=1, **options)


def test_short_memory_shrinks_the_batch_and_says_so(scene, tmp_path):
    events = []

    class Listener:
        def emit(self, event, **fields):
            events.append((event, fields))

    outcome = run(request_for(scene, tmp_path / "a.tif"), Misbehaving("memory"), listener=Listener())
    run(request_for(scene, tmp_path / "b.tif"), Misbehaving())
    assert_same_pixels(tmp_path / "a.tif", tmp_path / "b.tif")
    assert outcome.facts["batches"] == [1]
    assert json.loads(outcome.report.read_text())["batches"] == [1]
    assert any(event == "warning" and "memory" in fields["what"] for event, fields in events)


def test_no_memory_for_one_tile_stops_the_run(scene, tmp_path):
    with pytest.raises(RunError, match="memory for one tile"):
        run(request_for(scene, tmp_path / "o.tif"), Misbehaving("memory for one"))
    assert not (tmp_path / "o.tif").exists()


def test_a_value_that_is_not_finite_stops_the_run_and_names_the_tile(scene, write_raster, tmp_path):
    values = scene[1].copy()
    values[1, 40, 100] = 123
    bad = write_raster("bad.tif", values, nodata=0)
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old file")
    with pytest.raises(RunError, match="not finite") as caught:
        run(Request(inputs={"image": str(bad)}, out=str(out), overwrite=True), Misbehaving("nan"))
    assert "tile at row" in caught.value.where
    assert out.read_bytes() == b"the old file"
    assert Workspace.beside(out).exists


def test_what_is_not_finite_under_the_mask_does_not_matter(write_raster, tmp_path):
    values = np.full((1, 40, 40), 500, np.uint16)
    values[0, :, 20:] = 0
    scene = write_raster("scene.tif", values, nodata=0)

    class UnderMask(Misbehaving):
        def predict(self, batch, where):
            image = batch["image"].clone()
            image[:, :, :, 24:] = torch.nan
            return image

    run(Request(inputs={"image": str(scene)}, out=str(tmp_path / "o.tif"), tile=64), UnderMask(batch=1))
    with rasterio.open(tmp_path / "o.tif") as file:
        assert np.array_equal(file.read(), values)


def test_low_precision_is_retried_in_fp32(scene, tmp_path):
    run(request_for(scene, tmp_path / "o.tif", precision="bf16"), Misbehaving("nan in bf16"))
    with rasterio.open(tmp_path / "o.tif") as file:
        assert np.array_equal(file.read(), scene[1])


def test_a_wrong_shape_is_the_models_fault(scene, tmp_path):
    with pytest.raises(RunError, match="contract"):
        run(request_for(scene, tmp_path / "o.tif"), Misbehaving("shape"))


def test_tiles_without_a_valid_pixel_are_not_inferred(write_raster, tmp_path):
    values = np.zeros((1, 40, 200), np.uint16)
    values[0, :, :20] = 700
    calls = []

    class Counting(Misbehaving):
        def predict(self, batch, where):
            calls.append(len(batch["image"]))
            return batch["image"]

    scene = write_raster("scene.tif", values, nodata=0)
    run(Request(inputs={"image": str(scene)}, out=str(tmp_path / "o.tif")), Counting(batch=1))
    with rasterio.open(tmp_path / "o.tif") as file:
        assert np.array_equal(file.read(), values)
    assert 0 < len(calls) <= 4
