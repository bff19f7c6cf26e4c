"""Consistency: the area mean of the output over each input cell equals that cell.

Measured for every run whose output is finer than its main input, and enforced on request by back-projection: the
residual on the coarse cells is brought to the fine grid and added.  Bicubic upsampling followed by the area mean is not
the identity, so the residual is first sharpened by a few Chebyshev rounds, all on the coarse grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .grids import Window, is_separable, magnified, relation
from .plan import Plan
from .resample import Taps, area_taps, point_taps

Array = NDArray[np.float32]
# Bicubic upsampling, then the area mean: every eigenvalue on both axes lies in 0.36..1 for ratios from 2 up.
_ROUNDS, _LOWEST = 4, 0.35
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Residual:
    """Sums over coarse cells, per band.

    Attributes:
        squares: of (area mean of the output - input).
        inputs: of the input.
        cells: how many cells.
    """

    squares: NDArray[np.float64]
    inputs: NDArray[np.float64]
    cells: NDArray[np.float64]

    def as_lists(self) -> list[list[float]]:
        """For the journal."""
        return [list(map(float, part)) for part in (self.squares, self.inputs, self.cells)]


def relative_rms(parts: list[list[list[float]]]) -> list[float] | None:
    """Per band: RMS of the residual over the mean of the input; None without a counted cell."""
    if not parts:
        return None
    squares, inputs, cells = np.sum(np.array(parts, np.float64), axis=0)
    if not cells.all() or not inputs.all():
        return None
    return [float(v) for v in np.sqrt(squares / cells) / np.abs(inputs / cells)]


@dataclass(frozen=True, slots=True)
class CellAxis:
    """One axis of the relation coarse = slope * fine + shift (coordinates in px)."""

    slope: float
    shift: float
    coarse_length: int
    fine_length: int

    def inside(self, first: int, stop: int) -> tuple[int, int]:
        """First coarse cell and one past the last that lie wholly in the fine pixels first..stop-1."""
        low = math.ceil(self.slope * first + self.shift - _TOLERANCE)
        high = math.floor(self.slope * stop + self.shift + _TOLERANCE)
        return max(low, 0), min(max(high, low), self.coarse_length)

    def down(self, cells: tuple[int, int], first: int, length: int) -> Taps:
        """Area means of the cells over fine pixels that start at ``first``."""
        edges = (np.arange(cells[0], cells[1] + 1, dtype=np.float64) - self.shift) / self.slope
        return area_taps(edges, self.fine_length).shifted(first, length)

    def up(self, cells: tuple[int, int], first: int, length: int) -> Taps:
        """Interpolation of the cells at fine pixel centres that start at ``first``."""
        coordinates = self.slope * (np.arange(first, first + length, dtype=np.float64) + 0.5) + self.shift
        return point_taps(coordinates, self.coarse_length, "cubic").shifted(cells[0], cells[1] - cells[0])

    def owned(self, cells: tuple[int, int], first: int, stop: int) -> NDArray[np.bool_]:
        """Which of the cells have their centre in the fine pixels first..stop-1."""
        centre = (np.arange(*cells) + 0.5 - self.shift) / self.slope
        return (centre >= first) & (centre < stop)


@dataclass(frozen=True, slots=True)
class Consistency:
    """How output pixels and cells of the main input relate."""

    rows: CellAxis
    columns: CellAxis

    @classmethod
    def of(cls, plan: Plan) -> Consistency | None:
        """For a plan; None where output and input coincide or are turned against each other."""
        fine, coarse = magnified(plan.base, plan.scale), plan.scene.grid
        mapping = relation(fine, coarse)
        if not is_separable(mapping) or max(mapping.a, mapping.e) > 1 - _TOLERANCE:
            return None
        return cls(
            CellAxis(mapping.e, mapping.f, coarse.shape[0], fine.shape[0]),
            CellAxis(mapping.a, mapping.c, coarse.shape[1], fine.shape[1]),
        )

    def cells(self, block: Window) -> Window | None:
        """The coarse cells wholly inside a block of output pixels."""
        top, bottom = self.rows.inside(*block.rows)
        left, right = self.columns.inside(*block.columns)
        return Window(top, left, bottom - top, right - left) if bottom > top and right > left else None

    def residual(
        self,
        fine: Array,
        valid: NDArray[np.bool_] | None,
        block: Window,
        coarse: Array,
        coarse_valid: NDArray[np.bool_] | None,
        cells: Window,
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Input minus area mean of the output, and where it counts (all of the cell valid in both)."""
        down_rows = self.rows.down(cells.rows, block.row, block.height)
        down_columns = self.columns.down(cells.columns, block.column, block.width)
        residual = coarse - down_columns.along(down_rows.along(fine, 1), 2)
        counted = np.ones(residual.shape, np.bool_)
        if valid is not None:
            share = down_columns.along(down_rows.along(np.ascontiguousarray(valid, np.float32), 1), 2)
            counted &= share > 0.9999
        if coarse_valid is not None:
            counted &= coarse_valid
        residual[~counted] = 0.0
        return residual, counted

    def correction(self, residual: Array, block: Window, cells: Window) -> Array:
        """What to add to the block so that the residual (all but) vanishes."""
        up_rows = self.rows.up(cells.rows, block.row, block.height)
        up_columns = self.columns.up(cells.columns, block.column, block.width)
        smooth_rows = compose(self.rows.down(cells.rows, block.row, block.height), up_rows)
        smooth_columns = compose(self.columns.down(cells.columns, block.column, block.width), up_columns)
        sharpened = np.zeros_like(residual)
        left = residual
        for root in _chebyshev_roots():
            step = left / np.float32(root)
            sharpened += step
            left = left - smooth_columns.along(smooth_rows.along(step, 1), 2)
        return up_columns.along(up_rows.along(sharpened, 1), 2)

    def sums(self, residual: Array, counted: NDArray[np.bool_], coarse: Array, cells: Window, own: Window) -> Residual:
        """Sums over the cells whose centre lies in ``own`` (output px)."""
        mine = self.rows.owned(cells.rows, *own.rows)[:, None] & self.columns.owned(cells.columns, *own.columns)
        counted = counted & mine
        return Residual(
            np.sum(residual.astype(np.float64) ** 2, axis=(1, 2), where=counted),
            np.sum(coarse.astype(np.float64), axis=(1, 2), where=counted),
            counted.sum(axis=(1, 2)).astype(np.float64),
        )


