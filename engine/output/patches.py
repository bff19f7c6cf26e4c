"""Patches that a model classified, one square each with its class and score, in a GeoPackage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from ..context import RunContext
from ..inputs.files import quiet
from ..plan.plan import Output
from .areas import Surveyor
from .geopackage import GeoPackage
from .polygons import names_of

# Features that are prepared and written at a time, about.
_CHUNK = 20_000


def write_patches(raster: Path, score: Path | None, output: Output, path: Path, context: RunContext) -> dict[str, Any]:
    """Write every patch that is not masked, in the CRS of the map.

    Args:
        raster: the map of classes, a px a patch.
        score: how sure the model is of each; None where it does not tell.
        output: what the map is.

    Returns:
        Facts for the report.

    Raises:
        RunError: the disk is full or the file cannot be written.
        Cancelled: in the middle; no file is left.
    """
    surveyor = Surveyor(output.grid)
    fields = {"class": np.int32, "name": object} | ({} if score is None else {"score": np.float64})
    with GeoPackage(path, "patches", "Polygon", fields, output.grid.crs) as file:
        for rows, columns, classes, scores in _patches(raster, score):
            context.cancel.check()
            squares = surveyor.on_map(shapely.box(columns, rows, columns + 1, rows + 1))
            told = {"class": classes, "name": names_of(classes, output.categories)}
            file.write(squares, told if scores is None else told | {"score": scores})
    return {"path": str(path), "features": file.count}


def _patches(
    raster: Path, score: Path | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]]:
    """(row, column, class, score) of valid patches, some rows at a time."""
    with quiet(), rasterio.open(raster) as data:
        step = max(_CHUNK // data.width, 1)
        for first in range(0, data.height, step):
            window = rasterio.windows.Window(0, first, data.width, min(step, data.height - first))
            rows, columns = np.nonzero(data.read_masks(1, window=window))
            classes = data.read(1, window=window)[rows, columns].astype(np.int64)
            scores = None if score is None else _read(score, window)[rows, columns].astype(np.float64)
            yield rows + first, columns, classes, scores


def _read(path: Path, window: rasterio.windows.Window) -> NDArray[Any]:
    with quiet(), rasterio.open(path) as data:
        values: NDArray[Any] = data.read(1, window=window)
    return values
