"""Polygons of a map of classes: each area of one class, with its size, in a GeoPackage.

The map passes by once in strips, so that memory follows its width, and its largest area, but not its height.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from ..context import RunContext
from ..contract import Category
from ..inputs.files import quiet
from ..plan.plan import Output
from ..plan.vector_files import VectorFiles
from .areas import Surveyor
from .geopackage import GeoPackage
from .regions import RegionJoiner, Regions

_STRIP_ROWS = 512
# Features that are prepared and written at a time.
_CHUNK = 20_000


def write_polygons(
    raster: Path, output: Output, wanted: VectorFiles, path: Path, context: RunContext
) -> dict[str, Any]:
    """Write the areas of every class of a map, in the CRS of the map; what is masked belongs to none.

    Args:
        raster: the map.
        output: what it is.

    Returns:
        Facts for the report.

    Raises:
        RunError: the disk is full or the file cannot be written.
        Cancelled: in the middle; no file is left.
    """
    surveyor = Surveyor(output.grid)
    area = f"area_{surveyor.unit}"
    fields = {"class": np.int32, "name": object, area: np.float64}
    with GeoPackage(path, "polygons", "MultiPolygon", fields, output.grid.crs) as file:
        for regions in _regions(raster, context):
            areas = surveyor.areas(regions.shapes)
            kept = areas >= wanted.min_area
            shapes = _simplified(surveyor.on_map(regions.shapes[kept]), surveyor.reach(wanted.simplify))
            classes = regions.classes[kept]
            file.write(shapes, {"class": classes, "name": names_of(classes, output.categories), area: areas[kept]})
    return {"path": str(path), "features": file.count, "unit": surveyor.unit}


def _regions(raster: Path, context: RunContext) -> Iterator[Regions]:
    """All areas of a map, so many at a time."""
    joiner, waiting, count = RegionJoiner(), [], 0
    with quiet(), rasterio.open(raster) as data:
        for row in range(0, data.height, _STRIP_ROWS):
            context.cancel.check()
            window = rasterio.windows.Window(0, row, data.width, min(_STRIP_ROWS, data.height - row))
            waiting.append(joiner.add(data.read(1, window=window), data.read_masks(1, window=window) > 0))
            count += len(waiting[-1].classes)
            if count >= _CHUNK:
                yield from _chunks(waiting, context)
                waiting, count = [], 0
    waiting.append(joiner.finish())
    yield from _chunks(waiting, context)


def _chunks(found: Sequence[Regions], context: RunContext) -> Iterator[Regions]:
    shapes, classes = (np.concatenate(parts) for parts in zip(*((r.shapes, r.classes) for r in found), strict=True))
    for first in range(0, len(classes), _CHUNK):
        context.cancel.check()
        yield Regions(shapes[first : first + _CHUNK], classes[first : first + _CHUNK])


def _simplified(polygons: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    """Polygons whose outlines moved by no more than a tolerance, valid and without stray lines."""
    if not tolerance or not len(polygons):
        return polygons
    simple: NDArray[np.object_] = shapely.simplify(polygons, tolerance, preserve_topology=True)
    wrong = ~shapely.is_valid(simple)
    simple[wrong] = [_surfaces(each) for each in shapely.make_valid(simple[wrong])]
    lost = shapely.is_empty(simple)
    simple[lost] = polygons[lost]
    return simple


def _surfaces(geometry: shapely.Geometry) -> shapely.Geometry:
    """The polygons in what a repair left."""
    # A collection may hold polygons by themselves and several in one.
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def names_of(classes: NDArray[np.int64], categories: Sequence[Category]) -> NDArray[np.object_]:
    """The name of each class; its number where it has none."""
    known = dict(enumerate(category.name for category in categories))
    return np.array([known.get(number, str(number)) for number in classes.tolist()], object)
