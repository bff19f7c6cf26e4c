"""Shapes on the ground: made valid, brought from one CRS into another, cut into pieces, laid on the cells of a grid."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS as GridCRS
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from pyproj.transformer import AreaOfInterest, TransformerGroup

from ..errors import RequestError

Shapes = NDArray[np.object_]

_KINDS = tuple(shapely.GeometryType[name] for name in ("POINT", "MULTIPOINT", "POLYGON", "MULTIPOLYGON"))
# Parts of a cell to which corners are rounded, so that an edge through the centres of cells cuts them alike in every
# window.
_STEPS = 2.0**20
_MOST_CORNERS = 1000
"""Corners of a piece: a window of a long river then costs no more than what of it lies there."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Shapes in one CRS; what lies nowhere in it is empty."""

    shapes: Shapes

    def on_cells(self, grid: GeoBox) -> tuple[Shapes, NDArray[np.int64]]:
        """The pieces that meet the ground of a grid, in its cells, and the shape that each belongs to, ascending.

        Returns:
            shapes with x to the right and y down, a cell one long; positions in ``shapes``.
        """
        pieces, owners = self._pieces
        found = np.sort(self._tree.query(ground(grid), predicate="intersects"))
        return _on_cells(pieces[found], grid), owners[found]

    @cached_property
    def _pieces(self) -> tuple[Shapes, NDArray[np.int64]]:
        pieces: list[Any] = []
        owners: list[int] = []
        for i, shape in enumerate(self.shapes):
            parts = _cut(shape) if shapely.get_num_coordinates(shape) > _MOST_CORNERS else [shape]
            pieces += parts
            owners += [i] * len(parts)
        held = np.empty(len(pieces), object)
        held[:] = pieces
        return held, np.array(owners, np.int64)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._pieces[0])


def _cut(shape: Any) -> list[Any]:
    """A polygon in pieces of few corners, cut across its longer side as often as it takes."""
    if shapely.get_num_coordinates(shape) <= _MOST_CORNERS or shapely.get_dimensions(shape) < 2:
        return [shape]
    # Another CRS may have bent edges over each other.
    shape = shape if shapely.is_valid(shape) else _mended(shape)
    xmin, ymin, xmax, ymax = shapely.bounds(shape)
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    halves = (xmin, ymin, x, ymax), (x, ymin, xmax, ymax)
    if ymax - ymin > xmax - xmin:
        halves = (xmin, ymin, xmax, y), (xmin, y, xmax, ymax)
    found = []
    for half in halves:
        piece = shapely.intersection(shape, shapely.box(*half))
        # Where the edge of a half only touches the shape, it leaves lines and points.
        found += [part for part in shapely.get_parts(piece) if shapely.get_dimensions(part) == 2]
    corners = shapely.get_num_coordinates(shape)
    # Corners that lie closer than numbers tell apart are cut no further.
    return [each for part in found for each in (_cut(part) if shapely.get_num_coordinates(part) < corners else [part])]


def reprojected(shapes: Shapes, crs: CRS | None, to: GridCRS | None, where: str) -> Shapes:
    """Shapes in another CRS, corner by corner; what has no image in it is empty.

    Raises:
        RequestError: there is no other CRS, or nothing transforms between the two.
    """
    if crs is None:
        return shapes
    if to is None:
        raise RequestError(
            "it has a CRS and the image has none, so it cannot be laid on the image",
            where=where,
            fix="assign the image its CRS with gdal_edit.py -a_srs",
        )
    if crs == to.proj or not len(shapes):
        return shapes
    operation = _operation(shapes, crs, to.proj, where)

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(operation.transform(points[:, 0], points[:, 1]), axis=1)

    there: Shapes = shapely.transform(shapes, moved)
    points, owners = shapely.get_coordinates(there, return_index=True)
    nowhere = np.unique(owners[~np.isfinite(points).all(axis=1)])
    there[nowhere] = shapely.Point()
    return there


def _operation(shapes: Shapes, crs: CRS, to: CRS, where: str) -> Transformer:
    """One operation for all corners: where PROJ may choose, it chooses corner by corner, and edges bend."""
    try:
        with warnings.catch_warnings():
            # PROJ names the grids with which it would be more accurate still; they are not ours to fetch.
            warnings.simplefilter("ignore", UserWarning)
            group = TransformerGroup(crs, to, always_xy=True, area_of_interest=_area(shapes, crs))
        return group.transformers[0]
    except (ProjError, IndexError) as error:
        raise RequestError(
            "nothing transforms between its CRS and that of the image",
            where=where,
            fix="assign the CRS that it is in with ogr2ogr -a_srs",
        ) from error


def _area(shapes: Shapes, crs: CRS) -> AreaOfInterest | None:
    """The longitudes and latitudes of shapes; None where they cannot be told, as of coordinates of another CRS."""
    if crs.geodetic_crs is None:
        return None
    try:
        there = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        west, south, east, north = there.transform_bounds(*shapely.total_bounds(shapes))
    except ProjError:
        return None
    on_earth = all(abs(x) <= 360 for x in (west, east)) and all(abs(y) <= 90 for y in (south, north))
    return AreaOfInterest(west, south, east, north) if on_earth else None


def ground(grid: GeoBox) -> Any:
    """The ground of a grid as a polygon."""
    height, width = grid.shape
    return shapely.Polygon([grid.affine * corner for corner in ((0, 0), (width, 0), (width, height), (0, height))])


def _on_cells(shapes: Shapes, grid: GeoBox) -> Shapes:
    """Shapes in cells of a grid, x to the right and y down."""
    a = ~grid.affine

    def on_cells(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points[:, 0], points[:, 1]
        cells = np.stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f], axis=1)
        return np.round(cells * _STEPS) / _STEPS

    return np.asarray(shapely.transform(shapes, on_cells), object)


def usable(shapes: Shapes) -> tuple[Shapes, NDArray[np.bool_], int]:
    """Valid polygons and points; which of them were repaired; how many shapes are neither.

    What cannot be used is empty.
    """
    shapes = shapes.copy()
    kinds = shapely.get_type_id(shapes)
    other = ~np.isin(kinds, _KINDS) | shapely.is_empty(shapes)
    shapes[other] = shapely.Point()
    broken = ~shapely.is_valid(shapes)
    mended = _mended(shapes[broken])
    collapsed = ~np.isin(shapely.get_type_id(mended), _KINDS) | shapely.is_empty(mended)
    mended[collapsed] = shapely.Point()
    shapes[broken] = mended
    broken[np.flatnonzero(broken)[collapsed]] = False
    return shapes, broken, int(other.sum()) + int(collapsed.sum())


def _mended(shapes: Any) -> Any:
    """By structure: where parts of one shape overlap, the ground is labelled and no hole."""
    return shapely.make_valid(shapes, method="structure", keep_collapsed=False)
