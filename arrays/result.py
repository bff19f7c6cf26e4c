"""The raster that a run wrote, as an array that needs no file and is like the one that was given."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rioxarray
import xarray as xr
from numpy.typing import NDArray
from rasterio.enums import MaskFlags

from ..engine.contract import OutputSpec
from ..engine.inputs.files import quiet
from .given import Given
from .storage import free_value

_NEUTRAL = {"scale_factor": 1.0, "add_offset": 0.0}
# Of an encoding: what says how values are stored, and not in which file.
_STORED = ("dtype", "rasterio_dtype", "scale_factor", "add_offset", "scales", "offsets", "_FillValue", "missing_value")


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The array that a result is to be like.

    Attributes:
        given: the main input.
        numbers: of its bands, from 1, that the result has; empty where the result has bands of its own.
        restored: the user asked for a data type, so that the one of the encoding does not hold.
    """

    given: Given
    numbers: Sequence[int] = ()
    restored: bool = False

    @classmethod
    def of(cls, given: Given, output: OutputSpec, numbers: Sequence[int], *, restored: bool) -> Pattern:
        """Of an output: one that has no bands of its own has those of the main input by ``numbers``."""
        as_main = output.dtype is None and output.blend == "mean" and output.label == "{band}" and not output.labels
        return cls(given, numbers if as_main else (), restored)

    def picked(self, value: Any) -> Any:
        """An attribute that may list something for each band: for the result's bands."""
        if isinstance(value, (tuple, list, np.ndarray)) and len(value) == len(self.given.image):
            return tuple(value[number - 1] for number in self.numbers)
        return value


@dataclass(frozen=True, slots=True, eq=False)
class _Raster:
    """A raster in memory.

    Attributes:
        image: its stored values.
        valid: which of them are valid.
        apart: a mask of its own says so, and no value does.
    """

    image: xr.DataArray
    valid: NDArray[np.bool_]
    apart: bool


def lazy_result(
    path: Path, values: Any, stored: np.dtype[Any], pattern: Pattern, classes: Sequence[str] = ()
) -> xr.DataArray:
    """An array whose values are computed when they are asked for; for the rest like ``result_of``.

    Args:
        path: of a raster that has everything but the values.
        values: a dask array, (band, y, x), of what ``values_of`` gives.
        stored: data type of the raster.
        pattern, classes: as for ``result_of``.
    """
    result = _opened(path, values)
    # It tells one content from another, which nobody knows yet.
    result.attrs.pop("SEAMLINE_IDENTITY", None)
    if _is_decoded(pattern):
        _encode(result, pattern, stored, None)
    elif values.dtype != stored:
        result.encoding["dtype"] = stored.name
    return _with_classes(_labelled(result, pattern), classes)


def values_of(stored: Any, valid: NDArray[np.bool_], pattern: Pattern, *, apart: bool) -> Any:
    """What a lazy result holds for a part of the stored values, (band, h, w).

    Args:
        valid: of the same shape.
        apart: a mask of its own says so, and no value does: then floats, NaN where masked.
    """
    if _is_decoded(pattern):
        storage = pattern.given.storage.of_bands(pattern.numbers)
        return storage.decode(stored, valid, pattern.given.image.dtype)
    return np.where(valid, stored, np.nan).astype(np.float32) if apart else stored


def result_of(path: Path, pattern: Pattern | None = None, classes: Sequence[str] = ()) -> xr.DataArray:
    """A raster in memory, (band, y, x).

    Args:
        path: of the raster.
        pattern: what it is to be like; None for as ``rioxarray.open_rasterio`` gives it.
        classes: names of the values 0, 1, ..., where they are numbers of classes.
    """
    raster = _read(path)
    result = raster.image
    if pattern is not None and _is_decoded(pattern):
        result = _decoded(raster, pattern)
    elif raster.apart:
        result = _with_nodata(raster)
    if pattern is not None:
        result = _labelled(result, pattern)
    return _with_classes(result, classes)


def _is_decoded(pattern: Pattern) -> bool:
    return bool(pattern.numbers) and pattern.given.storage.decoded


def _with_classes(result: xr.DataArray, classes: Sequence[str]) -> xr.DataArray:
    if classes:
        result.attrs["flag_values"] = list(range(len(classes)))
        result.attrs["flag_meanings"] = " ".join(name.replace(" ", "_") for name in classes)
    return result


def _read(path: Path) -> _Raster:
    with quiet(), rasterio.open(path) as file:
        flags = file.mask_flag_enums[0]
        everywhere = (file.count, *file.shape)
        valid = np.broadcast_to(True, everywhere) if MaskFlags.all_valid in flags else file.read_masks() != 0
    apart = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags and not valid.all()
    return _Raster(_opened(path), valid, apart)


