"""Masks beside metrics: which blocks, cells and surroundings are free of masked pixels.

Masks are (1, rows, columns) ``Rows``, nonzero where a pixel is valid; None stands for valid everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..optics.degrade import Rows

Mask = NDArray[np.bool_]

# What affines and ratios carry of rounding, px.
_SLACK = 1e-6


def joint(*masks: Rows | None) -> Rows | None:
    """Valid where all of them are."""
    known = [mask for mask in masks if mask is not None]
    if len(known) < 2:
        return known[0] if known else None

    def read(first: int, stop: int) -> Mask:
        every: Mask = np.all([np.asarray(mask.read(first, stop)) != 0 for mask in known], axis=0)
        return every

    return Rows(known[0].shape, read)


def clear(valid: Rows, first: int, stop: int, reach: int, *, wrap: bool) -> Mask:
    """Pixels of rows first..stop-1 without a masked one within ``reach`` px: (stop - first, columns).

    Args:
        valid: the mask.
        first, stop: rows.
        reach: px along either axis.
        wrap: whether the raster goes on at its other side, else its rim is repeated.
    """
    rows = valid.wrapped if wrap else valid.replicated
    masked = rows(first - reach, stop + reach)[0] == 0
    masked = np.pad(masked, ((0, 0), (reach, reach)), mode="wrap" if wrap else "edge")
    total = np.pad(masked.astype(np.int32).cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32), ((1, 0), (1, 0)))
    side = 2 * reach + 1
    free: Mask = (total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]) == 0
    return free


def whole_cells(
    valid: Rows, ratio: float, first: int, stop: int, columns: int, offset: tuple[float, float] = (0.0, 0.0)
) -> Mask:
    """Cells of ``ratio`` px, rows first..stop-1, whose pixels are all valid: (1, stop - first, columns).

    Args:
        valid: the mask.
        ratio: px per cell.
        first, stop: rows of cells.
        columns: of cells.
        offset: (row, column) of the corner of the first cell, px.
    """
    height, width = valid.shape[1:]
    top, bottom = _edges(np.arange(first, stop + 1) * ratio + offset[0], height)
    left, right = _edges(np.arange(columns + 1) * ratio + offset[1], width)
    origin = int(top[0])
    masked = np.asarray(valid.read(origin, int(bottom[-1])))[0] == 0
    total = np.pad(masked.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, bottom = top - origin, bottom - origin
    count = total[bottom][:, right] - total[bottom][:, left] - total[top][:, right] + total[top][:, left]
    good: Mask = (count == 0)[None]
    return good


def _edges(position: NDArray[np.floating[Any]], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First px of each cell and one past its last, inside 0..length."""
    low = np.floor(position[:-1] + _SLACK).astype(np.int64)
    high = np.ceil(position[1:] - _SLACK).astype(np.int64)
    return np.clip(low, 0, length - 1), np.clip(high, 1, length)


def under_cells(cells: Rows | None, ratio: float, offset: tuple[float, float], shape: tuple[int, int]) -> Rows | None:
    """The mask of cells on the pixels that they cover: a pixel that touches a masked cell is masked.

    Pixels beyond the cells go with the nearest one.

    Args:
        cells: mask of the cells.
        ratio: px per cell.
        offset: (row, column) of the corner of the first cell, px.
        shape: (rows, columns) of the pixels.
    """
    if cells is None:
        return None
    height, width = cells.shape[1:]

    def touched(first: int, stop: int, shift: float, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        edges = (np.arange(first, stop + 1) - shift) / ratio
        low = np.floor(edges[:-1] + _SLACK).astype(np.int64)
        high = np.ceil(edges[1:] - _SLACK).astype(np.int64) - 1
        return np.clip(low, 0, length - 1), np.clip(high, 0, length - 1)

    left, right = touched(0, shape[1], offset[1], width)

    def read(first: int, stop: int) -> Mask:
        top, bottom = touched(first, stop, offset[0], height)
        good = np.asarray(cells.read(int(top[0]), int(bottom[-1]) + 1))[0] != 0
        top, bottom = top - top[0], bottom - top[0]
        # A pixel is smaller than a cell, so it touches two along an axis at most.
        rows = good[top] & good[bottom]
        both: Mask = (rows[:, left] & rows[:, right])[None]
        return both

    return Rows((1, *shape), read)
