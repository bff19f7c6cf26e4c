"""Score a map of classes against labels, strip by strip, so that memory depends on the width alone.

The labels are laid on the map's own pixels.  Classes are the same by their names where the map has names and the labels
have any of them, else by the numbers that the map stores.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..contract import MOST_CLASSES
from ..errors import GeoreferenceWarning, RequestError, SkippedLabelsWarning
from ..events import Cancel, Listener, Progress, Silence, warnings_to
from ..ground.grids import Window, crop
from ..inputs.describe import describe
from ..inputs.label_classes import UNLABELLED
from ..inputs.label_rasters import stored_names
from ..inputs.labels import LabelRequest, Labels, open_labels
from ..inputs.scene import Scene
from ..request import OpenPolicy
from .classes import ClassScores, Matrix
from .rasters import CACHE_BYTES, RasterRows
from .reduced import strips

_STRIP = 256
_LISTED = 12


@dataclass(frozen=True, slots=True, eq=False)
class ClassMapPlan:
    """What is compared.

    Attributes:
        scene: the map.
        labels: on its ground.
        source: of the labels.
        names: of the map's classes by value; empty where it has none.
        numbers: value in the map of each class of the labels; ``UNLABELLED`` for one that the map does not know.
    """

    scene: Scene
    labels: Labels
    source: str
    names: tuple[str, ...]
    numbers: tuple[int, ...]

    def summary(self) -> dict[str, Any]:
        """What the start event carries: plain JSON values."""
        height, width = self.scene.grid.shape
        counted = dict(zip(self.labels.names, self.labels.counts, strict=True))
        return {"labels": {"path": self.source, "classes": counted, "size": [int(width), int(height)]}}


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvaluation:
    """Measured quality of a map of classes.

    Attributes:
        scores: of the pixels that have both a class and a label.
        unmapped: labelled pixels on which the map says nothing.
    """

    scores: ClassScores
    unmapped: int


def plan_class_map(path: str, request: LabelRequest, policy: OpenPolicy | None = None) -> ClassMapPlan:
    """Describe the map, read the labels on its ground, and find which of their classes are which of the map's.

    Raises:
        RequestError: the map is none, the labels cannot be used (see ``open_labels``), or they have no class in common.

    Warns:
        SkippedLabelsWarning: the map does not know some classes of the labels.
    """
    policy = policy or OpenPolicy()
    with warnings.catch_warnings():
        # What an evaluation writes has no georeference to lose.
        warnings.simplefilter("ignore", GeoreferenceWarning)
        scene = describe("map", path, any_dtype=True, coded=True, policy=policy)
    if len(scene.bands) != 1 or np.dtype(scene.dtype).kind not in "iu":
        raise RequestError(
            f"it has {len(scene.bands)} band(s) of {scene.dtype}, and a map of classes has one of whole numbers",
            where=path,
            fix="give the class map that seamline segment or classify wrote",
        )
    labels = open_labels(request, policy, scene.grid)
    names = stored_names(scene, policy)
    return ClassMapPlan(scene, labels, request.path, names, _matched(labels.names, names, request, path))


def evaluate_class_map(
    plan: ClassMapPlan,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
    policy: OpenPolicy | None = None,
) -> ClassEvaluation:
    """Carry out a plan; warnings go to the listener.

    Raises:
        RequestError: no pixel has both a class and a label, or the map holds numbers that are no classes.
        RunError: a file cannot be read.
        Cancelled: between strips.

    Warns:
        SkippedLabelsWarning: the map says nothing on some labelled pixels.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    grid, numbers = plan.scene.grid, np.array([*plan.numbers, *[UNLABELLED] * UNLABELLED], np.uint8)[: UNLABELLED + 1]
    pairs, unmapped = np.zeros((UNLABELLED + 1, UNLABELLED + 1), np.int64), 0
    with (
        warnings_to(listener),
        rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES),
        RasterRows(plan.scene, None, policy or OpenPolicy()) as rows,
    ):
        progress = Progress(listener, len(strips(int(grid.shape[0]), _STRIP)))
        for start, stop in strips(int(grid.shape[0]), _STRIP):
            cancel.check()
            truth = numbers[plan.labels.rasterise(crop(grid, Window(start, 0, stop - start, int(grid.shape[1]))))]
            known = truth != UNLABELLED
            valid = None if rows.valid is None else np.asarray(rows.valid.read(start, stop))[0] != 0
            if valid is not None:
                unmapped += int(np.count_nonzero(known & ~valid))
                known &= valid
            found = np.asarray(rows.values.read(start, stop))[0][known]
            _check_found(found, plan)
            flat = truth[known].astype(np.int64) * (UNLABELLED + 1) + found.astype(np.int64)
            pairs += np.bincount(flat, minlength=pairs.size).reshape(pairs.shape)
            progress.advance()
        if not pairs.any():
            raise RequestError(
                "no pixel has both a class and a label", where=plan.scene.source, fix="give labels of its ground"
            )
        if unmapped:
            sentence = f"{plan.scene.source}: {unmapped} labelled pixels do not count, for the map holds no data there"
            warnings.warn(SkippedLabelsWarning(sentence), stacklevel=2)
    return ClassEvaluation(_scores(plan, pairs), unmapped)


