"""Reduced resolution by Wald's protocol: MS and PAN as an instrument with pixels ``ratio`` times larger would see them.

MS: the sensor's MTF filter, then decimation; PAN: antialiased bicubic, as MATLAB's imresize.  Two phases of MS: "area"
samples at the true centres of the coarse pixels, so that the corners of fine and coarse grid coincide; "dlpan" is that
of the pansharpening toolbox (Vivone et al., GRSM 2021), whose samples sit at fine pixel ``ratio / 2`` of each cell,
half a fine pixel right and down for even ratios.  ``expand`` is the toolbox's way back, EXP.

Everything works on any rows of a raster, read with the halo that it needs.  Axes are (bands, rows, columns), float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..ground.resample import KERNELS, Taps, cubic_spline_taps
from .mtf import SIZE, mtf_factors

Array = NDArray[np.float64]
Phase = Literal["area", "dlpan"]

FILTER_HALO = SIZE // 2
"""Fine px that the MTF filter reads beyond a pixel."""
SPLINE_HALO = 16
"""Fine px that sampling between pixels reads beyond the filter; the cubic spline's weights are below 1e-9 there."""
EXPAND_HALO = 12
"""Coarse px that ``expand`` reads beyond a pixel, at any ratio."""

# Columns that a band matrix makes at once: few enough to waste little on its zeros, enough for BLAS to be fast.
_CHUNK = 64

