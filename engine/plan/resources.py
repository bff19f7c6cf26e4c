"""What a run will need: memory, disk, size of the output.  Estimates are made before anything is allocated."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from ..errors import RequestError, ResourceError
from ..ground.grids import Window, magnified, ratio
from ..inputs.guide import guide_bytes
from ..inputs.scene import Scene
from ..optics.support import support_planes
from .plan import Plan

# Interpreter, libraries, GDAL's cache.
_BASE_BYTES = 700 * 2**20
# What a finer guide is averaged from at a time.
_GUIDE_PIECE = 3 * 64 * 2**20
_LARGEST_SIDE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Needs of one process.

    Attributes:
        tiles: tiles to infer.
        memory_bytes: peak; what the network works with is in it where its model says so.
        disk_bytes: beside the output, at the worst moment, the output included.
        output_bytes: of the COG, uncompressed; that of the standard deviations included.
        seconds: of inference, where a pace was measured.
    """

    tiles: int
    memory_bytes: int
    disk_bytes: int
    output_bytes: int
    seconds: float | None = None


def estimate(plan: Plan) -> Estimate:
    """Estimate from the plan alone."""
    width = plan.computed.width
    tile_rows = min(plan.tiles.rows.tile, plan.base.shape[0])
    # One strip is in use and one read ahead.
    strips = 2.0 * sum(_strip_bytes(scene, plan, tile_rows, width) for scene in plan.scenes)
    strips += 2.0 * sum(_guide_bytes(guide, plan, tile_rows) for guide in plan.guides)
    scale = plan.scale
    open_rows = scale.line(tile_rows + 2 * plan.tiles.halo) * scale.line(width)
    # Blended rows of this and the finishing band in float32; more where a halo must be joined or a correction added.
    copies = 2 + bool(plan.tiles.halo or plan.output.mask != "none") + (plan.consistency != "off")
    rows = open_rows * sum(4 * copies * o.channels + 2 * len(o.bands) * _item(o.dtype) for o in plan.outputs)
    if plan.support is not None:
        rows += open_rows * 4 * support_planes(len(plan.output.bands))
    # A tile is padded to its full size, whatever the scene's; the patches, what the model is given, and what it gives.
    given = plan.channels * (scale.finer / scale.patch) ** 2
    shown = 2 * sum(len(scene.bands) for scene in plan.inputs) + 2 * given
    at_once = plan.batch if not plan.stepping else len(plan.inferred) + plan.batch
    tile_px = plan.tiles.rows.tile * plan.tiles.columns.tile
    batch = tile_px * (4 * at_once * shown + plan.batch * plan.work_bytes)
    raw = sum(output.raw_bytes for output in plan.outputs)
    # Row bands and overviews, then the COGs beside them.
    return Estimate(
        tiles=len(plan.inferred) * len(plan.row_bands),
        memory_bytes=int(_BASE_BYTES + strips + rows + batch),
        disk_bytes=raw * 8 // 3,
        output_bytes=raw * 4 // 3,
    )


def _strip_bytes(scene: Scene, plan: Plan, rows: int, columns: int) -> float:
    """Stored values of an input that makes the grid, under one tile row."""
    total = 0.0
    for part in scene.parts:
        per_row, per_column = ratio(plan.base, part.grid)
        cells = min(rows / per_row + 8, part.grid.shape[0]) * min(columns / per_column + 8, part.grid.shape[1])
        total += cells * len(part.bands) * _item(scene.dtype)
    return total


def _guide_bytes(guide: Scene, plan: Plan, rows: int) -> int:
    """What the strip of a guide keeps under a tile row in the middle of the scene, and what making it takes besides."""
    first = (plan.base.shape[0] - rows) // 2
    # At most as fine as the output: what a model does not ask for is not read.
    scale = plan.scale.finer
    window = Window(first * scale, plan.computed.column * scale, rows * scale, plan.computed.width * scale)
    return guide_bytes(guide, magnified(plan.base, scale), window) + _GUIDE_PIECE


def _item(dtype: str) -> int:
    return np.dtype(dtype).itemsize


def check_resources(plan: Plan, out: Path, memory: int | None) -> Estimate:
    """Refuse a plan that cannot end well.

    Raises:
        ResourceError: not enough memory or disk.
        RequestError: the output would be larger than a GeoTIFF can be.
    """
    needs = estimate(plan)
    if max(plan.output.grid.shape) > _LARGEST_SIDE:
        raise RequestError("the output is larger than a GeoTIFF can be", where=str(out), fix="pass an --extent")
    free = memory if memory is not None else psutil.virtual_memory().available
    if needs.memory_bytes > free:
        raise ResourceError(
            f"a row band of this plan needs {_gib(needs.memory_bytes)} of memory and {_gib(free)} may be used",
            where=f"scene width {plan.computed.width} px, tile {plan.tiles.rows.tile} px",
            fix="pass a smaller --tile or --extent, or a larger --memory",
        )
    room = shutil.disk_usage(out.parent).free
    if needs.disk_bytes > room:
        raise ResourceError(
            f"the run needs up to {_gib(needs.disk_bytes)} of disk and {_gib(room)} is free",
            where=str(out.parent),
            fix="choose another disk for the output, or pass an --extent",
        )
    return needs


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
