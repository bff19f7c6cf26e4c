"""Which stored values are taken for "no data", and where a valid value goes that would be one of them.

Readers compare integers exactly.  GDAL takes floats for nodata that lie a few units in the last place away from it: x
counts as n where |x - n| < 2 eps |x + n| in float32 arithmetic (``ARE_REAL_EQUAL``), so ``np.nextafter(n, 0)`` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The comparison spans 4 eps of the value on either side; a unit in the last place is at least half an eps of it.
_SPAN = 16
_ENDS = (np.finfo(np.float32).min, np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Nodata:
    """A nodata value as readers see it.

    Attributes:
        low, high: what lies between them counts as nodata, both included.
        beside: the nearest valid value: for integers above it, or below it at the end of the type; for floats on the
            side of zero, or above zero itself.
    """

    low: np.generic
    high: np.generic
    beside: np.generic

    @classmethod
    def of(cls, value: float, dtype: str) -> Nodata | None:
        """The nodata value of a raster; None for NaN, which no mean of valid values comes to."""
        kind = np.dtype(dtype)
        if math.isnan(value):
            return None
        if kind.kind == "f":
            return _of_float(np.float32(value))
        exact, highest = kind.type(int(value)), int(np.iinfo(kind).max)
        return cls(exact, exact, kind.type(int(value) + 1 if value < highest else int(value) - 1))

    def step_aside(self, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> int:
        """Move valid values that would count as nodata beside it, in place.

        Args:
            values: of the raster's data type, any shape.
            valid: shaped like them; None where everything is.

        Returns:
            How many were moved.
        """
        hit = values == self.low if self.low == self.high else (values >= self.low) & (values <= self.high)
        if valid is not None:
            hit &= valid
        moved = int(np.count_nonzero(hit))
        if moved:
            values[hit] = self.beside
        return moved


def _of_float(value: np.float32) -> Nodata:
    beside = _towards_zero(value)
    # The last one on the side of zero that counts, and on the other side.
    inner = np.nextafter(beside, value)
    outer, away = value, np.copysign(np.float32(np.inf), value)
    for _ in range(_SPAN):
        if outer in _ENDS or not _counts(following := np.nextafter(outer, away), value):
            break
        outer = following
    return Nodata(min(inner, outer), max(inner, outer), beside)


def _towards_zero(value: np.float32) -> np.float32:
    """The first value between nodata and zero that does not count; above zero where nodata is zero.

    Far from zero the sum in the comparison overflows, and everything of that magnitude counts: hence a bisection.
    """
    if value == 0:
        return np.float32(np.nextafter(value, np.float32(1)))
    # Magnitudes of floats are ordered as their bits are.
    counts, valid = int(np.abs(value).view(np.uint32)), 0
    while counts - valid > 1:
        middle = (counts + valid) // 2
        if _counts(np.copysign(np.uint32(middle).view(np.float32), value), value):
            counts = middle
        else:
            valid = middle
    return np.float32(np.copysign(np.uint32(valid).view(np.float32), value))


def _counts(value: np.float32, nodata: np.float32) -> bool:
    with np.errstate(over="ignore", under="ignore"):
        tolerance = np.finfo(np.float32).eps * np.abs(value + nodata) * np.float32(2)
        return bool(value == nodata or np.abs(value - nodata) < tolerance)
