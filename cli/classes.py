"""What ``seamline evaluate`` does with labels, and how the scores of classes are shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engine.events import Cancel, Listener
    from ..engine.request import OpenPolicy

# Options that only labels give a meaning, by their names as parameters.
_OF_LABELS = ("class_field", "layer", "rest", "ignore", "confusion")
# Options and arguments of other evaluations.
_OTHER = (
    "reference",
    "pan",
    "ms",
    "protocol",
    "panc",
    "out",
    "draws",
    "ratio",
    "bits",
    "perceptual",
    "model",
    "steps",
    "seed",
    "tile",
    "sweep",
    "repeats",
)
_OTHER_SWITCHES = {"as_released": False, "rim": 0, "sensor": None, "phase": "area"}


def refuse_options_of_labels(options: Mapping[str, Any]) -> None:
    """Refuse what only labels give a meaning.

    Raises:
        RequestError: such an option was given.
    """
    from ..engine.errors import RequestError

    for name in _OF_LABELS:
        if options[name] is not None:
            raise RequestError("it was given without --labels", where=_option(name), fix="pass --labels too")


def evaluate_classes(
    path: str | None, options: Mapping[str, Any], policy: OpenPolicy, listener: Listener, cancel: Cancel
) -> None:
    """Score a map of classes against labels, and say it all in one event."""
    from ..engine.events import warnings_to
    from ..engine.inputs.labels import LabelRequest
    from ..engine.quality.class_map import evaluate_class_map, plan_class_map
    from ..engine.quality.confusion_picture import confusion_picture
    from ..engine.quality.metrics import METRICS

    source, picture = _checked(path, options), options["confusion"]
    request = LabelRequest(
        path=options["labels"],
        field=options["class_field"],
        layer=options["layer"],
        rest=options["rest"],
        ignore=options["ignore"],
    )
    with warnings_to(listener):
        plan = plan_class_map(source, request, policy)
    listener.emit("start", map=source, doing="evaluating", unit="strips", **plan.summary())
    result = evaluate_class_map(plan, listener=listener, cancel=cancel, policy=policy)
    scores = result.scores
    if picture is not None:
        confusion_picture(scores.matrix, scores.names, picture)
    metrics = scores.plain()
    listener.emit(
        "done",
        outputs=[] if picture is None else [str(picture)],
        report=None,
        metrics=metrics,
        pixels=scores.pixels,
        unmapped=result.unmapped,
        confusion={"classes": list(scores.names), "pixels": scores.matrix.tolist()},
        about={name: METRICS[name].plain() for name in metrics if name in METRICS},
    )


def print_classes(classes: Mapping[str, Mapping[str, float | None]]) -> None:
    """A table on standard output: a class a row."""
    from rich.console import Console
    from rich.table import Table

    from ..notebook.words import score

    titles = list(dict.fromkeys(title for each in classes.values() for title in each))
    table = Table("class")
    for title in titles:
        table.add_column(title, justify="right")
    for name, each in classes.items():
        table.add_row(name, *(score(each.get(title)) for title in titles))
    Console().print(table)


def _checked(path: str | None, options: Mapping[str, Any]) -> str:
    from ..engine.errors import RequestError

    if path is None:
        raise RequestError("it is missing", where="MAP", fix="name the map of classes to evaluate")
    given = [name for name in _OTHER if options[name] not in (None, ())]
    given += [name for name, usual in _OTHER_SWITCHES.items() if options[name] != usual]
    given += [name for name in ("overlap", "device", "consistency") if options[name] is not None]
    if given:
        raise RequestError(
            "it was given with --labels, which score a map of classes", where=_option(given[0]), fix="leave it out"
        )
    picture: Path | None = options["confusion"]
    if picture is not None and picture.suffix.lower() != ".png":
        raise RequestError(f"{picture} is no PNG file", where="--confusion", fix="name one that ends in .png")
    if picture is not None and picture.resolve() in (Path(path).resolve(), Path(options["labels"]).resolve()):
        raise RequestError("it is the map or the labels", where="--confusion", fix="name another file")
    if picture is not None and not picture.absolute().parent.is_dir():
        raise RequestError("its folder does not exist", where=str(picture), fix="make it, or name another one")
    return path


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
