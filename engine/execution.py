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

from .consistency import Consistency, Residual
from .contract import ModelSource
from .events import Cancel, Listener, Progress, Stopwatch
from .grids import Window
from .inference import TileRows
from .joining import RowJoiner, Rows
from .plan import Plan
from .radiometry import quantise
from .reading import InputReader, PartReader
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
        """How many tiles must be inferred, the repeated tile rows above each gap included."""
        rows = sum(run[-1] + 1 - self.plan.tiles.first_row(run[0]) for run in _runs(self.bands))
        return rows * len(self.plan.columns)

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
    rows = TileRows(plan, source.spec, model, readers, watch=watch, progress=progress, cancel=cancel)
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
) -> Iterator[tuple[int, Rows]]:
    """Each band with the blended rows around it: its own and ``halo`` more on either side, inside the scene."""
    runs = list(_runs(bands))
    wanted = [(run, row) for run in runs for row in range(plan.tiles.first_row(run[0]), run[-1] + 1)]
    ahead = reading.submit(rows.read, wanted[0][1])
    joiner = RowJoiner(plan.tiles, plan.scale)
    for i, (run, row) in enumerate(wanted):
        strips = ahead.result()
        if i + 1 < len(wanted):
            ahead = reading.submit(rows.read, wanted[i + 1][1])
        if i and run is not wanted[i - 1][0]:
            joiner = RowJoiner(plan.tiles, plan.scale)
        block = joiner.add(row, rows.blend(row, strips))
        del strips
        if row >= run[0]:
            yield row, block


class BandFinisher:
    """Takes blended rows to a stored row band: consistency, crop to the window, rounding, writing.

    Deviations go the same way but for the consistency, which corrects the image alone.
    """

    def __init__(self, plan: Plan, kernel: str, workspace: Workspace, policy: Policy, watch: Stopwatch) -> None:
        self._plan, self._workspace, self._watch = plan, workspace, watch
        self._consistency = Consistency.of(plan)
        self._cells = [PartReader(part, part.grid, kernel, policy) for part in plan.scene.parts]

    def close(self) -> None:
        """Close the file handles."""
        for reader in self._cells:
            reader.close()

    def finish(self, band: int, blended: Rows, receipt: dict[str, Any]) -> None:
        """Finish one row band."""
        plan, scale = self._plan, self._plan.scale
        rows, top, computed = plan.tiles.band(band), blended.top, plan.computed
        area = Window(top * scale, computed.column * scale, *blended.values.shape[1:])
        valid = blended.valid
        if valid is not None and scale > 1:
            valid = valid.repeat(scale, axis=1).repeat(scale, axis=2)
        values, bands = blended.values, len(plan.output.bands)
        with self._watch.stage("consistency"):
            sums = self._make_consistent(values[:bands], valid, area, rows)
        low, high = plan.rows_of(band)
        if high <= low:
            return
        with self._watch.stage("round"):
            kept = slice((low - top) * scale, (high - top) * scale)
            left = plan.window.column - computed.column
            columns = slice(left * scale, (left + plan.window.width) * scale)
            values = values[:, kept, columns]
            valid = None if valid is None else self._validity(valid[:, kept, columns])
            planes, counts = self._stored(values[:bands], valid)
            deviations = [quantise(values[bands:], valid, o.dtype, o.nodata)[0] for o in plan.outputs[1:]]
        with self._watch.stage("write"):
            receipt |= {"counts": counts, "residual": sums, "rows": [low, high], "process": os.getpid()}
            # First, so that the receipt of the image speaks for both.
            for stored in deviations:
                self._workspace.deviations.write_band(band, stored, {})
            self._workspace.write_band(band, planes, receipt)

    def _make_consistent(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_] | None, area: Window, rows: tuple[int, int]
    ) -> list[list[float]] | None:
        """Correct ``values`` in place, part by part, and say what is left."""
        plan, window, scale = self._plan, self._plan.window, self._plan.scale
        if not self._consistency or len(values) != len(plan.scene.bands):
            return None
        low, high = max(rows[0], window.row), min(rows[1], window.rows[1])
        own = Window(low * scale, window.column * scale, max(high - low, 0) * scale, window.width * scale)
        sums, first = [], 0
        for relation, reader in zip(self._consistency, self._cells, strict=True):
            bands = slice(first, first + len(reader.part.bands))
            known = None if valid is None else valid[bands]
            sums.append(self._make_part_consistent(relation, reader, values[bands], known, area, own))
            first = bands.stop
        return Residual.joined(sums).as_lists()

    def _make_part_consistent(
        self,
        relation: Consistency,
        reader: PartReader,
        values: NDArray[np.float32],
        valid: NDArray[np.bool_] | None,
        area: Window,
        own: Window,
    ) -> Residual:
        cells = relation.cells(area)
        if cells is None:
            return Residual(*np.zeros((3, len(values))))
        coarse = reader.patch(reader.strip(cells), cells)
        residual, counted = relation.residual(values, valid, area, coarse.values, coarse.valid, cells)
        if self._plan.consistency != "off" and not relation.coincides:
            values += relation.correction(residual, area, cells)
            residual, counted = relation.residual(values, valid, area, coarse.values, coarse.valid, cells)
        return relation.sums(residual, counted, coarse.values, cells, own)

    def _validity(self, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Validity as the image stores it: a band's own only where nodata tells."""
        if self._plan.output.mask == "nodata":
            return valid
        return np.broadcast_to(valid.all(axis=0, keepdims=True), valid.shape)

    def _stored(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.generic], dict[str, int]]:
        output = self._plan.output
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
