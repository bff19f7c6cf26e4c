"""Blend overlapping tiles: anchored hand-overs whose weights sum to one by construction.

A hand-over from ``a`` to ``b`` is a + w (b - a): where both tiles agree the result is that value, bit for bit, so an
identity model comes back exactly.  Rows and columns are blended one after the other (separable weights).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ground.tiles import Axis

Array = NDArray[np.float32]


def ramp_weights(width: int) -> Array:
    """Weights of the later tile across a hand-over of ``width`` px: half a cosine, strictly between 0 and 1."""
    position = (np.arange(width) + 0.5) / width
    weights: Array = (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)
    return weights


def hand_over(before: Array, after: Array, weights: Array, axis: int) -> Array:
    """before + w (after - before) along ``axis``; equal inputs give themselves back exactly."""
    shape = [1] * before.ndim
    shape[axis] = -1
    blended: Array = after - before
    blended *= weights.reshape(shape)
    blended += before
    return blended


def place_tile(strip: Array, tile: Array, axis: Axis, index: int, *, scale: int, first: int, left: bool) -> None:
    """Blend one tile into a strip of its tile row, left to right.

    Args:
        strip: (C, h, w) output px; its first column is base-grid column ``first``.
        tile: (C, h, w) output px, the whole tile.
        axis: the column axis of the tile grid, base-grid px.
        index: column index of the tile.
        scale: output px per base-grid px.
        left: whether the strip already holds the left neighbour.
    """
    start, width = axis.starts[index], strip.shape[2] // scale
    ramp_stop = axis.up(index) + axis.ramp if index and left else axis.up(index)
    low, high = max(ramp_stop, first), min(axis.down(index), first + width)
    if high > low:
        strip[:, :, (low - first) * scale : (high - first) * scale] = tile[
            :, : strip.shape[1], (low - start) * scale : (high - start) * scale
        ]
    if ramp_stop == axis.up(index):
        return
    low, high = max(axis.up(index), first), min(ramp_stop, first + width)
    if high <= low:
        return
    weights = ramp_weights(axis.ramp * scale)[(low - axis.up(index)) * scale : (high - axis.up(index)) * scale]
    target = strip[:, :, (low - first) * scale : (high - first) * scale]
    source = tile[:, : strip.shape[1], (low - start) * scale : (high - start) * scale]
    target[...] = hand_over(target, source, weights, axis=2)
