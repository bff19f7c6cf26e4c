"""Read tiles: one strip of stored values per tile row, then one tile at a time on the base grid.

Whatever a tile holds depends on the scene's tile grid alone, never on the extent that was asked for: masked cells are
filled and coarse inputs are sampled from the tile's own window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.windows import Window as RasterWindow

from ..errors import RunError
from ..ground.grids import Window, centres, is_separable, relation, whole_shift
from ..ground.resample import KERNELS, gather, point_taps
from ..request import OpenPolicy
from .files import GDAL_ERRORS, open_raster
from .fill import fill_masked
from .scene import Part, Scene

Values = NDArray[np.float32]
Validity = NDArray[np.bool_]

# At once, a damaged PNG is read as whatever lies in memory, without an error.
_ROW_BY_ROW = {"GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Values of one input on a rectangle of the base grid.

    Attributes:
        values: (C, h, w), finite everywhere.
        valid: (C, h, w), or None where everything is valid.
    """

    values: Values
    valid: Validity | None


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Stored values of one part of an input around a rectangle of the base grid.

    Attributes:
        raw: (C, n, m), stored data type.
        valid: (C, n, m) or (1, n, m); None where everything is valid.
        window: where they lie, in px of the part.
    """

    raw: NDArray[np.generic]
    valid: Validity | None
    window: Window


Strip = tuple[Stored, ...]
"""Stored values of one input, part by part."""


class InputReader:
    """Reads one input; owns its file handles, so it belongs to one thread.

    Every part is sampled from the pixels in which it was delivered, as if it were an input of its own.

    Args:
        scene: the input.
        base: the base grid.
        kernel: how a part is sampled where it does not coincide with the base grid.
    """

    def __init__(self, scene: Scene, base: GeoBox, kernel: str, policy: OpenPolicy) -> None:
        self.scene = scene
        self._parts = tuple(PartReader(part, base, kernel, policy) for part in scene.parts)

    def close(self) -> None:
        """Close the file handles."""
        for part in self._parts:
            part.close()

    def strip(self, window: Window) -> Strip:
        """Read what the base-grid rectangle needs.

        Raises:
            RunError: a file cannot be read there (truncated or damaged).
        """
        return tuple(part.strip(window) for part in self._parts)

    def patch(self, strip: Strip, window: Window) -> Patch:
        """Cut one tile out of its strip, fill what is masked, and bring it onto the base grid."""
        patches = [part.patch(stored, window) for part, stored in zip(self._parts, strip, strict=True)]
        if len(patches) == 1:
            return patches[0]
        values = np.concatenate([patch.values for patch in patches])
        if all(patch.valid is None for patch in patches):
            return Patch(values, None)
        known = [np.ones(p.values.shape, np.bool_) if p.valid is None else p.valid for p in patches]
        return Patch(values, np.concatenate(known))


class PartReader:
    """Reads one part of an input; belongs to one thread.

    Args:
        part: the part.
        base, kernel: as for ``InputReader``.
    """

    def __init__(self, part: Part, base: GeoBox, kernel: str, policy: OpenPolicy) -> None:
        self.part, self.kernel = part, kernel
        self._policy = policy
        # By the georeference, for what is valid, and to where the values really lie.
        self._ground = relation(base, part.grid)
        self._mapping = Affine.translation(part.lies[1], part.lies[0]) * self._ground
        self._shift = whole_shift(self._mapping)
        self._handles: dict[str, rasterio.DatasetReader] = {}

    def close(self) -> None:
        """Close the file handles."""
        for handle in self._handles.values():
            handle.close()
        self._handles.clear()

    def strip(self, window: Window) -> Stored:
        """Read what the base-grid rectangle needs.

        Raises:
            RunError: the file cannot be read there (truncated or damaged).
        """
        source = self._source_window(window)
        by_file: dict[str, list[int]] = {}
        for band in self.part.bands:
            by_file.setdefault(band.path, []).append(band.index)
        where = RasterWindow(source.column, source.row, source.width, source.height)
        try:
            # An environment of its own, because the strip may be read on any thread.
            with rasterio.Env(**_ROW_BY_ROW):
                parts = [self._handle(path).read(indexes, window=where) for path, indexes in by_file.items()]
                raw = parts[0] if len(parts) == 1 else np.concatenate(parts)[self._file_order(by_file)]
                valid = self._validity(raw, where)
        except (*GDAL_ERRORS, MemoryError) as error:
            raise RunError(
                f"rows {source.row} to {source.rows[1] - 1} cannot be read ({_reason(error)})",
                where=", ".join(by_file),
                fix="the file is truncated or damaged: fetch it again",
            ) from error
        return Stored(raw, valid, source)

    def patch(self, strip: Stored, window: Window) -> Patch:
        """Cut one tile out of its strip, fill what is masked, and bring it onto the base grid."""
        source = self._source_window(window)
        rows = slice(source.row - strip.window.row, source.rows[1] - strip.window.row)
        columns = slice(source.column - strip.window.column, source.columns[1] - strip.window.column)
        # Nodata values of wider types may be infinite in this one; they are filled.
        with np.errstate(over="ignore", invalid="ignore"):
            values = strip.raw[:, rows, columns].astype(np.float32)
        valid = None if strip.valid is None else strip.valid[:, rows, columns]
        if valid is not None:
            valid = None if valid.all() else np.broadcast_to(valid, values.shape)
        if valid is not None:
            values = fill_masked(values, valid)
        if self._shift is not None and (source.height, source.width) == (window.height, window.width):
            return Patch(values, valid)
        return self._sampled(values, valid, source, window)

    def _sampled(self, values: Values, valid: Validity | None, source: Window, window: Window) -> Patch:
        row_indices, column_indices = np.arange(*window.rows), np.arange(*window.columns)
        rows, columns = centres(self._mapping, row_indices, column_indices)
        height, width = self.part.grid.shape
        if self.part.lies == (0.0, 0.0):
            places = rows, columns
        else:
            places = centres(self._ground, row_indices, column_indices)
        # Nearest cell: validity belongs to the cell that holds the pixel's centre; outside nothing is valid.
        near_rows, near_columns = (np.floor(place + 1e-6).astype(np.int64) for place in places)
        if is_separable(self._mapping):
            row_taps = point_taps(rows, height, self.kernel).shifted(source.row, source.height)
            column_taps = point_taps(columns, width, self.kernel).shifted(source.column, source.width)
            # Columns first: picking them costs more, and there are fewer rows yet.
            sampled = row_taps.along(column_taps.along(values, 2), 1)
            near_rows, near_columns = near_rows[:, None], near_columns[None, :]
        else:
            sampled = gather(values, rows - source.row, columns - source.column, self.kernel)
        inside = (near_rows >= 0) & (near_rows < height) & (near_columns >= 0) & (near_columns < width)
        if valid is None and inside.all():
            return Patch(sampled, None)
        near = np.broadcast_to(inside, sampled.shape)
        if valid is not None:
            row_index = np.clip(near_rows - source.row, 0, source.height - 1)
            column_index = np.clip(near_columns - source.column, 0, source.width - 1)
            near = near & valid[:, row_index, column_index]
        return Patch(sampled, near)

    def _source_window(self, window: Window) -> Window:
        """Pixels of the input that the taps of a base-grid rectangle touch."""
        if self._shift is not None:
            moved = Window(window.row + self._shift[0], window.column + self._shift[1], window.height, window.width)
            height, width = self.part.grid.shape
            if moved.row >= 0 and moved.column >= 0 and moved.rows[1] <= height and moved.columns[1] <= width:
                return moved
        corners = [
            self._mapping * (x, y)
            for x in (window.column + 0.5, window.columns[1] - 0.5)
            for y in (window.row + 0.5, window.rows[1] - 0.5)
        ]
        xs, ys = zip(*corners, strict=True)
        radius = KERNELS[self.kernel][1]
        column, width = _touched(min(xs), max(xs), radius, self.part.grid.shape[1])
        row, height = _touched(min(ys), max(ys), radius, self.part.grid.shape[0])
        return Window(row, column, height, width)

    def _handle(self, path: str) -> rasterio.DatasetReader:
        if path not in self._handles:
            self._handles[path] = open_raster(path, self._policy)
        return self._handles[path]

    def _file_order(self, by_file: Mapping[str, list[int]]) -> list[int]:
        read = [(path, index) for path, indexes in by_file.items() for index in indexes]
        return [read.index((band.path, band.index)) for band in self.part.bands]

    def _validity(self, raw: NDArray[np.generic], where: RasterWindow) -> Validity | None:
        valid: Validity | None = None
        if raw.dtype.kind == "f":
            valid = np.isfinite(raw)
        for i, band in enumerate(self.part.bands):
            if band.nodata is not None and not math.isnan(band.nodata):
                valid = np.ones(raw.shape, np.bool_) if valid is None else valid
                valid[i] &= raw[i] != raw.dtype.type(band.nodata)
        if self.part.mask == "alpha":
            opaque = self._handle(self.part.bands[0].path).read([self.part.alpha], window=where) > 0
            valid = opaque if valid is None else valid & opaque
        elif self.part.mask == "dataset":
            inside = np.concatenate([self._dataset_mask(path, where) for path in self._paths_of_bands()])
            valid = inside if valid is None else valid & inside
        flags = self.part.flags
        if flags is not None:
            clear = (self._handle(flags.path).read([flags.index], window=where) & flags.bits) == 0
            valid = clear if valid is None else valid & clear
        return valid

    def _paths_of_bands(self) -> list[str]:
        """The file of each band; one for all where there is only one."""
        paths = [band.path for band in self.part.bands]
        return paths if len(set(paths)) > 1 else paths[:1]

    def _dataset_mask(self, path: str, where: RasterWindow) -> Validity:
        handle = self._handle(path)
        if MaskFlags.per_dataset not in handle.mask_flag_enums[0]:
            return np.ones((1, round(where.height), round(where.width)), np.bool_)
        inside: Validity = handle.read_masks([1], window=where) > 0
        return inside


def _touched(low: float, high: float, radius: int, length: int) -> tuple[int, int]:
    """First cell and count of the cells that taps of ``radius`` around low..high reach, inside 0..length."""
    first = min(max(math.floor(low - 0.5) + 1 - radius, 0), length - 1)
    last = min(max(math.floor(high - 0.5) + radius + 1, 0), length - 1)
    return first, last - first + 1


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def reflect_pad(values: Values, height: int, width: int) -> Values:
    """Mirror the bottom and right rim of (C, h, w) out to ``height`` x ``width``, as often as it takes."""
    if values.shape[1:] == (height, width):
        return values
    return values[:, _mirror(values.shape[1], height)][:, :, _mirror(values.shape[2], width)]


def _mirror(length: int, wanted: int) -> NDArray[np.int64]:
    if length == 1:
        return np.zeros(wanted, np.int64)
    period = 2 * (length - 1)
    phase = np.arange(wanted) % period
    return np.minimum(phase, period - phase)
