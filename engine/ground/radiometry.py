"""Stored values and what a model sees: ranges, rounding, clipping, nodata."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .nodata import Nodata


@dataclass(frozen=True, slots=True)
class Counts:
    """Values that could not be written as the model gave them.

    Attributes:
        clipped: valid values outside the data type's range.
        moved: valid values that would have rounded to nodata and went to its neighbour.
        masked: values that are not valid.
    """

    clipped: int = 0
    moved: int = 0
    masked: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.clipped + other.clipped, self.moved + other.moved, self.masked + other.masked)

    def as_dict(self) -> dict[str, int]:
        """For the journal and the report."""
        return asdict(self)


def quantise(
    values: NDArray[np.float32], valid: NDArray[np.bool_] | None, dtype: str, nodata: float | None
) -> tuple[NDArray[np.generic], Counts]:
    """Turn stored-unit floats into the output data type.  ``values`` is used as scratch space.

    Half rounds to even.  A valid value never becomes nodata: it moves to the nearest value beside it.

    Args:
        values: (C, h, w), finite where valid.
        valid: (C, h, w), or None where everything is.
        nodata: what masked cells get; None writes 0 there (NaN for floats).

    Returns:
        (C, h, w) of ``dtype``, and what had to be changed.
    """
    kind = np.dtype(dtype)
    masked = 0 if valid is None else int(valid.size - np.count_nonzero(valid))
    if kind.kind == "f":
        out = values.astype(kind, copy=False)
        moved = 0
        if nodata is not None and not np.isnan(nodata):
            hit = out == kind.type(nodata)
            if valid is not None:
                hit &= valid
            moved = int(np.count_nonzero(hit))
            aside = Nodata.of(nodata, dtype) if moved else None
            if aside is not None:
                out[hit] = aside.beside
        if valid is not None:
            out[~valid] = np.nan if nodata is None else nodata
        return out, Counts(0, moved, masked)
    if valid is not None:
        values[~valid] = 0
    info = np.iinfo(kind)
    clipped = 0
    # Half rounds to even: the upper limit is odd, so that its half is lost; the lower limit is even and keeps its own.
    if values.size and (values.min() < info.min - 0.5 or values.max() >= info.max + 0.5):
        clipped = int(np.count_nonzero((values < info.min - 0.5) | (values >= info.max + 0.5)))
    # The copy decides on which side of nodata a value lies; without nodata it is not needed.
    unrounded = values if nodata is None else values.copy()
    np.rint(values, out=values)
    np.clip(values, info.min, info.max, out=values)
    out = values.astype(kind)
    moved = _leave_nodata(out, unrounded, valid, nodata, info) if nodata is not None else 0
    if valid is not None:
        out[~valid] = 0 if nodata is None else int(nodata)
    return out, Counts(clipped, moved, masked)


def _leave_nodata(
    out: NDArray[np.generic],
    unrounded: NDArray[np.float32],
    valid: NDArray[np.bool_] | None,
    nodata: float,
    info: np.iinfo[Any],
) -> int:
    hit = out == out.dtype.type(int(nodata))
    if valid is not None:
        hit &= valid
    moved = int(np.count_nonzero(hit))
    if moved:
        below = (unrounded[hit] < nodata) & (nodata > info.min) | (nodata >= info.max)
        out[hit] = np.where(below, int(nodata) - 1, int(nodata) + 1).astype(out.dtype)
    return moved


def opaque_value(dtype: str) -> float:
    """The value of a validity plane where the pixel is valid."""
    kind = np.dtype(dtype)
    return 1.0 if kind.kind == "f" else int(np.iinfo(kind).max)
