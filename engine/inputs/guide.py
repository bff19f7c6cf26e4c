"""Read guides: inputs on grids of their own, sampled onto the base grid where they have data.

A guide may lie in another coordinate system, be turned, finer or coarser than the base grid, and have holes.  What a
pixel gets from valid pixels of the guide depends on the place alone, not on the window; what stands in for missing data
is made from the valid pixels of the tile's own window.

A finer guide is averaged in cells of whole pixels, counted from its own first pixel; what is left of the difference in
size widens the kernel.  A coarser one is interpolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..ground.grids import Window
from ..ground.relation import AffineRelation, Points, Relation, between
from ..ground.resample import Coordinates, gather, kernel_reach, point_taps
from ..request import OpenPolicy
from .fill import fill_masked
from .reading import PartReader, Patch, Stored, Strip, Validity, Values
from .scene import Part, Scene

# Cells and base pixels that differ in size by less than this share count as equal.
_SAME_SIZE = 0.1
# What is read at once where a finer guide is averaged.
_CHUNK_BYTES, _MOST_ROWS = 64 * 2**20, 1024
# Centres closer than this to the rim of a pixel lie on it, px.
_ON_RIM = 1e-6


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one part of a guide, and where the base grid meets them.

    Attributes:
        relation: from the base grid to the cells.
        factors: pixels of the guide a cell, along its rows and columns.
        stretch: how many times wider than a cell the kernel is made, along the same.
        size: (rows, columns) of the guide, in cells; no whole numbers where the last cell is cut.
    """

    relation: Relation
    factors: tuple[int, int]
    stretch: tuple[float, float]
    size: tuple[float, float]

    @property
    def shift(self) -> tuple[int, int] | None:
        """(row, column) offset if cells and base pixels coincide, else None."""
        return self.relation.shift if isinstance(self.relation, AffineRelation) else None

    def touched(self, window: Window, kernel: str) -> Window | None:
        """The cells that a window of the base grid is made from; None where it lies outside the guide."""
        return self.relation.touched(window, max(kernel_reach(kernel, stretch) for stretch in self.stretch))

    def points(self, window: Window) -> tuple[Points, Validity]:
        """Where the base pixels of a window lie among the cells, and which lie inside the guide, (h, w) all."""
        rows, columns = self.relation.coordinates(window)
        # Not a number is not inside.
        inside = (rows >= -_ON_RIM) & (rows + _ON_RIM < self.size[0])
        inside &= (columns >= -_ON_RIM) & (columns + _ON_RIM < self.size[1])
        # Points outside may lie anywhere; they are brought near, for their indices to be numbers.
        near = (
            np.clip(np.nan_to_num(there, nan=-1.0), -1.0, size + 1.0)
            for there, size in zip((rows, columns), self.size, strict=True)
        )
        rows, columns = near
        return (rows, columns), inside


