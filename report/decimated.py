"""The ground of a grid in few pixels, from the overviews of files: what quick looks are drawn from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.windows import Window

from ..engine.errors import RequestError
from ..engine.ground.grids import is_separable, relation
from ..engine.inputs.files import open_raster, readable
from ..engine.inputs.georeference import grid_of
from ..engine.request import OpenPolicy
from .rasters import Values

_MOST_TIMES = 4
"""A window of so many px per px of the picture is read in full where there are no overviews; a larger one is not."""


def decimated(
    grid: GeoBox, bands: Iterable[tuple[str, int]], shape: tuple[int, int], *, classes: bool = False
) -> Values:
    """(bands, rows, columns) of the ground of a grid, NaN where masked and beyond the files.

    Args:
        bands: path and number, from 1, of each.
        shape: rows and columns of the result.  Larger pixels than those of a file are means of them, of its overviews
            where it has some, and pixels at regular steps where it is large and has none.
        classes: whether values are numbers of classes, which have no mean.

    Raises:
        SeamlineError: a file cannot be read, or is turned against the grid.
    """
    planes = []
    for path, number in bands:
        with open_raster(path, OpenPolicy()) as data, readable(path):
            mapping = relation(grid, grid_of(data, path))
            if not is_separable(mapping):
                raise RequestError(
                    "it is turned against the picture", where=path, fix="rectify it first, or look at it alone"
                )
            place = Window(mapping.c, mapping.f, mapping.a * grid.shape[1], mapping.e * grid.shape[0])
            times = max(place.width / shape[1], place.height / shape[0])
            means = not classes and times > 1 and (times <= _MOST_TIMES or data.overviews(number))
            read = data.read(
                number,
                window=place,
                out_shape=shape,
                resampling=Resampling.average if means else Resampling.nearest,
                boundless=not _inside(place, data.width, data.height),
                masked=True,
            )
            planes.append(np.asarray(read.astype(np.float32).filled(np.nan)))
    return np.stack(planes)


def _inside(place: Window, width: int, height: int) -> bool:
    left, top = place.col_off, place.row_off
    return bool(left >= 0 and top >= 0 and left + place.width <= width and top + place.height <= height)
