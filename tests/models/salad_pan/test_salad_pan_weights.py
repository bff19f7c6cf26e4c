"""The weights that ship: small, loadable by name, better than the fusion they start from, and true to their margin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from seamline.engine.contract import Runtime, TileModel, Where
from seamline.engine.facts import Response
from seamline.engine.optics.imaging import degrade_matrix
from seamline.models.folder import read_card
from seamline.models.registry import WEIGHTS, resolve
from seamline.models.salad_pan.fusion import fused_classically
from seamline.models.salad_pan.tile import SPEC
from seamline.tests.models.salad_pan.scenes import measured
from seamline.training.data.simulate import cubic_matrix
from seamline.training.village.procedural import procedural_scene

FOLDER = WEIGHTS / "salad-pan-tiny"
DN = 10000.0
SEEN = Response(gain=0.3, lift=0.65)


@pytest.fixture(scope="module")
def model() -> TileModel:
    return resolve("salad-pan-tiny", "pansharpen").load(Runtime())


def pair(seed: int, side: int, ratio: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """PAN, MS on the PAN grid, and truth, from a scene that no training has seen."""
    truth = procedural_scene(10**6 + seed, (side, side), 0.5)
    truth = truth / np.quantile(truth, 0.995, axis=(1, 2), keepdims=True).astype(np.float32)
    pan = np.tensordot(np.array([0.15, 0.3, 0.35, 0.2], np.float32), truth, axes=1)[None]
    down, up = degrade_matrix(side, ratio, 0.3), cubic_matrix(side, int(side / ratio), ratio)
    ms = up @ (down @ truth @ down.T) @ up.T
    return tuple(torch.from_numpy(x.astype(np.float32))[None] for x in (pan, ms, truth))


def where(ratio: float, origin: tuple[int, int] = (0, 0)) -> Where:
    return Where(11, 0, (origin,), {"pan": (1.0, 1.0), "ms": (ratio, ratio)}, response=SEEN)


def rmse(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b)[..., 16:-16, 16:-16].square().mean().sqrt())


def test_the_card_fits_the_code_and_the_size_stays_small():
    card = read_card(FOLDER).card
    assert card.spec == SPEC
    assert sum(file.bytes for file in card.files.values()) <= 8e6
    assert "Sentinel" in card.training_data
    assert {"ERGAS", "SAM", "Q"} <= set(card.quality[0].values)


@pytest.mark.parametrize("ratio", [2.0, 4.0])
@pytest.mark.parametrize("bands", [3, 4])
def test_it_beats_the_fusion_it_starts_from(model, ratio, bands):
    pan, ms, truth = pair(1, 192, ratio)
    ms, truth = ms[:, :bands], truth[:, :bands]
    base = fused_classically(pan, ms, (ratio, ratio), SEEN)
    batch = {"pan": pan, "ms": ms}
    fused = model.predict(batch, measured(batch, where(ratio)))["image"]
    assert rmse(fused, truth) < 0.95 * rmse(base, truth) < 0.95 * rmse(ms, truth)


def test_eight_bands_and_other_ratios_stay_sane(model):
    pan, ms, truth = pair(2, 96, 3.0)
    eight = torch.cat((ms, 0.5 * ms + 0.1), dim=1)
    batch = {"pan": pan, "ms": eight}
    fused = model.predict(batch, measured(batch, where(3.0)))["image"]
    assert rmse(fused[:, :4], truth) < rmse(ms, truth)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_margin_holds(steps):
    """Whatever lies outside a tile changes no pixel beyond its margin by half a DN where 10000 DN are white."""
    model = resolve("salad-pan-tiny", "pansharpen").load(Runtime(steps=steps))
    pan, ms, _ = pair(3, 256, 4.0)
    batch = {"pan": pan, "ms": ms}
    at = measured(batch, where(4.0, (64, 128)))
    whole = model.predict(batch, at)["image"]
    cut = {name: x[..., 64:224, 96:256] for name, x in batch.items()}
    part = model.predict(cut, replace(at, origins=((128, 224),)))["image"]
    m = SPEC.margin
    difference = (whole[..., 64 + m : 224 - m, 96 + m : 256 - m] - part[..., m:-m, m:-m]).abs()
    assert float(difference.max()) * DN < 0.5
    rim = (whole[..., 64:224, 96:256] - part).abs()[..., :, :4]
    assert float(rim.max()) * DN > 0.5


def test_seeds_differ_a_little_and_steps_are_an_option(model):
    pan, ms, truth = pair(4, 128, 4.0)
    batch = {"pan": pan, "ms": ms}
    at = measured(batch, where(4.0))
    one = model.predict(batch, at)["image"]
    other = model.predict(batch, replace(at, seed=12))["image"]
    assert torch.equal(one, model.predict(batch, at)["image"])
    assert 0.0 < rmse(one, other) < 0.5 * rmse(one, truth)
