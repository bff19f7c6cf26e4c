"""Artefacts that the indices miss or reward: a lattice of the input's pixels, rings beyond what the inputs hold, bias.

Arrays are (bands, rows, columns), float64, stored units; invalid pixels are left out by a mask.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

Array = NDArray[np.float64]

WINDOW, STEP = 64, 32
_NEAREST, _FARTHEST = 3.0, 4.0


def mean_power(plane: Array) -> Array:
    """Mean power spectrum of a plane over windows, (64, 64); zeros where none fits.

    Args:
        plane: (h, w); windows that hold a value that is not finite are left out.
    """
    window = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    total, count = np.zeros((WINDOW, WINDOW)), 0
    for row in range(0, plane.shape[0] - WINDOW + 1, STEP):
        for column in range(0, plane.shape[1] - WINDOW + 1, STEP):
            part = plane[row : row + WINDOW, column : column + WINDOW]
            if np.isfinite(part).all():
                total += np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
                count += 1
    return total / max(count, 1)


def lattice_score(power: Array, period: float) -> float:
    """How far the spectrum stands out at the harmonics of a lattice; 1 where it does not, NaN where nothing tells.

    At each multiple of 1 / period cycles a pixel on both axes, but not on the axes themselves, the power over the
    median of the bins that lie 3 to 4 away; the geometric mean over all of them.

    Args:
        power: as ``mean_power`` gives it.
        period: of the lattice, px.
    """
    ratios = [power[at] / np.median(power[ring]) for at, ring in _harmonics(period) if np.median(power[ring]) > 0]
    if not ratios or min(ratios) <= 0:
        return math.nan
    return float(np.exp(np.mean(np.log(ratios))))


def _harmonics(period: float) -> Iterator[tuple[tuple[int, int], NDArray[np.bool_]]]:
    """The bins of the harmonics, and the ring around each."""
    multiples = [round(k * WINDOW / period) for k in range(1, int(period / 2 + 1e-9) + 1)]
    bins = sorted({bin % WINDOW for each in multiples for bin in (each, -each)})
    place = np.arange(WINDOW)
    for row in bins:
        for column in bins:
            apart = [np.minimum((place - at) % WINDOW, (at - place) % WINDOW) for at in (row, column)]
            distance = np.hypot(apart[0][:, None], apart[1][None, :])
            yield (row, column), (distance >= _NEAREST) & (distance <= _FARTHEST)


def excess(fused: Array, ms: Array, pan: Array, ratio: int) -> tuple[Array, Array]:
    """How far each band of a fused image goes below and above what its inputs hold, over the band's deviation.

    Below (above) the least (largest) MS value of the 3 x 3 cells around a pixel; where the local detail of PAN, its
    difference from a Gaussian of half a cell scaled to the band, points the same way, it may go so much further.

    Args:
        fused: (bands, h, w).
        ms: (bands, h / ratio, w / ratio), whose cells lie under those of ``fused`` corner to corner.
        pan: (h, w).

    Returns:
        (bands,) each: undershoot, overshoot.
    """
    detail = pan - gaussian_filter(pan, ratio / 2, mode="nearest")
    coarse = pan.reshape(pan.shape[0] // ratio, ratio, pan.shape[1] // ratio, ratio).mean(axis=(1, 3))
    spread = float(coarse.std())
    below, above = [], []
    for band, cells in zip(fused, ms, strict=True):
        own = detail * (cells.std() / spread if spread > 0 else 0.0)
        least, most = (_fine(f(cells, size=3, mode="nearest"), ratio) for f in (minimum_filter, maximum_filter))
        deviation = float(cells.std()) or math.nan
        below.append(_rms(np.maximum(least + np.minimum(own, 0.0) - band, 0.0)) / deviation)
        above.append(_rms(np.maximum(band - most - np.maximum(own, 0.0), 0.0)) / deviation)
    return np.array(below), np.array(above)


def _fine(cells: Array, ratio: int) -> Array:
    return np.repeat(np.repeat(cells, ratio, axis=0), ratio, axis=1)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
