"""Seam score: do tile boundaries show in the output?

The step of the image across the lines where two tiles weigh the same, over the median of the same measure on 32 control
grids of the same spacing at other offsets.  1.0 means that the boundaries look like any other line.

The plain measure, the mean absolute second difference of every pixel, is blind in a rough scene: at 5 m a 2 % step
adds less than a tenth to what fields and roofs do between any two pixels.  But a seam has one sign along a boundary,
which texture has not.  So the two second differences beside a line are taken with their signs, half the first less
the second (a step of s gives s, a slope or a bend gives 0), as a share of the brightness there, each within +-2 % so
that one bright edge does not outweigh a visible seam, and averaged along segments of about 64 px; the score is made
of the absolute means.  The plain measure is given beside it.  Few short boundaries in a rough scene (two of 400 px in
tree crowns at 0.1 m) cannot show a step of 2 % by either measure; the width of the control band says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .lines import Floats, GridMeans, LineSampler, control_band

# A single pixel says no more than a step that is well visible.
_MOST_STEP = 0.02


@dataclass(frozen=True, slots=True)
class SeamScore:
    """The worst band's score, and where 95 % of the control grids lie.

    Attributes:
        score: 1.0 is invisible.
        low, high: 2.5 % and 97.5 % quantile of the same figure, worst band included, of the control grids.
        plain: the score of the mean absolute second difference, pixel by pixel.
    """

    score: float
    low: float
    high: float
    plain: float


@dataclass(slots=True)
class SeamMeter:
    """Accumulates the measure over a raster that passes by in row chunks.

    Args:
        bands: band count.
        height, width: of the raster, px.
        row_lines, column_lines: pixel lines of the boundaries: a line ``k`` lies between pixels k - 1 and k.
    """

    bands: int
    height: int
    width: int
    row_lines: tuple[int, ...]
    column_lines: tuple[int, ...]
    _sampler: LineSampler = field(init=False)
    _steps: GridMeans = field(init=False)
    _bends: GridMeans = field(init=False)

    def __post_init__(self) -> None:
        self._sampler = LineSampler(self.bands, self.height, self.width, self.row_lines, self.column_lines)
        self._steps, self._bends = GridMeans(self.bands), GridMeans(self.bands)

    def push(self, chunk: NDArray[np.generic], valid: NDArray[np.bool_] | None = None) -> None:
        """Take the next rows: (C, n, W); masked pixels do not count."""
        for grids, values in self._sampler.push(chunk, valid):
            steps, bends = steps_across(values), _bends(values)
            known = np.isfinite(steps)
            count = known.sum(axis=2)
            mean = np.sum(steps, axis=2, where=known, dtype=np.float64) / np.maximum(count, 1)
            # In a segment that is mostly masked too few pixels are left for its texture to cancel.
            used = 2.0 * count > values.shape[2]
            self._steps.add(grids, np.abs(mean) * used, used.astype(np.float64))
            self._bends.add(grids, np.sum(bends, axis=2, where=known, dtype=np.float64), count.astype(np.float64))

    def score(self) -> SeamScore | None:
        """The result; None where there is no boundary, or nothing to compare it with."""
        steps, bends = self._steps.over_controls(), self._bends.over_controls()
        if steps is None or bends is None:
            return None
        # The worst band counts, for the control grids as for the real one.
        worst = steps.max(axis=0)
        return SeamScore(float(worst[0]), *control_band(worst[1:]), plain=float(bends[:, 0].max()))


def steps_across(values: Floats) -> Floats:
    """The step across the line as a share of the brightness: (..., 4) to (...), within +-2 %."""
    a, b, c, d = (values[..., i] for i in range(4))
    step = 0.5 * (a - 3 * b + 3 * c - d)
    brightness = 0.5 * (np.abs(b) + np.abs(c))
    most = np.float32(_MOST_STEP) * brightness
    share: Floats = np.clip(step, -most, most) / np.maximum(brightness, np.finfo(np.float32).tiny)
    return share


def _bends(values: Floats) -> Floats:
    """Mean of the absolute second differences that are centred on the two pixels beside the line."""
    a, b, c, d = (values[..., i] for i in range(4))
    bends: Floats = 0.5 * (np.abs(a - 2 * b + c) + np.abs(b - 2 * c + d))
    return bends
