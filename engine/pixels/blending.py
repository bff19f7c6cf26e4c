"""Blend overlapping tiles: anchored hand-overs whose weights sum to one by construction.

A hand-over from ``a`` to ``b`` is a + w (b - a): where both tiles agree the result is that value, bit for bit, so an
identity model comes back exactly.  Rows and columns are blended one after the other (separable weights).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ground.scale import Scale
from ..ground.tiles import Axis

Array = NDArray[np.float32]


def ramp_weights(width: int) -> Array:
    """Weights of the later tile across a hand-over of ``width`` px: half a cosine, strictly between 0 and 1."""
    position = (np.arange(width) + 0.5) / width
    weights: Array = (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)
    return weights


def hand_over(before: Array, after: Array, weights: Array, axis: int) -> Array:
    """Before + w (after - before) along ``axis``; equal inputs give themselves back exactly."""
    shape = [1] * before.ndim
    shape[axis] = -1
    blended: Array = after - before
    blended *= weights.reshape(shape)
    blended += before
    return blended


def place_tile(
    strip: Array, tile: Array, axis: Axis, index: int, *, scale: Scale, columns: tuple[int, int], left: bool
) -> None:
    """Blend one tile into a strip of its tile row, left to right.

    Args:
        strip: (C, h, w) output px.
        tile: (C, h, w) output px, the whole tile.
        axis: the column axis of the tile grid, base-grid px.
        index: column index of the tile.
        scale: of the output px.
        columns: base-grid column of the strip's first px, and one past its last.
        left: whether the strip already holds the left neighbour.
    """
    start, height, (first, stop) = axis.starts[index], strip.shape[1], columns
    ramp_stop = axis.up(index) + axis.ramp if index and left else axis.up(index)
    low, high = max(ramp_stop, first), min(axis.down(index), stop)
    if high > low:
        strip[:, :, scale.span(low, high, first)] = tile[:, :height, scale.span(low, high, start)]
    if ramp_stop == axis.up(index):
        return
    low, high = max(axis.up(index), first), min(ramp_stop, stop)
    if high <= low:
        return
    weights = ramp_weights(scale.line(axis.ramp))[scale.span(low, high, axis.up(index))]
    target = strip[:, :, scale.span(low, high, first)]
    source = tile[:, :height, scale.span(low, high, start)]
    target[...] = hand_over(target, source, weights, axis=2)
