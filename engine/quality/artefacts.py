"""Artefacts of a fused image that the indices miss or reward: rings, lost or invented texture, shifted colours.

Fused values may lie between the least and the largest of the nine MS pixels around, and beyond them as far as the local
detail of PAN points; what lies farther is a ring.  The truth of simulated scenes has .03 to .05 of a band's deviation,
so these bound from above only: less is not better.  Everything is a sum over strips of rows, in stored values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..optics.degrade import coarse_shape, degrade_pan_rows
from .full import FullScene
from .validity import whole_cells

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


def cell_sums(scene: FullScene, start: int, stop: int) -> CellSums:
    """Sums over MS rows start..stop-1."""
    ratio, offset = scene.ratio, scene.offset
    width = coarse_shape(scene.fused.shape[1:], ratio, offset)[1]
    counted = np.ones((1, stop - start, width), np.bool_)
    if scene.valid is not None:
        counted = whole_cells(scene.valid, ratio, start, stop, width, offset)
    scene = scene.without_masked()
    ms = scene.ms.replicated(start, stop)[:, :, :width]
    pan = degrade_pan_rows(scene.pan, ratio, np.arange(start, stop), width, offset)
    return CellSums(
        int(counted.sum()),
        ms.sum(axis=(1, 2), where=counted),
        (ms**2).sum(axis=(1, 2), where=counted),
        float(pan.sum(where=counted)),
        float((pan**2).sum(where=counted)),
    )


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


def artefact_sums(scene: FullScene, cells: CellSums, start: int, stop: int) -> ArtefactSums:
    """Sums over PAN rows start..stop-1.

    Args:
        scene: what is scored.
        cells: the sums of all its MS rows, which tell how large PAN's detail is in each band.
        start, stop: rows.
    """
    ratio = scene.ratio
    halo = math.ceil(2 * ratio)
    counted = scene.clear(start, stop, halo if scene.valid is not None else 0)
    scene = scene.without_masked()
    pan, fused = (rows.replicated(start - halo, stop + halo) for rows in (scene.pan, scene.fused))
    pan_detail, detail = (_detail(image, ratio / 2, halo) for image in (pan, fused))
    fused = fused[:, halo:-halo]
    spread = cells.pan_deviation
    least, most = _around(scene, start, stop)
    below, above = [], []
    for band, low, high, deviation in zip(fused, least, most, cells.deviations, strict=True):
        allowed = pan_detail[0] * (deviation / spread if spread > 0.0 else 0.0)
        below.append((np.maximum(low + np.minimum(allowed, 0.0) - band, 0.0) ** 2).sum(where=counted))
        above.append((np.maximum(band - high - np.maximum(allowed, 0.0), 0.0) ** 2).sum(where=counted))
    return ArtefactSums(
        int(counted.sum()),
        np.array(below),
        np.array(above),
        (detail * pan_detail).sum(axis=(1, 2), where=counted),
        (detail**2).sum(axis=(1, 2), where=counted),
        np.full(len(fused), (pan_detail**2).sum(where=counted)),
    )


def _detail(image: Array, sigma: float, halo: int) -> Array:
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


def _around(scene: FullScene, start: int, stop: int) -> tuple[Array, Array]:
    """Least and largest value of the 3 x 3 MS pixels around each of PAN rows start..stop-1."""
    height, width = scene.ms.shape[1:]
    rows, columns = (
        np.clip(np.floor((np.arange(*span) + 0.5 - offset) / scene.ratio).astype(np.int64), 0, length - 1)
        for span, offset, length in zip(
            ((start, stop), (0, scene.fused.shape[2])), scene.offset, (height, width), strict=True
        )
    )
    first = int(rows[0])
    cells = np.pad(scene.ms.replicated(first - 1, int(rows[-1]) + 2), ((0, 0), (0, 0), (1, 1)), mode="edge")
    count = int(rows[-1]) - first + 1
    near = [cells[:, i : i + count, j : j + width] for i in range(3) for j in range(3)]
    least, most = np.minimum.reduce(near), np.maximum.reduce(near)
    rows = rows - first
    return least[:, rows][:, :, columns], most[:, rows][:, :, columns]
