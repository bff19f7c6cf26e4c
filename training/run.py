"""Train a recipe and write its model folder: ``train(recipe_path, overrides)``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from accelerate import Accelerator

from ..engine.errors import RequestError
from ..models.folder import load_folder, load_strictly
from ..models.salad_pan.network import Config, SaladPanTiny
from .base_run import SYSTEM, train_base
from .export import export
from .loop import Loop
from .patches import Patches
from .recipe import Recipe, read_recipe
from .salad_run import SYSTEM as PUBLISHED
from .salad_run import train_published
from .simulate import Batch
from .slim_run import SYSTEM as SLIM
from .slim_run import train_slim
from .sources import Source, Split, fits, load_sources
from .stages import DiffusionStage, VaeStage, calibrate
from .validate import as_text, table
from .yardstick import train_yardstick

log = logging.getLogger(__name__)
GLANCE = 16
"""As many validation batches are looked at while training."""
CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""
VALIDATION_STEPS = (1, 2, 4)


def train(
    recipe_path: Path, overrides: Mapping[str, Any] | None = None, check: Callable[[], None] = lambda: None
) -> Path:
    """Train a recipe, or go on where it stopped.

    Imagery is looked for in the folder that the environment variable ``SEAMLINE_DATA`` names.

    Args:
        recipe_path: YAML file.
        overrides: values by dotted name, such as ``{"diffusion.steps": 2}``.
        check: called before every step; raises ``Cancelled`` to stop at a checkpoint.

    Returns:
        The model folder.

    Raises:
        Cancelled: by ``check``.
        RequestError: the recipe or the data do not fit.
    """
    recipe = read_recipe(recipe_path, overrides)
    trainer = TRAINERS.get(recipe.system)
    if trainer is None:
        raise RequestError(
            f"no trainer for {recipe.system!r}", where=str(recipe_path), cure=f"set system: {' or '.join(TRAINERS)}"
        )
    return trainer(recipe, recipe_path.parent, check)


def train_salad_pan(recipe: Recipe, beside: Path, check: Callable[[], None]) -> Path:
    """Train the small SALAD-Pan model; arguments and result as those of every trainer."""
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    patches = Patches(_sources(recipe, "train"), recipe.data, recipe.seed)
    held_out = validation_batches(recipe)
    model = _start(recipe, beside)
    accelerator = Accelerator(mixed_precision=recipe.precision)
    if not recipe.init:
        _stage(VaeStage(model), Loop(recipe.vae, patches, folder / "vae.pt", check=check), accelerator)
        calibrate(model, [patches(CALIBRATION_FROM + k) for k in range(8)])

    def observe(step: int, weights: dict[str, torch.Tensor]) -> None:
        averaged = SaladPanTiny(model.config).eval()
        averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
        rows = table(averaged, held_out[:GLANCE], VALIDATION_STEPS)
        (folder / "validation.json").write_text(json.dumps({"step": step, "rows": rows}, indent=2), encoding="utf-8")
        log.info("validation at step %d\n%s", step, as_text(rows))

    later = replace(patches, seed=recipe.seed + 1)
    loop = Loop(recipe.diffusion, later, folder / "diffusion.pt", observe, check, recipe.data.workers)
    _stage(DiffusionStage(model), loop, accelerator)
    if accelerator.is_main_process:
        return export(recipe, model, held_out, folder)
    return folder / recipe.name


def _start(recipe: Recipe, beside: Path) -> SaladPanTiny:
    """The network to start from: seeded, or the weights that the recipe names."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = SaladPanTiny(Config.of(recipe.network))
    if recipe.init:
        state = load_folder(beside / recipe.init)[1]
        load_strictly(model, {name: value.float() for name, value in state.items()}, where=recipe.init)
    return model


def validation_batches(recipe: Recipe) -> list[Batch]:
    """The fixed batches of the val split."""
    settings = replace(recipe.data, patch=recipe.data.held_out_patch)
    sources = [source for source in _sources(recipe, "val") if fits(source, settings.patch)]
    held_out = Patches(sources, settings, recipe.seed + 2)
    return [held_out(k) for k in range(recipe.data.held_out)]


def _sources(recipe: Recipe, split: Split) -> list[Source]:
    """Sources of a split, from the data folder in the environment."""
    root = os.environ.get("SEAMLINE_DATA")
    return load_sources(Path(root) if root else None, recipe.data.sources, split, recipe.seed)


def _stage(stage: torch.nn.Module, loop: Loop[Batch], accelerator: Accelerator) -> None:
    """Train one stage and leave its averaged weights in the module, on the CPU."""
    stage.cpu().load_state_dict(loop.run(stage, accelerator))


TRAINERS: Mapping[str, Callable[[Recipe, Path, Callable[[], None]], Path]] = MappingProxyType(
    {
        "salad-pan-tiny": train_salad_pan,
        SYSTEM: train_base,
        "yardstick-cnn": train_yardstick,
        PUBLISHED: train_published,
        SLIM: train_slim,
    }
)
"""Trainer of each system: takes a recipe, the folder that its relative paths begin at, and what is called before every
step; gives the model folder."""


def main(arguments: list[str] | None = None) -> int:
    """``python -m seamline.training.run RECIPE [name=value ...]``."""
    parser = argparse.ArgumentParser(description="Train a recipe and write its model folder.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="NAME=VALUE", help="such as diffusion.steps=100")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    changes = {name: value for name, _, value in (item.partition("=") for item in options.overrides)}
    print(train(options.recipe, changes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
