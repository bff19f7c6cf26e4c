"""Overviews made while rows pass by: a pixel of a level says what the valid ones in 2 x 2 of the level below say.

It is valid exactly if one of them is.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterWindow

from ..contract import Overview
from ..ground.nodata import Nodata
from .row_bands import digest_of

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
        plane_mask: whether the last plane is a mask: 0, or a positive value where the pixel is valid.
        how: four pixels become one: by their mean, half rounded up; their mode, the lowest of several; or the first
            one, row by row.  What is masked has no part in it.
    """

    def __init__(
        self,
        folder: Path,
        shape_hw: tuple[int, int],
        planes: int,
        dtype: str,
        nodata: float | None,
        plane_mask: bool,
        how: Overview = "mean",
    ) -> None:
        self._fill, self._plane_mask, self._how = nodata, plane_mask, how
        # A mask of its own leaves every value free.
        self._nodata = None if nodata is None or plane_mask else Nodata.of(nodata, dtype)
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
        self._digests: list[list[tuple[RasterWindow, str]]] = [[] for _ in self.paths]

    def push(self, rows: NDArray[Any]) -> None:
        """Take the next rows of the full raster: (planes, n, W)."""
        self._halve(0, rows)

    def finish(self) -> None:
        """Write what is left, close the files, and read them back.

        Raises:
            OSError: a file does not hold what was written, as on a disk that filled up meanwhile.
        """
        for level, data in enumerate(self._files):
            odd = self._odd[level]
            if odd is not None:
                self._pass_on(level, self._halved(odd))
            self._write(level, everything=True)
            if self._written[level] != data.height:
                raise AssertionError(f"overview {level + 1} has {self._written[level]} of {data.height} rows")
            data.close()
            self._check(level)

    def _check(self, level: int) -> None:
        with _quietly(), rasterio.open(self.paths[level]) as data:
            for where, digest in self._digests[level]:
                if digest_of(data.read(window=where)) != digest:
                    raise OSError(f"overview {level + 1} does not hold what was written")

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
        self._digests[level].append((where, digest_of(rows[:, :count])))
        self._written[level] += count

    def _halved(self, rows: NDArray[Any]) -> NDArray[Any]:
        # An odd rim is repeated, so that the last pixel stands for itself.
        pad = [(0, 0), (0, rows.shape[1] % 2), (0, rows.shape[2] % 2)]
        if pad[1][1] or pad[2][1]:
            rows = np.pad(rows, pad, mode="edge")
        valid = self._valid(rows)
        if self._how == "mean":
            halved = _mean(rows) if valid is None else _masked_mean(rows, valid)
            if self._nodata is not None:
                self._nodata.step_aside(halved)
        else:
            halved = (_mode if self._how == "mode" else _first)(rows, valid)
        if valid is not None:
            halved[~np.logical_or.reduce(_quarters(valid))] = 0 if self._fill is None else self._fill
            if self._plane_mask:
                halved[-1:] = np.maximum.reduce(_quarters(rows[-1:]))
        return halved

    def _valid(self, rows: NDArray[Any]) -> NDArray[np.bool_] | None:
        if self._plane_mask:
            valid = np.broadcast_to(rows[-1:] != 0, rows.shape)
        elif self._fill is None:
            return None
        else:
            valid = ~np.isnan(rows) if math.isnan(self._fill) else rows != rows.dtype.type(self._fill)
        return None if valid.all() else valid


def _quarters(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def _mean(rows: NDArray[Any]) -> NDArray[Any]:
    if rows.dtype.kind == "f":
        a, b, c, d = _quarters(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            mean: NDArray[Any] = ((a + b) + (c + d)) * rows.dtype.type(0.25)
            lost = ~np.isfinite(mean)
        if lost.any():  # four large values can overflow where their mean does not
            mean[lost] = sum(part[lost].astype(np.float64) for part in (a, b, c, d)) * 0.25
        return mean
    # Rows first: they lie contiguous in memory, columns do not.
    pairs = np.add(rows[:, 0::2], rows[:, 1::2], dtype=np.int32)
    total = pairs[:, :, 0::2] + pairs[:, :, 1::2]
    total += 2
    total >>= 2
    halved: NDArray[Any] = total.astype(rows.dtype)
    return halved


def _masked_mean(rows: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[Any]:
    """The mean of the valid ones, 0 where there is none."""
    parts, known = _quarters(rows), _quarters(valid)
    total = np.zeros(parts[0].shape, np.float64)
    count = np.zeros(parts[0].shape, np.int8)
    for part, ok in zip(parts, known, strict=True):
        total += np.where(ok, part, 0)
        count += ok
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    if rows.dtype.kind != "f":
        mean = np.floor(mean + 0.5)
    halved: NDArray[Any] = mean.astype(rows.dtype)
    return halved


def _mode(rows: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
    """The most frequent valid value, the lowest of several; whatever where none is valid."""
    # Each is read many times, and much faster where its pixels lie side by side.
    parts = [part.copy() for part in _quarters(rows)]
    known = [np.True_] * 4 if valid is None else [ok.copy() for ok in _quarters(valid)]
    votes = [np.zeros(parts[0].shape, np.int8) + ok for ok in known]
    for i, j in combinations(range(4), 2):
        agree = ((parts[i] == parts[j]) & known[i] & known[j]).view(np.int8)
        votes[i] += agree
        votes[j] += agree
    mode, most = parts[0], votes[0]
    for part, count in zip(parts[1:], votes[1:], strict=True):
        better = (count > most) | (count == most) & (part < mode)
        np.copyto(mode, part, where=better)
        np.maximum(most, count, out=most)
    return mode


def _first(rows: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
    """The first valid value, row by row; whatever where none is valid."""
    parts = _quarters(rows)
    first = parts[0].copy()
    if valid is not None:
        found = _quarters(valid)[0].copy()
        for part, ok in zip(parts[1:], _quarters(valid)[1:], strict=True):
            np.copyto(first, part, where=ok & ~found)
            found |= ok
    return first


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
