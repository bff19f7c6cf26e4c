"""The recipe of the small pan-sharpening model, run for two steps on made-up scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import RequestError
from seamline.models.folder import load_folder
from seamline.models.salad_pan.tile import load
from seamline.tests.models.salad_pan.scenes import measured
from seamline.training.reading import read_recipe
from seamline.training.run import train

RECIPE = Path(__file__).resolve().parents[3] / "training" / "recipes" / "salad_pan_tiny.yaml"


def overrides(folder: Path, steps: int) -> dict[str, object]:
    return {
        "output": str(folder),
        "precision": "no",
        "network": {"latent": 4, "vae_width": 8, "base": [8, 16], "branch": 8, "embedding": 16},
        "data.sources": [{"dataset": "procedural", "scenes": 2}],
        "data.patch": 48,
        "data.held_out": 3,
        "data.held_out_patch": 48,
        "vae.steps": 2,
        "diffusion.steps": steps,
    }


def test_the_recipe_trains_resumes_and_gives_a_model_that_loads(tmp_path, monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    folder = train(RECIPE, overrides(tmp_path / "run", 2))
    first = load_folder(folder)[1]
    state = torch.load(tmp_path / "run" / "diffusion.pt", weights_only=True)
    assert state["step"] == 2

    again = load_folder(train(RECIPE, overrides(tmp_path / "run", 2)))[1]
    assert all(torch.equal(first[name], again[name]) for name in first)

    stored, weights = load_folder(train(RECIPE, overrides(tmp_path / "run", 4)))
    assert torch.load(tmp_path / "run" / "diffusion.pt", weights_only=True)["step"] == 4
    assert any(not torch.equal(first[name], weights[name]) for name in first)

    assert stored.card.quality
    assert "Copernicus" in stored.card.training_data
    model = load(stored.card.architecture.config, weights, Runtime())
    where = Where(1, 0, ((0, 0),), {"pan": (1.0, 1.0), "ms": (4.0, 4.0)})
    batch = {"pan": torch.rand(1, 1, 32, 32), "ms": torch.rand(1, 3, 32, 32)}
    fused = model.predict(batch, measured(batch, where))
    assert all(torch.isfinite(image).all() for image in fused.values())


def test_a_broken_run_ends_where_an_unbroken_one_does(tmp_path):
    whole = load_folder(train(RECIPE, overrides(tmp_path / "whole", 4)))[1]
    # The schedule belongs to the recipe's steps, so the break is a checkpoint of the same recipe.
    broken = tmp_path / "broken"
    settings = overrides(broken, 4)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(settings, at=2)
    resumed = load_folder(train(RECIPE, settings))[1]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_can_start_from_a_model_folder(tmp_path):
    folder = train(RECIPE, overrides(tmp_path / "first", 1))
    further = overrides(tmp_path / "second", 1) | {"init": str(folder)}
    begun, ended = load_folder(folder)[1], load_folder(train(RECIPE, further))[1]
    assert not (tmp_path / "second" / "vae.pt").exists()
    encoder = [name for name in begun if name.startswith("vae.encoder")]
    assert all(torch.equal(begun[name], ended[name]) for name in [*encoder, "vae.scaling"])
    assert any(not torch.equal(begun[name], ended[name]) for name in begun)


def _interrupted(settings: dict[str, object], at: int) -> None:
    """Run with a checkpoint at every step, and break off after step ``at`` of the second stage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seamline.training.loop.CHECKPOINT_S", -1.0)
        original = torch.save

        def save(content, path, *args, **kwargs):
            original(content, path, *args, **kwargs)
            if content["step"] == at + 1 and "model.unet.conv_in.weight" in content["module"]:
                raise KeyboardInterrupt

        patch.setattr("torch.save", save)
        train(RECIPE, settings)


def test_recipes_are_read_strictly(tmp_path):
    with pytest.raises(RequestError, match="unknown setting 'stepz'"):
        read_recipe(RECIPE, {"vae.stepz": 3})
    for name, value in (("vae.steps", "many"), ("precision", "3"), ("data.patch", "[1]"), ("data.bands", "4")):
        with pytest.raises(RequestError, match=f"{name.split('.')[-1]} cannot be"):
            read_recipe(RECIPE, {name: value})
    texts = {"vae.steps": "3", "vae.rate": "1e-3", "precision": "no", "data.bands": "[3, 4]", "output": "runs/1"}
    recipe = read_recipe(RECIPE, texts)
    assert (recipe.vae.steps, recipe.vae.rate, recipe.precision) == (3, 1e-3, "no")
    assert (recipe.data.bands, recipe.output) == ((3, 4), "runs/1")
    with pytest.raises(RequestError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(RequestError, match="no trainer"):
        train(RECIPE, {"system": "other"})


def test_a_recipe_takes_what_it_does_not_name_from_the_one_it_is_like(tmp_path):
    plain = tmp_path / "plain.yaml"
    plain.write_text(RECIPE.read_text(encoding="utf-8"), encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text("like: plain.yaml\nname: other\nvae: {steps: 7}\ndata: {bands: [4]}\n", encoding="utf-8")
    own, like = read_recipe(plain), read_recipe(other)
    assert (like.name, like.vae, like.data.bands) == ("other", replace(own.vae, steps=7), (4,))
    assert like.model_copy(update={"name": own.name, "vae": own.vae, "data": own.data}) == own
    assert replace(like.data, bands=own.data.bands) == own.data

    third = tmp_path / "third.yaml"
    third.write_text("like: other.yaml", encoding="utf-8")
    with pytest.raises(RequestError, match="like no other"):
        read_recipe(third)
    third.write_text("like: gone.yaml", encoding="utf-8")
    with pytest.raises(RequestError, match="cannot be read"):
        read_recipe(third)


def test_real_sources_need_a_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    with pytest.raises(RequestError, match="SEAMLINE_DATA"):
        train(RECIPE, {"output": str(tmp_path)})
