"""The command ``seamline train``: labels into a model folder, or a recipe into one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import EVENT_OPTIONS, _Bands, with_options
from .terminal import guarded

if TYPE_CHECKING:
    from ..engine.events import Cancel, Listener
    from ..training.satdifuser.train import Job

KEPT = "; nothing was written, and a --cache keeps the features"

LABEL_OPTIONS = [
    click.option("--task", type=click.Choice(["segment", "classify"]), help="Tell every pixel, or every patch."),
    click.option("--image", "images", multiple=True, metavar="I", help="Image, or a folder of chips; may be repeated."),
    click.option("--labels", metavar="L", help="Polygons, points, a label raster, or a CSV table of chips."),
    click.option("--class-field", metavar="F", help="Column of the class; class where not named."),
    click.option("--layer", metavar="NAME", help="Layer of the labels, where the file has several."),
    click.option("--rest", metavar="NAME", help="Make all ground that is not labelled a class of that name."),
    click.option("--ignore", type=int, metavar="V", help="Class number that stands for: not labelled."),
    click.option("--out", type=click.Path(path_type=Path), metavar="MODEL", help="Model folder to write."),
    click.option("--backbone", metavar="NAME|FOLDER", help="Generative model whose features are used."),
    click.option("--fuser", type=click.Choice(["global", "local", "experts"]), help="How features are joined: global."),
    click.option("--minutes", type=float, metavar="M", help="Most minutes that it may take: 10."),
    click.option("--patch", type=int, metavar="PX", help="Side of a patch of classify, px: 64, or that of the chips."),
    click.option("--bands", type=_Bands(), help="Bands of the images, such as 4,3,2 or B04,B8A."),
    click.option("--hold-out", type=float, metavar="SHARE", help="Share of the labels to measure on: 0.2."),
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of the split and of the training: 0."),
    click.option(
        "--cache", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep features there, to use again."
    ),
    click.option("--device", metavar="auto|cpu|cuda[:N]", help="What computes: auto."),
    click.option("--allow-vrt", is_flag=True, help="Accept virtual rasters, which can name other files."),
    click.option("--overwrite", is_flag=True, help="Replace a model that is there."),
]
_OF_A_REQUEST = {"labels": "path", "class_field": "field", "layer": "layer", "rest": "rest", "ignore": "ignore"}
_OF_A_JOB = ("minutes", "patch", "hold_out", "seed", "cache", "device", "overwrite")
_OF_A_DESIGN = ("backbone", "fuser")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe.")
@with_options(LABEL_OPTIONS + EVENT_OPTIONS)
def train(
    recipe: Path | None, overrides: tuple[str, ...], as_json: bool, cancel_on_stdin_eof: bool, **options: Any
) -> None:
    """Train a model: on labels of your own, with --task, or by a RECIPE.

    \b
    seamline train --task segment --image scene.tif --labels fields.gpkg --class-field crop --out MODEL

    A training by a recipe goes on from its last checkpoint.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    with guarded(as_json, cancel_on_stdin_eof, kept=None if recipe else KEPT) as (listener, cancel):
        if recipe is None:
            _on_labels(given, overrides, listener, cancel)
        else:
            _by_recipe(recipe, overrides, given, listener, cancel)


def _by_recipe(
    recipe: Path, overrides: tuple[str, ...], given: Mapping[str, Any], listener: Listener, cancel: Cancel
) -> None:
    import logging

    from ..engine.errors import RequestError

    if given:
        raise RequestError(
            f"{_option(next(iter(given)))} belongs to a training on labels, and {recipe} is a recipe",
            where="seamline train",
            fix="give a recipe, or --task and its options",
        )
    from ..training.reading import split_overrides
    from ..training.run import train as train_recipe

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = train_recipe(recipe, split_overrides(overrides, "--set"), cancel.check)
    listener.emit("done", outputs=[str(folder)], report=None, metrics={})


def _on_labels(given: dict[str, Any], overrides: tuple[str, ...], listener: Listener, cancel: Cancel) -> None:
    from ..engine.errors import RequestError

    if "task" not in given:
        raise RequestError(
            "there is nothing to train",
            where="seamline train",
            fix="give a recipe, or --task segment or classify with --image, --labels and --out",
        )
    if overrides:
        raise RequestError("there is no recipe to override", where="--set", fix="leave it out")
    if "out" not in given:
        raise RequestError("the model has no place to go", where="--out", fix="name a folder for it")
    from ..training.satdifuser.train import train_on_labels

    trained = train_on_labels(_job(given), listener, cancel)
    outputs = [str(trained.folder), *([] if trained.picture is None else [str(trained.picture)])]
    listener.emit("done", outputs=outputs, report=None, metrics=trained.metrics)


def _job(given: Mapping[str, Any]) -> Job:
    from ..engine.errors import RequestError
    from ..engine.inputs.labels import LabelRequest
    from ..engine.request import OpenPolicy
    from ..training.satdifuser.model import Design
    from ..training.satdifuser.sources import open_source
    from ..training.satdifuser.train import Job

    labels = None
    if "labels" in given:
        labels = LabelRequest(**{own: given[name] for name, own in _OF_A_REQUEST.items() if name in given})
    elif unused := [name for name in _OF_A_REQUEST if name in given]:
        raise RequestError("there are no labels that it could be of", where=_option(unused[0]), fix="give --labels too")
    return Job(
        task=given["task"],
        source=lambda check: open_source(
            given["task"],
            given.get("images", ()),
            labels,
            bands=given.get("bands", ()),
            policy=OpenPolicy(vrt=given.get("allow_vrt", False)),
            check=check,
        ),
        out=given["out"],
        labels=labels,
        design=Design(**{name: given[name] for name in _OF_A_DESIGN if name in given}),
        **{name: given[name] for name in _OF_A_JOB if name in given},
    )


def _option(name: str) -> str:
    """An option as it is written."""
    return "--image" if name == "images" else f"--{name.replace('_', '-')}"
