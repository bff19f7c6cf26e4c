"""Train a recipe and write its model folder: ``train(recipe_path, overrides)``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from .loop import Loop
from .reading import read_recipe, split_overrides
from .systems import find_system
from .trainer import Run, Stage, Trainer


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
        ModelError: a folder that the recipe names is not what it should be, or a trained weight is not finite.
    """
    recipe = read_recipe(recipe_path, overrides)
    run = Run(recipe, recipe_path.parent, check)
    run.folder.mkdir(parents=True, exist_ok=True)
    return drive(find_system(recipe.system, str(recipe_path)).trainer(run), run)


def drive(trainer: Trainer[Any], run: Run[Any]) -> Path:
    """Let a trainer train: data, stages, measure, export."""
    data = trainer.data()
    # After the data: a process that has one precision keeps it, also where there is nothing to train on.
    accelerator = Accelerator(mixed_precision=run.recipe.precision)
    with closing(trainer.stages(data, accelerator)) as stages:
        for stage in stages:
            fit(stage, run, accelerator)
    if accelerator.is_main_process:
        trainer.export(trainer.measure(data))
    return trainer.result


def fit(stage: Stage, run: Run[Any], accelerator: Accelerator) -> None:
    """Run the loop and leave the averaged weights in the stage's module, on the CPU."""
    checkpoint = run.folder / f"{stage.name}.pt"
    loop = Loop(stage.settings, stage.batches, checkpoint, stage.observe, run.check, stage.workers)
    stage.module.load_state_dict(loop.run(stage.module, accelerator))
    stage.module.cpu()


def main(arguments: list[str] | None = None) -> int:
    """``python -m seamline.training.run RECIPE [name=value ...]``."""
    parser = argparse.ArgumentParser(description="Train a recipe and write its model folder.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="NAME=VALUE", help="such as diffusion.steps=100")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    print(train(options.recipe, split_overrides(options.overrides, "NAME=VALUE")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
