"""How well the latents of the sharp image can be known from those of the blurred one, element by element."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from .layers import ResidualBlock

LEAST, MOST = -6.0, 4.0
"""Bounds of the log-variance, for latents of about unit variance.

The loss has no lower bound: where an element is found exactly, it falls with 3 s for ever, while exp(-s) makes the one
batch in which it is not found outweigh all others.  At scale 4 that is no rare case: the mean of a cell is then almost
given.  exp(-6) is a deviation of 0.05, at which nothing is left to generate, and a weight of 400; exp(4) is a deviation
of 7, beyond any latent.
"""

PRIOR = 3.0
"""Weight of the log-variance: 1 of the likelihood and 2 of Jeffreys' prior (equation 4)."""


class Estimate(NamedTuple):
    """What is expected of the sharp image's latents.

    Attributes:
        mean: (N, latent, h, w).
        log_variance: (N, latent, h, w), float32, between ``LEAST`` and ``MOST``.  The prior makes the variance a third
            of the mean squared error, so a standard deviation is sqrt(3 exp(log_variance)).
    """

    mean: torch.Tensor
    log_variance: torch.Tensor


class UncertaintyEstimator(nn.Module):
    """Mean and log-variance of the sharp latents from the blurred ones (SlimDiffSR, section 3.2.1).

    Newly built it returns what it was given, with a variance near one.

    Args:
        latent: channels of the latents.
        width: channels of the residual blocks.
        depth: residual blocks.
    """

    def __init__(self, latent: int, width: int = 64, depth: int = 5) -> None:
        super().__init__()
        widths = [latent, *[width] * (depth - 1), 2 * latent]
        blocks = [ResidualBlock(before, after, bias=False) for before, after in pairwise(widths)]
        last = blocks[-1]
        last.shortcut = nn.Conv2d(widths[-2], widths[-1], 1, bias=False)
        nn.init.zeros_(last.conv2.weight)
        nn.init.zeros_(last.shortcut.weight)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, latents: torch.Tensor) -> Estimate:
        """Of the latents (N, latent, h, w) of the blurred image."""
        residual, raw = self.blocks(latents).chunk(2, dim=1)
        middle, reach = (MOST + LEAST) / 2, (MOST - LEAST) / 2
        # Bent rather than cut off: an element beyond a bound keeps a gradient and can come back.
        return Estimate(latents + residual, middle + reach * torch.tanh((raw.float() - middle) / reach))


def uncertainty_loss(found: Estimate, truth: torch.Tensor) -> torch.Tensor:
    """Negative log-posterior of the variance, mean over all elements (equation 5), in float32 under autocast too.

    Args:
        found: the estimate.
        truth: (N, latent, h, w) latents of the sharp image.
    """
    log_variance = found.log_variance.float()
    error = (truth.float() - found.mean.float()).square()
    return 0.5 * (torch.exp(-log_variance) * error + PRIOR * log_variance).mean()
