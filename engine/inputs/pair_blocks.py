"""Where a pair of inputs is looked at to measure what is between them."""

from __future__ import annotations

import math

import numpy as np
from odc.geo.geobox import GeoBox

from ..ground.grids import Window, is_separable, ratio, relation

LEAST = 32
"""Coarse px along an axis below which nothing is looked at."""
_SIDE, _MOST_FINE = 64, 2048


def pair_blocks(fine: GeoBox, coarse: GeoBox, most: int) -> list[Window]:
    """Windows of the coarse grid, evenly over what both grids hold, overlapping by half at most.

    They belong to the scene, so that what is measured on them is the same for every extent.

    Args:
        most: how many there may be.

    Returns:
        None at all where the grids are turned against each other, the coarse one is none, or too little is in common.
    """
    mapping = relation(coarse, fine)
    per_cell = ratio(fine, coarse)
    if not is_separable(mapping) or max(per_cell) <= 1 + 1e-6:
        return []
    side = min(_SIDE, int(_MOST_FINE / max(per_cell)))
    (left, top), (right, bottom) = ~mapping * (0, 0), ~mapping * fine.shape[::-1]
    spans = []
    for low, high, length in ((top, bottom, coarse.shape[0]), (left, right, coarse.shape[1])):
        first, stop = max(math.ceil(low - 1e-6), 0), min(math.floor(high + 1e-6), length)
        side = min(side, stop - first)
        spans.append((first, stop))
    if side < LEAST:
        return []
    counts = [-(-2 * (stop - first) // side) - 1 for first, stop in spans]
    while counts[0] * counts[1] > most:
        counts[counts[1] > counts[0]] -= 1
    rows, columns = (
        [int(start) for start in np.linspace(first, stop - side, count).round()]
        for (first, stop), count in zip(spans, counts, strict=True)
    )
    return [Window(row, column, side, side) for row in rows for column in columns]
