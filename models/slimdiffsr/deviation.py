"""How far each pixel of the student may be off: a small head beside its image.

Ours; the paper keeps the uncertainty to the teacher, whose estimator this head is distilled from.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .config import Config

LEAST, MOST = -14.0, 2.0
"""Bounds of the log-variance of images in -1..1: deviations of 0.001 and of 2.7."""


class DeviationHead(nn.Module):
    """Log-variance of every pixel from the last map of the UNet.

    Newly built it says a deviation of 0.05 everywhere, of images in -1..1.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.factor = config.channels[0], config.factor
        self.enter = nn.Conv2d(width, width, 1)
        self.leave = nn.Conv2d(width, config.image * config.factor**2, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.constant_(self.leave.bias, _bent_back(-6.0))  # type: ignore[arg-type]

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, channels[0], h, w) to (N, image, h * factor, w * factor), float32, within the bounds."""
        raw = F.pixel_shuffle(self.leave(F.silu(self.enter(maps))), self.factor).float()
        middle, half = (MOST + LEAST) / 2, (MOST - LEAST) / 2
        # Bent rather than cut off, so that a value beyond a bound keeps a gradient.
        return middle + half * torch.tanh((raw - middle) / half)

    @torch.no_grad()
    def widen(self, factor: float) -> None:
        """Make every deviation ``factor`` times as large (to first order near a bound, where none is any more)."""
        bias: torch.Tensor = self.leave.bias  # type: ignore[assignment]
        bias += 2.0 * math.log(factor)


def _bent_back(value: float) -> float:
    """What the last convolution gives for a log-variance."""
    middle, half = (MOST + LEAST) / 2, (MOST - LEAST) / 2
    return middle + half * math.atanh((value - middle) / half)
