"""Support: what the observation determines of an image, and what was added to it.

An image is its local mean, which every input shows, and its detail.  Of the detail the observation determines what the
pixels of the input tell of it (``Consistency.explained``), and, where PAN was seen too, what lies along the bands'
weights in it: the sum of the bands so weighted is PAN, whatever the colours.  The rest was added.

Everything is linear in the image and local; axes are (bands, rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..contract import Sight
from ..ground.grids import Window
from ..ground.resample import Taps
from .consistency import CellAxis, Consistency, explained_reach

Array = NDArray[np.float32]

# Standard deviation of the window, input px, and how many of these it reaches.
_WIDTH, _CUT = 1.0, 3.0
# A detail below this share of the local mean is none: rounding leaves as much.
_NOTHING = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """By what the image of a run is taken apart.

    Attributes:
        gains: of the modulation transfer function through which each band was seen; empty for area means.
        weights: of the bands in PAN; empty where there is no PAN, or they are not known.
        alone: rows beyond a row band that the image would need without it.
    """

    gains: tuple[float, ...]
    weights: tuple[float, ...]
    alone: int

    @property
    def sight(self) -> Sight:
        """How the input was seen."""
        return "mtf" if self.gains else "area"


def support_reach(sight: Sight, per_cell: float) -> int:
    """Output px around a pixel that its support can depend on.

    Args:
        sight: not ``"off"``.
        per_cell: output px per input px.
    """
    return 2 * _radius(per_cell) + explained_reach(sight, per_cell)


def support_planes(bands: int) -> int:
    """Planes of float32 that are open while rows of an image are taken apart: three a band, and scratch space."""
    return 3 * bands + 10


@dataclass(frozen=True, slots=True)
class LocalMean:
    """Means of the known px around each px of a block, in a Gaussian window as wide as an input px.

    Attributes:
        rows, columns: of the window.
        known: (1, h, w), 1 or 0.
        seen: (1, h, w), the share of the window that is known.
    """

    rows: Taps
    columns: Taps
    known: Array
    seen: Array

    @classmethod
    def of(cls, sight: Consistency, known: Array, block: Window) -> LocalMean:
        """On a block of output px.

        Args:
            sight: whose cells are as large as the window.
            known: (1, h, w), 1 where a pixel is known, else 0.
        """
        rows = _window(sight.rows, block.row, block.height)
        columns = _window(sight.columns, block.column, block.width)
        return cls(rows, columns, known, columns.along(rows.along(known, 1), 2))

    def __call__(self, values: Array) -> Array:
        """Of (C, h, w); 0 where nothing around is known."""
        total = self.columns.along(self.rows.along(values * self.known, 1), 2)
        found: Array = np.divide(total, self.seen, out=np.zeros_like(total), where=self.seen > 0)
        return found


def parted(sight: Consistency, mean: LocalMean, band: Array, block: Window) -> tuple[Array, Array, Array]:
    """A band on a block of output px, (1, h, w), as its local mean, what is determined of its detail, and the rest.

    Args:
        sight: of this band alone.
        mean: with its window.
    """
    level = mean(band)
    detail = (band - level) * mean.known
    determined = sight.explained(detail, block)
    return level, determined, detail - determined


def of_band(sight: Consistency, band: int) -> Consistency:
    """The sight of one band of a part."""
    return replace(sight, gains=sight.gains[band : band + 1])


def give_to_pan(determined: Array, added: Array, weights: Sequence[float]) -> None:
    """Move what lies along the bands' weights in PAN from ``added`` to ``determined``, (C, h, w) each, in place."""
    shown = np.zeros_like(added[0])
    # In this order wherever a pixel lies: a product of matrices sums as it likes.
    for weight, band in zip(weights, added, strict=True):
        shown += np.float32(weight) * band
    shown /= np.float32(sum(weight**2 for weight in weights))
    for weight, kept, band in zip(weights, determined, added, strict=True):
        part = np.float32(weight) * shown
        kept += part
        band -= part


def share_of_added(mean: LocalMean, level: Array, determined: Array, added: Array) -> Array:
    """Share of the local energy of the detail, all bands together, that was added: (1, h, w), 0..1.

    Args:
        mean: with the window.
        level, determined, added: (C, h, w) of ``parted``; of the level the energy that is none is told.
    """
    energies = [np.zeros_like(mean.known) for _ in range(3)]
    for total, planes in zip(energies, (level * np.float32(_NOTHING), determined, added), strict=True):
        for band in planes:
            total += band * band
    nothing, own, more = energies[0], mean(energies[1]), mean(energies[2])
    whole = own + more + nothing
    share: Array = np.divide(more, whole, out=np.zeros_like(more), where=whole > 0)
    return share


def shares_of_added(parts: Sequence[Sequence[Sequence[float]]]) -> list[float] | None:
    """Per band: share of the energy of the detail that was added, 0 where there is no detail; None without a row band.

    Args:
        parts: for each row band, for each band the sums of squares of what is determined and of what was added.
    """
    if not parts:
        return None
    own, more = np.sum(np.array(parts, np.float64), axis=0)
    return [float(part / whole) if whole else 0.0 for part, whole in zip(more, own + more, strict=True)]


def _radius(per_cell: float) -> int:
    return math.ceil(_CUT * _WIDTH * max(per_cell, 1.0))


def _window(axis: CellAxis, first: int, length: int) -> Taps:
    """The window around each of the fine px that start at ``first``; beyond the scene's rim the rim is repeated."""
    per_cell = max(1.0 / axis.slope, 1.0)
    offsets = np.arange(-_radius(per_cell), _radius(per_cell) + 1)
    weight = np.exp(-0.5 * (offsets / (_WIDTH * per_cell)) ** 2)
    index = np.arange(first, first + length)[:, None] + offsets
    weights = np.broadcast_to(weight / weight.sum(), index.shape)
    return Taps(np.clip(index, 0, axis.fine_length - 1), weights).shifted(first, length)