def _matched(classes: Sequence[str], names: Sequence[str], request: LabelRequest, path: str) -> tuple[int, ...]:
    """The value in the map of each class of the labels."""
    by_name = {name: value for value, name in reversed(list(enumerate(names)))}
    own = [name for name in classes if name != request.rest]
    if any(name in by_name for name in classes):
        numbers = [by_name.get(name, UNLABELLED) for name in classes]
    elif all(name.isdecimal() for name in own):
        most = len(names) or MOST_CLASSES
        # Whatever else is 0, all other ground is what maps call 0.
        values = [0 if name == request.rest else int(name) for name in classes]
        numbers = [value if value < most else UNLABELLED for value in values]
    elif not names:
        numbers = list(range(len(classes)))
    else:
        numbers = []
    known = [name for name, number in zip(classes, numbers, strict=False) if number != UNLABELLED]
    if len(known) < 2:
        # Where all labels are of one class, whatever is found there counts as right or as missed, and nothing as wrong.
        theirs = _listed(names) or f"0 to {MOST_CLASSES - 1}"
        raise RequestError(
            f"of its classes ({_listed(classes)}) the map ({theirs}) has {f'{known[0]} alone' if known else 'none'}",
            where=request.path,
            fix=f"name another column with --class-field, or call its classes and --rest as {path} does",
        )
    unknown = [name for name in classes if name not in known]
    if unknown:
        sentence = f"{request.path}: its labels of {_listed(unknown)} do not count, for the map has no such class"
        warnings.warn(SkippedLabelsWarning(sentence), stacklevel=3)
    return tuple(numbers)


def _check_found(found: NDArray[np.integer[Any]], plan: ClassMapPlan) -> None:
    most = len(plan.names) or MOST_CLASSES
    if found.size and not 0 <= int(found.min()) <= int(found.max()) < most:
        strange = int(found.max()) if int(found.max()) >= most else int(found.min())
        known = f"names {most} classes" if plan.names else f"may number classes from 0 to {most - 1}"
        raise RequestError(
            f"it holds the number {strange}, but {known}",
            where=plan.scene.source,
            fix="give a class map, and set its nodata value if this number stands for none",
        )


def _scores(plan: ClassMapPlan, pairs: Matrix) -> ClassScores:
    """Cut the matrix of all numbers to the classes of the map, or to those that there are."""
    if plan.names:
        return ClassScores(plan.names, pairs[: len(plan.names), : len(plan.names)])
    there = np.flatnonzero(pairs.any(axis=0) | pairs.any(axis=1))
    own = dict(zip(plan.numbers, plan.labels.names, strict=True))
    names = tuple(own.get(int(value), str(value)) for value in there)
    return ClassScores(names, pairs[np.ix_(there, there)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (" and more" if len(names) > _LISTED else "")
