"""Grids that make one input together: the pixels of each hold whole pixels of the finest one, over the same ground."""

from __future__ import annotations

from odc.geo.geobox import GeoBox

from ..errors import RequestError
from .grids import TOLERANCE, Window, check_same_crs, footprint, is_separable, ratio, relation


def check_fit(fine: GeoBox, coarse: GeoBox, *, fine_name: str, coarse_name: str) -> None:
    """Refuse a grid that makes no input with the finest one.

    Raises:
        RequestError: another CRS, turned, pixels that are no whole multiple, or other ground by more than one of them.
    """
    if coarse == fine:
        return
    check_same_crs(fine, coarse, fine_name=fine_name, coarse_name=coarse_name)
    mapping, sizes = relation(fine, coarse), ratio(fine, coarse)
    if not is_separable(mapping):
        raise RequestError(
            f"its pixels are turned against those of {fine_name}",
            where=coarse_name,
            fix="bring the files to one orientation with gdalwarp",
        )
    if any(abs(size - round(size)) > TOLERANCE * size for size in sizes):
        raise RequestError(
            f"its pixels are {sizes[1]:.6g} x {sizes[0]:.6g} of those of {fine_name}, no whole multiple",
            where=coarse_name,
            fix="resample it with gdalwarp -tr",
        )
    (left, top), (right, bottom) = ~mapping * (0, 0), ~mapping * coarse.shape[::-1]
    height, width = fine.shape
    beside = max(abs(left), abs(right - width)) / sizes[1], max(abs(top), abs(bottom - height)) / sizes[0]
    # Pixels as large as the finest ones are either these or none of the input's.
    if max(beside) > 1 + TOLERANCE or max(sizes) < 1.5:
        raise RequestError(
            f"it covers other ground than {fine_name}",
            where=coarse_name,
            fix="cut the files to one extent with gdalwarp -te",
        )


def leaves_gaps(fine: GeoBox, coarse: GeoBox) -> bool:
    """Whether the centre of a fine pixel lies beside the coarse grid."""
    if coarse == fine:
        return False
    return footprint(fine, coarse, fine_name="", coarse_name="") != Window(0, 0, *fine.shape)
