"""Labels drawn as polygons and points: repaired, reprojected once per CRS, laid on any grid."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
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
from rasterio.features import rasterize

from ..errors import (
    GeoreferenceWarning,
    OverlappingLabelsWarning,
    RepairedGeometryWarning,
    RequestError,
    SkippedLabelsWarning,
)
from .label_classes import UNLABELLED, Classes, make_classes, spell
from .vectors import Box, Layer, check_field, find_layer, read_column, read_features

Shapes = NDArray[np.object_]

_KINDS = tuple(shapely.GeometryType[name] for name in ("POINT", "MULTIPOINT", "POLYGON", "MULTIPOLYGON"))
_CLASS = "class"
# Neighbours that were drawn along one line share slivers; those are no overlap.
_SLIVER = 1e-3
# Parts of a cell to which corners are rounded, so that an edge through the centres of cells cuts them alike in every
# window.
_STEPS = 2.0**20


class ShapeLabels:
    """Shapes with a class each; the later one wins where they overlap.

    Args:
        source: the file.
        classes: by number.
        shapes: valid polygons and points, in the order in which they are laid.
        numbers: class of each; ``UNLABELLED`` for those that are to be ignored.
        crs: of the shapes; None for that of any grid.
    """

    def __init__(
        self, source: str, classes: Classes, shapes: Shapes, numbers: NDArray[np.uint8], crs: CRS | None
    ) -> None:
        self.source, self.classes = source, classes
        self._shapes, self._numbers, self._crs = shapes, numbers, crs
        self._projected: dict[str, _Projected] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of their numbers."""
        return self.classes.names

    @property
    def counts(self) -> tuple[int, ...]:
        """Shapes of each class."""
        return tuple(int(n) for n in np.bincount(self._numbers, minlength=UNLABELLED + 1)[: len(self.names)])

    def rasterise(self, grid: GeoBox) -> NDArray[np.uint8]:
        """The class number of each cell, (h, w)."""
        cells = np.full(grid.shape, self.classes.fill, np.uint8)
        there = self._in(grid.crs)
        found = there.meeting(grid)
        if len(found):
            shapes = _on_cells(there.shapes[found], grid)
            burnt = zip(shapes, self._numbers[found].tolist(), strict=True)
            rasterize(burnt, out=cells, all_touched=False)
        return cells

    def boxes(self, crs: GridCRS | None) -> NDArray[np.float64]:
        """(n, 4) bounds of each shape; NaN for those that lie nowhere in the CRS."""
        return np.asarray(shapely.bounds(self._in(crs).shapes), np.float64).reshape(-1, 4)

    def bounds(self, crs: GridCRS | None) -> Box | None:
        """The bounds of all shapes."""
        boxes = self.boxes(crs)
        boxes = boxes[np.isfinite(boxes).all(axis=1)]
        if not len(boxes):
            return None
        (xmin, ymin), (xmax, ymax) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
        return xmin, ymin, xmax, ymax

    def count_overlaps(self) -> int:
        """Polygons that cover ground of an earlier one of another class."""
        own = np.flatnonzero((shapely.get_dimensions(self._shapes) == 2) & (self._numbers != UNLABELLED))
        shapes, numbers = self._shapes[own], self._numbers[own]
        later, earlier = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        pairs = (later > earlier) & (numbers[later] != numbers[earlier])
        later, earlier = later[pairs], earlier[pairs]
        shared = shapely.area(shapely.intersection(shapes[later], shapes[earlier]))
        smaller = np.minimum(shapely.area(shapes[later]), shapely.area(shapes[earlier]))
        return len(np.unique(later[shared > _SLIVER * smaller]))

    def _in(self, crs: GridCRS | None) -> _Projected:
        key = "" if crs is None else str(crs.to_wkt())
        if key not in self._projected:
            self._projected[key] = _Projected(reprojected(self._shapes, self._crs, crs, self.source))
        return self._projected[key]


@dataclass(frozen=True, eq=False)
class _Projected:
    """Shapes in one CRS; what lies nowhere in it is empty."""

    shapes: Shapes

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def meeting(self, grid: GeoBox) -> NDArray[np.int64]:
        """Positions of the shapes that meet the ground of a grid, ascending."""
        return np.sort(self.tree.query(_ground(grid), predicate="intersects"))


def open_label_shapes(
    path: str,
    layer_name: str | None,
    field: str | None,
    rest: str | None,
    ignore: int | None,
    grids: Sequence[GeoBox],
) -> ShapeLabels:
    """Read the labels of a vector file that lie on the grids; see ``labels.open_labels``."""
    layer = find_layer(path, layer_name)
    if field is None:
        field = next((name for name in layer.fields if name.lower() == _CLASS), None)
    else:
        check_field(layer, field)
    features = read_features(layer, field, _box_around(grids, layer))
    shapes, repaired, unusable = _usable(features.shapes)
    here = np.flatnonzero(_on_any(shapes, layer, grids))
    if not len(here):
        raise _no_labels(layer, len(features.shapes), unusable)
    texts: list[str | None] = [layer.name] * len(here)
    if features.values is not None:
        texts = spell(features.values[here], what=f"the column {field}", where=path)
    ignored = None if ignore is None else str(ignore)
    classes = make_classes((t for t in texts if t is not None and t != ignored), rest=rest, where=path)
    numbers = classes.numbers(texts)
    classed = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
    labels = ShapeLabels(path, classes, shapes[here][classed], numbers[classed], layer.crs)
    _warn(labels, layer, repaired=int(repaired[here].sum()), unusable=unusable, unclassed=int((~classed).sum()))
    if field is not None and grids:
        _warn_absent(layer, field, {*classes.names, ignored})
    return labels


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
    if crs == to.proj:
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
    area = None
    try:
        with warnings.catch_warnings():
            # PROJ names the grids with which it would be more accurate still; they are not ours to fetch.
            warnings.simplefilter("ignore", UserWarning)
            if crs.geodetic_crs is not None:
                geographic = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
                bounds = geographic.transform_bounds(*shapely.total_bounds(shapes))
                area = AreaOfInterest(*bounds) if all(map(math.isfinite, bounds)) else None
            group = TransformerGroup(crs, to, always_xy=True, area_of_interest=area)
        return group.transformers[0]
    except (ProjError, IndexError) as error:
        raise RequestError(
            "nothing transforms between its CRS and that of the image",
            where=where,
            fix="assign the CRS that it is in with ogr2ogr -a_srs",
        ) from error


