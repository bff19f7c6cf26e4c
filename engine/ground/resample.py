"""Sampling as weighted taps: each output cell is a fixed, ordered sum over input cells.

The weights of a cell depend on its absolute coordinate alone, so a window, a shard and the whole scene give the same
bits.  Coordinates are in pixels of the input with pixel k covering [k, k + 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Coordinates = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """A linear map along one axis.

    Attributes:
        index: (n, k) input cells, int64, sorted along k.
        weight: (n, k) float64; each row sums to one.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float64]

    def shifted(self, origin: int, length: int) -> Taps:
        """The same taps on an array that starts at cell ``origin`` and holds ``length`` cells (clamped)."""
        return Taps(np.clip(self.index - origin, 0, length - 1), self.weight)

    def shares(self) -> Taps:
        """How much each tap has a part in its cell, whatever its sign; they sum to one again."""
        weight = np.abs(self.weight)
        return Taps(self.index, weight / weight.sum(axis=1, keepdims=True))

    def along(self, values: Array, axis: int) -> Array:
        """Apply to one axis of an array; the sum runs over the taps in order."""
        shape = [1] * values.ndim
        shape[axis] = -1
        weight = self.weight.astype(np.float32)
        # Values near the largest float32, which mean nothing, overshoot it between the pixels.
        with np.errstate(over="ignore", invalid="ignore"):
            total: Array = np.take(values, self.index[:, 0], axis=axis) * weight[:, 0].reshape(shape)
            picked = np.empty_like(total)
            for k in range(1, self.index.shape[1]):
                # With a place for them, picked values are copied twice unless indices are clipped, which these are.
                np.take(values, self.index[:, k], axis=axis, out=picked, mode="clip")
                picked *= weight[:, k].reshape(shape)
                total += picked
        return total


def _keys(t: Coordinates) -> Coordinates:
    """Keys' cubic convolution kernel, a = -1/2."""
    t = np.abs(t)
    return np.where(t <= 1, (1.5 * t - 2.5) * t * t + 1, np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0.0))


def _lanczos4(t: Coordinates) -> Coordinates:
    """Lanczos kernel with four lobes."""
    return np.where(np.abs(t) < 4, np.sinc(t) * np.sinc(t / 4), 0.0)


def cubic_spline_taps(coordinates: Coordinates, radius: int) -> Taps:
    """Taps of the cubic spline through all cells at ``coordinates``; indices are not clipped to any length.

    Unser, "Splines: a perfect fit for signal and image processing", SPM 1999: the inverse of the B-spline's sampled
    filter is a two-sided exponential with the pole sqrt(3) - 2, cut here at ``radius`` cells (0.27 per cell).
    """
    position = coordinates - 0.5
    # At a cell's centre the spline is the cell; rounding must not spread it.
    centred = np.abs(position - np.round(position)) < 1e-9
    if centred.all():
        return Taps(np.round(position).astype(np.int64)[:, None], np.ones((len(position), 1)))
    position = np.where(centred, np.round(position), position)
    index = np.floor(position).astype(np.int64)[:, None] + np.arange(1 - radius, radius + 1)
    pole = math.sqrt(3.0) - 2.0
    lag = np.arange(-radius - 3, radius + 4)
    inverse = -6.0 * pole / (1.0 - pole * pole) * pole ** np.abs(lag)
    distance = position[:, None] - index
    weight = np.sum([h * _b_spline(distance - k) for h, k in zip(inverse, lag, strict=True)], axis=0)
    weight = np.where(centred[:, None], distance == 0.0, weight)
    return Taps(index, weight / weight.sum(axis=1, keepdims=True))


def _b_spline(t: Coordinates) -> Coordinates:
    """The centred cubic B-spline."""
    t = np.abs(t)
    return np.where(t < 1, 2 / 3 - t * t * (1 - t / 2), np.where(t < 2, (2 - t) ** 3 / 6, 0.0))


KERNELS: dict[str, tuple[Callable[[Coordinates], Coordinates], int]] = {"cubic": (_keys, 2), "lanczos": (_lanczos4, 4)}


def kernel_reach(kernel: str, stretch: float = 1.0) -> int:
    """How many cells a kernel reaches to either side, stretched to so many times its width."""
    return math.ceil(KERNELS[kernel][1] * stretch)


def point_taps(coordinates: Coordinates, length: int, kernel: str, stretch: float = 1.0) -> Taps:
    """Taps that interpolate at ``coordinates`` on ``length`` cells, replicating the rim.

    Args:
        stretch: how many times as wide the kernel is made, so that cells smaller than the distance of the coordinates
            are averaged, not skipped; at least 1.
    """
    function, radius = KERNELS[kernel][0], kernel_reach(kernel, stretch)
    position = coordinates - 0.5
    first = np.floor(position).astype(np.int64)
    index = first[:, None] + np.arange(1 - radius, radius + 1)
    weight = function((position[:, None] - index) / stretch)
    return Taps(np.clip(index, 0, length - 1), weight / weight.sum(axis=1, keepdims=True))


def area_taps(edges: Coordinates, length: int) -> Taps:
    """Taps that average [edges[i], edges[i + 1]) exactly, cut pixels by their share; empty cells weigh nothing.

    Args:
        edges: (n + 1,) ascending coordinates; parts outside 0..length do not count.
    """
    low, high = np.clip(edges[:-1], 0, length), np.clip(edges[1:], 0, length)
    first = np.floor(low + 1e-9).astype(np.int64)
    taps = int(np.max(np.ceil(high - 1e-9) - first, initial=1))
    index = first[:, None] + np.arange(taps)
    share = np.clip(np.minimum(index + 1, high[:, None]) - np.maximum(index, low[:, None]), 0.0, None)
    share[share < 1e-9] = 0.0
    total = share.sum(axis=1, keepdims=True)
    return Taps(np.clip(index, 0, length - 1), share / np.where(total > 0, total, 1.0))


def gather(
    values: Array,
    rows: Coordinates,
    columns: Coordinates,
    kernel: str,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Array:
    """Interpolate (C, n, m) at the points (rows[i, j], columns[i, j]), for grids turned against each other.

    Args:
        rows, columns: (h, w) coordinates.
        stretch: of the kernel along (row, column), as for ``point_taps``.

    Returns:
        (C, h, w).
    """
    height, width = values.shape[1:]
    row0, row_weights = _weights(rows, kernel, stretch[0])
    column0, column_weights = _weights(columns, kernel, stretch[1])
    total = np.zeros((values.shape[0], *rows.shape), np.float32)
    for a, row_weight in enumerate(row_weights):
        r = np.clip(row0 + a, 0, height - 1)
        for b, column_weight in enumerate(column_weights):
            c = np.clip(column0 + b, 0, width - 1)
            total += values[:, r, c] * (row_weight * column_weight).astype(np.float32)
    return total


def _weights(coordinates: Coordinates, kernel: str, stretch: float) -> tuple[NDArray[np.int64], list[Coordinates]]:
    """The first cell that a kernel touches at each point, and the weights of the cells from there on."""
    function, radius = KERNELS[kernel][0], kernel_reach(kernel, stretch)
    middle = np.floor(coordinates - 0.5).astype(np.int64)
    offsets = range(1 - radius, radius + 1)
    weights = [function((coordinates - 0.5 - (middle + o)) / stretch) for o in offsets]
    # One after the other: the order in which sum() of an array adds depends on its shape.
    total = reduce(np.add, weights)
    return middle + (1 - radius), [weight / total for weight in weights]
