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
    """Shapes of the overviews: halved, rounded up, until both sides fit one block.

    Readers tell the factor of an overview from its width, so one that cannot shrink any more in width ends the series.
    """
    shapes = []
    while max(height, width) > _BLOCK and width > 1:
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
        self._odd: list[NDArray[Any] | None] = [None] * len(self.paths)
        self._waiting: list[list[NDArray[Any]]] = [[] for _ in self.paths]
        self._written = [0] * len(self.paths)

    def push(self, rows: NDArray[Any]) -> None:
        """Take the next rows of the full raster: (planes, n, W)."""
        self._halve(0, rows)

    def finish(self) -> None:
        """Write what is left and close the files."""
        for level, data in enumerate(self._files):
            odd = self._odd[level]
            if odd is not None:
                self._pass_on(level, self._halved(odd))
            self._write(level, everything=True)
            if self._written[level] != data.height:
                raise AssertionError(f"overview {level + 1} has {self._written[level]} of {data.height} rows")
            data.close()

    def _halve(self, level: int, rows: NDArray[Any]) -> None:
        """Halve rows into overview ``level`` (0 is the first); a row without a partner waits for the next call."""
        if level >= len(self.paths) or not rows.shape[1]:
            return
        odd = self._odd[level]
        if odd is not None:
            self._pass_on(level, self._halved(np.concatenate([odd, rows[:, :1]], axis=1)))
            rows = rows[:, 1:]
        even = rows.shape[1] // 2 * 2
        self._odd[level] = rows[:, even:].copy() if even < rows.shape[1] else None
        if even:
            self._pass_on(level, self._halved(rows[:, :even]))

    def _pass_on(self, level: int, halved: NDArray[Any]) -> None:
        self._waiting[level].append(halved)
        self._write(level, everything=False)
        self._halve(level + 1, halved)

    def _write(self, level: int, *, everything: bool) -> None:
        """Write whole blocks, so that no block is written twice."""
        waiting = sum(part.shape[1] for part in self._waiting[level])
        count = waiting if everything else waiting // _BLOCK * _BLOCK
        if not count:
            return
        rows = np.concatenate(self._waiting[level], axis=1)
        self._waiting[level] = [rows[:, count:]] if count < waiting else []
        where = RasterWindow(0, self._written[level], rows.shape[2], count)
        self._files[level].write(rows[:, :count], window=where)
        self._written[level] += count

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
    if rows.dtype.kind == "f":
        a, b, c, d = _quarters(rows)
        mean: NDArray[Any] = ((a + b) + (c + d)) * rows.dtype.type(0.25)
        return mean
    # Rows first: they lie contiguous in memory, columns do not.
    pairs = np.add(rows[:, 0::2], rows[:, 1::2], dtype=np.int32)
    total = pairs[:, :, 0::2] + pairs[:, :, 1::2]
    total += 2
    total >>= 2
    halved: NDArray[Any] = total.astype(rows.dtype)
    return halved


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
