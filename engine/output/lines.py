"""Pixels around the tile boundaries of a raster that passes by once, and around control grids to compare them with.

A control grid is the real one moved by part of its spacing: the same scene, the same sampling, no tile boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CONTROLS = 32
# Two pixels on either side of a line.
_AROUND = np.arange(-2, 2)
# A segment is short enough that a seam keeps its sign along it, and long enough that texture cancels.
_SEGMENT = 64
# So many segments of a line, and of a grid, are enough, spread evenly: 130,000 pixels of a large scene.
_MOST_ALONG, _MOST_SEGMENTS = 32, 2048
_FEWEST_CONTROLS = 8
_HIGHEST = 1e6


def control_offsets(spacing: int, reach: int = 3) -> list[int]:
    """At most 32 offsets spread over one spacing, without the boundary itself and ``reach`` px on either side of it.

    Empty where the spacing leaves no room.
    """
    if 2 * reach > spacing:
        return []
    return sorted({int(v) for v in np.linspace(reach, spacing - reach, CONTROLS).round()})


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Lines across one axis and the segments along them.

    ``at[i]`` lies before that pixel; ``grid[i]`` says whose it is, 0 the real one; ``segments`` are (first, stop).
    """

    at: NDArray[np.int64]
    grid: NDArray[np.int64]
    segments: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class LineSampler:
    """Cuts segments of boundary lines, real and control, out of a raster that passes by in row chunks.

    Segments never cross a boundary of the other direction, where a step may change its sign.

    Args:
        bands: band count.
        height, width: of the raster, px.
        row_lines, column_lines: pixel lines of the boundaries: a line ``k`` lies between pixels k - 1 and k.
        reach: px around a boundary that no control line enters.
    """

    bands: int
    height: int
    width: int
    row_lines: tuple[int, ...]
    column_lines: tuple[int, ...]
    reach: int = 3
    _rows: _Axis = field(init=False)
    _columns: _Axis = field(init=False)
    _tail: Floats | None = field(init=False, default=None)
    _open: list[Floats] = field(init=False, default_factory=list)
    _next: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        rows, columns = (self.row_lines, self.height), (self.column_lines, self.width)
        self._rows = _Axis(*_lines(*rows, self.reach), _segments(*columns, len(self.row_lines)))
        self._columns = _Axis(*_lines(*columns, self.reach), _segments(*rows, len(self.column_lines)))

    def push(
        self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Take the next rows, (C, n, W), and give the segments that they complete.

        Returns:
            Pairs of the lines' grid numbers (0 is the real grid) and their pixels (C, lines, samples along, 4 across),
            NaN where masked; the line runs between the second and the third of the four.
        """
        yield from self._across_columns(chunk, valid)
        yield from self._across_rows(chunk, valid)
        self._next += chunk.shape[1]

    def _across_columns(
        self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None
    ) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        lines, stop = self._columns, self._next + chunk.shape[1]
        if not len(lines.at):
            return
        columns = (lines.at[:, None] + _AROUND).ravel()
        for first, last in lines.segments:
            rows = slice(max(first, self._next) - self._next, min(last, stop) - self._next)
            if rows.start >= rows.stop:
                continue
            seen = None if valid is None else valid[:, rows][..., columns]
            self._open.append(_floats(chunk[:, rows][..., columns], seen))
            if last <= stop:
                values = np.concatenate(self._open, axis=1).reshape(self.bands, last - first, -1, 4)
                self._open.clear()
                yield lines.grid, values.swapaxes(1, 2)

    def _across_rows(
        self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None
    ) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        lines, first = self._rows, self._next - (0 if self._tail is None else self._tail.shape[1])
        if not len(lines.at):
            return
        columns = np.concatenate([np.arange(*segment) for segment in lines.segments])
        # A line belongs to the chunk in which its last pixel row arrives; the three rows before may be in the tail.
        stop = self._next + chunk.shape[1]
        mine = (lines.at + 1 >= self._next) & (lines.at + 1 < stop)
        wanted = lines.at[mine, None] + _AROUND
        at = np.union1d(wanted[wanted >= self._next], np.arange(max(self._next, stop - 3), stop))
        picked = np.ix_(np.arange(self.bands), at - self._next, columns)
        fresh = _floats(chunk[picked], None if valid is None else valid[picked])
        if self._tail is not None:
            fresh = np.concatenate([self._tail, fresh], axis=1)
            at = np.concatenate([np.arange(first, self._next), at])
        self._tail = fresh[:, -3:].copy()
        if len(wanted):
            values = fresh[:, np.searchsorted(at, wanted)].swapaxes(2, 3)
            edges = np.cumsum([last - start for start, last in lines.segments])
            for part in np.split(values, edges[:-1], axis=2):
                yield lines.grid[mine], part


def _floats(values: NDArray[np.generic], valid: NDArray[np.bool_] | None) -> Floats:
    floats = values.astype(np.float32)
    return floats if valid is None else np.where(valid, floats, np.float32(np.nan))


def _segments(crossings: tuple[int, ...], length: int, lines: int) -> tuple[tuple[int, int], ...]:
    """About 64 px each, evenly between two crossings; evenly chosen ones where there are many."""
    segments = [piece for first, stop in pairwise((0, *crossings, length)) for piece in pieces(first, stop)]
    most = min(len(segments), _MOST_ALONG, max(_MOST_SEGMENTS // max(lines, 1), 1))
    chosen = np.unique(np.linspace(0, len(segments) - 1, most).round().astype(int))
    return tuple(segments[i] for i in chosen)


def pieces(first: int, stop: int) -> list[tuple[int, int]]:
    """(first, stop) of equal pieces of about 64 px."""
    parts = max(1, round((stop - first) / _SEGMENT))
    return list(pairwise(first + (stop - first) * i // parts for i in range(parts + 1)))


def _lines(boundaries: tuple[int, ...], length: int, reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The boundaries, and the same moved by each control offset."""
    at, grid = [], []
    if boundaries:
        spacing = min([b - a for a, b in pairwise(boundaries)] or [min(boundaries[0], length)])
        for number, offset in enumerate((0, *control_offsets(spacing, reach))):
            for boundary in boundaries:
                # A control line beyond the rim folds back by one spacing.
                line = boundary + offset if boundary + offset <= length - 2 else boundary + offset - spacing
                if 2 <= line <= length - 2:
                    at.append(line)
                    grid.append(number)
    return np.array(at, np.int64), np.array(grid, np.int64)


@dataclass(slots=True)
class GridMeans:
    """A mean for every band, on the real grid (number 0) and on each control grid."""

    bands: int
    _sums: NDArray[np.float64] = field(init=False)
    _counts: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._sums, self._counts = np.zeros((2, self.bands, CONTROLS + 1))

    def add(self, grids: NDArray[np.int64], sums: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
        """Add sums and counts, both (C, lines), of lines that belong to these grids."""
        np.add.at(self._sums.T, grids, sums.T)
        np.add.at(self._counts.T, grids, counts.T)

    def over_controls(self) -> NDArray[np.float64] | None:
        """Means over the median of the control grids: (C, 1 + control grids), the real one first.

        Returns:
            None where nothing lies on the real grid, or on fewer than 8 control grids.
        """
        filled = np.asarray(self._counts.all(axis=0))
        if not filled[0] or filled.sum() <= _FEWEST_CONTROLS:
            return None
        means = self._sums[:, filled] / self._counts[:, filled]
        median = np.median(means[:, 1:], axis=1, keepdims=True)
        # On a flat image anything at a boundary is visible, and nothing is a perfect score.
        return np.divide(means, median, out=np.where(means > 0, _HIGHEST, 1.0), where=median > 0)


def control_band(figures: NDArray[np.float64]) -> tuple[float, float]:
    """2.5 % and 97.5 % quantile of the control grids' figures, (n,).

    The estimate (Weibull's plotting position) that a further grid, like the real one where no boundary shows, leaves
    as often as it says: with 32 grids the usual interpolation would be left twice as often.
    """
    low, high = np.quantile(figures, (0.025, 0.975), method="weibull")
    return float(low), float(high)
