"""The recipe of the yardstick, run for two steps on made-up scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seamline.engine.facts import UNMEASURED
from seamline.models.folder import load_folder
from seamline.models.registry import resolve
from seamline.models.yardstick.network import Yardstick
from seamline.models.yardstick.tile import SPEC
from seamline.training.data.simulate import Batch
from seamline.training.reading import read_recipe
from seamline.training.run import train
from seamline.training.yardstick.run import YardstickStage, errors

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
RECIPE = RECIPES / "yardstick.yaml"


def overrides(folder: Path, steps: int) -> dict[str, object]:
    return {
        "output": str(folder),
        "precision": "no",
        "network": {"width": 8, "depth": 2},
        "data.sources": [{"dataset": "procedural", "scenes": 2}],
        "data.unrolled": 4,
        "data.held_out": 2,
        "data.held_out_patch": 48,
        "diffusion.steps": steps,
    }


def test_the_recipe_trains_goes_on_and_gives_a_model_that_the_registry_knows(tmp_path, monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    folder = train(RECIPE, overrides(tmp_path / "run", 2))
    first = load_folder(folder)[1]
    assert first["tail.weight"].any()

    stored, weights = load_folder(train(RECIPE, overrides(tmp_path / "run", 4)))
    assert torch.load(tmp_path / "run" / "yardstick.pt", weights_only=True)["step"] == 4
    assert any(not torch.equal(first[name], weights[name]) for name in first)

    assert stored.card.spec == SPEC
    assert {"upsampled MS", "fusion", "network"} == set(stored.card.quality[0].values)
    assert resolve(str(folder), "pansharpen").spec == SPEC


def test_the_recipe_takes_the_sources_and_statements_of_the_model_that_it_measures():
    yardstick, measured = read_recipe(RECIPE), read_recipe(RECIPES / "salad_pan_tiny.yaml")
    assert yardstick.data.sources == measured.data.sources
    assert (yardstick.data.bands, yardstick.data.ratios) == (measured.data.bands, measured.data.ratios)
    assert replace(yardstick.card, citation="") == replace(measured.card, citation="")


def test_the_loss_is_the_absolute_error_without_the_rim():
    truth, ms = torch.full((1, 2, 48, 48), 0.5), torch.full((1, 2, 48, 48), 0.25)
    truth[..., 0] = 9.0
    batch = Batch(torch.ones(1, 1, 48, 48), ms, truth, 4.0, 0, (UNMEASURED,))
    # Without structure in PAN there is nothing to inject, so the untrained network returns MS.
    assert float(YardstickStage(Yardstick(8, 1))(batch).detach()) == pytest.approx(0.25, abs=1e-6)
    assert errors(Yardstick(8, 1), [batch])["upsampled MS"] == pytest.approx(0.25, abs=1e-6)
