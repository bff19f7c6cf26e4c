"""The pieces of a pair on which its instrument is measured."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..ground.grids import Window, relation
from ..optics.consistency import CellAxis
from ..optics.instrument import Instrument, Shift, View, measure
from ..request import OpenPolicy
from .coregistration import LARGEST_PX, Misregistration
from .pair_blocks import pair_blocks
from .reading import InputReader
from .scene import Scene

_MOST_BLOCKS = 8
# Fine px around a block: the filter's reach, and what a shift may bring in.
_AROUND = 32


def measured_instrument(
    fine: Scene,
    coarse: Scene,
    found: Misregistration | None,
    policy: OpenPolicy,
    check: Callable[[], None],
) -> Instrument | None:
    """What the instrument did to the coarse input, measured against the fine one on at most eight blocks.

    Args:
        found: the shift between them as far as it is known, at which the search begins.
        check: called once a block and look; raises ``Cancelled``.

    Returns:
        None where nothing can be said: grids that are turned against each other, a scene that is small, flat or mostly
        masked, or inputs that show different things.
    """
    mapping = relation(coarse.grid, fine.grid)
    start = _start(found, abs(mapping.e), abs(mapping.a))
    views = views_of(fine, coarse, policy, check)
    return measure(views, start, check) if views else None


def _start(found: Misregistration | None, down: float, across: float) -> Shift:
    """Where the search begins, fine px."""
    if found is None or found.length > LARGEST_PX:
        return 0.0, 0.0
    return found.row * down, found.column * across


def views_of(fine: Scene, coarse: Scene, policy: OpenPolicy, check: Callable[[], None]) -> list[View]:
    """Pieces of a pair that hold valid pixels alone, in reading order."""
    mapping, shape = relation(coarse.grid, fine.grid), fine.grid.shape
    readers = [InputReader(scene, scene.grid, "cubic", policy) for scene in (fine, coarse)]
    views = []
    try:
        for block in pair_blocks(fine.grid, coarse.grid, _MOST_BLOCKS):
            check()
            rows = _axis(block.row, block.height, mapping.e, mapping.f, shape[0])
            columns = _axis(block.column, block.width, mapping.a, mapping.c, shape[1])
            under = Window(rows[0], columns[0], rows[1].fine_length, columns[1].fine_length)
            pan, ms = (r.patch(r.strip(w), w) for r, w in zip(readers, (under, block), strict=True))
            if all(patch.valid is None or patch.valid.all() for patch in (pan, ms)):
                values = pan.values.mean(axis=0).astype(np.float64), ms.values.astype(np.float64)
                views.append(View(*values, rows[1], columns[1]))
    finally:
        for reader in readers:
            reader.close()
    return views


def _axis(first: int, cells: int, step: float, offset: float, length: int) -> tuple[int, CellAxis]:
    """First fine px that is read for the cells of a block, and how the cells lie on those from there on."""
    ends = sorted((step * first + offset, step * (first + cells) + offset))
    low, high = max(math.floor(ends[0]) - _AROUND, 0), min(math.ceil(ends[1]) + _AROUND, length)
    return low, CellAxis(1 / step, -(step * first + offset - low) / step, cells, high - low)
