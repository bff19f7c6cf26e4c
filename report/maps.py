"""Where in the output tile boundaries show, and where a lattice does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engine.ground.grids import Window, ratio
from ..engine.inputs.scene import Scene
from ..engine.output.boundaries import BoundaryMap, boundary_map
from ..engine.output.lattice import lattice_metric, lattice_sums
from .rasters import Seen

_MOST_BLOCKS, _LEAST_BLOCK, _LOOK_PX = 32, 256, 256


def seams(scene: Scene, rows: Sequence[int], columns: Sequence[int], check: Callable[[], None]) -> BoundaryMap | None:
    """How far each piece of a boundary between tiles stands out; None where there is none.

    Args:
        rows, columns: lines at which two tiles weigh the same; ``k`` lies before px ``k``.

    Raises:
        RunError: the output cannot be read.
    """
    height, width = (int(length) for length in scene.grid.shape)
    with Seen(scene, scene.grid) as seen:
        return boundary_map(
            seen.read,
            (height, width),
            rows,
            columns,
            check,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LatticeMap:
    """The lattice measure block by block.

    Attributes:
        side: of a block, px of the output.
        scores: (rows, columns) of blocks; NaN where nothing can be told.
    """

    side: int
    scores: NDArray[np.float64]


def lattice(scene: Scene, main: Scene, check: Callable[[], None]) -> LatticeMap | None:
    """The lattice in the middle of each block of an output that is finer than its input; None for others.

    Raises:
        RunError: the output cannot be read.
    """
    finer = math.sqrt(math.prod(ratio(scene.grid, main.grid)))
    height, width = (int(length) for length in scene.grid.shape)
    if finer < 1.5 or min(height, width) < 64:
        return None
    side = max(_LEAST_BLOCK, -(-max(height, width) // _MOST_BLOCKS))
    scores = np.full((-(-height // side), -(-width // side)), np.nan)
    with Seen(scene, scene.grid) as seen:
        for i, j in np.ndindex(scores.shape):
            check()
            row, column = (
                min(k * side + max(side - _LOOK_PX, 0) // 2, max(length - _LOOK_PX, 0))
                for k, length in ((i, height), (j, width))
            )
            window = Window(row, column, min(_LOOK_PX, height - row), min(_LOOK_PX, width - column))
            values = seen.read(window).astype(np.float64)
            known = np.asarray(np.isfinite(values).all(axis=0))
            sums = lattice_sums(np.where(known, values, 0.0), known, 0, window.height)
            scores[i, j] = lattice_metric(sums, finer).get("lattice", math.nan)
    return LatticeMap(side, scores)
