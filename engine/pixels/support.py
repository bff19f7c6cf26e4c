"""The support of a row band: each band of the image taken apart into what its observation determines and the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ground.grids import Window
from ..optics.consistency import Consistency
from ..optics.support import LocalMean, Support, give_to_pan, of_band, parted, share_of_added
from ..plan.plan import Plan
from ..types import Array, Validity


@dataclass(frozen=True, slots=True, eq=False)
class BandSupport:
    """The support of a row band.

    Attributes:
        planes: (1 + C, n, m), the share of what was added, then what was added to each band.
        squares: sums over its valid px, for each band, of the squares of what is determined of its detail, and of what
            was added.
    """

    planes: Array
    squares: list[list[float]]


class SupportMaker:
    """Takes blended, consistent rows of the image apart.

    Args:
        plan: of a run that wants its support.
        support: of the plan.
    """

    def __init__(self, plan: Plan, support: Support) -> None:
        self._support = support
        self._parts = plan.laid
        self._sights = Consistency.between(plan.scale.grid(plan.base), self._parts, support.gains)
        # One window for the share of all bands: the widest.
        self._widest = min(self._sights, key=lambda sight: sight.rows.slope * sight.columns.slope)

    def __call__(self, values: Array, valid: Validity | None, area: Window, inside: tuple[slice, slice]) -> BandSupport:
        """The support of some rows of the image.

        Args:
            values: (C, h, w), of the image.
            valid: (C, h, w), or a plane for all bands; None where everything is valid.
            area: the output px that they lie on.
            inside: rows and columns of them that are the row band's own.
        """
        known = np.ones((1, *values.shape[1:]), np.float32)
        if valid is not None:
            known[:] = valid.all(axis=0, keepdims=True)
        level, determined, added = (np.empty_like(values) for _ in range(3))
        first = 0
        for sight, part in zip(self._sights, self._parts, strict=True):
            mean = LocalMean.of(sight, known, area)
            for i in range(part.bands):
                own = slice(first + i, first + i + 1)
                level[own], determined[own], added[own] = parted(of_band(sight, i), mean, values[own], area)
            first += part.bands
        if self._support.weights:
            give_to_pan(determined, added, self._support.weights)
        share = share_of_added(LocalMean.of(self._widest, known, area), level, determined, added)
        kept = (slice(None), *inside)
        planes = np.concatenate([share[kept], added[kept]])
        return BandSupport(planes, [_squares(part[kept], known[kept]) for part in (determined, added)])


def _squares(values: Array, known: Array) -> list[float]:
    return [float(total) for total in np.sum(values.astype(np.float64) ** 2, axis=(1, 2), where=known > 0)]