def _chebyshev_roots() -> list[float]:
    """Roots of the polynomial that is smallest over the eigenvalues _LOWEST..1."""
    middle, half = (1 + _LOWEST) / 2, (1 - _LOWEST) / 2
    return [middle + half * math.cos(math.pi * (2 * i + 1) / (2 * _ROUNDS)) for i in range(_ROUNDS)]


def compose(after: Taps, before: Taps) -> Taps:
    """The map "first ``before``, then ``after``" as banded taps on the cells of ``before``'s input."""
    cells = np.arange(after.index.shape[0])
    index = before.index[after.index].reshape(len(cells), -1)
    weight = (after.weight[:, :, None] * before.weight[after.index]).reshape(len(cells), -1)
    reach = int(np.max(np.abs(index - cells[:, None]), initial=0, where=weight != 0))
    band = np.zeros((len(cells), 2 * reach + 1))
    offset = np.clip(index - cells[:, None], -reach, reach) + reach
    np.add.at(band, (np.broadcast_to(cells[:, None], offset.shape), offset), weight)
    # Every row keeps the same offsets, so that a cell sums in one order whatever block it lies in.
    taps = np.clip(cells[:, None] + np.arange(-reach, reach + 1), 0, len(cells) - 1)
    return Taps(taps, band)
