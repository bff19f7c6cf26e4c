"""Consistency of a fused image with its MS: seen with MS pixels again, is it the MS?

Per band, the RMS of (the fused image as seen - MS) over the mean of MS, over the MS pixels that see nothing masked.
Two sights: area means, and the sensor's modulation transfer function, sampled at true pixel centres and brought to a
sum of one, so that it keeps the mean.  A run measures the same before it rounds; here stored values are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..ground.resample import Taps, area_taps
from ..optics.degrade import FILTER_HALO, SPLINE_HALO, Rows, apply_taps, coarse_shape
from ..optics.mtf import mtf_kernel
from .full import FullScene
from .validity import whole_cells

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ConsistencySums:
    """What a strip of MS rows adds; strips add up in any grouping.

    Attributes:
        cells: MS pixels counted.
        inputs: (C,) sums of MS over them.
        area, mtf: (C,) sums of squared residuals.
        drift: (C,) sums of the residuals of area means.
    """

    cells: int
    inputs: Array
    area: Array
    mtf: Array
    drift: Array

    def __add__(self, other: ConsistencySums) -> ConsistencySums:
        return ConsistencySums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_dict(self) -> dict[str, float]:
        """The worst band of each sight, and of the relative change of means (``bias``), under the names of reports.

        Empty where nothing was counted; infinite where MS has a mean of zero.
        """
        if not self.cells:
            return {}
        with np.errstate(divide="ignore"):
            area, mtf = (np.sqrt(s / self.cells) / np.abs(self.inputs / self.cells) for s in (self.area, self.mtf))
            bias = np.abs(self.drift / self.inputs)
        return {"consistency_area": float(area.max()), "consistency_mtf": float(mtf.max()), "bias": float(bias.max())}


def consistency_sums(scene: FullScene, start: int, stop: int, seen: Array) -> ConsistencySums:
    """Sums over MS rows start..stop-1, of which ``seen`` is ``full.seen_rows``."""
    ratio, offset, shape = scene.ratio, scene.offset, scene.fused.shape
    width = coarse_shape(shape[1:], ratio, offset)[1]
    counted = np.ones((1, stop - start, width), np.bool_)
    if scene.valid is not None:
        reach = FILTER_HALO + SPLINE_HALO
        free = Rows((1, *shape[1:]), lambda a, b: scene.clear(a, b, reach)[None])
        counted = whole_cells(free, ratio, start, stop, width, offset)
    scene = scene.without_masked()
    ms = scene.ms.replicated(start, stop)[:, :, :width]
    spread = np.array([mtf_kernel(gain, float(ratio)).sum() for gain in scene.gains])[:, None, None]
    apart = [view - ms for view in (_area_means(scene, start, stop, width), seen / spread)]
    area, mtf = (np.sum(each**2, axis=(1, 2), where=counted) for each in apart)
    drift = apart[0].sum(axis=(1, 2), where=counted)
    return ConsistencySums(int(counted.sum()), ms.sum(axis=(1, 2), where=counted), area, mtf, drift)


def _area_means(scene: FullScene, start: int, stop: int, width: int) -> Array:
    """Means of the fused image over MS pixels, (C, stop - start, width)."""
    height, columns = scene.fused.shape[1:]
    (down, across), ratio = scene.offset, scene.ratio
    rows = area_taps(np.arange(start, stop + 1) * ratio + down, height)
    low, high = int(rows.index.min()), int(rows.index.max()) + 1
    across_taps = area_taps(np.arange(width + 1) * ratio + across, columns)
    values = scene.fused.replicated(low, high)
    return apply_taps(apply_taps(values, Taps(rows.index - low, rows.weight), 1), across_taps, 2)