def _ground(grid: GeoBox) -> Any:
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


def _usable(shapes: Shapes) -> tuple[Shapes, NDArray[np.bool_], int]:
    """Valid polygons and points; which of them were repaired; how many shapes are neither.

    What cannot be used is empty.
    """
    shapes = shapes.copy()
    kinds = shapely.get_type_id(shapes)
    other = ~np.isin(kinds, _KINDS) | shapely.is_empty(shapes)
    shapes[other] = shapely.Point()
    broken = ~shapely.is_valid(shapes)
    # By its structure: where parts of one shape overlap, the ground is labelled and no hole.
    mended = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    collapsed = ~np.isin(shapely.get_type_id(mended), _KINDS) | shapely.is_empty(mended)
    mended[collapsed] = shapely.Point()
    shapes[broken] = mended
    broken[np.flatnonzero(broken)[collapsed]] = False
    return shapes, broken, int(other.sum()) + int(collapsed.sum())


def _on_any(shapes: Shapes, layer: Layer, grids: Sequence[GeoBox]) -> NDArray[np.bool_]:
    """Which shapes meet the ground of any grid; all that are not empty where there is none."""
    here = np.zeros(len(shapes), np.bool_)
    if not grids:
        return np.asarray(~shapely.is_empty(shapes))
    for grid in grids:
        here |= shapely.intersects(reprojected(shapes, layer.crs, grid.crs, layer.path), _ground(grid))
    return here


def _box_around(grids: Sequence[GeoBox], layer: Layer) -> Box | None:
    """A box of the layer's CRS that holds the ground of the grids; None where that cannot be told."""
    if layer.crs is None or not grids:
        return None
    boxes = []
    for grid in grids:
        if grid.crs is None:
            return None
        try:
            there = Transformer.from_crs(grid.crs.proj, layer.crs, always_xy=True)
            xmin, ymin, xmax, ymax = there.transform_bounds(*grid.boundingbox.bbox)
        except ProjError:
            return None
        # Beyond the antimeridian the left is above the right.
        if not all(map(math.isfinite, (xmin, ymin, xmax, ymax))) or xmin > xmax:
            return None
        # Edges bend between the points that were asked for.
        more = 0.02 * max(xmax - xmin, ymax - ymin)
        boxes.append((xmin - more, ymin - more, xmax + more, ymax + more))
    low, high = np.min(boxes, axis=0).tolist(), np.max(boxes, axis=0).tolist()
    return low[0], low[1], high[2], high[3]


def _no_labels(layer: Layer, read: int, unusable: int) -> RequestError:
    if read and read == unusable:
        return RequestError(
            "it holds no polygon and no point that can be used", where=layer.path, fix="draw labels as polygons"
        )
    if layer.crs is None:
        return RequestError(
            "it has no CRS, and by its coordinates no label lies on an image",
            where=layer.path,
            fix="assign the CRS that it is in with ogr2ogr -a_srs",
        )
    return RequestError(
        "no label lies on an image", where=layer.path, fix="check the CRS of both, or give labels of that ground"
    )


def _warn(labels: ShapeLabels, layer: Layer, *, repaired: int, unusable: int, unclassed: int) -> None:
    if layer.crs is None:
        sentence = f"{layer.path}: no CRS; its coordinates are taken to be in that of the images"
        warnings.warn(GeoreferenceWarning(sentence), stacklevel=4)
    if unusable:
        sentence = f"{layer.path}: {unusable} of its shapes are left out: no polygons, no points, or empty"
        warnings.warn(SkippedLabelsWarning(sentence), stacklevel=4)
    if unclassed:
        sentence = f"{layer.path}: {unclassed} of its shapes are left out: they have no class"
        warnings.warn(SkippedLabelsWarning(sentence), stacklevel=4)
    if repaired:
        sentence = f"{layer.path}: {repaired} of its shapes were not valid and have been repaired"
        warnings.warn(RepairedGeometryWarning(sentence), stacklevel=4)
    if overlapped := labels.count_overlaps():
        sentence = f"{layer.path}: {overlapped} of its polygons overlap earlier ones of another class; the later counts"
        warnings.warn(OverlappingLabelsWarning(sentence), stacklevel=4)


def _warn_absent(layer: Layer, field: str, known: set[str | None]) -> None:
    texts = spell(read_column(layer, field), what=f"the column {field}", where=layer.path)
    absent = sorted({text for text in texts if text is not None} - known)
    if absent:
        listed = ", ".join(absent[:12]) + (" and more" if len(absent) > 12 else "")
        sentence = f"{layer.path}: no label of {listed} lies on an image, so there is no such class"
        warnings.warn(SkippedLabelsWarning(sentence), stacklevel=4)
