"""Train a recipe and write its model folder: ``train(recipe_path, overrides)``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..engine.errors import RequestError
from .recipe import Recipe, read_recipe
from .salad_pan.run import SYSTEM as PUBLISHED
from .salad_pan.run import train_published
from .salad_pan_tiny.run import train_salad_pan
from .slimdiffsr.run import SYSTEM as SLIM
from .slimdiffsr.run import train_slim
from .terra_ldm.run import SYSTEM, train_base
from .yardstick.run import train_yardstick

log = logging.getLogger(__name__)


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
            f"no trainer for {recipe.system!r}", where=str(recipe_path), fix=f"set system: {' or '.join(TRAINERS)}"
        )
    return trainer(recipe, recipe_path.parent, check)


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
