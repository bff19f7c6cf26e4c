"""Recipes: those that ship can be read, and what is wrong in one is told by the key of its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.errors import RequestError
from seamline.training.reading import parsed, read_recipe
from seamline.training.recipe import Recipe
from seamline.training.systems import SYSTEMS, find_system

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "training" / "recipes"
SHIPPED = sorted(RECIPES.glob("*.yaml"))
TINY, YARDSTICK = RECIPES / "salad_pan_tiny.yaml", RECIPES / "yardstick.yaml"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_one_of_its_system(path):
    recipe = read_recipe(path)
    assert type(recipe) is find_system(recipe.system, "").recipe
    assert recipe.name
    assert not recipe.output.startswith("/")


def test_every_system_has_a_recipe_of_its_own_and_one_that_ships():
    systems = {name: find_system(name, "") for name in SYSTEMS}
    assert {read_recipe(path).system for path in SHIPPED} == set(systems)
    models = [system.recipe for system in systems.values()]
    assert len(set(models)) == len(models)
    assert all(issubclass(model, Recipe) and model is not Recipe for model in models)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "x"),
        ("seed", -1),
        ("seed", True),
        ("precision", "fp8"),
        ("name", "Not A Name"),
        ("version", 3),
        ("data.patch", 0),
        ("data.patch", 64.0),
        ("data.held_out", [1]),
        ("card.licence", 4),
        ("vae.steps", -1),
        ("diffusion.steps", 1.5),
    ],
)
def test_a_wrong_value_is_refused_by_its_key_whatever_the_system(path, key, value):
    has = type(read_recipe(path)).model_fields
    if key.partition(".")[0] not in has:
        # A head has a fit in the place of stages, and not every model has an autoencoder to train.
        key, value = next((f"{stage}.steps", "x") for stage in ("fit", "flow", "diffusion") if stage in has)
    with pytest.raises(RequestError) as caught:
        read_recipe(path, {key: value})
    assert caught.value.where == f"{path}: {key}"
    assert caught.value.what == f"{key.split('.')[-1]} cannot be {value!r}"
    assert caught.value.fix


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_name_that_nothing_has_is_refused_with_the_nearest_one(path):
    with pytest.raises(
        RequestError, match=r"data\.pach: unknown setting 'pach'; did you mean patch\? known are .*held"
    ):
        read_recipe(path, {"data.pach": 64})
    with pytest.raises(RequestError, match=r"cards: unknown setting 'cards'; did you mean card\?"):
        read_recipe(path, {"cards.licence": "none"})


@pytest.mark.parametrize(
    ("name", "key", "value", "place", "message"),
    [
        ("salad_pan_tiny", "diffusion.rate", "1e-3x", "", "give a number"),
        ("salad_pan_tiny", "data.bands", "4", "", "give a list"),
        ("salad_pan_tiny", "data.ratios", [], "", "it should have at least 1 item"),
        (
            "salad_pan_tiny",
            "data.sources",
            [{"dataset": "naip", "weight": -1.0}],
            "data.sources.0.weight",
            "equal to 0",
        ),
        ("salad_pan_tiny", "data.sources", [{"datset": "naip"}], "data.sources.0.datset", "did you mean dataset"),
        ("salad_pan_tiny", "data.sources", [{"weight": 1.0}], "data.sources.0.dataset", "dataset is missing"),
        ("salad_pan_tiny", "network.base", [64], "", "base has too few values; give 2"),
        ("salad_pan_tiny", "network.base", [64, 0], "", "give positive whole numbers"),
        ("salad_pan_tiny", "vae", 700, "", "give settings by name"),
        ("yardstick", "vae.steps", 5, "", "steps cannot be 5; give 0"),
        ("yardstick", "init", "folder", "", "init cannot be 'folder'"),
        ("yardstick", "network.depth", "deep", "", "give a whole number"),
        ("terra_vae", "network.depth", 4, "network", "a depth of at most 3"),
        ("terra_vae", "data.ratios", [4.0], "", "unknown setting 'ratios'"),
        ("terra_unet", "diffusion.beta2", 1.0, "", "less than 1"),
        ("salad_pan_vae", "data.pairs", [{"sensor": "GF2", "check": ["1"]}], "data.pairs.0.check.0", "a whole number"),
        ("salad_pan_vae", "data.workers", 2, "", "give 0"),
        ("salad_pan_vae", "network.coupling", "loose", "", "give 'code' or 'paper'"),
        ("salad_pan_vae", "salad.reconstruction.kl", -0.1, "", "greater than or equal to 0"),
        ("salad_pan_adapters", "salad.base", "", "", "needs the UNet"),
        ("salad_pan_adapters", "salad.noise", "none", "", "give 'shared' or 'band'"),
        ("slimdiffsr_tiny_x4", "network.deviation", False, "", "no head for deviations"),
        ("slimdiffsr_tiny_x4", "network.deviation", "no", "", "give true or false"),
        ("slimdiffsr_tiny_x4", "network.channels", [15, 16, 16], "network", "multiples of 8"),
        ("slimdiffsr_tiny_x4", "slim.degradation.sensor.gain", [0.9, 0.2], "", "is no range"),
        ("slimdiffsr_tiny_x4", "slim.degradation.second_order.first.sizes", [8, 20], "", "two odd whole numbers"),
        ("slimdiffsr_tiny_x2", "slim.blend", [0.5, 1.5], "slim.blend.1", "less than or equal to 1"),
        ("slimdiffsr_taught_x4", "slim.detail.rate", float("nan"), "", "give a finite number"),
    ],
)
def test_a_wrong_value_of_a_system_is_refused_by_its_key(name, key, value, place, message):
    path = RECIPES / f"{name}.yaml"
    with pytest.raises(RequestError) as caught:
        read_recipe(path, {key: value})
    assert caught.value.where == f"{path}: {place or key}"
    assert message in str(caught.value)


def test_what_is_missing_is_told(tmp_path):
    path = tmp_path / "recipe.yaml"
    whole = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    for key in ("name", "system", "seed", "data", "network", "diffusion"):
        path.write_text(yaml.safe_dump({k: v for k, v in whole.items() if k != key}), encoding="utf-8")
        with pytest.raises(RequestError, match=f": {key}: {key} is missing"):
            read_recipe(path)


def test_a_system_that_is_not_there_is_refused_with_the_nearest_one():
    with pytest.raises(RequestError, match=r": system: no trainer for 'slimdifsr'; did you mean slimdiffsr\?"):
        read_recipe(TINY, {"system": "slimdifsr"})


def test_overrides_reach_into_settings_and_into_nothing_else():
    recipe = read_recipe(TINY, {"diffusion": {"steps": 4}, "diffusion.rate": "1e-4", "card.citation": "someone"})
    assert (recipe.diffusion.steps, recipe.diffusion.rate, recipe.diffusion.warmup) == (4, 1e-4, 100)
    assert recipe.card.citation == "someone"
    with pytest.raises(RequestError, match=r"data\.sources: .*set data\.sources as a whole"):
        read_recipe(TINY, {"data.sources.0.weight": 1.0})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("1e-3", 1e-3),
        ("[3, 4]", [3, 4]),
        ("{steps: 2}", {"steps": 2}),
        ("true", True),
        ("null", None),
        ("no", "no"),
        ("on", "on"),
        ("$SD15/vae", "$SD15/vae"),
        ('"3"', "3"),
        ("2026-01-01", "2026-01-01"),
        ("{", "{"),
        ("", ""),
    ],
)
def test_a_text_stands_for_what_it_looks_like(text, value):
    found = parsed(text)
    assert found == value
    assert type(found) is type(value)


def test_the_command_line_refuses_a_setting_without_a_value_and_names_a_wrong_key():
    ran = CliRunner().invoke(cli, ["train", str(TINY), "--set", "vae.steps"])
    assert (ran.exit_code, "--set: 'vae.steps' sets nothing" in ran.output) == (2, True)
    ran = CliRunner().invoke(cli, ["train", str(TINY), "--set", "vae.steps=many"])
    assert (ran.exit_code, f"{TINY}: vae.steps: steps cannot be 'many'; give a whole number" in ran.output) == (2, True)


def test_reading_a_recipe_loads_its_own_system_alone(tmp_path):
    (tmp_path / "seamline").symlink_to(ROOT, target_is_directory=True)
    code = (
        "import sys; from pathlib import Path; from seamline.training.reading import read_recipe;"
        f"read_recipe(Path({str(YARDSTICK)!r}));"
        "print(*(name for name in sys.modules if name.startswith('seamline.training.') and name.endswith('.run')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["seamline.training.yardstick.run"]
