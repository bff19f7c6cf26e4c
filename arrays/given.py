"""Arrays that a user gives: checked, and laid down as GeoTIFFs, so that they take the way of a file."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from rasterio.windows import Window

from ..engine.errors import RunError
from ..engine.inputs.files import GDAL_ERRORS, quiet
from .axes import Axes, affine_of, crs_of
from .storage import Storage, nodata_of

_ROWS, _CACHE_BYTES = 512, 64 * 2**20
# Attributes that a raster has places of its own for, or that hold for the old pixels alone.
PLACED = frozenset(
    {
        *("_FillValue", "missing_value", "fill_value", "nodata", "nodatavals", "scale_factor", "add_offset", "scales"),
        *("offsets", "long_name", "units", "AREA_OR_POINT", "transform", "crs", "grid_mapping", "res", "is_tiled"),
        "TIFFTAG_SOFTWARE",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """An array that is an input of a run.

    Attributes:
        name: of the input.
        image: (band, y, x), without its file.
        axes: names of its axes; as the user gave them, so that ``band`` is None where there were none.
        storage: of its values.
        affine: where its pixels lie; None for nowhere.
        crs: of the affine; None without one.
    """

    name: str
    image: xr.DataArray
    axes: Axes
    storage: Storage
    affine: Affine | None
    crs: Any

    @classmethod
    def of(cls, image: Any, name: str) -> Given:
        """An array, checked.

        Raises:
            RequestError: it is none that a raster can hold.
        """
        axes = Axes.of(image, name)
        ordered = axes.ordered(image)
        # What was set without being written is known to the array itself alone.
        storage = Storage.of(ordered, nodata_of(image), name)
        return cls(name, ordered, axes, storage, affine_of(ordered, axes, name), crs_of(image, name))

    @property
    def is_lazy(self) -> bool:
        """Whether dask computes its values."""
        return self.image.chunks is not None

    @property
    def band_axis(self) -> Hashable:
        """Name of the axis of bands."""
        return self.image.dims[0]

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands: text along their axis, else their long names; empty where there are none."""
        count = len(self.image)
        labels = self.image.coords.get(self.band_axis)
        if labels is not None and labels.dtype.kind in "OU":
            return tuple(str(label) for label in labels.values)
        return _a_band(self.image.attrs.get("long_name"), count)

    @property
    def own_attributes(self) -> dict[str, Any]:
        """What the user says of the image beyond how its values are stored."""
        return {
            key: value
            for key, value in self.image.attrs.items()
            if key not in PLACED and not str(key).startswith(("STATISTICS", "SEAMLINE"))
        }

    def lay_down(self, path: Path) -> None:
        """Write the array as a GeoTIFF.

        Raises:
            RunError: the disk is full, or the place cannot be written.
        """
        try:
            for storage in self.storage.candidates():
                if self._written(path, storage):
                    return
        except (*GDAL_ERRORS, OSError) as error:
            raise RunError(
                f"the array cannot be laid down ({error})",
                where=str(path.parent),
                fix="make room there, or name another folder for temporary files by TMPDIR",
            ) from error

    def outline(self, path: Path) -> None:
        """Write a GeoTIFF without any values that is otherwise what ``lay_down`` writes; nothing is computed."""
        with quiet(), rasterio.open(path, "w", SPARSE_OK=True, **self._profile(self.storage)) as file:
            self._describe(file, self.storage)

    def _profile(self, storage: Storage) -> dict[str, Any]:
        count, height, width = self.image.shape
        return {
            "driver": "GTiff",
            "count": count,
            "height": height,
            "width": width,
            "dtype": storage.dtype,
            "nodata": storage.nodata,
            "crs": self.crs,
            "transform": self.affine or Affine.identity(),
            "interleave": "band",
            # Four planes of bytes would be taken for colours and alpha.
            "photometric": "MINISBLACK",
            "BIGTIFF": "IF_SAFER",
        }

    def _written(self, path: Path, storage: Storage) -> bool:
        """Whether the storage holds all values, and the file them."""
        width = self.image.shape[2]
        # Rows go straight through; what GDAL would keep of them otherwise is a share of the machine's memory.
        cache = rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES)
        with quiet(), cache, rasterio.open(path, "w", **self._profile(storage)) as file:
            self._describe(file, storage)
            for first, stop in self._row_blocks():
                block = self.image.isel({self.axes.y: slice(first, stop)})
                stored = storage.encode(block.to_numpy())
                if stored is None:
                    return False
                file.write(stored, window=Window(0, first, width, stop - first))
        # A full disk can pass unnoticed until the file is closed.
        if path.stat().st_size < self.image.size * np.dtype(storage.dtype).itemsize:
            raise OSError(28, os.strerror(28))
        return True

    def _row_blocks(self) -> Iterator[tuple[int, int]]:
        """First row and one past the last of blocks of rows; chunks of a lazy array are computed once."""
        height = self.image.shape[1]
        sizes: Sequence[int] = self.image.chunksizes.get(self.axes.y, ())
        if not sizes:
            sizes = [min(_ROWS, height - row) for row in range(0, height, _ROWS)]
        first = 0
        for size in sizes:
            yield first, first + size
            first += size

    def _describe(self, file: Any, storage: Storage) -> None:
        count = len(self.image)
        file.scales, file.offsets = storage.scales, storage.offsets
        if names := self.band_names:
            file.descriptions = names
        if units := _a_band(self.image.attrs.get("units"), count):
            file.units = units
        tags = {str(key): _tag(value) for key, value in self.own_attributes.items()}
        if "AREA_OR_POINT" in self.image.attrs:
            tags["AREA_OR_POINT"] = str(self.image.attrs["AREA_OR_POINT"])
        file.update_tags(**{key: value for key, value in tags.items() if value is not None})


def _a_band(text: Any, count: int) -> tuple[str, ...]:
    """Texts, one a band, from one for all or a list of them; empty where there are none, or another number."""
    if isinstance(text, str):
        return (text,) * count if text else ()
    if not isinstance(text, (tuple, list, np.ndarray)) or len(text) != count:
        return ()
    texts = tuple("" if each is None else str(each) for each in text)
    return texts if any(texts) else ()


def _tag(value: Any) -> str | None:
    """An attribute as text, None for what has none."""
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    if isinstance(value, np.generic):
        return str(value.item())
    try:
        return json.dumps(np.asarray(value).tolist())
    except (TypeError, ValueError):
        return None
