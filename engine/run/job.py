"""The row bands that one process computes: tile rows in, finished row bands on disk.

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

from ..context import RunContext
from ..contract import ModelSource, SteppingModel, TileModel
from ..events import Progress
from ..ground.tiles import TileGrid
from ..inputs.readers import reader_of
from ..output.row_bands import RowBands
from ..pixels.finisher import BandFinisher
from ..pixels.joining import BlendedRows, RowJoiner
from ..pixels.tile_rows import TileRows
from ..plan.plan import Plan

_CACHE_BYTES = 256 * 2**20


def even_parts(tiles: TileGrid, bands: Sequence[int], count: int) -> list[list[int]]:
    """Contiguous parts of ascending row bands, at most ``count``, none empty, of tile rows as even as can be.

    A part computes again the tile rows above its first band and above each gap; the largest part is the smallest that
    it can be.
    """
    least, most = 1, sum(band + 1 - tiles.first_row(band) for band in bands)
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if len(_filled(tiles, bands, middle)) <= count else (middle + 1, most)
    return _filled(tiles, bands, most)


def _filled(tiles: TileGrid, bands: Sequence[int], most: int) -> list[list[int]]:
    """Parts that are filled one after the other, of ``most`` tile rows where one band does not need more."""
    parts: list[list[int]] = []
    rows = 0
    for band in bands:
        alone = band + 1 - tiles.first_row(band)
        more = 1 if parts and band == parts[-1][-1] + 1 else alone
        if parts and rows + more <= most:
            parts[-1].append(band)
            rows += more
        else:
            parts.append([band])
            rows = alone
    return parts


@dataclass(frozen=True, slots=True)
class Job:
    """The row bands that one process is to compute; picklable.

    Attributes:
        plan: of the run.
        source: of the model.
        row_bands: where they go.
        numbers: of the row bands, ascending; those that are stored already should not be among them.
        device: that computes; another one of the plan's kind where several share the work.
    """

    plan: Plan
    source: ModelSource
    row_bands: RowBands
    numbers: tuple[int, ...]
    device: str

    @property
    def tiles(self) -> int:
        """How many tiles must be inferred, the repeated tile rows above each gap included."""
        rows = sum(run[-1] + 1 - self.plan.tiles.first_row(run[0]) for run in _runs(self.numbers))
        return rows * len(self.plan.inferred)

    def split(self, parts: int) -> list[Job]:
        """Contiguous parts, at most ``parts``, none empty, as even as can be."""
        return [replace(self, numbers=tuple(part)) for part in even_parts(self.plan.tiles, self.numbers, parts)]

    def on_device(self, device: str) -> Job:
        """The same job on another device of the same kind."""
        return replace(self, device=device)

    def load(self) -> TileModel | SteppingModel:
        """The model, on the job's device."""
        return self.source.load(replace(self.plan.runtime, device=self.device))


def run_job(job: Job, model: TileModel | SteppingModel, context: RunContext) -> None:
    """Compute and store row bands.

    Args:
        model: as ``Job.load`` gives it.

    Raises:
        Cancelled: between two tiles; finished bands stay.
        RunError: reading, inferring or writing failed; finished bands stay.
    """
    if not job.numbers:
        return
    plan, spec = replace(job.plan, runtime=replace(job.plan.runtime, device=job.device)), job.source.spec
    torch.set_num_threads(plan.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    readers = [reader_of(scene, plan.base, spec, context.policy) for scene in plan.inputs]
    progress = Progress(context.listener, job.tiles)
    rows = TileRows(plan, spec, model, readers, watch=context.watch, progress=progress, cancel=context.cancel)
    finisher = BandFinisher(plan, spec.input(plan.main).kernel, job.row_bands, context)
    environment = rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES)
    with environment, ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        try:
            pending: Future[None] | None = None
            for band, block in _blocks(plan, rows, job.numbers, reading):
                if pending is not None:
                    pending.result()
                pending = writing.submit(finisher.finish, band, block, rows.facts)
            if pending is not None:
                pending.result()
        finally:
            # Each in the thread that may still be reading from them, where a run ends before its time.
            for reader in readers:
                reading.submit(reader.close).result()
            writing.submit(finisher.close).result()


def _runs(bands: Sequence[int]) -> Iterator[list[int]]:
    """Split ascending band numbers where one is missing."""
    if not bands:
        return
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
