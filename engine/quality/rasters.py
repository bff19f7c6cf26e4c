"""Rows of raster files for metrics: windows, masks, and a small cache, so that strips that overlap read nothing twice.

What is masked (nodata, mask or alpha band, values of a float that are not finite) reads as zero, in every band of the
pixel if in any: whatever lies under a mask can then not matter.
"""

from __future__ import annotations

from collections import OrderedDict
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..ground.grids import Window
from ..inputs.files import open_raster
from ..inputs.reading import PartReader
from ..inputs.scene import Scene
from ..optics.degrade import Rows
from ..request import OpenPolicy

Raw = NDArray[np.generic]
Mask = NDArray[np.bool_]

CACHE_BYTES = 64 * 2**20
"""What GDAL may keep of its own blocks while metrics are taken; our chunks are whole rows of blocks."""

_SHORTEST, _TALLEST = 128, 512


class RasterRows:
    """A window of a raster file, row by row; owns its file handles, so it belongs to one thread.

    Args:
        scene: the file, as ``scene.describe`` has it.
        window: in px of the file, inside it; all of it where None.
        policy: what may be opened.
    """

    def __init__(self, scene: Scene, window: Window | None = None, policy: OpenPolicy | None = None) -> None:
        policy = policy or OpenPolicy()
        height, width = scene.grid.shape
        self.scene, self.window = scene, window or Window(0, 0, int(height), int(width))
        if len(scene.parts) > 1:
            raise RequestError(
                "its bands have pixels of several sizes", where=scene.source, fix="give bands of one pixel size"
            )
        self._reader = PartReader(scene.parts[0], scene.grid, "cubic", policy)
        with open_raster(scene.bands[0].path, policy) as file:
            self._chunk = min(max(int(file.block_shapes[0][0]), _SHORTEST), _TALLEST)
        # A strip with its halo touches so many of them.
        self._keep = 2 if self._chunk == _TALLEST else 3
        self._cache: OrderedDict[int, tuple[Raw, Mask | None]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        self._cache.clear()

    @property
    def values(self) -> Rows:
        """(C, H, W) in the stored data type, zero where masked."""
        return Rows((len(self.scene.bands), self.window.height, self.window.width), lambda a, b: self._rows(a, b)[0])

    @property
    def valid(self) -> Rows | None:
        """(1, H, W), true where every band holds a value; None if the file cannot mask anything."""
        if not self.scene.has_invalid:
            return None
        return Rows((1, self.window.height, self.window.width), self._validity)

    def _validity(self, first: int, stop: int) -> Mask:
        valid = self._rows(first, stop)[1]
        return np.ones((1, stop - first, self.window.width), np.bool_) if valid is None else valid

    def _rows(self, first: int, stop: int) -> tuple[Raw, Mask | None]:
        """Rows first..stop-1 of the window and their validity (None: all valid)."""
        top = self.window.row
        parts, masks = [], []
        for number in range((top + first) // self._chunk, (top + stop - 1) // self._chunk + 1):
            raw, valid = self._chunked(number)
            begin = max(number * self._chunk, top)
            own = slice(max(top + first - begin, 0), top + stop - begin)
            parts.append(raw[:, own])
            masks.append(None if valid is None else valid[:, own])
        if all(mask is None for mask in masks):
            return _joined(parts), None
        known = [
            np.ones((1, *part.shape[1:]), np.bool_) if m is None else m for part, m in zip(parts, masks, strict=True)
        ]
        return _joined(parts), np.concatenate(known, axis=1)

    def _chunked(self, number: int) -> tuple[Raw, Mask | None]:
        """Chunk ``number`` of the file, cut to the window; read once while it is needed."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        while len(self._cache) >= self._keep:
            self._cache.popitem(last=False)
        first, last = self.window.rows
        first, last = max(first, number * self._chunk), min(last, (number + 1) * self._chunk)
        strip = self._reader.strip(Window(first, self.window.column, last - first, self.window.width))
        raw: Raw = strip.raw
        valid: Mask | None = None
        if strip.valid is not None and not strip.valid.all():
            valid = np.asarray(strip.valid.all(axis=0, keepdims=True))
            raw = np.where(valid, raw, raw.dtype.type(0))
        self._cache[number] = raw, valid
        return raw, valid


def _joined(parts: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
