"""Where tile boundaries show: the step of the seam score, each piece of a boundary for itself.

A piece is what two neighbouring tiles share of a boundary.  Its step is compared with the steps across lines beside it,
on the same ground; how far those stand out themselves tells how much of it is chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..ground.grids import Window
from .lines import Floats, pieces
from .seams import steps_across

Array = NDArray[np.float64]
Read = Callable[[Window], Floats]
"""A window of a raster, (C, h, w); NaN where masked."""

_NEAREST, _APART, _FARTHEST = 4, 3, 24
_FEWEST_CONTROLS = 6
_USUAL = 0.975


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryMap:
    """How far each piece of a boundary stands out: its step over the median of the lines beside it; the worst band.

    Attributes:
        rows: (row lines, tiles across), NaN where nothing can be told.
        columns: (tiles down, column lines), likewise.
        usual: below it lie 97.5 % of the same figure of the lines beside the boundaries.
    """

    rows: Array
    columns: Array
    usual: float

    @property
    def outstanding(self) -> tuple[int, int]:
        """How many pieces lie above ``usual``, of how many."""
        told = np.concatenate([self.rows.ravel(), self.columns.ravel()])
        told = told[np.isfinite(told)]
        return int((told > self.usual).sum()), int(told.size)


def boundary_map(
    read: Read,
    shape: tuple[int, int],
    row_lines: Sequence[int],
    column_lines: Sequence[int],
    check: Callable[[], None] = lambda: None,
) -> BoundaryMap | None:
    """Look at every piece of every boundary of a raster.

    Args:
        read: called with narrow windows along the boundaries, from top to bottom.
        shape: (rows, columns), px.
        row_lines, column_lines: a line ``k`` lies between pixels k - 1 and k.
        check: called before each row of tiles; may raise to stop.

    Returns:
        None where there is no boundary, or no room beside one.
    """
    offsets = _controls((row_lines, column_lines))
    if not (row_lines or column_lines) or len(offsets) < _FEWEST_CONTROLS:
        return None
    reach = int(offsets[-1]) + 2
    down, across = ((0, *lines, length) for lines, length in zip((row_lines, column_lines), shape, strict=True))
    rows = np.full((len(row_lines), len(across) - 1), np.nan)
    columns = np.full((len(down) - 1, len(column_lines)), np.nan)
    beside: list[Array] = []
    for number, (first, stop) in enumerate(pairwise(down)):
        check()
        for place, line in enumerate(column_lines):
            left, right = max(line - reach, 0), min(line + reach, shape[1])
            around = read(Window(first, left, stop - first, right - left)).swapaxes(1, 2)
            found = _ratios(around, line - left, offsets, (0, stop - first))
            columns[number, place] = found[0, 0]
            beside.append(found[1:].ravel())
        if number:
            top, bottom = max(first - reach, 0), min(first + reach, shape[0])
            found = _ratios(read(Window(top, 0, bottom - top, shape[1])), first - top, offsets, across)
            rows[number - 1] = found[0]
            beside.append(found[1:].ravel())
    told = np.concatenate(beside)
    told = told[np.isfinite(told)]
    return BoundaryMap(rows, columns, float(np.quantile(told, _USUAL))) if told.size else None


def _controls(axes: Sequence[Sequence[int]]) -> list[int]:
    """Distances from a boundary at which lines are compared with it, on either side, short of the next boundary."""
    room = min((stop - first for axis in axes for first, stop in pairwise(axis)), default=2 * _FARTHEST + 2)
    farthest = min(_FARTHEST, (room - 2) // 2)
    one_side = list(range(_NEAREST, farthest + 1, _APART))
    return [-offset for offset in reversed(one_side)] + one_side


def _ratios(around: Floats, line: int, offsets: Sequence[int], cuts: Sequence[int]) -> Array:
    """Of a boundary and of the lines beside it, the step over the median step of the latter, (1 + lines, tiles).

    Args:
        around: (C, n, along), px on either side of the boundary.
        line: the boundary, counted from the first of the n.
        cuts: along the boundary, where tiles end.
    """
    at = [line + offset for offset in (0, *offsets) if 2 <= line + offset <= around.shape[1] - 2]
    if len(at) - 1 < _FEWEST_CONTROLS:
        return np.full((1, len(cuts) - 1), np.nan)
    shares = np.stack([steps_across(np.moveaxis(around[:, k - 2 : k + 2], 1, -1)) for k in at], axis=1)
    means = np.stack([_mean_step(shares[:, :, first:stop]) for first, stop in pairwise(cuts)], axis=2)
    usual = np.median(means[:, 1:], axis=1, keepdims=True)
    ratios = np.divide(means, usual, out=np.full(means.shape, np.nan), where=usual > 0)
    told = np.isfinite(ratios).any(axis=0)
    return np.where(told, np.max(ratios, axis=0, initial=-np.inf, where=np.isfinite(ratios)), np.nan)


def _mean_step(shares: Floats) -> Array:
    """The mean over short pieces of the absolute mean step, (C, lines, n) to (C, lines); NaN where masked."""
    found = []
    for first, stop in pieces(0, shares.shape[2]):
        part = shares[:, :, first:stop]
        known = np.isfinite(part)
        mean = np.sum(part, axis=2, where=known, dtype=np.float64) / np.maximum(known.sum(axis=2), 1)
        found.append(np.where(2 * known.sum(axis=2) > stop - first, np.abs(mean), np.nan))
    means: Array = np.mean(found, axis=0)
    return means
