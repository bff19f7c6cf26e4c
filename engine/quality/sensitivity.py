"""Tile sensitivity: how many DN of an output are owed to where its tiles happen to lie.

The same plan is run again with its tile grid moved by half a tile, and once without tiles; scene, statistics, levels
and noise stay the same, so that whatever differs comes from the tiles.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from ..contract import ModelSource, ModelSpec
from ..events import Cancel, Listener
from ..ground.grids import whole_ratio
from ..ground.tiles import Axis, TileGrid, centre
from ..plan.plan import Plan
from ..request import Request
from ..run import plan_run, run_planned

_CHUNK_ROWS = 512


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """RMS differences over the pixels that are valid in both outputs, DN (stored units), one a band.

    Attributes:
        shifted: between two runs whose tile grids lie half a tile apart; None where the scene is little more than a
            tile, so that there is no other grid.
        untiled: between the tiled run and one without tiles; None where it is one already, or too large.
    """

    shifted: tuple[float, ...] | None
    untiled: tuple[float, ...] | None


def tile_sensitivity(
    request: Request,
    source: ModelSource,
    *,
    largest: int = 1024,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Sensitivity:
    """Run a request up to three times and compare; nothing stays on disk.

    Args:
        request: ``out`` only says in which folder there is room for the outputs.
        source: the model.
        largest: longest side, base-grid px, of a scene that is run without tiles.

    Raises:
        SeamlineError: as for ``run``.
    """
    plan, _ = plan_run(request, source, cancel)
    align = _align(plan, source.spec)
    moved = replace(plan.tiles, rows=shifted(plan.tiles.rows, align), columns=shifted(plan.tiles.columns, align))
    fits = max(plan.base.shape) <= largest
    if plan.tiles.count == 1:
        return Sensitivity(None, None)
    with tempfile.TemporaryDirectory(dir=Path(request.out).parent, prefix=".sensitivity-") as folder:

        def output(name: str, tiles: TileGrid) -> Path:
            out = Path(folder) / f"{name}.tif"
            run_planned(
                replace(plan, tiles=tiles),
                source,
                out,
                policy=request.policy,
                memory=request.memory,
                listener=listener,
                cancel=cancel,
            )
            return out

        tiled = output("tiled", plan.tiles)
        return Sensitivity(
            shifted=rms_difference(tiled, output("shifted", moved)) if moved != plan.tiles else None,
            untiled=rms_difference(tiled, output("untiled", untiled(plan.tiles, align))) if fits else None,
        )


def _align(plan: Plan, spec: ModelSpec) -> int:
    """Base-grid px of which tile sizes and origins are multiples, as in the plan."""
    return math.lcm(spec.align, *(whole_ratio(plan.base, scene.grid) for scene in plan.scenes))


def shifted(axis: Axis, align: int) -> Axis:
    """The axis with its tiles moved by half a tile, rounded down to ``align``.

    The first tile stays where it is and the last one where it ends, so that both rims are seen as before.
    """
    half, last = axis.tile // 2 // align * align, axis.starts[-1]
    starts = tuple(sorted({0, *(min(start + half, last) for start in axis.starts)}))
    centres = [centre(a, b, axis.tile) for a, b in pairwise(starts)]
    return replace(axis, starts=starts, ramp=min([axis.ramp, *(b - a for a, b in pairwise(centres))]))


def untiled(tiles: TileGrid, align: int) -> TileGrid:
    """One tile that holds the whole scene."""
    rows, columns = (Axis(n, -(-n // align) * align, (0,), 0) for n in (tiles.rows.length, tiles.columns.length))
    return replace(tiles, rows=rows, columns=columns)


def rms_difference(first: Path, second: Path) -> tuple[float, ...]:
    """RMS difference of two rasters of one grid, one a band, over the pixels that are valid in both."""
    with rasterio.open(first) as a, rasterio.open(second) as b:
        squares, counts = np.zeros(a.count), np.zeros(a.count)
        for row in range(0, a.height, _CHUNK_ROWS):
            window = Window(0, row, a.width, min(_CHUNK_ROWS, a.height - row))
            valid = (a.read_masks(window=window) > 0) & (b.read_masks(window=window) > 0)
            difference = a.read(window=window).astype(np.float64) - b.read(window=window)
            squares += np.sum(np.square(difference), axis=(1, 2), where=valid)
            counts += valid.sum(axis=(1, 2))
    return tuple(float(value) for value in np.sqrt(squares / np.maximum(counts, 1)))
