"""What lies along the axes of an array: which of them are bands, rows and columns, and where its pixels lie.

Coordinates outrank the stored transform, which slicing leaves as it was.  Where both agree, the transform counts: it
holds every bit.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from rioxarray.exceptions import MissingSpatialDimensionError

from ..engine.errors import RequestError

# Of a pixel: how far a coordinate may lie from where even spacing puts it.
_UNEVEN_PX = 0.01

Coordinates = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axes:
    """Names of the axes of an image.

    Attributes:
        band: None where the array has rows and columns alone.
    """

    band: Hashable | None
    y: Hashable
    x: Hashable

    @classmethod
    def of(cls, image: Any, name: str) -> Axes:
        """The axes of an array.

        Args:
            image: what the user gave.
            name: of the input, for messages.

        Raises:
            RequestError: it is no array of bands, rows and columns, or holds nothing.
        """
        if isinstance(image, xr.Dataset):
            raise RequestError(
                "a Dataset is not one image",
                where=name,
                fix='stack its bands with .to_dataarray("band"), and state what is masked with .rio.write_nodata',
            )
        if not isinstance(image, xr.DataArray):
            raise RequestError(
                f"a {type(image).__name__} has no georeference", where=name, fix="give a DataArray, or a path"
            )
        dims = image.dims
        if len(set(dims)) != len(dims):
            raise RequestError(f"two of its axes {_listed(dims)} have one name", where=name, fix="rename one")
        try:
            x, y = image.rio.x_dim, image.rio.y_dim
        except MissingSpatialDimensionError:
            raise RequestError(
                f"none of its axes {_listed(dims)} are known as rows and columns",
                where=name,
                fix='call them y and x, or name them with .rio.set_spatial_dims(x_dim="...", y_dim="...")',
            ) from None
        others = [dim for dim in dims if dim not in (x, y)]
        if len(others) > 1:
            raise RequestError(
                f"it has the axes {_listed(others)} beside rows and columns",
                where=name,
                fix=f"choose along all but one, such as .isel({others[0]}=0)",
            )
        if not image.size:
            raise RequestError(f"an array of {_listed(image.shape)} cells is empty", where=name, fix="give one with px")
        return cls(others[0] if others else None, y, x)

    def ordered(self, image: xr.DataArray) -> xr.DataArray:
        """The same array as (band, y, x)."""
        if self.band is None:
            return image.expand_dims("band").transpose("band", self.y, self.x)
        return image.transpose(self.band, self.y, self.x)


def affine_of(image: xr.DataArray, axes: Axes, name: str) -> Affine | None:
    """Where the pixels lie: CRS units of (column, row), from the corner of the first pixel; None for nowhere.

    Raises:
        RequestError: the coordinates are not evenly spaced along straight lines, or do not tell a spacing.
    """
    stated = _stated(image)
    found = [image.coords[dim] for dim in (axes.x, axes.y) if dim in image.coords]
    if len(found) == 2:
        xs, ys = (_coordinates(values, name) for values in found)
        return _along(xs, ys, stated, name)
    over_both = [each for each in image.coords.values() if set(each.dims) == {axes.x, axes.y}]
    if stated is not None and {"xc", "yc"} <= set(image.coords):
        # How rioxarray gives the coordinates of a rotated raster.
        xs, ys = (_coordinates(image.coords[each].transpose(axes.y, axes.x), name) for each in ("xc", "yc"))
        return _turned(xs, ys, stated, name)
    if stated is None and over_both:
        raise RequestError(
            f"its coordinates {_listed(each.name for each in over_both)} are curved, one pair for each pixel",
            where=name,
            fix="resample it onto an even grid, such as with .rio.reproject",
        )
    if stated is not None and stated.is_identity:
        if image.rio.get_gcps():
            raise RequestError(
                "it is placed by ground control points alone", where=name, fix="rectify it first with .rio.reproject"
            )
        return None
    return stated


def _stated(image: xr.DataArray) -> Affine | None:
    """The transform that the array carries beside its coordinates."""
    mapping = image.coords.get(image.rio.grid_mapping)
    text = None if mapping is None else mapping.attrs.get("GeoTransform")
    if text is None:
        return None
    try:
        affine = Affine.from_gdal(*(float(number) for number in str(text).split()))
    except (ValueError, TypeError):
        return None
    return affine if all(map(math.isfinite, affine)) and affine.determinant else None


def _coordinates(values: xr.DataArray, name: str) -> Coordinates:
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise RequestError(
            f"its coordinate {values.name} holds what is no number", where=name, fix="give the centres of the pixels"
        )
    return values.to_numpy()


def _along(xs: Coordinates, ys: Coordinates, stated: Affine | None, name: str) -> Affine:
    """The affine of coordinates along each axis."""
    if stated is not None and not (stated.b or stated.d):
        columns, rows = np.arange(len(xs)) + 0.5, np.arange(len(ys)) + 0.5
        if _close(stated.a * columns + stated.c, xs, stated.a) and _close(stated.e * rows + stated.f, ys, stated.e):
            return stated
    steps = []
    for values, own, axis in ((xs, stated and stated.a, "x"), (ys, stated and stated.e, "y")):
        step = (float(values[-1]) - float(values[0])) / (len(values) - 1) if len(values) > 1 else own
        if not step:
            raise RequestError(
                f"one coordinate along {axis} does not tell the size of a pixel",
                where=name,
                fix="give the size with .rio.write_transform",
            )
        if not _close(values[0] + step * np.arange(len(values)), values, step):
            raise RequestError(
                f"its coordinates along {axis} are not evenly spaced",
                where=name,
                fix="resample it onto an even grid, such as with .interp",
            )
        steps.append(step)
    (width, height), (left, top) = steps, (float(xs[0]), float(ys[0]))
    return Affine(width, 0, left - width / 2, 0, height, top - height / 2)


def _turned(xs: Coordinates, ys: Coordinates, stated: Affine, name: str) -> Affine:
    """The affine of coordinates that are given for every pixel: the stated one, moved to where the first pixel lies."""
    rows, columns = np.indices(xs.shape, np.float64) + 0.5

    def places(affine: Affine) -> bool:
        # The shorter side: where px are narrow, a step along it is small against their size.
        size = min(math.hypot(affine.a, affine.d), math.hypot(affine.b, affine.e))
        return _close(affine.a * columns + affine.b * rows + affine.c, xs, size) and _close(
            affine.d * columns + affine.e * rows + affine.f, ys, size
        )

    if places(stated):
        return stated
    a, b, _, d, e, _ = stated[:6]
    moved = Affine(a, b, float(xs[0, 0]) - (a + b) / 2, d, e, float(ys[0, 0]) - (d + e) / 2)
    if not places(moved):
        raise RequestError(
            "its coordinates xc and yc do not follow its transform",
            where=name,
            fix="write the transform that holds with .rio.write_transform, or resample it",
        )
    return moved


def _close(expected: NDArray[Any], found: NDArray[Any], step: float) -> bool:
    """Whether coordinates lie where they should, but for a small part of a pixel and the rounding of their type."""
    rounding = np.spacing(np.abs(found).max()) if found.dtype.kind == "f" else 0
    return bool(np.abs(expected - found).max() <= _UNEVEN_PX * abs(step) + rounding)


def _listed(values: Any) -> str:
    return ", ".join(map(str, values))


def crs_of(image: xr.DataArray, name: str) -> Any:
    """The CRS of an array of any shape, None without one.

    Raises:
        RequestError: it has one that cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return image.rio.crs
    except Exception as error:  # of rasterio and of pyproj, which share no base
        raise RequestError(
            f"its CRS cannot be read ({error})", where=name, fix="write one with .rio.write_crs"
        ) from None