# Half of the 23-tap interpolation filter of the toolbox (Aiazzi et al., TGRS 2002), from its centre outward.
_HALF_BAND = (
    1.0,
    2 * 0.305334091185,
    0.0,
    2 * -0.072698593239,
    0.0,
    2 * 0.021809577942,
    0.0,
    2 * -0.005192756653,
    0.0,
    2 * 0.000807762146,
    0.0,
    2 * -0.000060081482,
)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a raster on demand, also beyond its rim.

    Attributes:
        shape: (bands, rows, columns).
        read: rows first..stop-1 inside the raster, (bands, stop - first, columns), any dtype.
    """

    shape: tuple[int, int, int]
    read: Callable[[int, int], NDArray[np.generic]]

    @classmethod
    def of(cls, image: NDArray[np.generic]) -> Rows:
        """Rows of an array (bands, rows, columns)."""
        if image.ndim != 3 or 0 in image.shape:
            raise RequestError(f"an image of shape {image.shape} is not (bands, rows, columns)")
        bands, rows, columns = image.shape
        return cls((bands, rows, columns), lambda first, stop: image[:, first:stop])

    def replicated(self, first: int, stop: int) -> Array:
        """Rows first..stop-1, the rim repeated beyond the raster."""
        return self.gather(np.clip(np.arange(first, stop), 0, self.shape[1] - 1))

    def wrapped(self, first: int, stop: int) -> Array:
        """Rows first..stop-1 of the raster repeated without end."""
        return self.gather(np.arange(first, stop) % self.shape[1])

    def mirrored(self, first: int, stop: int) -> Array:
        """Rows first..stop-1, the raster mirrored at its rim, rim row included."""
        return self.gather(_mirror(np.arange(first, stop), self.shape[1]))

    def gather(self, index: NDArray[np.int64]) -> Array:
        """Rows by number, float64; one read for each stretch that they touch."""
        touched = np.unique(index)
        breaks = np.flatnonzero(np.diff(touched) > 1) + 1
        parts = [
            np.asarray(self.read(int(part[0]), int(part[-1]) + 1), np.float64) for part in np.split(touched, breaks)
        ]
        rows: Array = (parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))[
            :, np.searchsorted(touched, index)
        ]
        if not np.isfinite(rows).all():
            raise RequestError("the image holds values that are not finite", fix="mask them, or set a nodata value")
        return rows


def coarse_shape(shape: tuple[int, int], ratio: float, offset: tuple[float, float] = (0.0, 0.0)) -> tuple[int, int]:
    """(rows, columns) of the coarse cells that lie wholly on a fine grid of ``shape``.

    Args:
        shape: (rows, columns) of the fine grid.
        ratio: fine px per cell.
        offset: (row, column) of the corner of the first cell, fine px.

    Raises:
        RequestError: the ratio is not above 1, or there is no such cell.
    """
    if not (math.isfinite(ratio) and ratio > 1.0):
        raise RequestError(f"a ratio of {ratio:g} does not degrade", where="--ratio", fix="give one above 1")
    rows, columns = (math.floor((n - first) / ratio + 1e-6) for n, first in zip(shape, offset, strict=True))
    if min(rows, columns) < 1:
        raise RequestError(f"an image of {shape[1]} x {shape[0]} px is smaller than one cell of {ratio:g} px")
    return rows, columns


def degrade_ms(image: NDArray[np.generic], gains: tuple[float, ...], ratio: float, *, phase: Phase = "area") -> Array:
    """MS at ``ratio`` times its pixel size: MTF filter, then decimation.

    Args:
        image: (C, h, w), finite.
        gains: (C,) of the MTF at the coarse Nyquist frequency.
        ratio: above 1; whole with phase "dlpan".
        phase: "area" for true pixel centres (corner aligned), "dlpan" for those of the toolbox.

    Returns:
        (C, floor(h / ratio), floor(w / ratio)).

    Raises:
        RequestError: gains and bands differ in number, the ratio does not suit, or a value is not finite.
    """
    rows = Rows.of(image)
    return degrade_ms_rows(rows, gains, ratio, 0, coarse_shape(rows.shape[1:], ratio)[0], phase=phase)


def degrade_ms_rows(
    image: Rows,
    gains: tuple[float, ...],
    ratio: float,
    first: int,
    stop: int,
    *,
    phase: Phase = "area",
    offset: tuple[float, float] = (0.0, 0.0),
) -> Array:
    """Rows first..stop-1 of ``degrade_ms``; reads 36 rows (``FILTER_HALO + SPLINE_HALO``) more on either side.

    ``offset`` is the (row, column) of the corner of the first cell, fine px; fractions need phase "area".
    """
    columns = coarse_shape(image.shape[1:], ratio, offset)[1]
    if phase == "dlpan" and any(number != int(number) for number in (ratio, *offset)):
        raise RequestError(
            f"a ratio of {ratio:g} has no phase of the toolbox", where="--phase", fix="pass --phase area"
        )
    down, across = _sampling(first, stop, ratio, phase, offset[0]), _sampling(0, columns, ratio, phase, offset[1])
    low, high = int(down.index.min()), int(down.index.max()) + 1
    filtered = filtered_rows(image, gains, ratio, low, high)
    last = filtered.shape[2] - 1
    # The spline continues the filtered image's rim; rows beyond it were filtered on the continued image.
    sampled = apply_taps(filtered, Taps(np.clip(across.index, 0, last), across.weight), 2)
    rim = np.clip(down.index, 0, image.shape[1] - 1)
    return apply_taps(sampled, Taps(rim - max(low, 0), down.weight), 1)


def filtered_rows(image: Rows, gains: tuple[float, ...], ratio: float, first: int, stop: int) -> Array:
    """Rows first..stop-1 (cut to the raster) through the MTF filter; reads ``FILTER_HALO`` rows more, rim repeated."""
    if len(gains) != image.shape[0]:
        raise RequestError(f"there are {len(gains)} MTF gains for {image.shape[0]} bands", where="--sensor")
    first, stop = max(first, 0), min(stop, image.shape[1])
    rows = image.replicated(first - FILTER_HALO, stop + FILTER_HALO)
    filtered = np.empty((len(gains), stop - first, image.shape[2]))
    for band, gain in enumerate(gains):
        padded = np.pad(rows[band], ((0, 0), (FILTER_HALO, FILTER_HALO)), mode="edge")
        filtered[band] = sum(
            _correlate(_correlate(padded.T, down).T, across) for down, across in mtf_factors(gain, float(ratio))
        )
    return filtered


def degrade_pan(image: NDArray[np.generic], ratio: float) -> Array:
    """PAN at ``ratio`` times its pixel size: bicubic with its kernel widened by the ratio, rim mirrored.

    Keys, "Cubic convolution interpolation for digital image processing", TASSP 1981, a = -1/2; corners coincide.

    Args:
        image: (C, h, w), finite.
        ratio: above 1.

    Returns:
        (C, floor(h / ratio), floor(w / ratio)).
    """
    rows = Rows.of(image)
    height, width = coarse_shape(rows.shape[1:], ratio)
    return degrade_pan_rows(rows, ratio, np.arange(height), width)


def degrade_pan_rows(
    image: Rows, ratio: float, coarse: NDArray[np.int64], columns: int, offset: tuple[float, float] = (0.0, 0.0)
) -> Array:
    """The rows of ``degrade_pan`` with the numbers ``coarse``; reads ``ceil(2 * ratio) + 1`` rows around each.

    ``offset`` is the (row, column) of the corner of the first cell, fine px.
    """
    down, across = _widened(coarse, ratio, offset[0]), _widened(np.arange(columns), ratio, offset[1])
    index = _mirror(down.index, image.shape[1])
    touched = np.unique(index)
    rows = apply_taps(image.gather(touched), Taps(np.searchsorted(touched, index), down.weight), 1)
    return apply_taps(rows, Taps(_mirror(across.index, image.shape[2]), across.weight), 2)


def expand(image: NDArray[np.generic], ratio: int) -> Array:
    """EXP: interpolation by the toolbox's 23 taps, doubling until ``ratio`` is reached, rim wrapped round.

    Coarse pixel k comes to lie on fine pixel ``ratio * k + ratio / 2``, the phase "dlpan".

    Args:
        image: (C, h, w), finite.
        ratio: a power of two from 2 up.

    Returns:
        (C, h * ratio, w * ratio).
    """
    rows = Rows.of(image)
    return expand_rows(rows, ratio, 0, rows.shape[1] * ratio)


def expand_rows(image: Rows, ratio: int, first: int, stop: int) -> Array:
    """Fine rows first..stop-1 of ``expand``; reads ``EXPAND_HALO`` coarse rows more on either side."""
    if ratio < 2 or ratio & (ratio - 1):
        raise RequestError(
            f"the 23-tap interpolation does not reach a ratio of {ratio}", where="--ratio", fix="give a power of two"
        )
    top = first // ratio - EXPAND_HALO
    values = image.wrapped(top, -(-stop // ratio) + EXPAND_HALO)
    # Wrapping the slab spoils only rows of the halo.
    for step in range(ratio.bit_length() - 1):
        values = _doubled(_doubled(values, 1, offset=int(step == 0)), 2, offset=int(step == 0))
    return np.ascontiguousarray(values[:, first - top * ratio : stop - top * ratio])


def expand_centred_rows(
    image: Rows,
    ratio: float,
    shape: tuple[int, int],
    first: int,
    stop: int,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Array:
    """Fine rows first..stop-1 of the cubic spline through the coarse pixels' true centres, rim repeated.

    For any ratio and any offset; reads ``SPLINE_HALO`` coarse rows more on either side.

    Args:
        image: coarse rows.
        ratio: fine px per coarse px.
        shape: (rows, columns) of the fine grid.
        first, stop: fine rows.
        offset: (row, column) of the corner of the first coarse pixel, fine px.
    """
    down, across = _between(first, stop, ratio, offset[0]), _between(0, shape[1], ratio, offset[1])
    low, high = int(down.index.min()), int(down.index.max()) + 1
    rows = apply_taps(image.replicated(low, high), Taps(down.index - low, down.weight), 1)
    return apply_taps(rows, Taps(np.clip(across.index, 0, image.shape[2] - 1), across.weight), 2)


def apply_taps(values: Array, taps: Taps, axis: int) -> Array:
    """Apply taps to one axis in float64, many of them as products with band matrices: BLAS is fast."""
    if taps.index.shape[1] == 1:
        shape = [1] * values.ndim
        shape[axis] = -1
        picked: Array = np.take(values, taps.index[:, 0], axis=axis) * taps.weight[:, 0].reshape(shape)
        return picked
    moved = np.moveaxis(values, axis, -1)
    total = np.empty((*moved.shape[:-1], len(taps.index)))
    for first in range(0, len(taps.index), _CHUNK):
        index, weight = taps.index[first : first + _CHUNK], taps.weight[first : first + _CHUNK]
        low, high = int(index.min()), int(index.max()) + 1
        matrix = np.zeros((high - low, len(index)))
        # Where a rim is repeated or mirrored, several taps meet in one pixel.
        np.add.at(matrix, (index - low, np.arange(len(index))[:, None]), weight)
        total[..., first : first + _CHUNK] = moved[..., low:high] @ matrix
    return np.moveaxis(total, -1, axis)


def _correlate(values: Array, taps: Array) -> Array:
    """Correlate the last axis of (n, m) with taps where they fit, as products with a band matrix: BLAS is fast."""
    length = values.shape[1] - len(taps) + 1
    band = np.zeros((_CHUNK + len(taps) - 1, _CHUNK))
    for k, tap in enumerate(taps):
        np.fill_diagonal(band[k:], tap)
    result = np.empty((values.shape[0], length))
    for first in range(0, length, _CHUNK):
        n = min(_CHUNK, length - first)
        reach = n + len(taps) - 1
        result[:, first : first + n] = values[:, first : first + reach] @ band[:reach, :n]
    return result


@lru_cache(maxsize=8)
def _between(first: int, stop: int, ratio: float, offset: float) -> Taps:
    """Where fine pixels first..stop-1 lie between coarse ones; the columns are the same for every strip."""
    return cubic_spline_taps((np.arange(first, stop) + 0.5 - offset) / ratio, SPLINE_HALO)


@lru_cache(maxsize=8)
def _sampling(first: int, stop: int, ratio: float, phase: Phase, offset: float) -> Taps:
    """Where cells first..stop-1 sample the filtered image."""
    cells = np.arange(first, stop)
    if phase == "dlpan":
        # imresize(..., "nearest") of the toolbox: the centre, halves rounded up.
        return Taps((cells * int(ratio) + int(ratio) // 2 + int(offset))[:, None], np.ones((len(cells), 1)))
    return cubic_spline_taps((cells + 0.5) * ratio + offset, SPLINE_HALO)


def _widened(cells: NDArray[np.int64], ratio: float, offset: float) -> Taps:
    """Keys' cubic, widened by the ratio, at the true centres of cells."""
    position = (cells + 0.5) * ratio + offset - 0.5
    reach = math.ceil(2 * ratio)
    index = np.floor(position).astype(np.int64)[:, None] + np.arange(-reach, reach + 2)
    weight = KERNELS["cubic"][0]((position[:, None] - index) / ratio)
    return Taps(index, weight / weight.sum(axis=1, keepdims=True))


def _mirror(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    index = index % (2 * length)
    return np.minimum(index, 2 * length - 1 - index)


def _doubled(values: Array, axis: int, *, offset: int) -> Array:
    """Twice the samples along an axis, wrapped: the old ones at 2 k + offset, between them the half-band filter."""
    half = np.moveaxis(values, axis, -1)
    between = np.zeros_like(half)
    for lag in range(1, len(_HALF_BAND), 2):
        reach = lag // 2
        # The point between samples k and k + 1.
        between += _HALF_BAND[lag] * (np.roll(half, reach, axis=-1) + np.roll(half, -reach - 1, axis=-1))
    fine = np.empty((*half.shape[:-1], 2 * half.shape[-1]))
    fine[..., offset::2] = half
    fine[..., 1 - offset :: 2] = np.roll(between, offset, axis=-1)
    return np.moveaxis(fine, -1, axis)
