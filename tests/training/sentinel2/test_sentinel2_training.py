"""Batches by Wald's protocol, and a short training that leaves a model that loads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Runtime
from seamline.engine.errors import RequestError
from seamline.models.folder import Architecture, Card, load_folder, write_folder
from seamline.models.salad_pan.network import Config, SaladPanTiny
from seamline.models.salad_pan.tile import SPEC
from seamline.models.sentinel2.tile import ARCHITECTURE, load
from seamline.training.data.sources import Source
from seamline.training.run import train
from seamline.training.salad_pan_tiny.given import given_of
from seamline.training.sentinel2.data import BandPatches, Ground, grounds
from seamline.training.settings import SourceSettings

RECIPE = Path(__file__).resolve().parents[3] / "training" / "recipes" / "sentinel2_tiny.yaml"
SMALL = {"latent": 4, "vae_width": 8, "base": [8, 16], "branch": 8, "embedding": 16}


def smooth(bands: int, side: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.random((bands, side + 4, side + 4)).astype(np.float32)
    return sum(values[:, r : r + side, c : c + side] for r in range(5) for c in range(5)) / 25.0


def ground(side: int = 64) -> Ground:
    fine = smooth(2, side)
    coarse = np.stack((0.6 * fine[0] + 0.3 * fine[1], fine[1]))
    return Ground(fine, coarse, np.ones((side, side), np.bool_), 1.0)


def test_a_batch_is_a_function_of_its_number_and_each_band_has_its_own_pan():
    stream = BandPatches([ground()], 48, 5)
    one, again, other = stream(3), stream(3), stream(4)
    assert torch.equal(one.pan, again.pan)
    assert not torch.equal(one.pan, other.pan)
    assert one.pan.shape == one.ms.shape == one.target.shape == (2, 1, 48, 48)
    assert not torch.allclose(one.pan[0], one.pan[1], atol=1e-3)


def test_the_fusion_that_is_trained_on_is_nearer_the_truth_than_the_coarse_bands():
    batch = BandPatches([ground()], 48, 5)(0)
    base = given_of(batch).base
    inner = np.s_[..., 8:-8, 8:-8]
    error = [(x - batch.target)[inner].square().mean() for x in (base, batch.ms)]
    assert error[0] < 0.7 * error[1]


def source(bands: int, side: int) -> Source:
    values = (1000 * smooth(bands, side)).astype(np.uint16)
    peaks = np.full(bands, 1000.0, np.float32)
    return Source(SourceSettings("made-up"), (values,), (np.ones((side, side), np.bool_),), (peaks,))


@pytest.mark.parametrize(("fine", "coarse"), [(96, 48), (96, 96)])
def test_images_of_two_sizes_and_resampled_ones_come_to_the_coarse_grid(fine, coarse):
    (found,) = grounds([source(2, fine)], [source(3, coarse)])
    assert found.fine.shape == (2, 48, 48)
    assert found.coarse.shape == (3, 48, 48)
    assert found.valid.shape == (48, 48)


def test_images_of_other_ground_are_refused():
    with pytest.raises(RequestError, match="do not fit"):
        grounds([source(2, 96)], [source(3, 40)])


def test_no_patch_that_large():
    with pytest.raises(RequestError, match="no valid patch"):
        BandPatches([ground(40)], 48, 5)(0)


def test_the_recipe_goes_on_from_a_pan_sharpening_model(tmp_path, monkeypatch, write_raster):
    for name, bands, side, px in (("b10", 2, 192, 10), ("b20", 3, 96, 20)):
        values = (1000 * smooth(bands, side)).astype(np.uint16)
        write_raster(f"{name}.tif", values, transform=from_origin(500000, 5000000, px, px))
    splits = {name: {"unit": "file", "train": [f"{name}.tif"], "val": [f"{name}.tif"]} for name in ("b10", "b20")}
    (tmp_path / "splits.json").write_text(json.dumps({"datasets": splits}))
    monkeypatch.setenv("SEAMLINE_DATA", str(tmp_path))
    start = tmp_path / "start"
    model = SaladPanTiny(Config.of(SMALL))
    about = Card.of(
        SPEC,
        architecture=Architecture(name="salad_pan_tiny", config=SMALL),
        licence="CC0-1.0",
        training_data="none",
        citation="none",
    )
    write_folder(start, about, dict(model.state_dict()), dtype=torch.float32)
    overrides = {
        "output": str(tmp_path / "run"),
        "precision": "no",
        "init": str(start),
        "network": SMALL,
        "data": {
            "patch": 48,
            "held_out": 2,
            "held_out_patch": 40,
            "fine": [{"dataset": "b10"}],
            "sources": [{"dataset": "b20"}],
        },
        "diffusion.steps": 2,
    }
    stored, weights = load_folder(train(RECIPE, overrides))
    assert stored.card.architecture.name == ARCHITECTURE
    assert stored.card.quality
    assert load(SMALL, weights, Runtime()).steps == 1
    assert any(not torch.equal(weights[name].float(), value) for name, value in model.state_dict().items())
