"""The command ``seamline train``: a recipe into a model folder."""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import guarded


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe.")
def train(recipe: Path, overrides: tuple[str, ...]) -> None:
    """Train a model by a recipe; goes on from the last checkpoint."""
    with guarded(False, False) as (_, cancel):
        import logging

        from ..training.reading import split_overrides
        from ..training.run import train as train_recipe

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        click.echo(train_recipe(recipe, split_overrides(overrides, "--set"), cancel.check))
