"""Labels: what stands where on the ground, from shapes or from a raster, on any grid.

Whatever labels were made in, a cell is asked at its centre: it belongs to the polygon that holds its centre, to the
cell of a label raster that holds it, and to a point that lies in it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ..errors import RequestError, UnusedOptionWarning
from ..request import OpenPolicy, check_whole
from .files import check_place
from .label_classes import UNLABELLED, check_rest
from .label_rasters import open_label_raster
from .label_shapes import open_label_shapes
from .vectors import Box, is_vector

__all__ = ["UNLABELLED", "LabelRequest", "Labels", "open_labels"]


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Which labels the user means.

    Attributes:
        path: a vector file (GeoPackage, GeoJSON, Shapefile, FlatGeobuf) or a raster of class numbers.
        field: the column of the class; None for one called "class", and without such a column all shapes are of one
            class, which is called like the layer.
        layer: of a vector file; None where only one has shapes.
        rest: name of the class of all ground that is not labelled; None where nothing is known of it.
        ignore: a class number that stands for "not labelled", also where there is a rest.
    """

    path: str
    field: str | None = None
    layer: str | None = None
    rest: str | None = None
    ignore: int | None = None

    def __post_init__(self) -> None:
        check_rest(self.rest)
        check_whole("--ignore", self.ignore)


class Labels(Protocol):
    """Labels that can be laid on any grid."""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of their numbers: by name (whole numbers by value), the rest first."""
        ...

    @property
    def counts(self) -> tuple[int, ...]:
        """Shapes, or cells of the images under a label raster, of each class; 0 of the rest."""
        ...

    def rasterise(self, grid: GeoBox) -> NDArray[np.uint8]:
        """(rows, columns) the class number of each cell by its centre, ``UNLABELLED`` where nothing is known.

        Raises:
            RequestError: the labels have a CRS and the grid has none, or nothing transforms between the two.
        """
        ...

    def boxes(self, crs: CRS | None) -> NDArray[np.float64]:
        """(n, 4) xmin, ymin, xmax, ymax of each shape, or of the whole raster; NaN for what lies nowhere in the CRS."""
        ...

    def bounds(self, crs: CRS | None) -> Box | None:
        """What all of it lies in; None where it lies nowhere in the CRS."""
        ...


def open_labels(request: LabelRequest, policy: OpenPolicy | None = None, *grids: GeoBox) -> Labels:
    """Read labels and number their classes.

    Args:
        grids: of the images that the labels are for.  Labels elsewhere do not count, and classes that are only there
            are left out; without grids everything counts.

    Raises:
        RequestError: missing, unreadable or of a format that is not allowed; no such layer or column; no label on any
            image; no class, one class only and no rest, or more classes than a class map can number.

    Warns:
        GeoreferenceWarning: they have no CRS, and are taken to be in that of the images.
        RepairedGeometryWarning: shapes that are not valid were repaired.
        OverlappingLabelsWarning: polygons of different classes overlap; the later one counts.
        SkippedLabelsWarning: some have no class or no usable shape, or classes lie outside the images.
        UnusedOptionWarning: a layer or a column was named for a raster.
    """
    policy = policy or OpenPolicy()
    check_place(request.path)
    if is_vector(request.path):
        labels: Labels = open_label_shapes(
            request.path, request.layer, request.field, request.rest, request.ignore, grids
        )
    else:
        labels = open_label_raster(request.path, request.rest, request.ignore, policy, grids)
        for option, value in (("--layer", request.layer), ("--class-field", request.field)):
            if value is not None:
                sentence = f"{option} {value} is not used: {request.path} is taken for a raster"
                warnings.warn(UnusedOptionWarning(sentence), stacklevel=2)
    if len(labels.names) == 1:
        raise RequestError(
            f"all labels are of one class, {labels.names[0]}",
            where=request.path,
            fix="pass --rest NAME to make all other ground a class, or name the class column with --class-field",
        )
    return labels
