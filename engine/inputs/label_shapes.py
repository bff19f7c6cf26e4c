"""Labels drawn as polygons and points: numbered by their classes, laid on any grid, the later one on top."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS as GridCRS
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from rasterio.features import rasterize

from ..errors import (
    GeoreferenceWarning,
    OverlappingLabelsWarning,
    RepairedGeometryWarning,
    RequestError,
    SkippedLabelsWarning,
)
from .label_classes import UNLABELLED, Classes, make_classes, spell
from .shapes import Placed, Shapes, ground, reprojected, usable
from .vectors import Box, Layer, check_field, find_layer, read_column, read_features

_CLASS = "class"
# Neighbours that were drawn along one line share slivers; those are no overlap.
_SLIVER = 1e-3


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
        self._projected: dict[str, Placed] = {}

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
        shapes, owners = self._in(grid.crs).on_cells(grid)
        if len(shapes):
            rasterize(zip(shapes, self._numbers[owners].tolist(), strict=True), out=cells, all_touched=False)
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

    def _in(self, crs: GridCRS | None) -> Placed:
        key = "" if crs is None else str(crs.to_wkt())
        if key not in self._projected:
            self._projected[key] = Placed(reprojected(self._shapes, self._crs, crs, self.source))
        return self._projected[key]


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
    shapes, repaired, unusable = usable(features.shapes)
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


def _on_any(shapes: Shapes, layer: Layer, grids: Sequence[GeoBox]) -> NDArray[np.bool_]:
    """Which shapes meet the ground of any grid; all that are not empty where there is none."""
    here = np.zeros(len(shapes), np.bool_)
    if not grids:
        return np.asarray(~shapely.is_empty(shapes))
    for grid in grids:
        here |= shapely.intersects(reprojected(shapes, layer.crs, grid.crs, layer.path), ground(grid))
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
