"""What grids are, in a few words."""

from __future__ import annotations

import math

from odc.geo.geobox import GeoBox


def size_of_grid(grid: GeoBox) -> str:
    """Width and height."""
    height, width = grid.shape
    return f"{width:,} × {height:,} px".replace(",", " ")


def unit_of(grid: GeoBox) -> str:
    """Of the CRS; px without one."""
    if grid.crs is None:
        return "px"
    return "°" if grid.crs.geographic else "m" if grid.crs.units[0] == "metre" else str(grid.crs.units[0])


def pixel_of(grid: GeoBox) -> str:
    """Pixel size and CRS, as far as they are known."""
    if grid.crs is None:
        return "no CRS"
    side, code = math.hypot(grid.affine.a, grid.affine.d), grid.crs.to_epsg()
    unit = unit_of(grid)
    size = f"{side:.6g}{unit}" if unit == "°" else f"{side:.6g} {unit}"
    return size + (f", EPSG:{code}" if code else "")
