"""Artefacts of a fused image that the indices miss or reward: rings, lost or invented texture.

Fused values may lie between the least and the largest of the nine MS pixels around, and beyond them as far as the local
detail of PAN points; what lies farther is a ring.  The truth of simulated scenes has .03 to .05 of a band's deviation,
so these bound from above only: less is not better.  Everything is a sum over parts of a scene, in stored values; axes
are (bands, rows, columns), float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CellSums:
    """What a strip of MS rows adds; strips add up in any grouping.

    Attributes:
        cells: MS pixels counted.
        ms, squares: (C,) sums of MS and of its squares.
        pan, pan_squares: of PAN at the size of MS.
    """

    cells: int
    ms: Array
    squares: Array
    pan: float
    pan_squares: float

    def __add__(self, other: CellSums) -> CellSums:
        return CellSums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def of(cls, ms: Array, pan: Array, counted: Mask) -> CellSums:
        """Of MS (C, n, m) and PAN at its size (1, n, m), where (1, n, m) counts."""
        return cls(
            int(counted.sum()),
            ms.sum(axis=(1, 2), where=counted),
            (ms**2).sum(axis=(1, 2), where=counted),
            float(pan.sum(where=counted)),
            float((pan**2).sum(where=counted)),
        )

    @property
    def means(self) -> Array:
        """(C,), of MS."""
        return self.ms / self.cells

    @property
    def deviations(self) -> Array:
        """(C,), of MS."""
        found: Array = np.sqrt(np.maximum(self.squares / self.cells - self.means**2, 0.0))
        return found

    @property
    def pan_deviation(self) -> float:
        """Of PAN at the size of MS."""
        return math.sqrt(max(self.pan_squares / self.cells - (self.pan / self.cells) ** 2, 0.0))


@dataclass(frozen=True, slots=True)
class ArtefactScores:
    """Artefacts of one image, the worst band of each.

    Attributes:
        undershoot, overshoot: root mean square of what lies below and above what the inputs hold, over the band's
            deviation.
        detail: correlation of the band's detail with that of PAN, the lowest band; None where one of them has none.
    """

    undershoot: float
    overshoot: float
    detail: float | None

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use; what was not measured is left out."""
        named = {"undershoot": self.undershoot, "overshoot": self.overshoot}
        return named if self.detail is None else {**named, "PAN_detail": self.detail}


@dataclass(frozen=True, slots=True, eq=False)
class ArtefactSums:
    """What a strip of PAN rows adds; strips add up in any grouping.

    Attributes:
        pixels: counted.
        below, above: (C,) sums of squares of what lies below and above what the inputs hold.
        product, own, pan: (C,) sums of the bands' detail times PAN's, and of the squares of either.
    """

    pixels: int
    below: Array
    above: Array
    product: Array
    own: Array
    pan: Array

    def __add__(self, other: ArtefactSums) -> ArtefactSums:
        return ArtefactSums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def scores(self, cells: CellSums) -> ArtefactScores | None:
        """Turn sums into measures; None where nothing was counted or every band of MS is flat."""
        deviations = cells.deviations if cells.cells else np.zeros(0)
        told = deviations > 0.0
        if not self.pixels or not told.any():
            return None
        below, above = (np.sqrt(sums[told] / self.pixels) / deviations[told] for sums in (self.below, self.above))
        power = self.own * self.pan
        detail = float(np.min(self.product[told] / np.sqrt(power[told]))) if (power[told] > 0.0).all() else None
        return ArtefactScores(float(below.max()), float(above.max()), detail)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a fused scene.

    Attributes:
        fused: (C, h, w).
        detail: (C, h, w), what ``detail_of`` leaves of it.
        pan_detail: (1, h, w), of PAN.
        least, most: (C, h, w), of the nine MS pixels around; see ``around``.
        counted: (h, w).
    """

    fused: Array
    detail: Array
    pan_detail: Array
    least: Array
    most: Array
    counted: Mask

    def sums(self, cells: CellSums) -> ArtefactSums:
        """What the piece adds; ``cells`` tells how large PAN's detail is in each band."""
        below, above, spread = [], [], cells.pan_deviation
        for band, low, high, deviation in zip(self.fused, self.least, self.most, cells.deviations, strict=True):
            allowed = self.pan_detail[0] * (deviation / spread if spread > 0.0 else 0.0)
            beneath = np.maximum(low + np.minimum(allowed, 0.0) - band, 0.0)
            beyond = np.maximum(band - high - np.maximum(allowed, 0.0), 0.0)
            below.append((beneath**2).sum(where=self.counted))
            above.append((beyond**2).sum(where=self.counted))
        return ArtefactSums(
            int(self.counted.sum()),
            np.array(below),
            np.array(above),
            (self.detail * self.pan_detail).sum(axis=(1, 2), where=self.counted),
            (self.detail**2).sum(axis=(1, 2), where=self.counted),
            np.full(len(self.fused), (self.pan_detail**2).sum(where=self.counted)),
        )


def detail_of(image: Array, sigma: float, halo: int) -> Array:
    """What a Gaussian takes away: (bands, rows, columns) of an image with ``halo`` rows more on either side."""
    at = np.arange(-halo, halo + 1)
    taps = np.exp(-0.5 * (at / sigma) ** 2)
    taps /= taps.sum()
    height, width = image.shape[1] - 2 * halo, image.shape[2]
    rows = np.asarray(sum(t * image[:, k : k + height] for k, t in enumerate(taps)))
    padded = np.pad(rows, ((0, 0), (0, 0), (halo, halo)), mode="edge")
    smooth = np.asarray(sum(t * padded[:, :, k : k + width] for k, t in enumerate(taps)))
    found: Array = image[:, halo:-halo] - smooth
    return found


def around(cells: Array, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Array, Array]:
    """Least and largest value of the 3 x 3 MS pixels around each px, (C, h, w) each.

    Args:
        cells: (C, n, m), with one row and column more on every side than ``rows`` and ``columns`` count.
        rows, columns: of the cell that holds each px, from 0.
    """
    count, width = cells.shape[1] - 2, cells.shape[2] - 2
    near = [cells[:, i : i + count, j : j + width] for i in range(3) for j in range(3)]
    least, most = np.minimum.reduce(near), np.maximum.reduce(near)
    return least[:, rows][:, :, columns], most[:, rows][:, :, columns]
