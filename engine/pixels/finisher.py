"""Take blended rows to a stored row band: consistency, crop to the window, rounding, writing."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..events import Stopwatch
from ..ground.grids import Window
from ..ground.radiometry import opaque_value, quantise
from ..inputs.reading import PartReader
from ..optics.consistency import Consistency, Residual
from ..output.workspace import Workspace
from ..plan.plan import Plan
from ..request import OpenPolicy
from .joining import BlendedRows


class BandFinisher:
    """Takes blended rows to a stored row band: consistency, crop to the window, rounding, writing.

    Deviations go the same way but for the consistency, which corrects the image alone.
    """

    def __init__(self, plan: Plan, kernel: str, workspace: Workspace, policy: OpenPolicy, watch: Stopwatch) -> None:
        self._plan, self._workspace, self._watch = plan, workspace, watch
        self._consistency = plan.sights
        self._cells = [PartReader(part, part.grid, kernel, policy) for part in plan.scene.parts]

    def close(self) -> None:
        """Close the file handles."""
        for reader in self._cells:
            reader.close()

    def finish(self, band: int, blended: BlendedRows, receipt: dict[str, Any]) -> None:
        """Finish one row band."""
        plan, scale = self._plan, self._plan.scale
        rows, top, computed = plan.tiles.row_band(band), blended.top, plan.computed
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
                self._workspace.deviations.write_row_band(band, stored, {})
            self._workspace.write_row_band(band, planes, receipt)

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
