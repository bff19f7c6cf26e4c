"""Tiles of a row put side by side: blended planes and their validity, from the first computed column to the last."""

from __future__ import annotations

import numpy as np

from ..ground.grids import Window
from ..plan.plan import Plan
from ..types import Array, Validity
from .blending import place_tile
from .joining import BlendedRows
from .tiles import Tile


class RowAssembler:
    """Blends the tiles of one row, left to right, over the computed columns.

    Args:
        area: the base-grid rectangle of the tile row.
    """

    def __init__(self, plan: Plan, area: Window) -> None:
        self._plan, self._area = plan, area
        self._height, self._width = area.height, plan.computed.width
        self._values: Array | None = None
        self._valid: Validity | None = None

    def add(self, tile: Tile, predicted: Array | None) -> None:
        """Take the next tile, in the order of columns.

        Args:
            predicted: (planes, H, W), stored units; None where the tile holds no valid pixel.
        """
        plan = self._plan
        if tile.column not in plan.columns:
            return
        self._place_validity(tile)
        if predicted is not None:
            place_tile(
                self._planes(),
                predicted,
                plan.tiles.columns,
                tile.column,
                scale=plan.scale,
                columns=plan.computed.columns,
                left=tile.column > plan.columns[0],
            )

    def rows(self) -> BlendedRows:
        """The blended tile row."""
        return BlendedRows(self._area.row, self._planes(), self._valid)

    def _planes(self) -> Array:
        if self._values is None:
            scale = self._plan.scale
            shape = self._plan.channels, scale.line(self._height), scale.line(self._width)
            self._values = np.zeros(shape, np.float32)
        return self._values

    def _place_validity(self, tile: Tile) -> None:
        """Neighbours agree on validity, so each tile simply writes what it covers."""
        if self._valid is None and tile.valid is None:
            return
        plan = self._plan
        if self._valid is None:
            planes = len(plan.scene.bands) if plan.per_band else 1
            self._valid = np.ones((planes, self._height, self._width), np.bool_)
        columns, first, j = plan.tiles.columns, plan.computed.column, tile.column
        low, high = max(columns.up(j), first), min(columns.down(j), first + self._width)
        if high > low:
            start = columns.starts[j]
            part = True if tile.valid is None else tile.valid[:, : self._height, low - start : high - start]
            self._valid[:, :, low - first : high - first] = part
