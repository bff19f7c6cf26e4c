"""Take blended rows to a stored row band: consistency, crop to the window, rounding, writing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..context import RunContext
from ..ground.grids import Window
from ..ground.radiometry import opaque_value, quantise
from ..inputs.reading import PartReader
from ..optics.consistency import Consistency, Residual
from ..output.row_bands import RowBands
from ..plan.plan import Output, Plan
from ..plan.support import SUPPORT
from .joining import BlendedRows
from .support import SupportMaker


class BandFinisher:
    """Takes the blended rows of all outputs to a stored row band: consistency, crop to the window, rounding, writing.

    Args:
        kernel: of the main input.
    """

    def __init__(self, plan: Plan, kernel: str, row_bands: RowBands, context: RunContext) -> None:
        self._plan, self._row_bands, self._watch = plan, row_bands, context.watch
        self._consistency = plan.sights if plan.output.consistent else ()
        parts = plan.scene.as_delivered.parts
        self._cells = [PartReader(part, part.grid, kernel, context.policy) for part in parts]
        self._support = None if plan.support is None else SupportMaker(plan, plan.support)

    def close(self) -> None:
        """Close the file handles."""
        for reader in self._cells:
            reader.close()

    def finish(self, band: int, blended: BlendedRows, facts: Mapping[str, Any]) -> None:
        """Finish one row band.

        Args:
            facts: for its receipt.
        """
        plan, scale = self._plan, self._plan.scale
        rows, top, computed = plan.tiles.row_band(band), blended.top, plan.computed
        area = Window(scale.line(top), scale.line(computed.column), *blended.values.shape[1:])
        valid = None if blended.valid is None else scale.validity(blended.valid)
        values = blended.values
        with self._watch.stage("consistency"):
            sums = self._make_consistent(values[: plan.output.channels], valid, area, rows)
        low, high = plan.rows_of(band)
        if high <= low:
            return
        kept, columns = scale.span(low, high, top), scale.span(*plan.window.columns, computed.column)
        told = None
        if self._support is not None:
            with self._watch.stage("support"):
                told = self._support(values[: plan.output.channels], valid, area, (kept, columns))
        with self._watch.stage("round"):
            values = values[:, kept, columns]
            valid = None if valid is None else valid[:, kept, columns]
            # A band's own validity is kept only where nodata tells it.
            own = plan.output.mask == "nodata"
            stored, counts = {}, {}
            for output, planes in plan.slices():
                stored[output.name], counts[output.name] = rounded(values[planes], valid, output, own)
            if told is not None:
                stored[SUPPORT.name], counts[SUPPORT.name] = rounded(told.planes, valid, plan.outputs[-1], own)
        with self._watch.stage("write"):
            noted = {"counts": counts, "residual": sums, "rows": [low, high], "process": os.getpid()}
            if told is not None:
                noted["support"] = told.squares
            self._row_bands.write(band, stored, {**facts, **noted})

    def _make_consistent(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_] | None, area: Window, rows: tuple[int, int]
    ) -> list[list[float]] | None:
        """Correct ``values`` in place, part by part, and say what is left."""
        plan, window, scale = self._plan, self._plan.window, self._plan.scale
        if not self._consistency or not plan.per_band:
            return None
        low, high = max(rows[0], window.row), min(rows[1], window.rows[1])
        down, across = scale.span(low, max(high, low)), scale.span(*window.columns)
        own = Window(down.start, across.start, down.stop - down.start, across.stop - across.start)
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


def rounded(
    values: NDArray[np.float32], valid: NDArray[np.bool_] | None, output: Output, own: bool
) -> tuple[NDArray[np.generic], dict[str, int]]:
    """The planes that an output stores, (planes, h, w), and what rounding had to change.

    Args:
        values: (channels, h, w), blended, stored units or scores of classes; used as scratch space.
        valid: (C, h, w), a plane for each band or one for all.
        own: whether bands are masked one by one, where there is a plane for each.
    """
    if output.blend == "argmax":
        values = values.argmax(axis=0)[None].astype(np.float32)
    elif output.blend == "max":
        values = values.max(axis=0)[None]
    shape = values.shape
    if valid is not None:
        alone = own and len(valid) == len(values)
        valid = valid if alone else np.broadcast_to(valid.all(axis=0, keepdims=True), shape)
    planes, counts = quantise(values, valid, output.dtype, output.nodata)
    if output.mask in ("dataset", "alpha"):
        opaque = opaque_value(output.dtype)
        plane = np.full(shape[1:], opaque, planes.dtype) if valid is None else valid[0].astype(planes.dtype) * opaque
        planes = np.concatenate([planes, plane.astype(planes.dtype)[None]])
    return planes, counts.as_dict()
