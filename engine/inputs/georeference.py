"""Where a raster lies: its affine and its CRS, as far as they can be used."""

from __future__ import annotations

import warnings

import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from ..errors import GeoreferenceWarning, RequestError

_LARGEST_TERM = 1e100
# How far a corner may come back from where it was placed, px.
_TELLS_APART = 0.01


def grid_of(data: rasterio.DatasetReader, path: str) -> GeoBox:
    """The grid of an opened raster: shape, affine and CRS.

    Raises:
        RequestError: it has no affine that tells its pixels apart, or its CRS cannot be read.

    Warns:
        GeoreferenceWarning: it has no georeference, or no CRS.
    """
    if data.transform.is_identity:
        if data.gcps[0] or data.rpcs:
            raise RequestError(
                "it is placed by ground control points or RPCs only, without an affine georeference",
                where=path,
                fix="rectify it first with gdalwarp (-tps, -order 1, or -rpc)",
            )
        warnings.warn(GeoreferenceWarning(f"{path}: no georeference; the output has none either"), stacklevel=3)
    elif data.crs is None:
        warnings.warn(GeoreferenceWarning(f"{path}: no CRS; the output has none either"), stacklevel=3)
    if not _is_usable(data.transform, data.width, data.height):
        raise RequestError("its affine is degenerate", where=path, fix="repair the georeference")
    try:
        return GeoBox((data.height, data.width), data.transform, data.crs.to_wkt() if data.crs else None)
    except ProjError as error:
        raise RequestError(
            f"its CRS cannot be read ({error})", where=path, fix="assign one with gdal_edit.py -a_srs"
        ) from error


def _is_usable(affine: Affine, width: int, height: int) -> bool:
    """Whether an affine tells pixels apart, and squares of its terms neither overflow nor vanish."""
    if not (all(abs(term) < _LARGEST_TERM for term in affine) and abs(affine.determinant) > 1 / _LARGEST_TERM):
        return False
    back = ~affine
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        there = affine * corner
        missed = max(abs(found - told) for found, told in zip(back * there, corner, strict=True))
        # Not the other way round: what is no number is no place.
        if not (max(map(abs, there)) < _LARGEST_TERM and missed < _TELLS_APART):
            return False
    return True
