"""Files of labels for tests: shapes with a class each, and rasters of class numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

UTM = "EPSG:32633"
GRID = GeoBox((40, 60), Affine(10, 0, 500_000, 0, -10, 5_000_000), UTM)
"""An image: 600 m x 400 m."""


def square(column, row, side=4.0, grid=GRID):
    """A square with its top left corner there, in cells of a grid."""
    corners = ((0, 0), (side, 0), (side, side), (0, side))
    return shapely.Polygon([grid.affine * (column + x, row + y) for x, y in corners])


def write_shapes(path, shapes, crs=UTM, *, driver="GPKG", layer=None, append=False, **columns):
    """A vector file; shapes may be None."""
    wkb = np.array([None if shape is None else shapely.to_wkb(shape) for shape in shapes], object)
    data = [np.asarray(v, object if any(isinstance(each, str) for each in v) else None) for v in columns.values()]
    kinds = {shape.geom_type for shape in shapes if shape is not None}
    options = {"driver": driver, "append": append} | ({"layer": layer} if layer else {})
    with warnings.catch_warnings():
        # That there is no CRS, where it is left out on purpose.
        warnings.simplefilter("ignore", UserWarning)
        kind = kinds.pop() if len(kinds) == 1 else "Unknown"
        pyogrio.raw.write(str(path), wkb, data, list(columns), geometry_type=kind, crs=crs, **options)
    return str(path)


def write_raster(path, values, grid=GRID, **more):
    """A GeoTIFF of class numbers."""
    values = values if values.ndim == 3 else values[None]
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype} | more
    place = {"transform": grid.affine, "crs": None if grid.crs is None else grid.crs.to_wkt()}
    with rasterio.open(path, "w", **place | profile) as file:
        file.write(values)
    return str(path)
