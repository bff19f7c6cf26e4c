"""A lattice in an image: what repeats with the pixels of its input or the cells of a network, as a checkerboard does.

The spectrum of a scene is smooth; a lattice stands out at its harmonics as single bins.  Sums over windows of 64 x 64
px, every 32 px; a strip of rows reads the 32 rows below it.  Axes are (bands, rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW, STEP = 64, 32
"""Side of a window, and from one to the next, px."""

_NEAREST, _FARTHEST = 3.0, 4.0
# Windows that are transformed at once: what they are computed with stays in the processor's cache.
_GROUP = 32


@dataclass(frozen=True, slots=True, eq=False)
class LatticeSums:
    """What a strip adds; strips add up in any grouping.

    Attributes:
        windows: without masked pixels.
        power: (C, 64, 64), sums of their squared spectra.
    """

    windows: int
    power: Array

    def __add__(self, other: LatticeSums) -> LatticeSums:
        return LatticeSums(self.windows + other.windows, self.power + other.power)

    def score(self, period: float) -> float | None:
        """How far the worst band stands out at the harmonics of a lattice: 1 where it does not.

        At each multiple of 1 / ``period`` cycles a px on both axes, but not on the axes themselves, the power over the
        median of the bins that lie 3 to 4 away; the geometric mean over all of them.

        Args:
            period: of the lattice, px; below 2 there is none.

        Returns:
            None where there is no window, no such lattice, or no power to compare with.
        """
        found = [_stands_out(plane, period) for plane in self.power] if self.windows else []
        told = [value for value in found if math.isfinite(value)]
        return max(told) if told else None


def lattice_sums(values: Array, known: Mask | None, start: int, stop: int) -> LatticeSums:
    """Sums over the windows that begin in rows start..stop-1.

    Args:
        values: (C, h, w), the scene from ``start`` to 32 rows beyond ``stop``, or to its end.
        known: (h, w), where they are valid; None where they are everywhere.
        start, stop: rows of the scene; ``start`` is a multiple of 32.
    """
    bands, height, width = values.shape
    taper = np.outer(*(np.hanning(WINDOW + 1)[:-1],) * 2)
    corners = [
        (row, column)
        for row in range(0, min(stop - start, height - WINDOW + 1), STEP)
        for column in range(0, width - WINDOW + 1, STEP)
        if known is None or known[row : row + WINDOW, column : column + WINDOW].all()
    ]
    power = np.zeros((bands, WINDOW, WINDOW))
    for first in range(0, len(corners), _GROUP):
        some = np.stack([values[:, r : r + WINDOW, c : c + WINDOW] for r, c in corners[first : first + _GROUP]], axis=1)
        some = some - some.mean(axis=(2, 3), keepdims=True)
        power += (np.abs(np.fft.fft2(some * taper)) ** 2).sum(axis=1)
    return LatticeSums(len(corners), power)


def lattice_metric(sums: LatticeSums, ratio: float) -> dict[str, float]:
    """The larger score of two lattices: of the coarse pixels, and of half their size; empty where none tells."""
    found = [value for period in (ratio, ratio / 2) if (value := sums.score(period)) is not None]
    return {"lattice": max(found)} if found else {}


def _stands_out(power: Array, period: float) -> float:
    ratios = []
    for at, ring in _harmonics(period):
        around = float(np.median(power[ring]))
        if around <= 0.0 or power[at] <= 0.0:
            return math.nan
        ratios.append(power[at] / around)
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else math.nan


def _harmonics(period: float) -> Iterator[tuple[tuple[int, int], Mask]]:
    """The bins of the harmonics, and the ring around each."""
    multiples = [round(k * WINDOW / period) for k in range(1, int(period / 2 + 1e-9) + 1)]
    bins = sorted({place % WINDOW for each in multiples for place in (each, -each)})
    place = np.arange(WINDOW)
    for row in bins:
        for column in bins:
            down, across = (np.minimum((place - at) % WINDOW, (at - place) % WINDOW) for at in (row, column))
            distance = np.hypot(down[:, None], across[None, :])
            yield (row, column), (distance >= _NEAREST) & (distance <= _FARTHEST)
