"""Run a plan: tile rows in, finished row bands on disk.

Memory depends on the scene's width and the tile's height, never on the scene's height: one strip of stored values is
read ahead, one tile row is open, and one row band is being written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import rasterio
import torch

from ..contract import ModelSource
from ..events import Cancel, Listener, Progress, Stopwatch
from ..inputs.reading import InputReader
from ..output.workspace import Workspace
from ..pixels.finisher import BandFinisher
from ..pixels.inference import TileRows
from ..pixels.joining import BlendedRows, RowJoiner
from ..plan.plan import Plan
from ..request import OpenPolicy

_CACHE_BYTES = 256 * 2**20


def shard_row_bands(bands: Sequence[int], index: int, count: int) -> list[int]:
    """The share of shard ``index`` (from 0) of ``count``: a contiguous range of row bands."""
    return list(bands[len(bands) * index // count : len(bands) * (index + 1) // count])


@dataclass(frozen=True, slots=True)
class Job:
    """The row bands that one process is to compute; picklable."""

    plan: Plan
    source: ModelSource
    workspace: Workspace
    bands: tuple[int, ...]
    policy: OpenPolicy

    @property
    def tiles(self) -> int:
        """How many tiles must be inferred, the repeated tile rows above each gap included."""
        rows = sum(run[-1] + 1 - self.plan.tiles.first_row(run[0]) for run in _runs(self.bands))
        return rows * len(self.plan.columns)

    def split(self, parts: int) -> list[Job]:
        """Contiguous shares, at most ``parts``, none empty."""
        shares = [tuple(shard_row_bands(self.bands, i, parts)) for i in range(parts)]
        return [replace(self, bands=share) for share in shares if share]


def run_row_bands(job: Job, *, listener: Listener, cancel: Cancel, watch: Stopwatch) -> None:
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
) -> Iterator[tuple[int, BlendedRows]]:
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
