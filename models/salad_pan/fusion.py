"""The classical fusion that the diffusion model starts from, and the local units in which it works.

Modulation-transfer-function matched high-pass injection with local regression (MTF-GLP-CBD; Aiazzi et al., "MTF-
tailored multiscale fusion of high-resolution MS and Pan imagery", PE&RS 2006): base = MS + g (PAN - lowpass(PAN)), the
low-pass of the response that was measured on the scene.  All means are Gaussian windows, so no statistic of the scene
or of the tile enters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...engine.facts import Response
from ..classical.moments import Moments, gram

Array = NDArray[np.float64]
Pair = tuple[float, float]

WINDOW = 1.2
"""Standard deviation of the statistics window, in MS px."""

FLOOR = 0.004
"""Smallest local deviation in the unit range, about one level of 8 bits: below it there is nothing to learn from."""

RIDGE = 1e-3
"""Of the bands' mean variance, where their shares in PAN are found."""

# PAN px per MS px from which on statistics are taken on cells of 4 px, else of 2.
_COARSE = 3.0

LIMIT = 8.0
"""Standardised values are clamped to this many deviations."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the network sees of a batch, bands unrolled into the batch axis (N = B * C).

    Attributes:
        base: (N, 1, H, W) fused band in the unit range.
        scale: (N, 1, H, W) local standard deviation of the MS band, unit range.
        spatial: (N, 2, H, W) PAN and its detail, standardised.
        spectral: (N, 5, H, W) MS band, injected detail, mean over the bands of the first, noise, and what PAN has
            beyond the bands' share in it, injected likewise; standardised.
        told: (N, 3) logarithm to the base 2 of PAN px per MS px, natural one of the gain, and lift of the response.
        bands: C.
    """

    base: torch.Tensor
    scale: torch.Tensor
    spatial: torch.Tensor
    spectral: torch.Tensor
    told: torch.Tensor
    bands: int

    @classmethod
    def joined(cls, parts: Sequence[Conditions]) -> Conditions:
        """Of images of one band count, one after the other."""
        names = [field.name for field in fields(cls) if field.name != "bands"]
        return cls(**{n: torch.cat([getattr(part, n) for part in parts]) for n in names}, bands=parts[0].bands)


def gaussian_taps(sigma: float, reach: float) -> torch.Tensor:
    """Normalised Gaussian taps of standard deviation ``sigma`` px, cut at ``reach`` deviations; float32, odd length."""
    radius = math.ceil(reach * sigma)
    at = torch.arange(-radius, radius + 1, dtype=torch.float64)
    taps = torch.exp(-0.5 * (at / sigma) ** 2)
    return (taps / taps.sum()).float()


def mtf_sigma(gain: float, ratio: float) -> float:
    """Standard deviation, fine px, of the Gaussian with that gain at the coarse grid's Nyquist frequency."""
    return ratio * math.sqrt(-2.0 * math.log(gain)) / math.pi


def blur(x: torch.Tensor, sigma_yx: tuple[float, float], reach: float) -> torch.Tensor:
    """Gaussian blur of each channel of (N, C, H, W), separable, padded by replication; sigma in px."""
    n, c, h, w = x.shape
    planes = x.reshape(n * c, 1, h, w)
    vertical, horizontal = (gaussian_taps(s, reach).to(x) for s in sigma_yx)
    ry, rx = len(vertical) // 2, len(horizontal) // 2
    planes = F.conv2d(F.pad(planes, (0, 0, ry, ry), mode="replicate"), vertical[None, None, :, None])
    planes = F.conv2d(F.pad(planes, (rx, rx, 0, 0), mode="replicate"), horizontal[None, None, None, :])
    return planes.reshape(n, c, h, w)


@dataclass(frozen=True, slots=True)
class Local:
    """Mean and deviation of MS (B, C, H, W) and of low-pass PAN (B, 1, H, W) around a pixel, and MS' slope on it."""

    ms_mean: torch.Tensor
    ms_scale: torch.Tensor
    low_mean: torch.Tensor
    low_scale: torch.Tensor
    slope: torch.Tensor


def _statistics(ms: torch.Tensor, low: torch.Tensor, ratio_yx: tuple[float, float]) -> Local:
    """Means over Gaussian windows: on cells of some pixels, as they hardly differ from one pixel to the next."""
    cell = 4 if min(ratio_yx) >= _COARSE else 2
    powers = F.avg_pool2d(torch.cat((ms, low, ms * ms, low * low, ms * low), dim=1), cell)
    means = blur(powers, (WINDOW * ratio_yx[0] / cell, WINDOW * ratio_yx[1] / cell), 3.0)
    c = ms.shape[1]
    ms_mean, low_mean, ms_power, low_power, product = torch.split(means, [c, 1, c, 1, c], dim=1)
    ms_variance = (ms_power - ms_mean**2).clamp(min=0.0) + FLOOR**2
    low_variance = (low_power - low_mean**2).clamp(min=0.0) + FLOOR**2
    slope = (product - ms_mean * low_mean) / low_variance
    found = torch.cat((ms_mean, ms_variance.sqrt(), low_mean, low_variance.sqrt(), slope), dim=1)
    fine = F.interpolate(found, scale_factor=float(cell), mode="bilinear", align_corners=False)
    return Local(*torch.split(fine, [c, c, 1, 1, c], dim=1))


