"""Batches begin at multiples of their size from column 0 of the scene, whatever is wanted, and are always full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import IMAGE, InputSpec, OutputSpec
from seamline.engine.inputs.reading import Patch
from seamline.engine.pixels.assembly import RowAssembler
from seamline.engine.pixels.batching import Batcher
from seamline.engine.pixels.prediction import Predictor
from seamline.engine.pixels.tiles import Tile
from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.engine.testing import GroundNoise, PassThrough, assert_is_crop


@dataclass(frozen=True, slots=True)
class SlotSensitive(GroundNoise):
    """Adds the number of a tile's slot: what a batch's make-up does to the last bits, seen from afar."""

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        slots = torch.arange(len(batch["image"]), dtype=torch.float32)
        return batch["image"] + 10 * slots[:, None, None, None]


@pytest.fixture
def scene(write_raster):
    return write_raster("in.tif", np.full((1, 70, 400), 500, np.uint16))


def plan_of(scene, tmp_path, model, **options):
    request = Request(inputs={"image": str(scene)}, out=str(tmp_path / "o.tif"), threads=1, **options)
    return plan_run(request, model)[0]


def tile(column, value=1.0, *, valid=None, side=64):
    return Tile(column, {"image": Patch(np.full((1, side, side), value, np.float32), valid)}, valid)


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("left", [0, 70, 130, 260])
def test_a_tile_keeps_its_slot_whatever_the_extent(scene, tmp_path, batch, left):
    plan = plan_of(scene, tmp_path, GroundNoise(batch=batch), window=(left, 0, 60, 70))
    batcher = Batcher(plan, GroundNoise().spec, lambda: None)
    groups = list(batcher.groups())
    assert [j for group in groups for j in group] == list(plan.columns)
    for group in groups:
        slots = batcher.slots(group)
        assert len(slots) == batch
        assert {j for j in slots if j is not None} == set(group)
        assert all(j % batch == place for place, j in enumerate(slots) if j is not None)


@pytest.mark.parametrize("left", [0, 70, 150])
def test_an_extent_is_a_crop_for_a_model_that_minds_its_slot(scene, tmp_path, left):
    for name, window in (("whole", None), ("part", (left, 0, 90, 70))):
        request = Request(
            inputs={"image": str(scene)}, out=str(tmp_path / f"{name}.tif"), threads=1, window=window, batch=3
        )
        run(request, SlotSensitive())
    assert_is_crop(tmp_path / "part.tif", tmp_path / "whole.tif")


def test_slots_of_tiles_that_show_nothing_stay_empty(scene, tmp_path):
    plan = plan_of(scene, tmp_path, GroundNoise(batch=4))
    batcher = Batcher(plan, GroundNoise().spec, lambda: None)
    assert batcher.slots([1, 3]) == (None, 1, None, 3)
    made = batcher.batch(0, (None, 1, None, 3), {1: tile(1, 5.0), 3: tile(3, 7.0)})
    assert made.inputs["image"][:, 0, 0, 0].tolist() == [0, 5, 0, 7]
    top = plan.lattice[0] + plan.tiles.rows.starts[0]
    assert made.where.origins[1] == (top, plan.lattice[1] + plan.tiles.columns.starts[1])


def test_levels_divide_what_goes_in_and_multiply_what_comes_out(scene, tmp_path):
    class Unit(PassThrough):
        @property
        def spec(self):
            return replace(
                PassThrough.spec.fget(self), inputs=(InputSpec(name="image", range="bits", bits=11),), tile=64
            )

        def load(self, runtime):
            return self

    seen = []

    class Looking(Unit):
        def predict(self, batch, where):
            seen.append(float(batch["image"].max()))
            return batch["image"]

    plan = plan_of(scene, tmp_path, Looking())
    assert plan.levels == {"image": (2047.0,)}
    batcher = Batcher(plan, Unit().spec, lambda: None)
    found = Predictor(plan, Unit().spec, Looking(), batcher).predict(0, {0: tile(0, 2047.0)})
    assert seen == [1.0]
    assert float(found[0].max()) == 2047.0


class Guided(PassThrough):
    """Doubles the pixels of the image and adds a reference, seen at the size of the output, where it is known."""

    @property
    def spec(self):
        guide = InputSpec(name="reference", bands=1, role="guide", finer=2)
        return replace(PassThrough.spec.fget(self), inputs=(InputSpec(name="image"), guide), scale=2)

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = batch["image"].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return image + batch["reference"] * batch["reference_valid"] if "reference" in batch else image


def test_a_guide_may_be_as_fine_as_the_output(scene, write_raster, tmp_path):
    """On the output's own grid it comes through pixel by pixel, but for its hole."""
    detail = np.random.default_rng(8).integers(1, 90, (1, 140, 800)).astype(np.uint16)
    detail[:, 30:60, 100:200] = 0
    fine = write_raster("fine.tif", detail, transform=from_origin(500000, 5000000, 1, 1), nodata=0)
    inputs, out = {"image": str(scene), "reference": str(fine)}, tmp_path / "o.tif"
    run(Request(inputs=inputs, out=str(out), threads=1), Guided(scale=2))
    with rasterio.open(out) as data:
        found = data.read().astype(int) - 500
    # Beside the hole a guide is a mean of what is known there.
    near = np.zeros(detail.shape, bool)
    near[:, 26:64, 96:204] = True
    assert np.array_equal(found[~near], detail[~near])
    assert (found[:, 34:56, 104:196] == 0).all()
    run(Request(inputs=inputs, out=str(tmp_path / "part.tif"), threads=1, window=(90, 10, 150, 40)), Guided(scale=2))
    assert_is_crop(tmp_path / "part.tif", out)


