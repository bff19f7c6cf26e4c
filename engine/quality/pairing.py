"""How the cells of a coarse grid lie on a fine one, so that both can be cut to what they share.

Affines carry the rounding of their files, and some products state pixel sizes to a few digits only: ratios and offsets
that stay within ``DRIFT`` of whole pixels over the whole grid count as whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from ..errors import RequestError
from ..ground.grids import Window, check_same_crs, is_separable, relation

DRIFT = 0.05
"""Fine px by which a grid may miss whole pixels at its far end and still count as lying on them."""

APART = 0.5
"""Fine px by which the two axes may part over the whole grid; they are then taken for one, by their mean."""

_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Pairing:
    """Whole coarse cells, and the fine pixels that they cover.

    Attributes:
        ratio: fine px per cell along either axis, above 1.
        fine: px of the fine grid that the cells touch.
        coarse: the cells.
        offset: (row, column) of the corner of the first cell from that of ``fine``, fine px, 0 <= offset < 1.
    """

    ratio: float
    fine: Window
    coarse: Window
    offset: tuple[float, float]


def pair(fine: GeoBox, coarse: GeoBox, *, fine_name: str, coarse_name: str) -> Pairing:
    """The coarse cells that lie wholly on the fine grid.

    Raises:
        RequestError: different CRS, grids turned against each other, a ratio that is not above 1 or differs by more
            than ``APART`` between the axes, or no cell in common.
    """
    check_same_crs(fine, coarse, fine_name=fine_name, coarse_name=coarse_name)
    mapping = relation(coarse, fine)
    if not is_separable(mapping):
        raise RequestError(
            f"its grid is turned against that of {fine_name}", where=coarse_name, fix="resample it with gdalwarp"
        )
    longest = max(coarse.shape)
    ratio = _whole((mapping.a + mapping.e) / 2.0, DRIFT / longest)
    size = f"its px measure {mapping.a:.6g} x {mapping.e:.6g} px of {fine_name}"
    if not min(mapping.a, mapping.e) > 1.0:
        raise RequestError(
            size, where=coarse_name, fix="check that the inputs are not swapped; a pair needs a ratio above 1"
        )
    if abs(mapping.a - mapping.e) * longest > APART:
        raise RequestError(
            f"{size}: another ratio along each axis",
            where=coarse_name,
            fix="resample it with gdalwarp -tr to px of one ratio",
        )
    rows = _axis(mapping.f, ratio, fine.shape[0], coarse.shape[0])
    columns = _axis(mapping.c, ratio, fine.shape[1], coarse.shape[1])
    if rows is None or columns is None:
        raise RequestError(
            f"it covers no whole pixel of {coarse_name}", where=fine_name, fix="check that both show the same ground"
        )
    return Pairing(
        ratio,
        Window(rows[0], columns[0], rows[1], columns[1]),
        Window(rows[2], columns[2], rows[3], columns[3]),
        (rows[4], columns[4]),
    )


def _whole(value: float, tolerance: float) -> float:
    return float(round(value)) if abs(value - round(value)) <= tolerance else value


def _axis(start: float, ratio: float, length: int, cells: int) -> tuple[int, int, int, int, float] | None:
    """First fine px and their count, first cell and their count, offset; None without a whole cell."""
    start = _whole(start, DRIFT)
    first = max(math.ceil(-start / ratio - _SLACK), 0)
    last = min(math.floor((length - start) / ratio + _SLACK), cells)
    if last <= first:
        return None
    low, high = start + first * ratio, start + last * ratio
    origin, stop = math.floor(low + _SLACK), min(math.ceil(high - _SLACK), length)
    return origin, stop - origin, first, last - first, max(low - origin, 0.0)
