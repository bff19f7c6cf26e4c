"""Run a plan: tile rows in, finished row bands on disk.

Memory depends on the scene's width and the tile's height, never on the scene's height: one strip of stored values is
read ahead, one tile row is open, and one row band is being written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray

from .blending import hand_over, ramp_weights
from .consistency import Consistency
from .contract import ModelSource
from .events import Cancel, Listener, Progress, Stopwatch
from .grids import Window
from .inference import Blended, TileRows
from .plan import Plan
from .radiometry import quantise
from .reading import InputReader, Strip
from .scene import Policy
from .workspace import Workspace

_CACHE_BYTES = 256 * 2**20


def shard_bands(bands: Sequence[int], index: int, count: int) -> list[int]:
    """The share of shard ``index`` (from 0) of ``count``: a contiguous range of row bands."""
    return list(bands[len(bands) * index // count : len(bands) * (index + 1) // count])


@dataclass(frozen=True, slots=True)
class Job:
    """The row bands that one process is to compute; picklable."""

    plan: Plan
    source: ModelSource
    workspace: Workspace
    bands: tuple[int, ...]
    policy: Policy

    @property
    def tiles(self) -> int:
        """How many tiles must be inferred, the repeated tile row above each gap included."""
        return sum(len(run) + (run[0] > 0) for run in _runs(self.bands)) * len(self.plan.columns)

    def split(self, parts: int) -> list[Job]:
        """Contiguous shares, at most ``parts``, none empty."""
        shares = [tuple(shard_bands(self.bands, i, parts)) for i in range(parts)]
        return [replace(self, bands=share) for share in shares if share]


def run_bands(job: Job, *, listener: Listener, cancel: Cancel, watch: Stopwatch) -> None:
    """Compute and store row bands; those that are stored already should not be among them.

    Raises:
        Cancelled: between two tiles; finished bands stay.
        RunError: reading, inferring or writing failed; finished bands stay.
    """
    plan, source, policy = job.plan, job.source, job.policy
    if not job.bands:
        return
    torch.set_num_threads(plan.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    with watch.stage("load"):
        model = source.load(plan.runtime)
    readers = [InputReader(scene, plan.base, source.spec.input(scene.name).kernel, policy) for scene in plan.scenes]
    progress = Progress(listener, job.tiles)
    rows = TileRows(plan, source.spec, model, readers, watch=watch, progress=progress, cancel=cancel, listener=listener)
    finisher = BandFinisher(plan, source.spec.input(plan.main).kernel, job.workspace, policy, watch)
    environment = rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES)
    with environment, ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        try:
            pending: Future[None] | None = None
            for band, block in _blocks(plan, rows, job.bands, reading):
                if pending is not None:
                    pending.result()
                receipt = {"batch": rows.batch, "shrunk": rows.shrunk}
                pending = writing.submit(finisher.finish, band, block, receipt)
            if pending is not None:
                pending.result()
        finally:
            for reader in readers:
                reading.submit(reader.close).result()
            finisher.close()


def _runs(bands: Sequence[int]) -> Iterator[list[int]]:
    """Split ascending band numbers where one is missing."""
    run = [bands[0]]
    for before, band in pairwise(bands):
        if band != before + 1:
            yield run
            run = []
        run.append(band)
    yield run


def _blocks(
    plan: Plan, rows: TileRows, bands: Sequence[int], reading: ThreadPoolExecutor
) -> Iterator[tuple[int, Blended]]:
    """Each band with the blended rows around it: its own and ``halo`` more on either side, inside the scene."""
    wanted = [(row, row in run) for run in _runs(bands) for row in range(max(run[0] - 1, 0), run[-1] + 1)]
    ahead: Future[list[Strip]] | None = reading.submit(rows.read, wanted[0][0])
    held: Blended | None = None
    for i, (row, is_wanted) in enumerate(wanted):
        strips = ahead.result() if ahead is not None else []
        ahead = reading.submit(rows.read, wanted[i + 1][0]) if i + 1 < len(wanted) else None
        blended = rows.blend(row, strips)
        del strips
        block = _join(plan, row, held, blended) if is_wanted else None
        # Copied before the block leaves: who takes it may use it as scratch space.
        held = _hold(plan, row, blended)
        if block is not None:
            yield row, block


def _join(plan: Plan, row: int, held: Blended | None, blended: Blended) -> Blended:
    """Blend a tile row into its predecessor's last rows and cut out the rows that this makes final."""
    axis, scale = plan.tiles.rows, plan.scale
    start, up, stop = axis.starts[row], axis.up(row), axis.up(row + 1)
    values = blended.values[:, (up - start) * scale : (stop - start) * scale]
    valid = None if blended.valid is None else blended.valid[:, up - start : stop - start]
    if held is None or row == 0:
        return Blended(values, valid)
    before = up - max(up - 2 * plan.tiles.halo, 0)
    if axis.ramp:
        ramp = slice(0, axis.ramp * scale)
        above = held.values[:, before * scale :]
        values[:, ramp] = hand_over(above, values[:, ramp], ramp_weights(axis.ramp * scale), axis=1)
    if not before:
        return Blended(values, valid)
    values = np.concatenate([held.values[:, : before * scale], values], axis=1)
    return Blended(values, _stack_valid(held.valid, valid, before, stop - up, values.shape, scale))


