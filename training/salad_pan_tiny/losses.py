"""Losses on fused images, in units of each band's own contrast."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

RIM = 8
"""PAN px at a patch's rim that no loss counts: the replicated border is wrong there."""


def inner(x: torch.Tensor) -> torch.Tensor:
    """The part of (..., H, W) that counts."""
    return x[..., RIM:-RIM, RIM:-RIM]


def fusion_loss(fused: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Distance of fused images to their targets.

    Mean absolute plus mean squared error, both over the band's standard deviation (the squared one is what ERGAS
    and Q see), absolute error of the gradients, and the spectral angle.

    Args:
        fused, target: (B, C, H, W), unit range.
    """
    fused, target = inner(fused.float()), inner(target.float())
    spread = target.flatten(2).std(dim=2)[..., None, None] + 0.01
    error = (fused - target) / spread
    slope = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + 2.0 * error.square().mean() + 0.25 * slope + 0.5 * spectral_angle(fused, target).mean()


def spectral_angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sine of half the angle between spectra, (B, H, W): smooth where the angle itself is not."""
    a = a / a.norm(dim=1, keepdim=True).clamp(min=1e-3)
    b = b / b.norm(dim=1, keepdim=True).clamp(min=1e-3)
    return 0.5 * ((a - b).square().sum(dim=1) + 1e-8).sqrt()


def lattice_loss(error: torch.Tensor, factor: int) -> torch.Tensor:
    """What repeats from cell to cell in an error: a checkerboard of the network's cells.

    The error's mean at each place in a cell over 3 x 3 cells, less the mean over the places; root mean square.  In
    local units, as a checkerboard is seen best where a scene is dark and flat.

    Args:
        error: (N, 1, H, W), local units.
        factor: px of a cell.
    """
    places = F.avg_pool2d(F.pixel_unshuffle(inner(error), factor), 3, stride=1)
    return (places - places.mean(dim=1, keepdim=True)).square().mean().add(1e-12).sqrt()


def deviation_loss(error: torch.Tensor, log_deviation: torch.Tensor) -> torch.Tensor:
    """Negative logarithm of a Laplace likelihood, whose deviation is ``sqrt(2)`` times its scale.

    Errors of images have heavier tails than a normal distribution gives them.

    Args:
        error: (N, 1, H, W), local units, without gradient.
        log_deviation: of the same shape.
    """
    error, log_deviation = inner(error), inner(log_deviation)
    return (log_deviation + math.sqrt(2.0) * error.abs() * (-log_deviation).exp()).mean()