def low_pass(pan: torch.Tensor, ratio_yx: Pair, seen: Response) -> torch.Tensor:
    """PAN (B, 1, H, W) as the instrument of MS would have seen it."""
    return blur(pan, (mtf_sigma(seen.gain, ratio_yx[0]), mtf_sigma(seen.gain, ratio_yx[1])), 4.0)


def products(pan: torch.Tensor, ms: torch.Tensor, valid: torch.Tensor, ratio_yx: Pair, seen: Response) -> Array:
    """What the bands' shares in PAN are found from: sums of products of the low-pass PAN and the bands, see ``gram``.

    Args:
        pan: (1, H, W); ms: (C, H, W), unit range, on the PAN grid.
        valid: bool (H, W).
        ratio_yx: PAN px per MS px along rows and columns.
        seen: how MS was seen.
    """
    return gram(torch.cat((low_pass(pan[None].float(), ratio_yx, seen)[0], ms)), valid)


def shares_in_pan(sums: Array) -> torch.Tensor:
    """How much of each band there is in PAN: weights of the bands that explain the low-pass PAN best, (C,), float32.

    As in GSA (Aiazzi, Baronti and Selva, TGRS 2007, eqs. 9 to 12), with a ridge, as bands may be near copies.

    Args:
        sums: of ``products``.

    Raises:
        RunError: no pixel was counted.
    """
    moments = Moments.of(sums)
    bands, with_pan = moments.covariance[1:, 1:], moments.covariance[1:, 0]
    ridge = RIDGE * np.trace(bands) / len(bands) + np.finfo(np.float64).tiny
    return torch.from_numpy(np.linalg.solve(bands + ridge * np.eye(len(bands)), with_pan)).float()


def fused_classically(pan: torch.Tensor, ms: torch.Tensor, ratio_yx: Pair, seen: Response) -> torch.Tensor:
    """The fusion alone, (B, C, H, W); arguments as for ``conditions``."""
    return ms.float() + injection(pan, ms, ratio_yx, seen)[1]


def conditions(pan: torch.Tensor, ms: torch.Tensor, ratio_yx: Pair, seen: Response, shares: torch.Tensor) -> Conditions:
    """Fuse classically and express everything in local units.

    Args:
        pan: (B, 1, H, W), unit range.
        ms: (B, C, H, W), unit range, already on the PAN grid.
        ratio_yx: PAN px per MS px along rows and columns.
        seen: how MS was seen; its noise, where there is any, in the unit range.
        shares: (C,) of the bands in PAN.
    """
    b, c, h, w = ms.shape
    pan, ms = pan.float(), ms.float()
    detail, injected, local = injection(pan, ms, ratio_yx, seen)
    around, scale = pan - local.low_mean, local.ms_scale
    centred = ms - local.ms_mean
    beyond = around - (centred * shares.to(ms)[:, None, None]).sum(dim=1, keepdim=True)
    band = centred / scale
    shared = torch.stack((around / local.low_scale, detail / local.low_scale), dim=2).expand(b, c, 2, h, w)
    mean = band.mean(dim=1, keepdim=True).expand_as(band)
    noise = (ms.new_tensor(seen.noise or (0.0,) * c)[:, None, None] / scale).expand_as(band)
    own = torch.stack((band, injected / scale, mean, noise, local.slope * beyond / scale), dim=2)
    ratio = math.sqrt(ratio_yx[0] * ratio_yx[1])
    told = ms.new_tensor((math.log2(ratio), math.log(seen.gain), seen.lift))
    return Conditions(
        base=(ms + injected).reshape(b * c, 1, h, w),
        scale=scale.reshape(b * c, 1, h, w),
        spatial=shared.reshape(b * c, 2, h, w).clamp(-LIMIT, LIMIT),
        spectral=own.reshape(b * c, 5, h, w).clamp(-LIMIT, LIMIT),
        told=told.expand(b * c, 3),
        bands=c,
    )


def injection(
    pan: torch.Tensor, ms: torch.Tensor, ratio_yx: Pair, seen: Response
) -> tuple[torch.Tensor, torch.Tensor, Local]:
    """Detail of PAN (B, 1, H, W), what of it is added to each band (B, C, H, W), and what is around each pixel."""
    # In full precision whatever the run's: variances are small differences of large numbers.
    with torch.autocast(pan.device.type, enabled=False):
        low = low_pass(pan.float(), ratio_yx, seen)
        local = _statistics(ms.float(), low, ratio_yx)
    detail = pan - low
    return detail, local.slope * detail, local
