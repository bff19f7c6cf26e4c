"""Artefacts of a fused scene, strip by strip; see ``output.artefacts`` for what they are."""

from __future__ import annotations

import math

import numpy as np

from ..optics.degrade import coarse_shape, degrade_pan_rows
from ..output.artefacts import ArtefactSums, CellSums, Piece, around, detail_of
from .full import FullScene
from .validity import whole_cells


def cell_sums(scene: FullScene, start: int, stop: int) -> CellSums:
    """Sums over MS rows start..stop-1."""
    ratio, offset = scene.ratio, scene.offset
    width = coarse_shape(scene.fused.shape[1:], ratio, offset)[1]
    counted = np.ones((1, stop - start, width), np.bool_)
    if scene.valid is not None:
        counted = whole_cells(scene.valid, ratio, start, stop, width, offset)
    scene = scene.without_masked()
    ms = scene.ms.replicated(start, stop)[:, :, :width]
    return CellSums.of(ms, degrade_pan_rows(scene.pan, ratio, np.arange(start, stop), width, offset), counted)


def artefact_sums(scene: FullScene, cells: CellSums, start: int, stop: int) -> ArtefactSums:
    """Sums over PAN rows start..stop-1.

    Args:
        scene: what is scored.
        cells: the sums of all its MS rows.
        start, stop: rows.
    """
    halo = math.ceil(2 * scene.ratio)
    counted = scene.clear(start, stop, halo if scene.valid is not None else 0)
    scene = scene.without_masked()
    pan, fused = (rows.replicated(start - halo, stop + halo) for rows in (scene.pan, scene.fused))
    pan_detail, detail = (detail_of(image, scene.ratio / 2, halo) for image in (pan, fused))
    rows, columns = (
        np.clip(np.floor((np.arange(*span) + 0.5 - offset) / scene.ratio).astype(np.int64), 0, length - 1)
        for span, offset, length in zip(
            ((start, stop), (0, scene.fused.shape[2])), scene.offset, scene.ms.shape[1:], strict=True
        )
    )
    first = int(rows[0])
    ms = scene.ms.replicated(first - 1, int(rows[-1]) + 2)
    least, most = around(np.pad(ms, ((0, 0), (0, 0), (1, 1)), mode="edge"), rows - first, columns)
    return Piece(fused[:, halo:-halo], detail, pan_detail, least, most, counted).sums(cells)
