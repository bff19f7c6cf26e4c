"""What PAN looks like at MS resolution: low-pass kernels on the PAN grid.

Both are normalised to sum to one (the toolbox's own MTF kernel sums to about 0.999, which would dim the result).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...engine.optics.mtf import SIZE, mtf_kernel

MTF_HALF = SIZE // 2
PYRAMID_HALF = 32
_LOBES = 4


@lru_cache(maxsize=16)
def mtf_lowpass(gain: float, ratio: tuple[float, float]) -> NDArray[np.float64]:
    """MTF-matched low-pass, (41, 41).

    Args:
        gain: that ``mtf_kernel`` is asked for.
        ratio: PAN px per MS px along (row, column).
    """
    kernel = mtf_kernel(gain, ratio)
    return _finished(kernel / kernel.sum())


@lru_cache(maxsize=16)
def pyramid_lowpass(gain: float, ratio: tuple[float, float]) -> NDArray[np.float64]:
    """MTF low-pass followed by the interpolation that MS went through, (65, 65); arguments as for ``mtf_lowpass``.

    The generalised Laplacian pyramid (Aiazzi et al., "MTF-tailored multiscale fusion", PE&RS 2006) decimates the
    low-pass PAN and interpolates it back.  The mean of that over all phases of the decimation is this one filter, so
    tiles need no common phase and ratios need not be whole.
    """
    reach = 2 * PYRAMID_HALF + 1
    inner = mtf_kernel(gain, ratio)
    across = _spread(reach, ratio[1]) @ inner.T
    kernel = _spread(reach, ratio[0]) @ across.T
    return _finished(kernel / kernel.sum())


def _spread(reach: int, ratio: float) -> NDArray[np.float64]:
    """Matrix (reach, 41) that convolves a 41-px line with the Lanczos kernel of one MS px; tails beyond are cut."""
    offset = (np.arange(reach)[:, None] - reach // 2 - (np.arange(SIZE) - MTF_HALF)[None, :]) / ratio
    weights: NDArray[np.float64] = np.where(np.abs(offset) < _LOBES, np.sinc(offset) * np.sinc(offset / _LOBES), 0.0)
    return weights / ratio


def _finished(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel.setflags(write=False)
    return kernel
