"""Train the small SALAD-Pan model."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from ...models.folder import load_folder, load_strictly
from ...models.salad_pan.network import Config, SaladPanTiny
from ..data.patches import Patches
from ..data.simulate import Batch
from ..data.sources import Source, Split, fits, load_sources
from ..loop import Loop
from ..recipe import Recipe
from .export import export
from .stages import DiffusionStage, VaeStage, calibrate
from .validate import as_text, table

log = logging.getLogger(__name__)
GLANCE = 16
"""As many validation batches are looked at while training."""
CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""
VALIDATION_STEPS = (1, 2, 4)


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
