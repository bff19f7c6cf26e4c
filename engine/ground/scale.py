"""How the output grid lies on the base grid: so many times as fine, or with one px for each whole patch.

What is counted are the lines between pixels: line ``k`` lies before px ``k``.  Every line at which rows and columns are
cut lies between two patches or ends the scene, whose last patches may overhang it, so that all sums are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from .grids import Window


@dataclass(frozen=True, slots=True)
class Scale:
    """The output grid over the base grid, along either axis; at most one of the two numbers is above 1.

    Attributes:
        finer: output px for each base-grid px.
        patch: base-grid px for each output px.
    """

    finer: int = 1
    patch: int = 1

    def line(self, base: int) -> int:
        """The output line at a base-grid line; one inside a patch, where a scene may end, counts as the patch's end."""
        return -(-base * self.finer // self.patch)

    def span(self, first: int, stop: int, origin: int = 0) -> slice:
        """The output px of the base-grid px ``first .. stop - 1``, counted from those of line ``origin``."""
        start = self.line(origin)
        return slice(self.line(first) - start, self.line(stop) - start)

    def grid(self, base: GeoBox) -> GeoBox:
        """The output grid of a base grid that begins with a patch; the last patches may reach beyond it."""
        height, width = (self.line(length) for length in base.shape)
        return GeoBox((height, width), base.affine * Affine.scale(self.patch / self.finer), base.crs)

    def snapped(self, window: Window, height: int, width: int) -> Window:
        """The base-grid window grown outward to whole patches, inside a scene of ``height`` x ``width`` px."""
        rows, columns = self._snapped(*window.rows, height), self._snapped(*window.columns, width)
        return Window(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])

    def _snapped(self, first: int, stop: int, length: int) -> tuple[int, int]:
        return first // self.patch * self.patch, min(-(-stop // self.patch) * self.patch, length)

    def validity(self, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which output px are valid, from which base-grid px are, (C, h, w): a patch is where any of its px is."""
        if self.finer > 1:
            return valid.repeat(self.finer, axis=1).repeat(self.finer, axis=2)
        if self.patch > 1:
            for axis in (1, 2):
                valid = np.logical_or.reduceat(valid, range(0, valid.shape[axis], self.patch), axis=axis)
        return valid
