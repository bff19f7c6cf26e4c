"""Seam score: do tile boundaries show in the output?

The mean absolute second difference across the lines where two tiles weigh the same, over the median of the same
measure on 32 sham grids of the same spacing at other offsets.  1.0 means that the boundaries look like any other line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SHAMS = 32
_HIGHEST = 1e6
# Samples along a line are enough at this many; the four pixels around a line.
_SAMPLES = 2048
_AROUND = np.arange(-2, 2)


@dataclass(frozen=True, slots=True)
class SeamScore:
    """The worst band's score, and where 95 % of the sham grids lie.

    Attributes:
        score: 1.0 is invisible.
        low, high: 2.5 % and 97.5 % quantile of the same figure, worst band included, of the sham grids.
    """

    score: float
    low: float
    high: float


def sham_offsets(spacing: int) -> list[int]:
    """32 offsets spread over one spacing, without the boundary itself and the pixels beside it."""
    reach = min(3, spacing // 4)
    return sorted({int(v) for v in np.linspace(reach, max(spacing - reach, reach), SHAMS).round()})


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Pixel lines across one axis: ``at[i]`` lies before that pixel; ``grid[i]`` says whose it is, 0 the real one."""

    at: NDArray[np.int64]
    grid: NDArray[np.int64]


@dataclass(slots=True)
class SeamMeter:
    """Accumulates the measure over a raster that passes by in row chunks.

    Args:
        bands: band count.
        height, width: of the raster, px.
        row_lines, column_lines: pixel lines of the boundaries: a line ``k`` lies between pixels k - 1 and k.
    """

    bands: int
    height: int
    width: int
    row_lines: tuple[int, ...]
    column_lines: tuple[int, ...]
    _sums: NDArray[np.float64] = field(init=False)
    _counts: NDArray[np.float64] = field(init=False)
    _row_plan: Lines = field(init=False)
    _column_plan: Lines = field(init=False)
    _tail: NDArray[np.float32] | None = field(init=False, default=None)
    _next: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._sums = np.zeros((self.bands, SHAMS + 1))
        self._counts = np.zeros((self.bands, SHAMS + 1))
        self._row_plan = _lines(self.row_lines, self.height)
        self._column_plan = _lines(self.column_lines, self.width)

    def push(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows: (C, n, W); masked pixels do not count."""
        self._columns(chunk, valid)
        self._rows(chunk, valid)
        self._next += chunk.shape[1]

    def _columns(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None) -> None:
        lines = self._column_plan
        # Every so many rows of the scene, wherever the chunk starts.
        every = max(1, self.height // _SAMPLES)
        rows = np.arange(-self._next % every, chunk.shape[1], every)
        if not len(lines.at) or not len(rows):
            return
        picked = np.ix_(np.arange(self.bands), rows, (lines.at[:, None] + _AROUND).ravel())
        values = _floats(chunk[picked], None if valid is None else valid[picked])
        self._add(lines.grid, values.reshape(self.bands, len(rows), -1, 4).swapaxes(1, 2))

    def _rows(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None) -> None:
        every = max(1, self.width // _SAMPLES)
        lines, first = self._row_plan, self._next - (0 if self._tail is None else self._tail.shape[1])
        # A line belongs to the chunk in which its last pixel row arrives; the three rows before may be in the tail.
        stop = self._next + chunk.shape[1]
        mine = (lines.at + 1 >= self._next) & (lines.at + 1 < stop)
        wanted = lines.at[mine, None] + _AROUND
        needed = np.union1d(wanted[wanted >= self._next], np.arange(max(self._next, stop - 3), stop)) - self._next
        taken = chunk[:, needed, ::every]
        fresh = _floats(taken, None if valid is None else valid[:, needed, ::every])
        at = needed + self._next
        if self._tail is not None:
            fresh = np.concatenate([self._tail, fresh], axis=1)
            at = np.concatenate([np.arange(first, self._next), at])
        if len(wanted):
            values = fresh[:, np.searchsorted(at, wanted)]
            self._add(lines.grid[mine], values.swapaxes(2, 3))
        self._tail = fresh[:, -3:].copy()

    def _add(self, grids: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Add (C, lines, samples, 4): the four pixels around each line."""
        a, b, c, d = (values[..., i] for i in range(4))
        # The mean of the absolute second differences that are centred on the two pixels beside the line.
        bend = 0.5 * (np.abs(a - 2 * b + c) + np.abs(b - 2 * c + d))
        known = np.isfinite(bend)
        sums = np.sum(bend, axis=2, where=known, dtype=np.float64)
        np.add.at(self._sums.T, grids, sums.T)
        np.add.at(self._counts.T, grids, known.sum(axis=2).T)

    def score(self) -> SeamScore | None:
        """The result; None where there is no boundary, or nothing to compare it with."""
        if not self._counts[:, 0].all():
            return None
        filled = np.asarray(self._counts.all(axis=0))
        filled[0] = False
        if filled.sum() < 8:
            return None
        means = self._sums / np.maximum(self._counts, 1)
        median = np.median(means[:, filled], axis=1)
        # On a flat image any step at a boundary is visible, and none is a perfect score.
        ratios = np.divide(means, median[:, None], out=np.where(means > 0, _HIGHEST, 1.0), where=median[:, None] > 0)
        # The worst band counts, for the sham grids as for the real one.
        worst = ratios.max(axis=0)
        low, high = np.quantile(worst[filled], (0.025, 0.975))
        return SeamScore(float(worst[0]), float(low), float(high))


def _floats(values: NDArray[np.generic], valid: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    floats = values.astype(np.float32)
    return floats if valid is None else np.where(valid, floats, np.float32(np.nan))


def _lines(boundaries: tuple[int, ...], length: int) -> Lines:
    """The boundaries, and the same moved by each sham offset."""
    if not boundaries:
        return Lines(np.zeros(0, np.int64), np.zeros(0, np.int64))
    spacing = min([b - a for a, b in pairwise(boundaries)] or [min(boundaries[0], length)])
    at, grid = [], []
    for number, offset in enumerate((0, *sham_offsets(max(spacing, 8)))):
        for boundary in boundaries:
            # A sham line beyond the rim folds back by one spacing.
            line = boundary + offset if boundary + offset <= length - 2 else boundary + offset - spacing
            if 2 <= line <= length - 2:
                at.append(line)
                grid.append(number)
    return Lines(np.array(at, np.int64), np.array(grid, np.int64))
