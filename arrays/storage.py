"""How the values of an array are stored in a raster: data type, nodata value, scales and offsets.

An array holds stored values as they are, or, as ``open_rasterio(masked=True)`` and ``mask_and_scale=True`` give it,
floats with NaN where stored values are masked; its ``encoding`` says what those were.  Either way a run computes on
stored values, so that an array gives the pixels of the file that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray

from ..engine.errors import RequestError
from ..engine.types import EXACT_DTYPES

Values = NDArray[Any]

# Of a stored whole number: what float32 loses of it by scale and offset.
_WHOLE = 0.05
_FILL = ("_FillValue", "missing_value")
_SCALING = ("scale_factor", "add_offset", "scales", "offsets")


@dataclass(frozen=True, slots=True)
class Storage:
    """How values are stored.

    Attributes:
        dtype: of the stored values.
        nodata: stored value of masked pixels; None without one.
        scales, offsets: one a band: value = stored * scale + offset.
        decoded: the array holds floats, NaN where masked, instead of stored values.
        applied: these floats are values, not stored ones: scales and offsets have been applied.
    """

    dtype: str
    nodata: float | None
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    decoded: bool = False
    applied: bool = False

    @classmethod
    def of(cls, image: xr.DataArray, nodata: Any, name: str) -> Storage:
        """The storage of an array, (band, y, x).

        Args:
            nodata: as ``nodata_of`` gives it.

        Raises:
            RequestError: rasters hold no such values.
        """
        kind, encoding, count = image.dtype, image.encoding, image.shape[0]
        if kind.kind not in "iuf" or kind.itemsize not in ((4, 8) if kind.kind == "f" else (1, 2, 4, 8)):
            raise RequestError(
                f"values of the data type {kind} are not those of a raster",
                where=name,
                fix="give amplitudes" if kind.kind == "c" else f"convert it, to one of {', '.join(EXACT_DTYPES)}",
            )
        stored = _dtype(encoding.get("dtype")) or kind
        applied = any(key in encoding for key in _SCALING)
        decoded = kind.kind == "f" and (applied or stored.kind in "iu" or any(key in encoding for key in _FILL))
        if not decoded:
            return cls(kind.name, _held(nodata, kind), *_scaling(image.attrs, count, name))
        if stored.name not in EXACT_DTYPES:
            stored = np.dtype("float32")
        fill = next((encoding[key] for key in _FILL if encoding.get(key) is not None), None)
        scaling = _scaling(encoding if applied else image.attrs, count, name)
        return cls(stored.name, _held(fill, stored), *scaling, decoded=True, applied=applied)

    def candidates(self) -> Iterator[Storage]:
        """This storage, and then one that holds any values, though not as whole numbers."""
        yield self
        if self.decoded:
            yield replace(self, dtype="float32", nodata=np.nan)

    def encode(self, values: Values) -> Values | None:
        """Stored values of (band, y, x), or None where this storage cannot hold them."""
        if not self.decoded:
            return values
        masked = np.isnan(values)
        exact = values.astype(np.float64)
        if self.applied:
            exact = (exact - _a_band(self.offsets)) / _a_band(self.scales)
        if self.dtype != "float32":
            whole = np.rint(exact)
            limits = np.iinfo(self.dtype)
            with np.errstate(invalid="ignore"):
                fits = (np.abs(exact - whole) <= _WHOLE) & (whole >= limits.min) & (whole <= limits.max)
            if not (fits | masked).all() or (self.nodata is None and masked.any()):
                return None
            exact = whole
        if self.nodata is not None:
            # What is valid must not be taken for masked.
            if (exact == self.nodata).any():
                return None
            exact[masked] = self.nodata
        return exact.astype(self.dtype)

    def decode(self, stored: Values, valid: Values, dtype: np.dtype[Any]) -> Values:
        """What the array holds for stored values, NaN where masked."""
        values = stored.astype(dtype)
        if self.applied:
            for plane, scale, offset in zip(values, self.scales, self.offsets, strict=True):
                plane *= scale
                plane += offset
        values[~valid] = np.nan
        return values

    def of_bands(self, numbers: Sequence[int]) -> Storage:
        """The storage of some of the bands, numbered from 1."""
        scales, offsets = (tuple(each[number - 1] for number in numbers) for each in (self.scales, self.offsets))
        return replace(self, scales=scales, offsets=offsets)


def free_value(stored: Values, valid: Values) -> int | None:
    """A value of the data type, 0 rather than others, that no valid pixel has; None where all are taken."""
    taken = np.unique(stored[valid])
    limits = np.iinfo(stored.dtype)
    for value in (0, int(limits.max), int(limits.min)):
        if value not in taken:
            return value
    gaps = np.nonzero(np.diff(taken.astype(np.int64)) > 1)[0]
    return int(taken[gaps[0]]) + 1 if gaps.size else None


def _a_band(numbers: tuple[float, ...]) -> NDArray[np.float64]:
    return np.asarray(numbers, np.float64)[:, None, None]


def _dtype(wanted: Any) -> np.dtype[Any] | None:
    try:
        return None if wanted is None else np.dtype(wanted)
    except TypeError:
        return None


def nodata_of(image: xr.DataArray) -> Any:
    """The nodata value that an array states, wherever it does; None without one."""
    fill = image.encoding.get("_FillValue")
    if fill is not None:
        return fill
    try:
        return image.rio.nodata
    except (rasterio.errors.RasterioError, OverflowError, TypeError, ValueError):
        # The file that it came from is gone, or the type does not hold the value, which then marks nothing.
        return None


def _held(nodata: Any, dtype: np.dtype[Any]) -> float | None:
    """A nodata value, where the data type can hold it: another marks nothing."""
    try:
        value = float(nodata)
    except (TypeError, ValueError):
        return None
    if dtype.kind == "f":
        return value
    limits = np.iinfo(dtype)
    return value if value.is_integer() and limits.min <= value <= limits.max else None


def _scaling(known: Mapping[Any, Any], count: int, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scales and offsets, one a band, as rioxarray writes them: one for all, or a list."""
    found = []
    for many, one, neutral in (("scales", "scale_factor", 1.0), ("offsets", "add_offset", 0.0)):
        values = known.get(many, known.get(one, neutral))
        try:
            numbers = tuple(float(value) for value in np.atleast_1d(np.asarray(values)))
        except (TypeError, ValueError):
            numbers = ()
        numbers = numbers * count if len(numbers) == 1 else numbers
        if len(numbers) != count or not np.isfinite(numbers).all() or (one == "scale_factor" and 0 in numbers):
            raise RequestError(
                f"its {one} {values} does not tell the values of {count} band(s)",
                where=name,
                fix=f"write one number that is finite and not 0, or correct {many}, one a band",
            )
        found.append(numbers)
    return found[0], found[1]
