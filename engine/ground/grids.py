"""Grids and how they lie on each other: footprints, extents, the world lattice.

A grid is an odc-geo ``GeoBox`` (shape, affine, CRS).  Coordinates of an affine are (x, y); everything that leaves this
module as a pair is (row, column).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..errors import RequestError

# Coordinates closer than this to a whole pixel are that pixel: affines carry rounding from their files.
TOLERANCE = 1e-6
# How far a lattice position may fall short of one half and still go up, px.
_HALF_GUARD = 1e-3


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels.

    Attributes:
        row, column: its first pixel.
        height, width: its size, > 0.
    """

    row: int
    column: int
    height: int
    width: int

    @property
    def rows(self) -> tuple[int, int]:
        """First row and one past the last."""
        return self.row, self.row + self.height

    @property
    def columns(self) -> tuple[int, int]:
        """First column and one past the last."""
        return self.column, self.column + self.width

    def padded(self, pixels: int, height: int, width: int) -> Window:
        """Grown on every side, kept inside ``height`` x ``width``."""
        top, left = max(self.row - pixels, 0), max(self.column - pixels, 0)
        bottom, right = min(self.rows[1] + pixels, height), min(self.columns[1] + pixels, width)
        return Window(top, left, bottom - top, right - left)


def relation(base: GeoBox, other: GeoBox) -> Affine:
    """Map from base pixel coordinates to pixel coordinates of ``other``, (x, y) both; whole turns do not count."""
    mapping: Affine = ~other.affine * Affine.translation(-_turns(base, other), 0) * base.affine
    return mapping


def _turns(base: GeoBox, other: GeoBox) -> float:
    """Degrees of whole turns by which ``base`` counts longitudes further: some count to 180, some to 360."""
    here, there = (grid.affine * (grid.shape[1] / 2, grid.shape[0] / 2) for grid in (base, other))
    turns = round((here[0] - there[0]) / 360)
    # Asked last, as it takes long.
    return 360.0 * turns if turns and base.crs is not None and base.crs.geographic else 0.0


def is_separable(mapping: Affine) -> bool:
    """Whether rows map to rows and columns to columns (no turn, no shear between the grids)."""
    size = max(abs(mapping.a), abs(mapping.e))
    return abs(mapping.b) < 1e-9 * size and abs(mapping.d) < 1e-9 * size and mapping.a > 0 and mapping.e > 0


def whole_shift(mapping: Affine) -> tuple[int, int] | None:
    """(row, column) offset if the grids coincide pixel on pixel, else None."""
    row, column = round(mapping.f), round(mapping.c)
    near = (
        is_separable(mapping)
        and abs(mapping.a - 1) < 1e-9
        and abs(mapping.e - 1) < 1e-9
        and max(abs(mapping.f - row), abs(mapping.c - column)) < TOLERANCE
    )
    return (row, column) if near else None


def ratio(base: GeoBox, other: GeoBox) -> tuple[float, float]:
    """Base pixels per pixel of ``other`` along (row, column)."""
    mapping = relation(base, other)
    return 1.0 / math.hypot(mapping.b, mapping.e), 1.0 / math.hypot(mapping.a, mapping.d)


def whole_ratio(base: GeoBox, other: GeoBox) -> int:
    """The ratio where it is one whole number, else 1."""
    rows, columns = ratio(base, other)
    whole = round(rows)
    return whole if whole >= 1 and max(abs(rows - whole), abs(columns - whole)) < 1e-6 * whole else 1


