"""How well classes were told: confusion matrices, and the scores that follow from them.

Every score is a quotient of counts, so matrices of parts of a map are simply added.  A class that neither occurs nor is
found has no score, and means leave it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs.label_classes import UNLABELLED

Matrix = NDArray[np.int64]
Shares = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]


def confusion(truth: Labels, found: Labels, classes: int, ignore: int = UNLABELLED) -> Matrix:
    """Count which class was taken for which.

    Args:
        truth, found: class numbers, 0 to ``classes`` - 1, of one shape.
        ignore: what ``truth`` holds where nothing is known; these cells do not count.

    Returns:
        (classes, classes): of row i, truly, how many were found to be column j.
    """
    known = truth != ignore
    pairs = truth[known].astype(np.int64) * classes + found[known].astype(np.int64)
    return np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of a map of classes, one class a pixel.

    Attributes:
        names: of the classes.
        matrix: (C, C) as ``confusion`` counts.
    """

    names: tuple[str, ...]
    matrix: Matrix

    @property
    def pixels(self) -> int:
        """How many were compared."""
        return int(self.matrix.sum())

    @property
    def labelled(self) -> Matrix:
        """(C,) labelled pixels of each class."""
        return np.asarray(self.matrix.sum(axis=1))

    @property
    def never_found(self) -> tuple[str, ...]:
        """Names of the classes that are labelled, and that no pixel was found to be."""
        found = self.matrix.sum(axis=0)
        return tuple(n for n, told, seen in zip(self.names, self.labelled, found, strict=True) if told and not seen)

    @property
    def iou(self) -> Shares:
        """(C,) intersection over union; NaN for a class that is neither labelled nor found."""
        return _share(self._hits, self.labelled + self._found - self._hits)

    @property
    def f1(self) -> Shares:
        """(C,) harmonic mean of precision and recall; NaN for a class that is neither labelled nor found."""
        return _share(2 * self._hits, self.labelled + self._found)

    @property
    def precision(self) -> Shares:
        """(C,) share of what was found that is right; NaN for a class that was not found."""
        return _share(self._hits, self._found)

    @property
    def recall(self) -> Shares:
        """(C,) share of what is labelled that was found; NaN for a class that is not labelled."""
        return _share(self._hits, self.labelled)

    @property
    def miou(self) -> float:
        """Mean IoU of the classes that are labelled or found."""
        return _mean(self.iou)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that are labelled or found."""
        return _mean(self.f1)

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are right; the same as micro F1 where each pixel has one class."""
        return float(self._hits.sum() / self.pixels) if self.pixels else math.nan

    @property
    def _hits(self) -> Matrix:
        return np.asarray(self.matrix.diagonal())

    @property
    def _found(self) -> Matrix:
        return np.asarray(self.matrix.sum(axis=0))

    def plain(self) -> dict[str, Any]:
        """As reports and events have it; None for what is no number."""
        of_all = {"mIoU": self.miou, "accuracy": self.accuracy, "macro_F1": self.macro_f1}
        columns = {"IoU": self.iou, "F1": self.f1, "precision": self.precision, "recall": self.recall}
        return {name: _plain(value) for name, value in of_all.items()} | {
            "classes": _by_class(self.names, columns, self.labelled)
        }


@dataclass(frozen=True, eq=False)
class LabelSetScores:
    """Scores where a sample may be of several classes at once.

    Attributes:
        names: of the classes.
        hits, extra, missed: (C,) how often a class was found rightly, found wrongly, and not found.
    """

    names: tuple[str, ...]
    hits: Matrix
    extra: Matrix
    missed: Matrix

    @property
    def f1(self) -> Shares:
        """(C,) F1 of each class; NaN for one that neither occurs nor was found."""
        return _share(2 * self.hits, 2 * self.hits + self.extra + self.missed)

    @property
    def micro_f1(self) -> float:
        """F1 of all decisions taken together."""
        hits, wrong = int(self.hits.sum()), int(self.extra.sum() + self.missed.sum())
        return 2 * hits / (2 * hits + wrong) if hits or wrong else math.nan

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur or were found."""
        return _mean(self.f1)

    def plain(self) -> dict[str, Any]:
        """As reports and events have it; None for what is no number."""
        found, occurring = self.hits + self.extra, self.hits + self.missed
        columns = {"F1": self.f1, "precision": _share(self.hits, found), "recall": _share(self.hits, occurring)}
        of_all = {"micro_F1": _plain(self.micro_f1), "macro_F1": _plain(self.macro_f1)}
        return of_all | {"classes": _by_class(self.names, columns, occurring)}


def label_set_scores(truth: NDArray[np.bool_], found: NDArray[np.bool_], names: Sequence[str]) -> LabelSetScores:
    """Compare sets of classes.

    Args:
        truth, found: (samples, C), true where a class occurs and where it was found.
    """
    counts = (np.count_nonzero(both, axis=0) for both in (truth & found, ~truth & found, truth & ~found))
    hits, extra, missed = (np.asarray(count, np.int64) for count in counts)
    return LabelSetScores(tuple(names), hits, extra, missed)


def _share(part: Matrix, whole: Matrix) -> Shares:
    shares = np.full(part.shape, math.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _mean(shares: Shares) -> float:
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if known.size else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _by_class(names: Sequence[str], columns: Mapping[str, Shares], labelled: Matrix) -> dict[str, dict[str, Any]]:
    return {
        name: {title: _plain(shares[i]) for title, shares in columns.items()} | {"px": int(labelled[i])}
        for i, name in enumerate(names)
    }
