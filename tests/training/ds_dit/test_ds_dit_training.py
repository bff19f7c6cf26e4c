"""Dated pairs, what the reference is worth, and a short training that leaves a model that loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Runtime
from seamline.engine.errors import RequestError
from seamline.models.ds_dit.small import DsDitSmall, SmallConfig
from seamline.models.ds_dit.tile import ARCHITECTURE, load
from seamline.models.folder import load_folder
from seamline.training.data.sources import Source
from seamline.training.degradation.sensor import SensorTrue
from seamline.training.degradation.settings import SensorSettings
from seamline.training.ds_dit.changes import mixed, moved, other_season, patches_of_change
from seamline.training.ds_dit.data import DatedPatches, ReferenceSettings
from seamline.training.ds_dit.recipe import Weights
from seamline.training.ds_dit.stacks import Stack, StackSettings, load_stack
from seamline.training.ds_dit.stages import FlowStage, VaeStage, prepare, worth
from seamline.training.run import train
from seamline.training.settings import SourceSettings

RECIPE = Path(__file__).resolve().parents[3] / "training" / "recipes" / "ds_dit_tiny_x4.yaml"
SHAPE = SmallConfig(vae_width=8, transformer=replace(SmallConfig().transformer, depth=1, width=64, heads=2))
DEGRADATION = SensorTrue(SensorSettings(gain=(0.3, 0.3), spread=0.0, misregistration=(0.0, 0.0)))
EVERYTHING_THERE = {"unrelated": 0.0, "missing": 0.0, "partial": 0.0}


def textured(bands, side, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.random((bands, side + 2, side + 2)).astype(np.float32)
    return sum(values[:, r : r + side, c : c + side] for r in range(3) for c in range(3)) / 9.0 + 0.1


def source(side=160, seed=1):
    values = (1000 * textured(3, side, seed)).astype(np.uint16)
    peaks = np.full(3, 1000.0, np.float32)
    return Source(SourceSettings("made-up"), (values,), (np.ones((side, side), np.bool_),), (peaks,))


def stack(side=160):
    now = textured(3, side)
    images = np.stack([now, np.clip(0.8 * now + 0.05, 0, None)]).astype(np.float32)
    return Stack("made-up", images, np.ones((2, side, side), np.bool_), 1.0)


def patches(**options):
    settings = ReferenceSettings(sources=(), patch=64, unrolled=6, bands=(3,), **options)
    return DatedPatches([stack()], [source()], settings, DEGRADATION, 4, 7)


def test_a_batch_is_a_function_of_its_number():
    stream = patches()
    one, again, other = stream(3), stream(3), stream(4)
    assert torch.equal(one.reference, again.reference)
    assert torch.equal(one.low, again.low)
    assert not torch.equal(one.target, other.target)
    assert one.low.shape == one.reference.shape == one.target.shape == (2, 3, 64, 64)
    assert one.valid.shape == one.changed.shape == (2, 1, 64, 64)


def test_a_date_of_the_same_ground_tells_more_than_interpolation_and_other_ground_does_not():
    same = patches(dated=1.0, changed=0.0, shift=0.0, **EVERYTHING_THERE)(0)
    other = patches(dated=1.0, changed=0.0, shift=0.0, unrelated=1.0, missing=0.0, partial=0.0)(0)
    for batch, is_same in ((same, True), (other, False)):
        ready = prepare(batch)
        fitted = ready.seen.given.spectral[:, 1:2]
        inner = (..., slice(8, -8), slice(8, -8))
        with_it = (ready.residual - fitted)[inner].square().mean()
        assert (float(with_it) < 0.5 * float(ready.residual[inner].square().mean())) == is_same


def test_the_worth_of_a_reference_is_low_where_the_ground_has_changed():
    batch = patches(dated=1.0, changed=1.0, shift=0.0, **EVERYTHING_THERE)(1)
    share, counts = worth(prepare(batch), 8)
    assert share.shape == counts.shape == (6, 1, 8, 8)
    assert float(share.min()) >= 0.0
    assert float(share.max()) <= 1.0
    changed = torch.nn.functional.avg_pool2d(batch.changed, 8).repeat_interleave(3, dim=0)
    assert float(share[changed > 0.9].mean()) < 0.5 * float(share[changed == 0.0].mean())


def test_references_that_are_missing_or_end_in_the_image():
    missing = patches(unrelated=0.0, missing=1.0, partial=0.0)(0)
    assert not missing.valid.any()
    ready = prepare(missing)
    assert not ready.seen.reference.any()
    assert not ready.seen.given.spatial.any()
    partial = patches(unrelated=0.0, missing=0.0, partial=1.0)(0)
    assert 0.0 < float(partial.valid.mean()) < 1.0


def test_made_changes_keep_their_bounds():
    rng = np.random.default_rng(0)
    image = textured(3, 48)
    season = other_season(image, rng)
    assert season.shape == image.shape
    assert season.min() >= 0.0
    mask = patches_of_change(48, 40, rng)
    assert mask.shape == (48, 40)
    assert 0.0 <= mask.min() < 0.5 < mask.max() <= 1.0
    assert np.array_equal(mixed(image, season, np.zeros((48, 48), np.float32)), image)
    shifted = moved(image, 2.0, -1.0)
    np.testing.assert_allclose(shifted[:, 8:-8, 8:-8], image[:, 6:-10, 9:-7], atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "change"),
    [("vae", {}), ("flow", {}), ("flow", {"kind": "joint"}), ("flow", {"injection": "summed"})],
)
def test_a_few_steps_lower_the_loss_of_a_batch(kind, change):
    torch.manual_seed(0)
    model = DsDitSmall(replace(SHAPE, transformer=replace(SHAPE.transformer, **change)))
    stage = VaeStage(model) if kind == "vae" else FlowStage(model, Weights())
    batch = patches()(2)
    optimiser = torch.optim.Adam([p for p in stage.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = stage(batch)
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_boxes_that_lie_apart_are_no_place(tmp_path, write_raster):
    datasets = write_dates(write_raster)
    datasets["places"]["train"] *= 2
    (tmp_path / "splits.json").write_text(json.dumps({"datasets": datasets}))
    with pytest.raises(RequestError, match="several boxes"):
        load_stack(tmp_path, StackSettings(("places",)), "train")


def write_dates(write_raster):
    """Three dates of one place on grids of their own, and their splits."""
    names = []
    for number, shift in enumerate((0.0, 3.0, -4.0)):
        values = (800 * textured(3, 144) + 10 * number).astype(np.uint16)
        names.append(f"date{number}.tif")
        write_raster(names[-1], values, transform=from_origin(500_000 + shift, 5_000_000, 10, 10))
    west, east, north = 500_050.0, 501_350.0, 4_999_950.0
    boxes = {"train": [[west, 4_998_600.0, east, north]], "val": [[west, 4_998_600.0, east, north]], "test": []}
    return {"places": {"unit": "bbox", "files": names, "crs": "EPSG:32631", **boxes}}


def test_dates_come_to_one_grid(tmp_path, write_raster):
    (tmp_path / "splits.json").write_text(json.dumps({"datasets": write_dates(write_raster)}))
    found = load_stack(tmp_path, StackSettings(("places",)), "train")
    assert found is not None
    assert found.images.shape[:2] == (3, 3)
    # One texture, whose second file says that it lies 0.3 px farther right and the third 0.4 px farther left.
    for date, right in ((1, 0.3), (2, -0.4)):
        there, unmoved, other_way = (moved(found.images[0], 0.0, shift) for shift in (right, 0.0, -right))
        other = found.images[date][:, 8:-8, 8:-8].ravel()
        apart = [1.0 - np.corrcoef(each[:, 8:-8, 8:-8].ravel(), other)[0, 1] for each in (there, unmoved, other_way)]
        assert apart[0] < 0.2 * min(apart[1:])
    assert load_stack(tmp_path, StackSettings(("places",)), "test") is None
    with pytest.raises(RequestError, match="no such dataset"):
        load_stack(tmp_path, StackSettings(("elsewhere",)), "train")


def test_the_recipe_leaves_a_model_that_goes_on(tmp_path, monkeypatch, write_raster):
    splits = write_dates(write_raster)
    splits["single"] = {"unit": "file", "train": ["date0.tif"], "val": ["date0.tif"]}
    (tmp_path / "splits.json").write_text(json.dumps({"datasets": splits}))
    monkeypatch.setenv("SEAMLINE_DATA", str(tmp_path))
    overrides = {
        "output": str(tmp_path / "run"),
        "precision": "no",
        "init": "",
        "network": SHAPE.values(),
        "data": {
            "patch": 64,
            "held_out": 2,
            "held_out_patch": 64,
            "unrolled": 3,
            "bands": [3],
            "stacks": [{"datasets": ["places"]}],
            "sources": [{"dataset": "single"}],
        },
        "vae.steps": 2,
        "flow.steps": 2,
    }
    made = train(RECIPE, overrides)
    stored, weights = load_folder(made)
    assert stored.card.architecture.name == ARCHITECTURE
    assert {row.protocol for row in stored.card.quality} >= {"bicubic", "1 step", "1 step, no reference"}
    load(stored.card.architecture.config, weights, Runtime())
    again = train(RECIPE, {**overrides, "output": str(tmp_path / "more"), "init": str(made)})
    _, moved_on = load_folder(again)
    assert any(not torch.equal(moved_on[name], value) for name, value in weights.items())
