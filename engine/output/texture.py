"""Mid-overlap variance ratio: does blending eat texture?

Where two tiles weigh the same, two textures that differ are averaged, and their variance falls: to half of it where
they are independent.  The measure is the variance of the second difference *along* the lines of equal weight, which a
step across them does not touch, over that in the tile interiors; the control grids lie in the interiors alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .lines import GridMeans, LineSampler, control_band


@dataclass(frozen=True, slots=True)
class TextureRatio:
    """The worst band's ratio, and where 95 % of the control grids lie.

    Attributes:
        ratio: 1.0 means that blending ate no texture, 0.5 that it averaged two independent ones.
        low, high: 2.5 % and 97.5 % quantile of the same figure, worst band included, of the control grids.
    """

    ratio: float
    low: float
    high: float


@dataclass(slots=True)
class TextureMeter:
    """Accumulates the measure over a raster that passes by in row chunks.

    Args:
        bands: band count.
        height, width: of the raster, px.
        row_lines, column_lines: pixel lines where two tiles weigh the same: ``k`` lies between pixels k - 1 and k.
        ramp: width of the hand-over between two tiles, px; tile interiors lie outside it.
    """

    bands: int
    height: int
    width: int
    row_lines: tuple[int, ...]
    column_lines: tuple[int, ...]
    ramp: int
    _sampler: LineSampler = field(init=False)
    _variances: GridMeans = field(init=False)

    def __post_init__(self) -> None:
        # The outermost of the four pixels around a control line still has to lie outside the ramp.
        reach = self.ramp // 2 + 3
        self._sampler = LineSampler(self.bands, self.height, self.width, self.row_lines, self.column_lines, reach=reach)
        self._variances = GridMeans(self.bands)

    def push(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows: (C, n, W); masked pixels do not count."""
        for grids, values in self._sampler.push(chunk, valid):
            fine = values[:, :, :-2] - 2 * values[:, :, 1:-1] + values[:, :, 2:]
            known = np.isfinite(fine)
            sums = np.sum(np.square(fine, dtype=np.float64), axis=(2, 3), where=known)
            self._variances.add(grids, sums, known.sum(axis=(2, 3), dtype=np.float64))

    def ratio(self) -> TextureRatio | None:
        """The result; None where there is no boundary, or no interior to compare it with."""
        ratios = self._variances.over_controls()
        if ratios is None:
            return None
        # The worst band counts, for the control grids as for the real one.
        worst = ratios.min(axis=0)
        return TextureRatio(float(worst[0]), *control_band(worst[1:]))
