"""Consistency: seen with pixels as large as those of the input, the output is the input.

Where bands of an input were delivered on several grids, each is looked at with the pixels in which it was delivered.

An input pixel sees the area mean of the output under it, or what the sensor's modulation transfer function lets through
(``mtf_axis``, sampled at the pixel's centre).  Measured for every run whose output is finer than its main input, and
enforced on request by back-projection: the residual on the coarse cells is brought to the fine grid and added.  Bicubic
upsampling followed by either sight is not the identity, so the residual is first sharpened by a few Chebyshev rounds,
all on the coarse grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..contract import Sight
from ..ground.grids import Window, is_separable, relation
from ..ground.resample import Taps, area_taps, cubic_spline_taps, point_taps
from .mtf import SIZE, mtf_axis

Array = NDArray[np.float32]
# Rounds, and the lowest eigenvalue for which they are the best.  Bicubic upsampling, then the area mean: every
# eigenvalue on both axes lies in 0.36..1 for ratios from 2 up.  Through an MTF they begin at 0.1.
_AREA, _MTF = (4, 0.35), (7, 0.1)
# What is as fine as an MTF hardly lets through is mostly noise, and to correct it is to sharpen it tenfold.  Unless all
# of it is asked for, this share of the residual is brought to the fine grid as it is, once.
_SHARE = 2 / 3
_TOLERANCE = 1e-6
# Fine px at which the spline's weights have fallen below 3e-5, and the MTF filter ends.
_SPLINE = 8
_MTF_REACH = SIZE // 2 + _SPLINE
# Cells that one sharpening round looks further, and cells that bicubic upsampling does.
_ROUND_REACH, _UP_REACH = {"area": 2, "mtf": 3}, 2


def consistency_reach(sight: Sight, per_cell: float, *, strict: bool = False) -> int:
    """Output px around a pixel that its corrected value and the residual left there can depend on.

    Args:
        sight: not ``"off"``.
        per_cell: output px per input px.
        strict: as ``Consistency`` has it.
    """
    rounds = len(_roots(sight == "mtf", strict))
    cells = _UP_REACH + (rounds - 1) * _ROUND_REACH[sight] + 2
    return math.ceil(cells * per_cell) + (2 * _MTF_REACH if sight == "mtf" else 0)


def explained_reach(sight: Sight, per_cell: float) -> int:
    """Output px around a pixel that what ``Consistency.explained`` says of it can depend on; arguments as above."""
    cells = _UP_REACH + 2 * _ROUND_REACH[sight] + 2
    return math.ceil(cells * per_cell) + (_MTF_REACH if sight == "mtf" else 0)


@dataclass(frozen=True, slots=True)
class Residual:
    """Sums over coarse cells, per band.

    Attributes:
        squares: (bands,) of (the output as seen - input).
        inputs: (bands,) of the input.
        cells: (bands,) how many cells.
    """

    squares: NDArray[np.float64]
    inputs: NDArray[np.float64]
    cells: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence[Residual]) -> Residual:
        """The residual of all bands from those of the parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

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

    def inside(self, first: int, stop: int, reach: int = 0) -> tuple[int, int]:
        """First coarse cell and one past the last that lie wholly in the fine pixels first..stop-1.

        Args:
            reach: fine px around a cell that must lie there too; beyond the scene's rim the rim is repeated.
        """
        first = first + reach if first > 0 else 0
        stop = stop - reach if stop < self.fine_length else stop
        low = math.ceil(self.slope * first + self.shift - _TOLERANCE)
        high = math.floor(self.slope * stop + self.shift + _TOLERANCE)
        low = min(max(low, 0), self.coarse_length)
        return low, min(max(high, low), self.coarse_length)

    def down(self, cells: tuple[int, int], first: int, length: int, gain: float | None = None) -> Taps:
        """What the cells see of the fine pixels that start at ``first``.

        Args:
            gain: of the MTF at the cells' Nyquist frequency; None for area means.
        """
        if gain is None:
            edges = (np.arange(cells[0], cells[1] + 1, dtype=np.float64) - self.shift) / self.slope
            return area_taps(edges, self.fine_length).shifted(first, length)
        centres = (np.arange(*cells, dtype=np.float64) + 0.5 - self.shift) / self.slope
        spline = cubic_spline_taps(centres, _SPLINE)
        taps = mtf_axis(gain, 1.0 / self.slope)
        weight = np.array([np.convolve(row, taps) for row in spline.weight]).reshape(len(centres), -1)
        index = spline.index[:, :1] - SIZE // 2 + np.arange(weight.shape[1])
        return Taps(np.clip(index, 0, self.fine_length - 1), weight).shifted(first, length)

    def up(self, cells: tuple[int, int], first: int, length: int) -> Taps:
        """Interpolation of the cells at fine pixel centres that start at ``first``."""
        coordinates = self.slope * (np.arange(first, first + length, dtype=np.float64) + 0.5) + self.shift
        return point_taps(coordinates, self.coarse_length, "cubic").shifted(cells[0], cells[1] - cells[0])

    def owned(self, cells: tuple[int, int], first: int, stop: int) -> NDArray[np.bool_]:
        """Which of the cells have their centre in the fine pixels first..stop-1."""
        centre = (np.arange(*cells) + 0.5 - self.shift) / self.slope
        return (centre >= first) & (centre < stop)