def _opened(path: Path, values: Any = None) -> xr.DataArray:
    """A raster as ``rioxarray.open_rasterio`` gives it, in memory; or other values in its place."""
    with warnings.catch_warnings():
        # On rasters without a georeference, on scales that differ, on how rioxarray uses other libraries.
        warnings.simplefilter("ignore")
        opened: Any = rioxarray.open_rasterio(path)
        with opened:
            # The array that was opened asks its file now and then, even when its values are in memory.
            values = opened.to_numpy() if values is None else values
            image = xr.DataArray(values, opened.coords, opened.dims, opened.name, opened.attrs)
    image.encoding["grid_mapping"] = image.rio.grid_mapping
    return image


def _with_nodata(raster: _Raster) -> xr.DataArray:
    """The image with a nodata value in place of a mask, which no array has; floats where every value is taken."""
    values = raster.image.to_numpy()
    nodata = free_value(values, raster.valid)
    if nodata is None:
        result = raster.image.copy(data=np.where(raster.valid, values, np.nan).astype(np.float32))
        result.encoding["dtype"] = values.dtype.name
        return result
    result = raster.image.copy(data=np.where(raster.valid, values, values.dtype.type(nodata)))
    result.attrs["_FillValue"] = values.dtype.type(nodata)
    return result


def _decoded(raster: _Raster, pattern: Pattern) -> xr.DataArray:
    """The image as floats, NaN where masked, encoded as the given array is."""
    storage, stored = pattern.given.storage.of_bands(pattern.numbers), raster.image.to_numpy()
    result = raster.image.copy(data=storage.decode(stored, raster.valid, pattern.given.image.dtype))
    masked = stored.dtype.kind in "iu" and not raster.valid.all()
    _encode(result, pattern, stored.dtype, free_value(stored, raster.valid) if masked else None)
    return result


def _encode(result: xr.DataArray, pattern: Pattern, stored: np.dtype[Any], free: float | None) -> None:
    """Say how values are stored as the given array says it.

    Args:
        stored: data type of the raster.
        free: a value that no valid pixel has, where some are masked.
    """
    given = pattern.given
    fill = result.attrs.pop("_FillValue", None)
    encoding = {key: pattern.picked(given.image.encoding[key]) for key in _STORED if key in given.image.encoding}
    if pattern.restored:
        encoding |= {"dtype": stored.name, "rasterio_dtype": stored.name}
        encoding = {key: value for key, value in encoding.items() if key not in ("_FillValue", "missing_value")}
        encoding |= {} if fill is None else {"_FillValue": fill}
    if free is not None and not {"_FillValue", "missing_value"} & encoding.keys():
        encoding |= {"_FillValue": free}
    result.encoding |= encoding
    if given.storage.applied:
        for key in ("scale_factor", "add_offset", "scales", "offsets"):
            result.attrs.pop(key, None)


def _labelled(result: xr.DataArray, pattern: Pattern) -> xr.DataArray:
    """The result with the axes, labels and attributes of the given array, as far as they hold."""
    given = pattern.given
    image, axes = given.image, given.axes
    old = dict(zip(result.dims, (given.band_axis, axes.y, axes.x), strict=True))
    result = result.rename({name: new for name, new in old.items() if name != new})
    kept = set() if not pattern.numbers else {given.band_axis}
    same_ground = {axes.x, axes.y, image.rio.grid_mapping}
    labels = image.isel({given.band_axis: [number - 1 for number in pattern.numbers]}) if pattern.numbers else image
    # Variables alone: a coordinate that is an array brings others along, and where the old pixels lay.
    result = result.assign_coords(
        {
            name: each.variable
            for name, each in labels.coords.items()
            if set(each.dims) <= kept and name not in same_ground
        }
    )
    for name in (axes.x, axes.y):
        if name in result.coords and name in image.coords:
            result.coords[name].attrs |= image.coords[name].attrs
    result.name = image.name
    result.attrs |= given.own_attributes
    _keep_attributes(result, pattern)
    return result


def _keep_attributes(result: xr.DataArray, pattern: Pattern) -> None:
    """Undo what a file adds to attributes, and what it says of them in another way."""
    own, given = pattern.given.image.attrs, pattern.given
    if "AREA_OR_POINT" not in own:
        result.attrs.pop("AREA_OR_POINT", None)
    if not pattern.numbers:
        return
    for key in ("long_name", "units"):
        if key in own:
            result.attrs[key] = pattern.picked(own[key])
        else:
            result.attrs.pop(key, None)
    for key, value in _NEUTRAL.items():
        if result.attrs.get(key) == value and key not in own:
            del result.attrs[key]
    fill = result.attrs.get("_FillValue")
    if fill is not None and given.storage.nodata is None and np.isnan(fill) and not _holds_nan(result):
        del result.attrs["_FillValue"]


def _holds_nan(result: xr.DataArray) -> bool:
    """Whether a pixel is masked by NaN, as far as that is known without computing anything."""
    return result.chunks is None and bool(np.isnan(result.to_numpy()).any())
