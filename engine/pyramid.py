"""Overviews made while rows pass by: each level is the mean of the valid pixels in 2 x 2 of the level below."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterWindow

_BLOCK = 512


def level_shapes(height: int, width: int) -> list[tuple[int, int]]:
    """Shapes of the overviews: halved, rounded up, until both sides fit one block."""
    shapes = []
    while max(height, width) > _BLOCK:
        height, width = -(-height // 2), -(-width // 2)
        shapes.append((height, width))
    return shapes


class Pyramid:
    """Writes the overviews of a raster that is pushed in from top to bottom.

    Args:
        folder: where the level files are made.
        shape_hw: of the full raster.
        planes: bands of the level files; with ``plane_mask`` the last one holds validity.
        nodata: value of masked pixels (NaN included), or None.
        plane_mask: whether the last plane is a mask.
    """

    def __init__(
        self, folder: Path, shape_hw: tuple[int, int], planes: int, dtype: str, nodata: float | None, plane_mask: bool
    ) -> None:
        self._nodata, self._plane_mask = nodata, plane_mask
        self.paths: list[Path] = []
        self._files: list[rasterio.io.DatasetWriter] = []
        for number, (height, width) in enumerate(level_shapes(*shape_hw), 1):
            path = folder / f"overview-{number}.tif"
            path.unlink(missing_ok=True)
            with _quietly():
                self._files.append(
                    rasterio.open(
                        path,
                        "w",
                        driver="GTiff",
                        width=width,
                        height=height,
                        count=planes,
                        dtype=dtype,
                        tiled=True,
                        blockxsize=_BLOCK,
                        blockysize=_BLOCK,
                        interleave="band",
                        BIGTIFF="IF_SAFER",
                    )
                )
            self.paths.append(path)
        self._rows: list[list[NDArray[Any]]] = [[] for _ in range(len(self.paths) + 1)]
        self._written = [0] * len(self.paths)

    def push(self, rows: NDArray[Any]) -> None:
        """Take the next rows of the full raster: (planes, n, W)."""
        self._feed(0, rows)

    def finish(self) -> None:
        """Write what is left and close the files."""
        for level in range(len(self.paths)):
            rest = self._take(level, all_of_it=True)
            if rest is not None:
                self._pass_up(level, rest)
            self._flush(level, last=True)
        for data in self._files:
            data.close()

    def _feed(self, level: int, rows: NDArray[Any]) -> None:
        """Level 0 is the raster itself; level k >= 1 is file k - 1."""
        if level >= len(self.paths):
            return
        self._rows[level].append(rows)
        ready = self._take(level, all_of_it=False)
        if ready is not None:
            self._pass_up(level, ready)

    def _take(self, level: int, *, all_of_it: bool) -> NDArray[Any] | None:
        """An even number of waiting rows (or all of them), at least one block of the next level's rows."""
        waiting = sum(part.shape[1] for part in self._rows[level])
        usable = waiting if all_of_it else waiting // (2 * _BLOCK) * (2 * _BLOCK)
        if not usable:
            return None
        rows = self._rows[level][0] if len(self._rows[level]) == 1 else np.concatenate(self._rows[level], axis=1)
        self._rows[level] = [rows[:, usable:]] if usable < waiting else []
        return rows[:, :usable]

    def _pass_up(self, level: int, rows: NDArray[Any]) -> None:
        halved = self._halved(rows)
        data = self._files[level]
        data.write(halved, window=RasterWindow(0, self._written[level], halved.shape[2], halved.shape[1]))
        self._written[level] += halved.shape[1]
        self._feed(level + 1, halved)

    def _flush(self, level: int, *, last: bool) -> None:
        if last and self._written[level] != self._files[level].height:
            raise AssertionError(f"overview {level + 1} has {self._written[level]} rows")

    def _halved(self, rows: NDArray[Any]) -> NDArray[Any]:
        # An odd rim is repeated, so that the last pixel stands for itself.
        pad = [(0, 0), (0, rows.shape[1] % 2), (0, rows.shape[2] % 2)]
        if pad[1][1] or pad[2][1]:
            rows = np.pad(rows, pad, mode="edge")
        valid = self._valid(rows)
        if valid is None:
            return _plain_mean(rows)
        return _masked_mean(rows, valid, self._nodata, self._plane_mask)

    def _valid(self, rows: NDArray[Any]) -> NDArray[np.bool_] | None:
        if self._plane_mask:
            valid = np.broadcast_to(rows[-1:] != 0, rows.shape)
        elif self._nodata is None:
            return None
        else:
            valid = ~np.isnan(rows) if math.isnan(self._nodata) else rows != rows.dtype.type(self._nodata)
        return None if valid.all() else valid


def _quarters(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def _plain_mean(rows: NDArray[Any]) -> NDArray[Any]:
    a, b, c, d = _quarters(rows)
    if rows.dtype.kind == "f":
        mean: NDArray[Any] = ((a + b) + (c + d)) * rows.dtype.type(0.25)
        return mean
    total = a.astype(np.int32)
    for part in (b, c, d):
        total += part
    total += 2
    total >>= 2
    return total.astype(rows.dtype)


def _masked_mean(rows: NDArray[Any], valid: NDArray[np.bool_], nodata: float | None, plane_mask: bool) -> NDArray[Any]:
    parts, known = _quarters(rows), _quarters(valid)
    total = np.zeros(parts[0].shape, np.float64)
    count = np.zeros(parts[0].shape, np.int8)
    for part, ok in zip(parts, known, strict=True):
        total += np.where(ok, part, 0)
        count += ok
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    if rows.dtype.kind != "f":
        mean = np.floor(mean + 0.5)
        if nodata is not None:
            mean = np.where((mean == nodata) & (count > 0), _beside(nodata, rows.dtype), mean)
    if nodata is not None:
        mean = np.where(count > 0, mean, nodata)
    halved = mean.astype(rows.dtype)
    if plane_mask:
        halved[-1] = np.max(np.stack([part[-1] for part in parts]), axis=0)
    return halved


def _beside(nodata: float, dtype: np.dtype[Any]) -> float:
    return nodata + 1 if nodata < np.iinfo(dtype).max else nodata - 1


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
