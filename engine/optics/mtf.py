"""The modulation transfer function of a sensor as a filter: what a coarser instrument would have seen.

The kernel is designed in frequency, as in the pansharpening toolbox of Vivone et al. ("A new benchmark based on
recent advances in multispectral pansharpening", GRSM 2021): a Gaussian that falls to the sensor's gain at the Nyquist
frequency of the coarse grid, brought to space by an inverse DFT and windowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

SIZE = 41
UNKNOWN_GAIN = 0.30
UNKNOWN_PAN_GAIN = 0.15
_KAISER_BETA = 0.5

MS_GAINS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "quickbird": (0.34, 0.32, 0.30, 0.22),
        "ikonos": (0.26, 0.28, 0.29, 0.28),
        "geoeye1": (0.23, 0.23, 0.23, 0.23),
        "wv2": (0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27),
        "wv3": (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315),
    }
)
"""Gain of each MS band at the MS Nyquist frequency, in the band order of the sensor."""

PAN_GAINS: Mapping[str, float] = MappingProxyType(
    {"quickbird": 0.15, "ikonos": 0.17, "geoeye1": 0.16, "wv2": 0.11, "wv3": 0.14}
)
"""Gain of the PAN band at the MS Nyquist frequency."""


# The toolbox lays its Gaussian over 41 samples as if they were 40 steps apart from end to end.
_DESIGN = ((SIZE - 1) / SIZE) ** 2


def filter_gain(gain: float) -> float:
    """What ``mtf_kernel`` and ``mtf_axis`` are to be asked for, so that they have this gain at Nyquist."""
    return float(gain**_DESIGN)


def designed_gain(label: float) -> float:
    """The gain at Nyquist that ``mtf_kernel`` and ``mtf_axis`` have where they are asked for ``label``."""
    return float(label ** (1.0 / _DESIGN))


def gaussian_response(gain: float | NDArray[np.float64], frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian modulation transfer function by its gain at Nyquist; frequencies in cycles per px."""
    return np.asarray(gain ** ((frequency / 0.5) ** 2))


@lru_cache(maxsize=64)
def mtf_kernel(gain: float, ratio: float | tuple[float, float], size: int = SIZE) -> NDArray[np.float64]:
    """Kernel of a Gaussian MTF.

    Args:
        gain: at the Nyquist frequency of the coarse grid, 0 < gain < 1.
        ratio: fine px per coarse px, > 0; may be fractional, and may differ along (row, column).
        size: odd side of the kernel, fine px.

    Returns:
        (size, size), float64, read-only, symmetric; not normalised (41 x 41 sums to about 0.999).

    Raises:
        ValueError: the gain, ratio or size is out of its range.
    """
    down, across = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    if not 0.0 < gain < 1.0 or min(down, across) <= 0.0 or size < 3 or size % 2 == 0:
        raise ValueError(f"no MTF kernel of gain {gain}, ratio {ratio} and size {size}")
    half = size // 2
    offset = np.arange(-half, half + 1, dtype=np.float64)
    sigma = (size - 1) / (2.0 * np.array([[down], [across]])) / np.sqrt(-2.0 * np.log(gain))
    response = np.exp(-0.5 * (offset / sigma) ** 2)
    # The response is a product of two axes, so its inverse DFT is one too; a cosine sum, as it is even.
    rows, columns = response @ np.cos(2.0 * np.pi / size * np.outer(offset, offset)) / size
    radius = np.hypot(offset[:, None], offset[None, :]) / half
    # The toolbox turns a sampled Kaiser window about the centre, with linear interpolation between the samples.
    window = np.interp(radius, offset / half, np.kaiser(size, _KAISER_BETA), right=0.0)
    kernel: NDArray[np.float64] = np.outer(rows, columns) * window
    kernel.setflags(write=False)
    return kernel


@lru_cache(maxsize=64)
def mtf_factors(gain: float, ratio: float) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Row and column filters, (41,) each, whose products sum to ``mtf_kernel``, to 1e-7 of its sum; largest first."""
    u, s, vt = np.linalg.svd(mtf_kernel(gain, ratio))
    kept = int((s > 1e-8 * s[0]).sum())
    return tuple((u[:, k] * s[k], vt[k]) for k in range(kept))


@lru_cache(maxsize=64)
def mtf_axis(gain: float, ratio: float) -> NDArray[np.float64]:
    """The filter along one axis whose product with that of the other axis is ``mtf_kernel``, to 1e-5 of it.

    Unlike the kernel it sums to one, so that it keeps the mean of an image.

    Returns:
        (41,), float64, read-only.
    """
    down, _ = mtf_factors(gain, ratio)[0]
    taps: NDArray[np.float64] = down / down.sum()
    taps.setflags(write=False)
    return taps


def mtf_kernels(gains: tuple[float, ...], ratio: float | tuple[float, float], size: int = SIZE) -> torch.Tensor:
    """One kernel a band: (bands, size, size), float64."""
    return torch.from_numpy(np.stack([mtf_kernel(gain, ratio, size) for gain in gains]))


def filter_bands(x: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Correlate each band with its own kernel, edges replicated; differentiable in ``x``.

    Kernels of low rank are applied as sums of row and column filters; what that leaves out is below 1e-7 of the
    kernel's absolute sum, which is the rounding of float32.

    Args:
        x: (B, C, h, w), floating point.
        kernels: (C, k, k) with k odd, or (1, k, k) for one kernel to all bands.

    Returns:
        (B, C, h, w), dtype and device of ``x``.
    """
    channels, side = x.shape[1], kernels.shape[-1]
    half = side // 2
    table = kernels.detach().to("cpu", torch.float64).contiguous().numpy()
    rows, columns = _factors(table.tobytes(), table.shape[0], side)
    repeat = channels // rows.shape[0]
    rank = rows.shape[1]
    padded = functional.pad(x, (half, half, half, half), mode="replicate")
    if 2 * rank >= side:
        weight = torch.from_numpy(np.tile(table, (repeat, 1, 1))[:, None].copy()).to(x)
        return functional.conv2d(padded, weight, groups=channels)
    down = torch.from_numpy(np.tile(rows, (repeat, 1, 1))).to(x).reshape(channels * rank, 1, side, 1)
    across = torch.from_numpy(np.tile(columns, (repeat, 1, 1))).to(x).reshape(channels, rank, 1, side)
    return functional.conv2d(functional.conv2d(padded, down, groups=channels), across, groups=channels)


@lru_cache(maxsize=32)
def _factors(content: bytes, count: int, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column filters whose products sum to each kernel: two arrays (count, rank, side)."""
    kernels = np.frombuffer(content, dtype=np.float64).reshape(count, side, side)
    u, s, vt = np.linalg.svd(kernels)
    bound = 1e-7 * np.abs(kernels).sum(axis=(1, 2))
    rank = side
    for candidate in range(1, side + 1):
        partial = (u[:, :, :candidate] * s[:, None, :candidate]) @ vt[:, :candidate]
        if np.all(np.abs(kernels - partial).sum(axis=(1, 2)) <= bound):
            rank = candidate
            break
    root = np.sqrt(s[:, :rank])[:, :, None]
    return np.ascontiguousarray(u[:, :, :rank].transpose(0, 2, 1) * root), np.ascontiguousarray(vt[:, :rank] * root)