@dataclass(frozen=True, slots=True)
class Laid:
    """A part of the main input.

    Attributes:
        grid: as its georeference has it.
        lies: (row, column) px that it really lies too far down and right.
        bands: how many.
    """

    grid: GeoBox
    lies: tuple[float, float]
    bands: int


@dataclass(frozen=True, slots=True)
class Consistency:
    """How output pixels and cells of one part of the main input relate.

    Attributes:
        rows, columns: the axes.
        gains: of the MTF through which each band is seen; empty for area means.
        strict: whether what an MTF hardly lets through is corrected like the rest.
    """

    rows: CellAxis
    columns: CellAxis
    gains: tuple[float, ...] = ()
    strict: bool = False

    @classmethod
    def between(
        cls, fine: GeoBox, parts: Sequence[Laid], gains: tuple[float, ...] = (), *, strict: bool = False
    ) -> tuple[Consistency, ...]:
        """Relate an output to each part of its main input.

        Args:
            fine: the grid of the output, whole scene.
            parts: in the order of its bands.
            gains: of the MTF through which each band of the input is seen; empty for area means.
            strict: as the attribute.

        Returns:
            One for each part; none where output and input coincide in all bands or are turned against each other.
        """
        relations, first = [], 0
        for part in parts:
            mapping, (height, width) = relation(fine, part.grid), part.grid.shape
            if not is_separable(mapping):
                return ()
            stop = first + part.bands
            rows = CellAxis(mapping.e, mapping.f + part.lies[0], height, fine.shape[0])
            columns = CellAxis(mapping.a, mapping.c + part.lies[1], width, fine.shape[1])
            relations.append(cls(rows, columns, gains[first:stop], strict))
            first = stop
        if all(part.coincides for part in relations):
            return ()
        # What was delivered in pixels of the output was not seen through anything that the output was not.
        return tuple(cls(part.rows, part.columns) if part.coincides else part for part in relations)

    @property
    def coincides(self) -> bool:
        """Whether a cell is no larger than an output pixel: then nothing is to be corrected."""
        return max(self.rows.slope, self.columns.slope) > 1 - _TOLERANCE

    def cells(self, block: Window) -> Window | None:
        """The coarse cells that see nothing beyond a block of output pixels."""
        reach = _MTF_REACH if self.gains else 0
        top, bottom = self.rows.inside(*block.rows, reach)
        left, right = self.columns.inside(*block.columns, reach)
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
        """Input minus the output as seen, and where it counts (all that a cell sees is valid, and the cell is)."""
        residual = np.empty_like(coarse)
        counted = np.ones(residual.shape, np.bool_)
        for bands, gain in self._groups(len(coarse)):
            down_rows = self.rows.down(cells.rows, block.row, block.height, gain)
            down_columns = self.columns.down(cells.columns, block.column, block.width, gain)
            residual[bands] = coarse[bands] - down_columns.along(down_rows.along(fine[bands], 1), 2)
            if valid is not None:
                known = np.ascontiguousarray(np.broadcast_to(valid, fine.shape)[bands], np.float32)
                counted[bands] = down_columns.shares().along(down_rows.shares().along(known, 1), 2) > 0.9999
        if coarse_valid is not None:
            counted &= coarse_valid
        residual[~counted] = 0.0
        return residual, counted

    def correction(self, residual: Array, block: Window, cells: Window) -> Array:
        """What to add to the block so that the residual (all but) vanishes."""
        up_rows = self.rows.up(cells.rows, block.row, block.height)
        up_columns = self.columns.up(cells.columns, block.column, block.width)
        sharpened = np.zeros_like(residual)
        reach = _ROUND_REACH["mtf" if self.gains else "area"]
        for bands, gain in self._groups(len(residual)):
            down_rows = self.rows.down(cells.rows, block.row, block.height, gain)
            down_columns = self.columns.down(cells.columns, block.column, block.width, gain)
            smooth_rows, smooth_columns = compose(down_rows, up_rows, reach), compose(down_columns, up_columns, reach)
            first, *others = _roots(bool(self.gains), self.strict)
            left = residual[bands]
            step = left / np.float32(first)
            sharpened[bands] += step
            for root in others:
                left = left - smooth_columns.along(smooth_rows.along(step, 1), 2)
                step = left / np.float32(root)
                sharpened[bands] += step
        return up_columns.along(up_rows.along(sharpened, 1), 2)

    def explained(self, fine: Array, block: Window) -> Array:
        """The part of a block of output px that the cells tell of: what they see of it, drawn between their centres.

        Bicubic upsampling of what is seen is not what was: one round of back-projection brings the rest nearer.  What
        is left is looked at once more before it is added, so that what the cells hardly see, which is mostly noise, is
        not sharpened: of a share L that they see of a detail, L (1 + L - L^2) counts as told, along each axis.

        Args:
            fine: (C, h, w), without masked values.

        Returns:
            (C, h, w); all of it where a cell is no larger than an output px, nothing where no cell lies in the block.
        """
        cells = self.cells(block)
        if self.coincides or cells is None:
            return fine.copy() if self.coincides else np.zeros_like(fine)
        up_rows = self.rows.up(cells.rows, block.row, block.height)
        up_columns = self.columns.up(cells.columns, block.column, block.width)
        reach = _ROUND_REACH["mtf" if self.gains else "area"]
        found = np.empty_like(fine)
        for bands, gain in self._groups(len(fine)):
            down_rows = self.rows.down(cells.rows, block.row, block.height, gain)
            down_columns = self.columns.down(cells.columns, block.column, block.width, gain)
            told = fine[bands]
            for axis, down, up in ((1, down_rows, up_rows), (2, down_columns, up_columns)):
                seen, smooth = down.along(told, axis), compose(down, up, reach)
                told = seen + smooth.along(seen - smooth.along(seen, axis), axis)
            found[bands] = up_columns.along(up_rows.along(told, 1), 2)
        return found

    def _groups(self, count: int) -> Iterator[tuple[NDArray[np.int64], float | None]]:
        """Bands that are seen alike, by number, and the gain of their MTF."""
        if not self.gains:
            yield np.arange(count), None
        for gain in dict.fromkeys(self.gains):
            yield np.flatnonzero(np.array(self.gains) == gain), gain

    def sums(self, residual: Array, counted: NDArray[np.bool_], coarse: Array, cells: Window, own: Window) -> Residual:
        """Sums over the cells whose centre lies in ``own`` (output px)."""
        mine = self.rows.owned(cells.rows, *own.rows)[:, None] & self.columns.owned(cells.columns, *own.columns)
        counted = counted & mine
        return Residual(
            np.sum(residual.astype(np.float64) ** 2, axis=(1, 2), where=counted),
            np.sum(coarse.astype(np.float64), axis=(1, 2), where=counted),
            counted.sum(axis=(1, 2)).astype(np.float64),
        )


