"""What a finished output shows of artefacts, looked at on a few blocks that belong to the scene."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from ..errors import RequestError, RunError
from ..ground.grids import Window, ratio
from ..inputs.files import quiet
from ..inputs.pair_blocks import pair_blocks
from ..inputs.reading import InputReader
from ..optics.consistency import Consistency
from ..output.artefacts import CellSums, Piece, around, detail_of
from ..output.lattice import LatticeSums, lattice_metric, lattice_sums
from ..plan.plan import Plan
from ..plan.statistics import sample_blocks
from ..request import OpenPolicy

Array = NDArray[np.float64]

_MOST_PAIR_BLOCKS, _MOST_BLOCKS = 4, 8
# MS px of a block that are read for their neighbours' sake alone: two for the detail, one around, one to lie aside.
_RIM = 4


def artefacts(plan: Plan, out: Path, policy: OpenPolicy, check: Callable[[], None]) -> dict[str, float]:
    """Artefacts of the first output by the names that reports use.

    Empty where it is no image, or nothing can be told because the inputs of a pair are gone, for instance.

    Args:
        plan: of the run.
        out: the output in its place.
        policy: what may be opened.
        check: called before every block; may raise to stop.
    """
    if not plan.per_band or not plan.output.consistent:
        return {}
    with quiet(), rasterio.open(out) as file:
        if len(plan.scenes) == 2 and len(plan.scene.parts) == 1:
            try:
                return _of_pair(plan, file, policy, check)
            # Pixels are done: whoever merges need not have the inputs, nor leave to read from their servers.
            except (RequestError, RunError):
                return {}
        return _of_refined(plan, file, check) if plan.scale.finer > 1 else {}


def _of_refined(plan: Plan, file: rasterio.DatasetReader, check: Callable[[], None]) -> dict[str, float]:
    """The lattice of an output that is finer than its input."""
    blocks = sample_blocks(file.height, file.width)
    found = []
    for block in blocks[:: -(-len(blocks) // _MOST_BLOCKS)]:
        check()
        values = _read(plan, file, block)
        if values is not None:
            found.append(lattice_sums(values, None, 0, block.height))
    return lattice_metric(reduce(add, found), plan.scale.finer) if found else {}


def _of_pair(
    plan: Plan, file: rasterio.DatasetReader, policy: OpenPolicy, check: Callable[[], None]
) -> dict[str, float]:
    """Artefacts of a fused pair."""
    looks = list(_looks(plan, file, policy, check))
    if not looks:
        return {}
    cells = reduce(add, (look.cells for look in looks))
    scores = reduce(add, (look.piece.sums(cells) for look in looks)).scores(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = np.abs(sum(look.drift for look in looks) / cells.ms)
    told = bias[np.isfinite(bias)]
    found = {"bias": float(told.max())} if told.size else {}
    found |= scores.as_dict() if scores is not None else {}
    lattice = reduce(add, (look.lattice for look in looks))
    return found | lattice_metric(lattice, math.sqrt(math.prod(ratio(plan.base, plan.scene.grid))))


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One block: what it adds, and by how much the sum of each band over its MS pixels moved."""

    cells: CellSums
    piece: Piece
    lattice: LatticeSums
    drift: Array


def _looks(plan: Plan, file: rasterio.DatasetReader, policy: OpenPolicy, check: Callable[[], None]) -> Iterator[_Look]:
    sights = Consistency.between(plan.base, plan.laid)
    if not sights:
        return
    readers = [
        InputReader(plan.scenes[0], plan.base, "cubic", policy),
        InputReader(plan.scene.as_delivered, plan.scene.grid, "cubic", policy),
    ]
    try:
        for block in pair_blocks(plan.base, plan.scene.grid, _MOST_PAIR_BLOCKS):
            check()
            look = _look(plan, file, sights[0], readers, block)
            if look is not None:
                yield look
    finally:
        for reader in readers:
            reader.close()


def _look(
    plan: Plan, file: rasterio.DatasetReader, sight: Consistency, readers: list[InputReader], block: Window
) -> _Look | None:
    """One block of MS pixels, less a rim; None where it is not wholly wanted and valid."""
    inner = Window(block.row + _RIM, block.column + _RIM, block.height - 2 * _RIM, block.width - 2 * _RIM)
    halo = math.ceil(2 * max(1 / sight.rows.slope, 1 / sight.columns.slope))
    under = _under(sight, inner)
    wide = Window(under.row - halo, under.column - halo, under.height + 2 * halo, under.width + 2 * halo)
    window = plan.window
    if wide.row < window.row or wide.column < window.column:
        return None
    if wide.rows[1] > window.rows[1] or wide.columns[1] > window.columns[1]:
        return None
    fused = _read(plan, file, Window(wide.row - window.row, wide.column - window.column, wide.height, wide.width))
    pan, ms = (r.patch(r.strip(w), w) for r, w in zip(readers, (wide, block), strict=True))
    if fused is None or any(patch.valid is not None and not patch.valid.all() for patch in (pan, ms)):
        return None
    levels, cells = pan.values.astype(np.float64), ms.values.astype(np.float64)
    own = np.s_[:, halo:-halo, halo:-halo]
    seen, coarse = (_means(sight, image, wide, inner) for image in (fused, levels))
    rows, columns = (
        np.floor(axis.slope * (np.arange(*span) + 0.5) + axis.shift + 1e-6).astype(np.int64) - first
        for axis, span, first in (
            (sight.rows, under.rows, inner.row),
            (sight.columns, under.columns, inner.column),
        )
    )
    least, most = around(cells[:, _RIM - 1 : 1 - _RIM, _RIM - 1 : 1 - _RIM], rows, columns)
    inside = np.s_[:, :, halo:-halo]
    detail, pan_detail = (detail_of(image, halo / 4, halo)[inside] for image in (fused, levels))
    piece = Piece(
        fused[own],
        detail,
        pan_detail,
        least,
        most,
        np.ones((under.height, under.width), np.bool_),
    )
    mine = cells[:, _RIM:-_RIM, _RIM:-_RIM]
    counted = np.ones((1, inner.height, inner.width), np.bool_)
    return _Look(
        CellSums.of(mine, coarse, counted),
        piece,
        lattice_sums(fused[own], None, 0, under.height),
        (seen - mine).sum(axis=(1, 2)),
    )


def _under(sight: Consistency, cells: Window) -> Window:
    """The px whose centres lie in some cells."""
    (top, bottom), (left, right) = (
        tuple(math.ceil((edge - axis.shift) / axis.slope - 0.5 - 1e-6) for edge in span)
        for axis, span in ((sight.rows, cells.rows), (sight.columns, cells.columns))
    )
    return Window(top, left, bottom - top, right - left)


def _means(sight: Consistency, image: Array, under: Window, cells: Window) -> Array:
    """Area means over cells of (C, h, w), whose px are those of ``under``."""
    down = sight.rows.down(cells.rows, under.row, under.height)
    across = sight.columns.down(cells.columns, under.column, under.width)
    return across.along(down.along(image.astype(np.float32), 1), 2).astype(np.float64)


def _read(plan: Plan, file: rasterio.DatasetReader, block: Window) -> Array | None:
    """Values of all bands of a block; None where one is masked."""
    where = RasterWindow(block.column, block.row, block.width, block.height)
    # Less the one that tells opacity, where there is one.
    bands = list(range(1, len(plan.output.bands) + 1))
    if not (file.read_masks(bands, window=where) > 0).all():
        return None
    values: Array = file.read(bands, window=where).astype(np.float64)
    return values