class Exhausted(PassThrough):
    """Has memory for ``room`` tiles."""

    room = 1

    def load(self, runtime):
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where):
        if len(batch["image"]) > self.room:
            raise MemoryError
        return batch["image"]


def test_batches_shrink_where_memory_runs_short_and_no_tile_is_lost(scene, tmp_path):
    plan = plan_of(scene, tmp_path, GroundNoise(batch=4))
    predictor = Predictor(plan, PassThrough().spec, Exhausted(), Batcher(plan, PassThrough().spec, lambda: None))
    tiles = {j: tile(j, float(j)) for j in range(4)}
    with pytest.warns(UserWarning, match="memory ran short"):
        found = predictor.predict(0, tiles)
    assert {j: float(values.max()) for j, values in found.items()} == {0: 0, 1: 1, 2: 2, 3: 3}
    assert (predictor.batch, predictor.shrunk) == (1, [0, 0])


def test_the_assembler_blends_what_it_is_given_in_order(scene, tmp_path):
    plan = plan_of(scene, tmp_path, PassThrough())
    axis = plan.tiles.columns
    assembler = RowAssembler(plan, plan.tiles.rows and plan.window)
    for j in plan.columns:
        assembler.add(tile(j), np.full((1, 70, axis.tile), float(j), np.float32))
    rows = assembler.rows()
    assert rows.valid is None
    for j in range(axis.count):
        own = slice(axis.up(j) + (axis.ramp if j else 0), axis.up(j + 1) if j + 1 < axis.count else axis.length)
        assert set(np.unique(rows.values[0, :, own])) == {float(j)}


def test_outputs_lie_one_below_the_other(scene, tmp_path):
    class Two(PassThrough):
        @property
        def spec(self):
            return replace(
                PassThrough.spec.fget(self), outputs=(IMAGE, OutputSpec(name="twice", range="native", planes=2))
            )

        def load(self, runtime):
            return self

        def predict(self, batch, where):
            return {"twice": batch["image"].repeat(1, 2, 1, 1) * 2, "image": batch["image"]}

    request = Request(
        inputs={"image": str(scene)}, out=str(tmp_path / "o.tif"), also={"twice": str(tmp_path / "t.tif")}, threads=1
    )
    plan, _ = plan_run(request, Two())
    assert [(output.name, planes) for output, planes in plan.slices()] == [
        ("image", slice(0, 1)),
        ("twice", slice(1, 3)),
    ]
    found = Predictor(plan, Two().spec, Two(), Batcher(plan, Two().spec, lambda: None)).predict(0, {0: tile(0, 3.0)})
    assert found[0][:, 0, 0].tolist() == [3, 6, 6]
