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


@dataclass(frozen=True, slots=True)
class SeamScore:
    """The worst band's score, and the 95 % band of the sham grids around 1.

    Attributes:
        score: 1.0 is invisible.
        low, high: 2.5 % and 97.5 % quantile of the sham grids, over their median, for that band.
    """

    score: float
    low: float
    high: float


def sham_offsets(spacing: int) -> list[int]:
    """32 offsets spread over one spacing, without the boundary itself and the pixels beside it."""
    reach = min(3, spacing // 4)
    return sorted({int(v) for v in np.linspace(reach, max(spacing - reach, reach), SHAMS).round()})


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
    _row_plan: list[tuple[int, int]] = field(init=False)
    _column_plan: list[tuple[int, int]] = field(init=False)
    _tail: NDArray[np.float32] | None = field(init=False, default=None)
    _next: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._sums = np.zeros((self.bands, SHAMS + 1))
        self._counts = np.zeros((self.bands, SHAMS + 1))
        self._row_plan = _lines(self.row_lines, self.height)
        self._column_plan = _lines(self.column_lines, self.width)

    def push(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows: (C, n, W); masked pixels do not count."""
        rows = chunk.astype(np.float32) if valid is None else np.where(valid, chunk, np.nan).astype(np.float32)
        self._columns(rows)
        joined = rows if self._tail is None else np.concatenate([self._tail, rows], axis=1)
        self._rows(joined, self._next - (0 if self._tail is None else self._tail.shape[1]))
        self._next += rows.shape[1]
        self._tail = joined[:, -3:].copy()

    def _columns(self, rows: NDArray[np.float32]) -> None:
        step = max(1, self.height // 4096)
        for line, grid in self._column_plan:
            self._add(
                grid,
                _second_difference(
                    rows[:, ::step, line - 2],
                    rows[:, ::step, line - 1],
                    rows[:, ::step, line],
                    rows[:, ::step, line + 1],
                ),
            )

    def _rows(self, rows: NDArray[np.float32], first: int) -> None:
        step = max(1, self.width // 4096)
        # A line belongs to the chunk in which its last pixel row arrives.
        for line, grid in self._row_plan:
            if self._next <= line + 1 < first + rows.shape[1]:
                k = line - first
                self._add(
                    grid,
                    _second_difference(
                        rows[:, k - 2, ::step], rows[:, k - 1, ::step], rows[:, k, ::step], rows[:, k + 1, ::step]
                    ),
                )

    def _add(self, grid: int, values: NDArray[np.float32]) -> None:
        known = np.isfinite(values)
        self._sums[:, grid] += np.sum(values, axis=1, where=known, dtype=np.float64)
        self._counts[:, grid] += known.sum(axis=1)

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
        flat = np.where(means[:, 0] > 0, _HIGHEST, 1.0)
        scores = np.divide(means[:, 0], median, out=flat, where=median > 0)
        worst = int(np.argmax(scores))
        if not median[worst] > 0:
            return SeamScore(float(scores[worst]), 1.0, 1.0)
        low, high = np.quantile(means[worst, filled] / median[worst], (0.025, 0.975))
        return SeamScore(float(scores[worst]), float(low), float(high))


def _second_difference(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32], d: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean of the absolute second differences centred on the two pixels beside a line."""
    both: NDArray[np.float32] = 0.5 * (np.abs(a - 2 * b + c) + np.abs(b - 2 * c + d))
    return both


def _lines(boundaries: tuple[int, ...], length: int) -> list[tuple[int, int]]:
    """(line, grid) pairs: grid 0 the boundaries, grids 1..32 the same moved by the sham offsets."""
    if not boundaries:
        return []
    spacing = min([b - a for a, b in pairwise(boundaries)] or [min(boundaries[0], length)])
    grids = [(0, 0), *((offset, i) for i, offset in enumerate(sham_offsets(max(spacing, 8)), 1))]
    lines = []
    for offset, grid in grids:
        for boundary in boundaries:
            # A sham line beyond the rim folds back by one spacing.
            line = boundary + offset if boundary + offset <= length - 2 else boundary + offset - spacing
            if 2 <= line <= length - 2:
                lines.append((line, grid))
    return lines