def guide_cells(grid: GeoBox, base: GeoBox, *, name: str) -> Cells:
    """The cells in which a guide is taken, as near to the base pixels in size as whole pixels of the guide come.

    Sizes are compared once, at the base pixel that is nearest to the middle of the guide.

    Raises:
        RequestError: one of the grids has no CRS, or nothing transforms between the two.
    """
    finer = [1.0 / ratio for ratio in between(base, grid, other_name=name).ratio()]
    rows, columns = (max(1, math.floor(size + _SAME_SIZE)) for size in finer)
    left = [size / factor for size, factor in zip(finer, (rows, columns), strict=True)]
    stretch = tuple(size if size > 1 + _SAME_SIZE else 1.0 for size in left)
    height, width = grid.shape
    whole = -(-height // rows), -(-width // columns)
    cells = GeoBox(whole, grid.affine * Affine.scale(columns, rows), grid.crs)
    relation = between(base, cells, other_name=name)
    return Cells(relation, (rows, columns), (stretch[0], stretch[1]), (height / rows, width / columns))


def guide_bytes(scene: Scene, base: GeoBox, window: Window, kernel: str = "cubic") -> int:
    """Bytes that the strip of a base-grid rectangle keeps in memory, validity included.

    Of a finer guide these are the means of its cells; while they are made, three times as much and 64 MiB are in use.
    """
    total = 0
    for part in scene.parts:
        cells = guide_cells(part.grid, base, name=scene.source)
        touched = cells.touched(window, kernel)
        if touched is not None:
            kept = 4 if cells.factors != (1, 1) else np.dtype(scene.dtype).itemsize
            total += touched.height * touched.width * len(part.bands) * (kept + 1)
    return total


class GuideReader:
    """Reads one guide; owns its file handles, so it belongs to one thread.

    Args:
        scene: the guide.
        base: the base grid.
        kernel: how cells are interpolated.

    Raises:
        RequestError: the grids cannot be laid on each other.
    """

    def __init__(self, scene: Scene, base: GeoBox, kernel: str, policy: OpenPolicy) -> None:
        self.scene = scene
        self._parts = tuple(_GuidePart(scene, part, base, kernel, policy) for part in scene.parts)

    def close(self) -> None:
        """Close the file handles."""
        for part in self._parts:
            part.close()

    def strip(self, window: Window) -> Strip:
        """Read what the base-grid rectangle needs; nothing where it lies outside the guide.

        Raises:
            RunError: a file cannot be read there (truncated or damaged).
        """
        return tuple(part.strip(window) for part in self._parts)

    def patch(self, strip: Strip, window: Window) -> Patch:
        """Sample one tile from its strip.

        Returns:
            Values that are finite everywhere; where the guide has no data they stand for what is around, and are 0
            where a band has none in the whole tile.
        """
        patches = [part.patch(stored, window) for part, stored in zip(self._parts, strip, strict=True)]
        values = np.concatenate([patch.values for patch in patches])
        if all(patch.valid is None for patch in patches):
            return Patch(values, None)
        known = [np.ones(p.values.shape, np.bool_) if p.valid is None else p.valid for p in patches]
        valid = np.concatenate(known)
        return Patch(fill_masked(values, valid), valid)


class _GuidePart:
    """Reads one part of a guide."""

    def __init__(self, scene: Scene, part: Part, base: GeoBox, kernel: str, policy: OpenPolicy) -> None:
        self._part, self._kernel, self._dtype = part, kernel, np.dtype(scene.dtype)
        self._cells = guide_cells(part.grid, base, name=scene.source)
        # On the guide's own grid: it reads the pixels that it is asked for.
        self._reader = PartReader(part, part.grid, kernel, policy)

    def close(self) -> None:
        self._reader.close()

    def strip(self, window: Window) -> Stored:
        touched = self._cells.touched(window, self._kernel)
        if touched is None:
            nothing = np.zeros((len(self._part.bands), 1, 1), self._dtype)
            return Stored(nothing, np.zeros((1, 1, 1), np.bool_), Window(0, 0, 1, 1))
        if self._cells.factors == (1, 1):
            return self._reader.strip(touched)
        return self._averaged(touched)

    def patch(self, strip: Stored, window: Window) -> Patch:
        """Values of the tile, not yet filled: anything where they are not valid."""
        touched = self._cells.touched(window, self._kernel)
        if touched is None:
            nothing = np.zeros((len(self._part.bands), window.height, window.width), np.float32)
            return Patch(nothing, np.zeros(nothing.shape, np.bool_))
        rows = slice(touched.row - strip.window.row, touched.rows[1] - strip.window.row)
        columns = slice(touched.column - strip.window.column, touched.columns[1] - strip.window.column)
        values = strip.raw[:, rows, columns].astype(np.float32)
        known = None if strip.valid is None else strip.valid[:, rows, columns]
        known = None if known is None or known.all() else np.broadcast_to(known, values.shape)
        if known is not None:
            values[~known] = 0
        points, inside = self._cells.points(window)
        # Values near the largest float32, which mean nothing, overshoot it between the pixels.
        with np.errstate(over="ignore", invalid="ignore"):
            sampled, valid = self._sampled(values, known, points, inside, touched)
        if self._dtype.kind == "f" and not (finite := np.isfinite(sampled)).all():
            valid = finite if valid is None else valid & finite
        return Patch(sampled, None if valid is None or valid.all() else valid)

    def _sampled(
        self, values: Values, known: Validity | None, points: Points, inside: Validity, touched: Window
    ) -> tuple[Values, Validity | None]:
        """The cells ``touched`` at the points, and where they are valid; None for everywhere."""
        near = [
            np.clip(np.floor(there + _ON_RIM).astype(np.int64) - first, 0, length - 1)
            for there, first, length in zip(
                points, (touched.row, touched.column), (touched.height, touched.width), strict=True
            )
        ]
        sampled = self._interpolated(values, points, near, touched)
        if known is None:
            return sampled, None if inside.all() else np.broadcast_to(inside, sampled.shape)
        valid = known[:, near[0], near[1]] & inside
        if self._cells.shift is None:
            reaches = [kernel_reach(self._kernel, stretch) for stretch in self._cells.stretch]
            own = points[0] - touched.row, points[1] - touched.column
            _mend(sampled, values, known, valid, own, reaches)
        return sampled, valid

    def _interpolated(self, values: Values, points: Points, near: list[NDArray[np.int64]], touched: Window) -> Values:
        relation, (tall, wide) = self._cells.relation, self._cells.stretch
        if self._cells.shift is not None:
            return values[:, near[0][:, :1], near[1][:1]]
        if isinstance(relation, AffineRelation) and relation.separable:
            height, width = relation.shape
            row_taps = point_taps(points[0][:, 0], height, self._kernel, tall).shifted(touched.row, touched.height)
            column_taps = point_taps(points[1][0], width, self._kernel, wide).shifted(touched.column, touched.width)
            return row_taps.along(column_taps.along(values, 2), 1)
        # Whole numbers are taken off without rounding, so that the place in a cell stays the same in every window.
        own = points[0] - touched.row, points[1] - touched.column
        return gather(values, *own, self._kernel, (tall, wide))

    def _averaged(self, cells: Window) -> Stored:
        """Means of the valid pixels of each cell, read in pieces; a cell is valid where half of it is."""
        (tall, wide), (height, width) = self._cells.factors, self._part.grid.shape
        top, bottom = cells.row * tall, min(cells.rows[1] * tall, height)
        left, right = cells.column * wide, min(cells.columns[1] * wide, width)
        shape = len(self._part.bands), cells.height, cells.width
        total, count = np.zeros(shape, np.float64), np.zeros(shape, np.int32)
        step = _chunk_rows((right - left) * shape[0] * self._dtype.itemsize)
        row = top
        while row < bottom:
            # Pieces end where blocks of the file do.
            stop = min((row // step + 1) * step, bottom)
            piece = self._reader.strip(Window(row, left, stop - row, right - left))
            _add(total, count, piece, wide, [(i // tall) - cells.row for i in range(row, stop)])
            row = stop
        tops, lefts = np.arange(*cells.rows) * tall, np.arange(*cells.columns) * wide
        pixels = np.minimum(tall, height - tops)[:, None] * np.minimum(wide, width - lefts)
        valid = 2 * count >= pixels
        np.divide(total, count, out=total, where=valid)
        return Stored(total.astype(np.float32), None if valid.all() else valid, cells)


def _chunk_rows(row_bytes: int) -> int:
    """How many rows are read at once: a power of two, as are the blocks of most files."""
    return int(min(2 ** int(math.log2(max(_CHUNK_BYTES // max(row_bytes, 1), 1))), _MOST_ROWS))


def _add(total: Coordinates, count: NDArray[np.int32], piece: Stored, wide: int, cells: list[int]) -> None:
    """Add rows of stored values to the sums and counts of their cells.

    The order is that of rows and columns whatever the piece, so that sums have the same bits however they are cut.

    Args:
        wide: columns a cell.
        cells: row of cells of each row of the piece.
    """
    shape = total.shape[0], len(cells), total.shape[2]
    sums, counts = np.zeros(shape, np.float64), np.zeros(shape, np.int32)
    valid = None if piece.valid is None else np.broadcast_to(piece.valid, piece.raw.shape)
    for j in range(wide):
        column = piece.raw[:, :, j::wide]
        reached = column.shape[2]
        if valid is None:
            sums[:, :, :reached] += column.astype(np.float64)
            counts[:, :, :reached] += 1
        else:
            known = valid[:, :, j::wide]
            sums[:, :, :reached] += np.where(known, column, 0)
            counts[:, :, :reached] += known
    for i, cell in enumerate(cells):
        total[:, cell] += sums[:, i]
        count[:, cell] += counts[:, i]


def _mend(
    sampled: Values, values: Values, known: Validity, valid: Validity, points: Points, reaches: list[int]
) -> None:
    """Sample again, in place, where the kernel touches a hole: bilinear among the valid of the four cells around.

    The cell that holds the point is one of them, and weighs a quarter or more.

    Args:
        sampled, valid: (C, h, w).
        values, known: (C, n, m) cells.
        points: (h, w) coordinates, px of these cells.
        reaches: of the kernel, along (row, column).
    """
    height, width = values.shape[1:]
    first = [np.floor(there - 0.5).astype(np.int64) for there in points]
    # Counted from the cell before the first one: there lie the points in the first half of it.
    clear = _clear(known, reaches)[:, np.clip(first[0], -1, height - 1) + 1, np.clip(first[1], -1, width - 1) + 1]
    band, row, column = np.nonzero(valid & ~clear)
    (top, left), (y, x) = (f[row, column] for f in first), (p[row, column] - 0.5 for p in points)
    total, weight = np.zeros(len(band)), np.zeros(len(band))
    for i in (top, top + 1):
        for j in (left, left + 1):
            cell = band, np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)
            share = (1 - np.abs(y - i)) * (1 - np.abs(x - j)) * known[cell]
            total += share * values[cell]
            weight += share
    sampled[band, row, column] = total / weight


def _clear(known: Validity, reaches: list[int]) -> Validity:
    """Whether every cell is valid that a kernel touches at a point between a cell's centre and the next one's.

    Returns:
        (C, n + 1, m + 1): from the cell before the first one on.
    """
    for axis, reach in enumerate(reaches, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (reach, reach)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(known, pad, mode="edge"), 2 * reach, axis=axis)
        known = np.asarray(windows.all(axis=-1))
    return known
