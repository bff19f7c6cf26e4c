"""Join blended tile rows, top to bottom: only the rows that a later tile row still needs stay in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ground.scale import Scale
from ..ground.tiles import TileGrid
from .blending import hand_over, ramp_weights


@dataclass(frozen=True, slots=True, eq=False)
class BlendedRows:
    """Blended rows.

    Attributes:
        top: base-grid row of the first one.
        values: (C, h, w), output px of these rows, stored units; standard deviations are C more planes below.
        valid: (C, rows, columns) on the base grid; None where everything is valid.
    """

    top: int
    values: NDArray[np.float32]
    valid: NDArray[np.bool_] | None

    def cut(self, first: int, stop: int, scale: Scale) -> BlendedRows:
        """The base-grid rows ``first .. stop - 1``, as a view."""
        valid = None if self.valid is None else self.valid[:, first - self.top : stop - self.top]
        return BlendedRows(first, self.values[:, scale.span(first, stop, self.top)], valid)

    def copy(self) -> BlendedRows:
        """With memory of its own."""
        return BlendedRows(self.top, self.values.copy(), None if self.valid is None else self.valid.copy())


class RowJoiner:
    """Takes the tile rows of a contiguous stretch in order and gives back the rows that each makes final.

    Args:
        grid: the tile grid.
        scale: of the output px.
    """

    def __init__(self, grid: TileGrid, scale: Scale) -> None:
        self._grid, self._scale = grid, scale
        self._open: BlendedRows | None = None

    def add(self, row: int, strip: BlendedRows) -> BlendedRows:
        """Blend tile row ``row`` into its predecessor.

        Args:
            strip: all its rows.  It is changed, and parts of it are given back.

        Returns:
            What row band ``row`` needs: from two halos above the tile row's ramp to the next one's ramp.  On the
            first rows of a stretch that does not start at row 0 the top may be missing.
        """
        axis, scale, halo = self._grid.rows, self._scale, self._grid.halo
        up, next_up = axis.up(row), axis.up(row + 1)
        new = strip.cut(up, axis.down(row), scale)
        if self._open is None:
            # What lies above the end of the ramp also belongs to a predecessor that is not computed.
            joined = new if row == 0 else new.cut(up + axis.ramp, axis.down(row), scale)
        else:
            joined = self._blend(self._open, new, axis.down(row))
        # Copied before the block leaves: who takes it may use it as scratch space.
        first = max(next_up - 2 * halo, joined.top)
        self._open = joined.cut(first, axis.down(row), scale).copy()
        return joined.cut(joined.top, next_up, scale)

    def _blend(self, above: BlendedRows, new: BlendedRows, stop: int) -> BlendedRows:
        ramp, scale, up = self._grid.rows.ramp, self._scale, new.top
        if ramp:
            shared = new.values[:, : scale.line(ramp)]
            before = above.cut(up, up + ramp, scale).values
            shared[...] = hand_over(before, shared, ramp_weights(scale.line(ramp)), axis=1)
        if above.top == up:
            return new
        kept = above.cut(above.top, up, scale)
        values = np.concatenate([kept.values, new.values], axis=1)
        return BlendedRows(above.top, values, _joined_validity(kept, new, stop))


def _joined_validity(above: BlendedRows, below: BlendedRows, stop: int) -> NDArray[np.bool_] | None:
    """The validity of two blocks, one below the other.

    Args:
        stop: base-grid row, one past the last of ``below``.
    """
    known = above.valid if above.valid is not None else below.valid
    if known is None:
        return None
    rows = (below.top - above.top, stop - below.top)
    parts = [
        np.ones((len(known), height, known.shape[2]), np.bool_) if part.valid is None else part.valid
        for part, height in zip((above, below), rows, strict=True)
    ]
    return np.concatenate(parts, axis=1)
