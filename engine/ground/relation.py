"""Relate two grids: where the pixels of the base grid lie on another one, by an affine or by a lazy warp.

What a relation says of a pixel depends on the two grids alone, never on the window in which it is asked: windows,
shards and the whole scene get the same bits.  Coordinates are (row, column) in px, float64, pixel k covering
[k, k + 1).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError
from pyproj.transformer import AreaOfInterest, TransformerGroup

from ..errors import RequestError
from .grids import Window, centres, check_same_crs, is_separable, one_plane, relation, whole_shift
from .resample import Coordinates

Points = tuple[Coordinates, Coordinates]

NODE_STEP = 16
"""Base px between the points at which a warp is evaluated exactly."""
WARP_ERROR = 2e-3
"""What a warp may differ from the exact transformation before a cell of nodes is evaluated pixel by pixel, px."""

# A cell that bends by more than this holds a jump of the coordinate system (the antimeridian), px.
_JUMP = 1.0
# Sums in another order may differ by this much, px.
_ROUNDING = 1e-6


class Relation(Protocol):
    """Where base pixels lie on another grid."""

    def coordinates(self, window: Window) -> Points:
        """Where the centres of the base pixels of a window lie on the other grid.

        Returns:
            (h, w) rows and columns, px of the other grid; NaN where they lie nowhere on it.
        """
        ...

    def touched(self, window: Window, reach: int) -> Window | None:
        """The pixels of the other grid that kernels of radius ``reach`` around these centres touch.

        The window grows with that of the base: one inside another gives one inside another.

        Returns:
            None where no centre lies on the other grid.
        """
        ...

    def ratio(self, window: Window | None = None) -> tuple[float, float]:
        """Base pixels per pixel of the other grid along (row, column), in the middle of a window.

        Args:
            window: of the base grid; None for the base pixel that is nearest to the middle of the other grid.
        """
        ...


@dataclass(frozen=True, slots=True)
class AffineRelation:
    """Two grids in one coordinate system.

    Attributes:
        mapping: from base px to px of the other grid, (x, y) both.
        shape: (rows, columns) of the other grid.
    """

    mapping: Affine
    shape: tuple[int, int]

    @property
    def separable(self) -> bool:
        """Whether rows map to rows and columns to columns."""
        return is_separable(self.mapping)

    @property
    def shift(self) -> tuple[int, int] | None:
        """(row, column) offset if the grids coincide pixel on pixel, else None."""
        return whole_shift(self.mapping)

    def coordinates(self, window: Window) -> Points:
        """Where the centres of the base pixels of a window lie on the other grid, (h, w) each."""
        return self._at(np.arange(*window.rows), np.arange(*window.columns))

    def touched(self, window: Window, reach: int) -> Window | None:
        """The pixels of the other grid that kernels of radius ``reach`` touch; None where there is none."""
        rows, columns = self._at(*(np.array([first, stop - 1]) for first, stop in (window.rows, window.columns)))
        return _around(rows.min(), rows.max(), columns.min(), columns.max(), self.shape, reach)

    def ratio(self, window: Window | None = None) -> tuple[float, float]:  # noqa: ARG002
        """Base pixels per pixel of the other grid along (row, column), the same everywhere."""
        m = self.mapping
        return 1.0 / math.hypot(m.d, m.e), 1.0 / math.hypot(m.a, m.b)

    def _at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Points:
        there = centres(self.mapping, rows, columns)
        if not self.separable:
            return there
        shape = len(rows), len(columns)
        return np.broadcast_to(there[0][:, None], shape), np.broadcast_to(there[1][None, :], shape)


@dataclass(frozen=True)
class WarpRelation:
    """Two grids in different coordinate systems.

    The transformation is exact at nodes every 16 base px, counted from the base grid's first pixel, also beyond its
    rim, and bilinear between them.  Where that is more than ``WARP_ERROR`` off, halfway between nodes, or a node has
    no image, the pixels of the cell are evaluated one by one.
    """

    base: GeoBox
    other: GeoBox

    def coordinates(self, window: Window) -> Points:
        """Where the centres of the base pixels of a window lie on the other grid, (h, w) each; NaN for nowhere."""
        cells = self._cells(window)
        rows, columns = cells.interpolated(window)
        rough = cells.of_pixels(~cells.smooth, window)
        if rough.any():
            row, column = np.nonzero(rough)
            there = self.exact(row + (window.row + 0.5), column + (window.column + 0.5))
            known = cells.of_pixels(cells.known, window)[rough]
            rows[rough], columns[rough] = (np.where(known, values, np.nan) for values in there)
        return rows, columns

    def touched(self, window: Window, reach: int) -> Window | None:
        """The pixels of the other grid that kernels of radius ``reach`` touch; None where there is none."""
        cells = self._cells(window)
        low, high = cells.bounds()
        low, high = (edge[:, cells.whole] for edge in (low, high))
        odd = cells.of_pixels(cells.known & ~cells.whole, window)
        if odd.any():
            row, column = np.nonzero(odd)
            points = np.stack(self.exact(row + (window.row + 0.5), column + (window.column + 0.5)))
            points = points[:, np.isfinite(points).all(axis=0)]
            low, high = np.concatenate([low, points], axis=1), np.concatenate([high, points], axis=1)
        size = np.array(self.other.shape, np.float64)[:, None]
        meets = ((low < size + _ROUNDING) & (high > -_ROUNDING)).all(axis=0)
        if not meets.any():
            return None
        (top, left), (bottom, right) = low[:, meets].min(axis=1), high[:, meets].max(axis=1)
        return _around(top, bottom, left, right, self._shape, reach)

    def ratio(self, window: Window | None = None) -> tuple[float, float]:
        """Base pixels per pixel of the other grid along (row, column), in the middle of a window."""
        row, column = self._middle() if window is None else (sum(window.rows) / 2, sum(window.columns) / 2)
        steps = np.array([-0.5, 0.5, 0.0, 0.0])
        rows, columns = self.exact(row + steps, column + steps[::-1])
        sizes = [math.hypot(there[1] - there[0], there[3] - there[2]) for there in (rows, columns)]
        if not all(0 < size < math.inf for size in sizes):
            return 1.0, 1.0
        return 1.0 / sizes[0], 1.0 / sizes[1]

    def exact(self, rows: Coordinates, columns: Coordinates) -> Points:
        """Transform base coordinates, px, one by one; NaN for those that have no image."""
        a = self.base.affine
        x, y = self._transform.transform(a.a * columns + a.b * rows + a.c, a.d * columns + a.e * rows + a.f)
        good = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(good, x, np.nan), np.where(good, y, np.nan)
        if self._turn:
            # Longitudes count round the globe: those of a grid that crosses the antimeridian go on beyond 180 degrees.
            middle, _ = self.other.affine * (self.other.shape[1] / 2, self.other.shape[0] / 2)
            x = x - self._turn * np.round((x - middle) / self._turn)
        b = ~self.other.affine
        return b.d * x + b.e * y + b.f, b.a * x + b.b * y + b.c

    @property
    def _shape(self) -> tuple[int, int]:
        return int(self.other.shape[0]), int(self.other.shape[1])

    @cached_property
    def _transform(self) -> Transformer:
        return _one_operation(self.base, self.other)

    @cached_property
    def _turn(self) -> float:
        """A whole turn in units of the other grid; 0 where it does not count in degrees."""
        crs = _crs(self.other)
        return 360.0 if crs.is_geographic and crs.axis_info[0].unit_name == "degree" else 0.0

    def _middle(self) -> tuple[float, float]:
        """The base pixel nearest to the middle of the other grid, (row, column)."""
        height, width = self.base.shape
        there = self.other.affine * (self.other.shape[1] / 2, self.other.shape[0] / 2)
        here = self._transform.transform(*there, direction=TransformDirection.INVERSE)
        if not all(map(math.isfinite, here)):
            return height / 2, width / 2
        x, y = ~self.base.affine * here
        return min(max(y, 0.5), height - 0.5), min(max(x, 0.5), width - 0.5)

    def _cells(self, window: Window) -> _Cells:
        """The cells of nodes that hold a window."""
        (row, bottom), (column, right) = (
            (first // NODE_STEP, -(-stop // NODE_STEP)) for first, stop in (window.rows, window.columns)
        )
        halves = NODE_STEP / 2
        rows = np.arange(2 * row, 2 * bottom + 1) * halves
        columns = np.arange(2 * column, 2 * right + 1) * halves
        shape = len(rows), len(columns)
        there = self.exact(np.repeat(rows, shape[1]), np.tile(columns, shape[0]))
        return _Cells(row, column, np.stack(there).reshape(2, *shape))


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of nodes of a warp.

    Attributes:
        row, column: the first one, counted from the base grid's first pixel.
        halves: (2, 2 m + 1, 2 n + 1) exact (row, column) at the nodes of m x n cells and halfway between them.
    """

    row: int
    column: int
    halves: Coordinates

    @cached_property
    def bend(self) -> Coordinates:
        """(m, n) how far the bilinear interpolation is off halfway between nodes, px; NaN where a point has no image.

        The sides count beside the middle: where a map is conformal, it bends the two directions against each other, and
        the middle shows nothing of it.
        """
        nodes = self.halves[:, ::2, ::2]
        across = (nodes[:, :, :-1] + nodes[:, :, 1:]) / 2
        down = (nodes[:, :-1] + nodes[:, 1:]) / 2
        middle = (across[:, :-1] + across[:, 1:]) / 2
        sides = np.abs(across - self.halves[:, ::2, 1::2]).max(axis=0)
        flanks = np.abs(down - self.halves[:, 1::2, ::2]).max(axis=0)
        inner = np.abs(middle - self.halves[:, 1::2, 1::2]).max(axis=0)
        # maximum() hands NaN on.
        edges = np.maximum(np.maximum(sides[:-1], sides[1:]), np.maximum(flanks[:, :-1], flanks[:, 1:]))
        bend: Coordinates = np.maximum(edges, inner)
        return bend

    @cached_property
    def smooth(self) -> NDArray[np.bool_]:
        """(m, n) whether the interpolation holds."""
        return self.bend <= WARP_ERROR

    @cached_property
    def whole(self) -> NDArray[np.bool_]:
        """(m, n) whether every point has an image and none lies beyond a jump."""
        return self.bend <= _JUMP

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(m, n) whether any of the nine points has an image; a cell without one lies nowhere on the other grid."""
        return np.asarray(~np.isnan(self.bounds()[0][0]))

    def bounds(self) -> Points:
        """(2, m, n) least and greatest (row, column) of each cell that is whole, px; NaN where no point has any."""
        h = self.halves
        views = [h[:, r : h.shape[1] - 2 + r : 2, c : h.shape[2] - 2 + c : 2] for r in range(3) for c in range(3)]
        low, high = views[0], views[0]
        for view in views[1:]:
            # fmin() and fmax() leave NaN out.
            low, high = np.fmin(low, view), np.fmax(high, view)
        # Pixels that are evaluated one by one may lie beyond the points by as much as their cell bends.
        margin = np.where(self.smooth, _ROUNDING, 2 * _JUMP)
        return low - margin, high + margin

    def interpolated(self, window: Window) -> Points:
        """(h, w) bilinear rows and columns at the pixel centres of a window."""
        i, s = _shares(window.rows, self.row)
        j, t = _shares(window.columns, self.column)
        nodes = self.halves[:, ::2, ::2]
        across = nodes[:, :, j] * (1 - t) + nodes[:, :, j + 1] * t
        rows, columns = across[:, i] * (1 - s)[:, None] + across[:, i + 1] * s[:, None]
        return rows, columns

    def of_pixels(self, cells: NDArray[np.bool_], window: Window) -> NDArray[np.bool_]:
        """(h, w) of each pixel of a window what (m, n) says of its cell."""
        i, j = _shares(window.rows, self.row)[0], _shares(window.columns, self.column)[0]
        return np.asarray(cells[i[:, None], j[None, :]])


def between(
    base: GeoBox, other: GeoBox, *, base_name: str = "the base grid", other_name: str = "the other grid"
) -> Relation:
    """The relation of two grids: affine in one coordinate system (or without any), else a warp.

    Raises:
        RequestError: one of them has no CRS, or nothing transforms between the two.
    """
    if base.crs is None or other.crs is None or one_plane(base.crs, other.crs):
        check_same_crs(base, other, fine_name=base_name, coarse_name=other_name)
        return AffineRelation(relation(base, other), (int(other.shape[0]), int(other.shape[1])))
    warp = WarpRelation(base, other)
    try:
        warp.ratio()
    except ProjError as error:
        raise RequestError(
            f"nothing transforms between its CRS and that of {base_name}",
            where=other_name,
            fix="assign the CRS that it is in with gdal_edit.py -a_srs",
        ) from error
    return warp


def _one_operation(base: GeoBox, other: GeoBox) -> Transformer:
    """The operation between two coordinate systems that is best for the base grid.

    One for all pixels: where PROJ may choose, it chooses point by point, and neighbours can come metres apart.
    """
    with warnings.catch_warnings():
        # PROJ names the grids with which it would be more accurate still; they are not ours to fetch.
        warnings.simplefilter("ignore", UserWarning)
        group = TransformerGroup(_crs(base), _crs(other), always_xy=True, area_of_interest=_area(base))
    if not group.transformers:
        raise ProjError("there is no operation between the two")
    # Those of a group belong to one thread and cannot be pickled.
    return Transformer.from_pipeline(group.transformers[0].definition)


def _area(grid: GeoBox) -> AreaOfInterest | None:
    """The longitudes and latitudes of a grid; None where they cannot be told."""
    crs = _crs(grid)
    if crs.geodetic_crs is None:
        return None
    try:
        there = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        bounds = there.transform_bounds(*grid.boundingbox.bbox)
    except ProjError:
        return None
    return AreaOfInterest(*bounds) if all(map(math.isfinite, bounds)) else None


def _crs(grid: GeoBox) -> CRS:
    if grid.crs is None:
        raise AssertionError("a warp lies between grids that have a CRS")
    return grid.crs.proj


def _shares(span: tuple[int, int], first: int) -> tuple[NDArray[np.int64], Coordinates]:
    """For each pixel centre of a span its cell, counted from the cell ``first``, and its place in it, 0..1."""
    pixels = np.arange(*span)
    cell = pixels // NODE_STEP
    return cell - first, (pixels - cell * NODE_STEP + 0.5) / NODE_STEP


def _around(top: float, bottom: float, left: float, right: float, shape: tuple[int, int], reach: int) -> Window | None:
    """The pixels that kernels of radius ``reach`` around these coordinates touch; None where none lies on the grid."""
    rows, columns = _span(top, bottom, shape[0], reach), _span(left, right, shape[1], reach)
    return Window(rows[0], columns[0], rows[1], columns[1]) if rows and columns else None


def _span(low: float, high: float, length: int, reach: int) -> tuple[int, int] | None:
    """First pixel and count along one axis."""
    low, high = low - _ROUNDING, high + _ROUNDING
    if high < 0 or low > length:
        return None
    first = min(max(math.floor(low - 0.5) + 1 - reach, 0), length - 1)
    last = min(max(math.floor(high - 0.5) + reach, 0), length - 1)
    return first, last - first + 1
