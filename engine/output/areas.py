"""Where polygons in px lie on the ground, how large they are there, and how far m reach on their map."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]


class Surveyor:
    """Measures polygons on a grid.

    Areas in a projected CRS are those on its plane, in a geographic one those on its ellipsoid, both in m².  Without a
    CRS nobody knows how large a px is, so that all is counted in px.

    Args:
        grid: of the px.
    """

    def __init__(self, grid: GeoBox) -> None:
        crs = None if grid.crs is None else pyproj.CRS.from_wkt(grid.crs.to_wkt())
        self._affine = grid.affine
        self._ellipsoid = crs.get_geod() if crs is not None and crs.is_geographic else None
        # m, or radians, for each unit of the coordinates; px where they have none.
        self._per_unit = 1 / math.sqrt(abs(grid.affine.determinant))
        if crs is not None:
            self._per_unit = next((axis.unit_conversion_factor for axis in crs.axis_info), 1.0)
        self.unit: Literal["m2", "px2"] = "px2" if crs is None else "m2"

    def on_map(self, polygons: Geometries) -> Geometries:
        """Polygons in the coordinates of the map; where there are none, (column, -row), as QGIS draws such a raster."""
        a = self._affine
        if a.is_identity:
            a = Affine.scale(1, -1)

        def placed(points: Floats) -> Floats:
            x, y = points[:, 0], points[:, 1]
            return np.stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f], axis=1)

        found: Geometries = shapely.transform(polygons, placed)
        return found

    def areas(self, polygons: Geometries) -> Floats:
        """Areas of polygons in px."""
        if self._ellipsoid is None:
            found: Floats = shapely.area(polygons)
            return found if self.unit == "px2" else found * (abs(self._affine.determinant) * self._per_unit**2)
        degrees = math.degrees(self._per_unit)
        return np.array([_geodesic(self._ellipsoid, each, degrees) for each in self.on_map(polygons)], np.float64)

    def reach(self, metres: float) -> float:
        """The distance on the map, in its units, of a distance on the ground; in degrees the one along a meridian."""
        on_sphere = 1.0 if self._ellipsoid is None else float(self._ellipsoid.a)
        return metres / (self._per_unit * on_sphere)


def _geodesic(geod: pyproj.Geod, polygon: shapely.Geometry, degrees: float) -> float:
    """The area of a polygon on an ellipsoid, m².

    Args:
        degrees: for each unit of the coordinates.
    """
    total = 0.0
    for part in shapely.get_parts(polygon):
        outline, *holes = (
            abs(geod.polygon_area_perimeter(*(degrees * shapely.get_coordinates(ring)).T)[0])
            for ring in (part.exterior, *part.interiors)
        )
        total += outline - sum(holes)
    return total
