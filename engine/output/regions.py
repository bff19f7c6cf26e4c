"""Areas of one class in a raster that passes by in strips: polygons in px, joined across the strips.

Everything is counted on the lines between pixels, in whole numbers, so that what meets at the rim of a strip meets
exactly, and an area has the outline that it has where the raster comes in one piece.  Pixels of one class belong
together where they share a side.  Only what the last row of a strip belongs to stays open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes

Geometries = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Areas that no later row belongs to.

    Attributes:
        shapes: polygons, valid; (x, y) in px of the raster.
        classes: (n,) of each.
    """

    shapes: Geometries
    classes: NDArray[np.int64]


class RegionJoiner:
    """Takes the strips of a raster from top to bottom and gives the areas that each completes."""

    def __init__(self) -> None:
        self._row = 0
        self._next = 0
        self._parents: dict[int, int] = {}
        self._parts: dict[int, list[shapely.Geometry]] = {}
        self._classes: dict[int, int] = {}
        self._below: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, values: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Regions:
        """Take the next rows, both (rows, columns)."""
        polygons, kinds = _pieces(values, valid, self._row)
        ids = np.arange(self._next, self._next + len(polygons))
        for number, polygon, kind in zip(ids.tolist(), polygons, kinds, strict=True):
            self._parents[number], self._parts[number], self._classes[number] = number, [polygon], kind
        top = _along(polygons, ids, self._row, values.shape[1])
        if self._below.size:
            self._join(top)
        self._row += values.shape[0]
        self._next += len(polygons)
        self._below = _along(polygons, ids, self._row, values.shape[1])
        return self._complete({self._root(number) for number in np.unique(self._below[self._below >= 0]).tolist()})

    def finish(self) -> Regions:
        """What is still open after the last strip."""
        return self._complete(set())

    def _join(self, top: NDArray[np.int64]) -> None:
        """Make one of the areas that meet along the line between two strips."""
        meet = (self._below >= 0) & (top >= 0)
        for above, below in np.unique(np.stack([self._below[meet], top[meet]]), axis=1).T.tolist():
            a, b = self._root(above), self._root(below)
            if a == b or self._classes[a] != self._classes[b]:
                continue
            # The shorter list moves, so that no part moves often.
            if len(self._parts[a]) < len(self._parts[b]):
                a, b = b, a
            self._parts[a] += self._parts.pop(b)
            self._parents[b] = a

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def _complete(self, still_open: set[int]) -> Regions:
        done = [root for root in self._parts if root not in still_open]
        found = np.array([_united(self._parts.pop(root)) for root in done], object)
        classes = np.array([self._classes[root] for root in done], np.int64)
        # What is left are the roots of what is open; the last row names them alone.
        self._below = np.array([self._root(n) if n >= 0 else n for n in self._below.tolist()], np.int64)
        self._parents = {root: root for root in still_open}
        self._classes = {root: self._classes[root] for root in still_open}
        return Regions(found, classes)


def _pieces(values: NDArray[np.uint8], valid: NDArray[np.bool_], row: int) -> tuple[Geometries, list[int]]:
    """The areas of a strip that begins at ``row``, and their classes."""
    points: list[tuple[float, float]] = []
    rings, outlines, kinds = [0], [0], []
    for shape, value in shapes(values, mask=valid, connectivity=4, transform=Affine.translation(0, row)):
        for ring in shape["coordinates"]:
            points += ring
            rings.append(len(points))
        outlines.append(len(rings) - 1)
        kinds.append(int(value))
    if not kinds:
        return np.empty(0, object), kinds
    offsets = np.array(rings, np.int64), np.array(outlines, np.int64)
    polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, np.array(points, np.float64), offsets)
    return _repaired(polygons), kinds


def _along(polygons: Geometries, ids: NDArray[np.int64], line: int, width: int) -> NDArray[np.int64]:
    """For each column, the id of the polygon that has a side of that px on a row line; -1 where none has."""
    found = np.full(width, -1, np.int64)
    if not len(polygons):
        return found
    bounds = shapely.bounds(polygons)
    near = (bounds[:, 1] == line) | (bounds[:, 3] == line)
    points, owner = shapely.get_coordinates(polygons[near], return_index=True)
    on = points[:, 1] == line
    sides = np.nonzero(on[:-1] & on[1:] & (owner[:-1] == owner[1:]))[0]
    names = ids[near]
    for i in sides.tolist():
        first, last = sorted((int(points[i, 0]), int(points[i + 1, 0])))
        found[first:last] = names[owner[i]]
    return found


def _repaired(polygons: Geometries) -> Geometries:
    """The same areas as valid geometries: an outline may touch itself at a corner."""
    wrong = ~shapely.is_valid(polygons)
    if wrong.any():
        polygons[wrong] = shapely.make_valid(polygons[wrong])
    return polygons


def _united(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """One area of its parts, without the corners that lie on straight lines where strips met."""
    return parts[0] if len(parts) == 1 else shapely.simplify(shapely.union_all(parts), 0)