def footprint(fine: GeoBox, coarse: GeoBox, *, fine_name: str, coarse_name: str) -> Window:
    """The fine pixels whose centre lies in the footprint of the coarse grid (its bounding rectangle if turned).

    Raises:
        RequestError: different CRS, no overlap, or the "fine" grid is the coarser one.
    """
    check_same_crs(fine, coarse, fine_name=fine_name, coarse_name=coarse_name)
    rows_per, columns_per = ratio(fine, coarse)
    if min(rows_per, columns_per) < 1 - 1e-6:
        raise RequestError(
            f"its pixels are larger than those of {coarse_name} ({1 / min(rows_per, columns_per):.3g} times)",
            where=fine_name,
            fix="check that the two inputs are not swapped",
        )
    back = ~relation(fine, coarse)
    height, width = coarse.shape
    corners = [back * corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = zip(*corners, strict=True)
    column, column_stop = _centres_inside(min(xs), max(xs), fine.shape[1])
    row, row_stop = _centres_inside(min(ys), max(ys), fine.shape[0])
    if row >= row_stop or column >= column_stop:
        raise RequestError(
            f"it does not overlap {coarse_name}", where=fine_name, fix="check that both show the same ground"
        )
    return Window(row, column, row_stop - row, column_stop - column)


def _centres_inside(low: float, high: float, length: int) -> tuple[int, int]:
    first = math.ceil(low - 0.5 - TOLERANCE)
    stop = math.ceil(high - 0.5 - TOLERANCE)
    return max(first, 0), min(stop, length)


def check_same_crs(fine: GeoBox, coarse: GeoBox, *, fine_name: str, coarse_name: str) -> None:
    """Raise RequestError unless both grids are in one CRS (or neither has one); heights do not matter."""
    for grid, name, other in ((fine, fine_name, coarse_name), (coarse, coarse_name, fine_name)):
        if grid.crs is None and (fine.crs is not None or coarse.crs is not None):
            raise RequestError(
                f"it has no CRS, while {other} has one", where=name, fix="assign it with gdal_edit.py -a_srs"
            )
    if not one_plane(fine.crs, coarse.crs):
        raise RequestError(
            f"its CRS {_crs_name(coarse.crs)} differs from {_crs_name(fine.crs)} of {fine_name}",
            where=coarse_name,
            fix=f"reproject it with gdalwarp -t_srs {_crs_name(fine.crs)}",
        )


def one_plane(crs: Any, other: Any) -> bool:
    """Whether two coordinate systems are one, as far as the plane goes; a compound one has heights beside it."""
    return bool(crs == other or (crs is not None and other is not None and _plane(crs) == _plane(other)))


def _plane(crs: Any) -> Any:
    """The horizontal part, of pyproj."""
    return crs.proj.sub_crs_list[0] if crs.proj.is_compound else crs.proj


def _crs_name(crs: Any) -> str:
    """As GDAL's programs take it: by its number where the horizontal part has one."""
    if crs is None:
        return "none"
    known = _plane(crs).to_authority()
    return ":".join(known) if known else str(crs)


def crop(grid: GeoBox, window: Window) -> GeoBox:
    """The grid of a window."""
    affine = grid.affine * Affine.translation(window.column, window.row)
    return GeoBox((window.height, window.width), affine, grid.crs)


def magnified(grid: GeoBox, scale: int) -> GeoBox:
    """The same extent with ``scale`` times as many pixels along each axis."""
    height, width = grid.shape
    return GeoBox((height * scale, width * scale), grid.affine * Affine.scale(1 / scale), grid.crs)


def extent_window(grid: GeoBox, extent: tuple[float, float, float, float]) -> Window:
    """The pixels that an extent touches, snapped outward.

    Args:
        extent: (xmin, ymin, xmax, ymax) in the CRS of the grid.

    Raises:
        RequestError: the extent is empty or lies outside.
    """
    xmin, ymin, xmax, ymax = extent
    where = f"--extent {xmin:.12g} {ymin:.12g} {xmax:.12g} {ymax:.12g}"
    if any(map(math.isinf, extent)):
        raise RequestError("the extent is not finite", where=where, fix="leave --extent out to take the whole scene")
    if not (xmin < xmax and ymin < ymax):
        raise RequestError("the extent is empty", where=where, fix="give xmin ymin xmax ymax, the smaller ones first")
    corners = [~grid.affine * corner for corner in ((xmin, ymin), (xmin, ymax), (xmax, ymin), (xmax, ymax))]
    xs, ys = zip(*corners, strict=True)
    column, row = math.floor(min(xs) + TOLERANCE), math.floor(min(ys) + TOLERANCE)
    column_stop, row_stop = math.ceil(max(xs) - TOLERANCE), math.ceil(max(ys) - TOLERANCE)
    return pixel_window(grid, row, column, row_stop - row, column_stop - column, where=where)


def pixel_window(grid: GeoBox, row: int, column: int, height: int, width: int, *, where: str = "--window") -> Window:
    """The part of a pixel rectangle that lies on the grid.

    Raises:
        RequestError: nothing of it does, or it is empty.
    """
    if height < 1 or width < 1:
        raise RequestError("it holds no pixel", where=where, fix="give a width and a height of 1 or more")
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + height, grid.shape[0]), min(column + width, grid.shape[1])
    if bottom <= top or right <= left:
        raise RequestError(
            f"it lies outside the scene of {grid.shape[1]} x {grid.shape[0]} px",
            where=where,
            fix="give one that meets it: --extent in the CRS of the scene, --window in its px",
        )
    return Window(top, left, bottom - top, right - left)


def lattice_origin(grid: GeoBox) -> tuple[int, int]:
    """(row, column) of the grid's first pixel on the lattice of its CRS.

    Files that share a lattice (crops, neighbouring tiles of one product) count the same cells.  Grids that are turned,
    or have no CRS, count from their own first pixel.
    """
    a = grid.affine
    if grid.crs is None or a.b or a.d or a.a <= 0 or a.e >= 0:
        return 0, 0
    return _cell(a.f / a.e), _cell(a.c / a.a)


def _cell(position: float) -> int:
    """The whole number nearest to a position; one half goes up, as it must for neighbours to stay neighbours.

    Origins at half pixels are common (pixels named by their centres), and their positions carry rounding.
    """
    return math.floor(position + 0.5 + _HALF_GUARD)


def centres(mapping: Affine, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Coordinates on the other grid of base pixel centres, float64 (row, column).

    One-dimensional each for separable grids, (h, w) each otherwise.
    """
    x, y = columns + 0.5, rows + 0.5
    if is_separable(mapping):
        return mapping.e * y + mapping.f, mapping.a * x + mapping.c
    xx, yy = np.meshgrid(x, y)
    return mapping.d * xx + mapping.e * yy + mapping.f, mapping.a * xx + mapping.b * yy + mapping.c
