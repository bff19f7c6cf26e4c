"""Losses of the published SALAD-Pan (arXiv 2602.04473), as the authors' code weighs them.

Every term is 0 for a perfect result.  Images are in the unit range; statistics run over the whole batch.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from .recipe import FusionWeights, ReconstructionWeights

CHARBONNIER = 1e-3
WINDOW, SIGMA = 11, 1.5
"""Side of the window of the structural similarity and standard deviation of its Gaussian, px."""

_C1, _C2 = 0.01**2, 0.03**2
_BEST_PSNR = 50.0
_LEAST_ERROR = 1e-10
_COSINE = 1.0 - 1e-6
_TINY = 1e-8


def reconstruction_loss(found: torch.Tensor, target: torch.Tensor, weights: ReconstructionWeights) -> torch.Tensor:
    """Distance of decoded bands to their originals, without the divergence of the posterior.

    The published code takes the structural similarity after averaging 2 x 2 px.

    Args:
        found, target: (N, 1, H, W), unit range.
    """
    error = found - target
    similarity = ssim(F.avg_pool2d(found, 2), F.avg_pool2d(target, 2))
    return (
        weights.charbonnier * (error.square() + CHARBONNIER**2).sqrt().mean()
        + weights.ssim * (1.0 - similarity)
        + weights.mse * error.square().mean()
        + weights.mae * error.abs().mean()
        + weights.psnr * (1.0 - psnr(found, target) / _BEST_PSNR)
    )


def fused_loss(found: torch.Tensor, target: torch.Tensor, ratio: float, weights: FusionWeights) -> torch.Tensor:
    """Distance of fused images to their targets, without the error of the latents.

    Args:
        found, target: (B, C, H, W), unit range.
        ratio: PAN px per MS px.
    """
    return (
        weights.ssim * (1.0 - ssim(found.flatten(0, 1)[:, None], target.flatten(0, 1)[:, None]))
        + weights.psnr * (1.0 - psnr(found, target) / _BEST_PSNR).clamp(min=0.0)
        + weights.angle * spectral_angle(found, target)
        + weights.ergas * ergas(found, target, ratio)
    )


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of a Gaussian posterior from the standard normal one, mean over all values."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()


def ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean structural similarity (Wang et al., TIP 2004) of (N, 1, H, W).

    Over the window of every pixel, with zeros outside the image, as the authors' code has it.
    """
    at = torch.arange(WINDOW, dtype=a.dtype, device=a.device) - WINDOW // 2
    taps = torch.exp(-0.5 * (at / SIGMA) ** 2)
    taps = taps / taps.sum()

    def mean(x: torch.Tensor) -> torch.Tensor:
        across = F.conv2d(x, taps[None, None, None], padding=(0, WINDOW // 2))
        return F.conv2d(across, taps[None, None, :, None], padding=(WINDOW // 2, 0))

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return ((2 * ma * mb + _C1) * (2 * cov + _C2) / ((ma * ma + mb * mb + _C1) * (va + vb + _C2))).mean()


def psnr(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Peak signal to noise ratio, dB, of images with a peak of 1; 100 at most."""
    return -10.0 * torch.log10((a - b).square().mean().clamp(min=_LEAST_ERROR))


def spectral_angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean angle between the spectra of (B, C, H, W), radians; the cosine is clamped to +-(1 - 1e-6)."""
    lengths = (a.norm(dim=1) * b.norm(dim=1)).clamp(min=_TINY)
    return torch.arccos(((a * b).sum(dim=1) / lengths).clamp(-_COSINE, _COSINE)).mean()


def ergas(found: torch.Tensor, target: torch.Tensor, ratio: float) -> torch.Tensor:
    """100 / ratio times the root of the bands' mean squared relative error (Wald 2000), of (B, C, H, W)."""
    relative = (found - target).square().mean(dim=(0, 2, 3)) / target.mean(dim=(0, 2, 3)).square().clamp(min=_TINY)
    return 100.0 / ratio * (relative.mean() + _TINY**2).sqrt()