def _hold(plan: Plan, row: int, blended: Blended) -> Blended | None:
    """The rows of this tile row that the next one needs: two halos above its ramp, and the ramp."""
    axis, scale = plan.tiles.rows, plan.scale
    if row + 1 >= axis.count:
        return None
    start, up = axis.starts[row], axis.up(row + 1)
    first, stop = max(up - 2 * plan.tiles.halo, 0), up + axis.ramp
    values = blended.values[:, (first - start) * scale : (stop - start) * scale].copy()
    valid = None if blended.valid is None else blended.valid[:, first - start : stop - start].copy()
    return Blended(values, valid)


def _stack_valid(
    above: NDArray[np.bool_] | None,
    below: NDArray[np.bool_] | None,
    before: int,
    after: int,
    shape: tuple[int, ...],
    scale: int,
) -> NDArray[np.bool_] | None:
    if above is None and below is None:
        return None
    everywhere = np.ones((shape[0], 1, shape[2] // scale), np.bool_)
    top = everywhere.repeat(before, axis=1) if above is None else above[:, :before]
    bottom = everywhere.repeat(after, axis=1) if below is None else below
    return np.concatenate([top, bottom], axis=1)


class BandFinisher:
    """Takes blended rows to a stored row band: consistency, crop to the window, rounding, writing."""

    def __init__(self, plan: Plan, kernel: str, workspace: Workspace, policy: Policy, watch: Stopwatch) -> None:
        self._plan, self._workspace, self._watch = plan, workspace, watch
        self._consistency = Consistency.of(plan)
        self._cells = InputReader(plan.scene, plan.scene.grid, kernel, policy)

    def close(self) -> None:
        """Close the file handles."""
        self._cells.close()

    def finish(self, band: int, blended: Blended, receipt: dict[str, Any]) -> None:
        """Finish one row band."""
        plan, scale = self._plan, self._plan.scale
        first, stop = plan.tiles.band(band)
        top = max(first - plan.tiles.halo, 0) if band else 0
        computed = plan.computed
        area = Window(top * scale, computed.column * scale, *blended.values.shape[1:])
        valid = blended.valid
        if valid is not None and scale > 1:
            valid = valid.repeat(scale, axis=1).repeat(scale, axis=2)
        values = blended.values
        with self._watch.stage("consistency"):
            values, sums = self._made_consistent(values, valid, area, (first, stop))
        low, high = plan.rows_of(band)
        if high <= low:
            return
        with self._watch.stage("round"):
            rows = slice((low - top) * scale, (high - top) * scale)
            left = plan.window.column - computed.column
            columns = slice(left * scale, (left + plan.window.width) * scale)
            planes, counts = self._stored(values[:, rows, columns], None if valid is None else valid[:, rows, columns])
        with self._watch.stage("write"):
            receipt |= {"counts": counts, "residual": sums, "rows": [low, high], "process": os.getpid()}
            self._workspace.write_band(band, planes, receipt)

    def _made_consistent(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_] | None, area: Window, rows: tuple[int, int]
    ) -> tuple[NDArray[np.float32], list[list[float]] | None]:
        relation, plan = self._consistency, self._plan
        if relation is None or len(values) != len(plan.scene.bands):
            return values, None
        cells = relation.cells(area)
        if cells is None:
            return values, None
        coarse = self._cells.patch(self._cells.strip(cells), cells)
        residual, counted = relation.residual(values, valid, area, coarse.values, coarse.valid, cells)
        if plan.consistency:
            values = values + relation.correction(residual, area, cells)
            residual, counted = relation.residual(values, valid, area, coarse.values, coarse.valid, cells)
        window, scale = plan.window, plan.scale
        low, high = max(rows[0], window.row), min(rows[1], window.rows[1])
        own = Window(low * scale, window.column * scale, max(high - low, 0) * scale, window.width * scale)
        return values, relation.sums(residual, counted, coarse.values, cells, own).as_lists()

    def _stored(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.generic], dict[str, int]]:
        output = self._plan.output
        if valid is not None and output.mask != "nodata":
            valid = np.broadcast_to(valid.all(axis=0, keepdims=True), values.shape)
        planes, counts = quantise(values, valid, output.dtype, output.nodata)
        if output.mask in ("dataset", "alpha"):
            opaque = opaque_value(output.dtype)
            shape = planes.shape[1:]
            plane = np.full(shape, opaque, planes.dtype) if valid is None else valid[0].astype(planes.dtype) * opaque
            planes = np.concatenate([planes, plane.astype(planes.dtype)[None]])
        return planes, counts.as_dict()


def opaque_value(dtype: str) -> float:
    """The value of a validity plane where the pixel is valid."""
    kind = np.dtype(dtype)
    return 1.0 if kind.kind == "f" else int(np.iinfo(kind).max)
