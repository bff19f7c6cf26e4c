"""The tiles of one tile row: what each of them shows, and which of its pixels count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.grids import Window
from ..inputs.readers import Reader
from ..inputs.reading import Patch
from ..plan.plan import Plan
from ..types import Validity


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One tile with its inputs.

    Attributes:
        column: its index in the tile row.
        patches: of every input, by name.
        valid: (planes, h, w) on the base grid: a plane for each band of the main input where these are told apart, else
            one; None where everything is valid.  Guides mask nothing.
    """

    column: int
    patches: Mapping[str, Patch]
    valid: Validity | None

    @property
    def is_live(self) -> bool:
        """Whether any pixel is valid."""
        return self.valid is None or bool(self.valid.any())


class TileCutter:
    """Cuts tiles out of the strips of a tile row."""

    def __init__(self, plan: Plan, readers: Sequence[Reader]) -> None:
        self._plan, self._readers = plan, readers

    def strip_window(self, row: int) -> Window:
        """The base-grid rectangle of all inferred tiles of a row."""
        rows, columns, chosen = self._plan.tiles.rows, self._plan.tiles.columns, self._plan.inferred
        first, stop = columns.starts[chosen[0]], columns.stop(chosen[-1])
        return Window(rows.starts[row], first, rows.stop(row) - rows.starts[row], stop - first)

    def tile(self, row: int, column: int, strips: Sequence[Any]) -> Tile:
        """One tile of a row."""
        rows, columns = self._plan.tiles.rows, self._plan.tiles.columns
        top, left = rows.starts[row], columns.starts[column]
        window = Window(top, left, rows.stop(row) - top, columns.stop(column) - left)
        patches = {
            reader.scene.name: reader.patch(strip, window) for reader, strip in zip(self._readers, strips, strict=True)
        }
        return Tile(column, patches, self._validity(patches))

    def _validity(self, patches: Mapping[str, Patch]) -> Validity | None:
        """A band's own validity, and that of every other input that makes the grid."""
        plan = self._plan
        valid = patches[plan.main].valid
        if valid is not None and not plan.per_band:
            valid = np.asarray(valid.all(axis=0, keepdims=True))
        for scene in plan.scenes:
            own = patches[scene.name].valid
            if scene.name != plan.main and own is not None:
                other = np.asarray(own.all(axis=0, keepdims=True))
                valid = other if valid is None else valid & other
        return valid