def _roots(through_mtf: bool, strict: bool) -> list[float]:
    """What the residual is divided by, round after round."""
    if through_mtf and not strict:
        return [1.0 / _SHARE]
    return _chebyshev_roots(*(_MTF if through_mtf else _AREA))


def _chebyshev_roots(rounds: int, lowest: float) -> list[float]:
    """Roots of the polynomial of that degree which is smallest over the eigenvalues from the lowest to 1."""
    middle, half = (1 + lowest) / 2, (1 - lowest) / 2
    return [middle + half * math.cos(math.pi * (2 * i + 1) / (2 * rounds)) for i in range(rounds)]


def compose(after: Taps, before: Taps, reach: int) -> Taps:
    """The map "first ``before``, then ``after``" as banded taps on the cells of ``before``'s input.

    Args:
        reach: cells on either side that are kept.
    """
    cells = np.arange(after.index.shape[0])
    index = before.index[after.index].reshape(len(cells), -1)
    weight = (after.weight[:, :, None] * before.weight[after.index]).reshape(len(cells), -1)
    band = np.zeros((len(cells), 2 * reach + 1))
    offset = index - cells[:, None] + reach
    kept = (offset >= 0) & (offset <= 2 * reach)
    np.add.at(band, (np.broadcast_to(cells[:, None], offset.shape)[kept], offset[kept]), weight[kept])
    # Every row keeps the same offsets, so that a cell sums in one order whatever block it lies in.
    taps = np.clip(cells[:, None] + np.arange(-reach, reach + 1), 0, len(cells) - 1)
    return Taps(taps, band)
