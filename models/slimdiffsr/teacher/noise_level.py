"""Which noise level the teacher's one step should believe in, cell by cell."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ResidualBlock

LEAST, MOST = 0.1, 0.9
"""Bounds of the noise levels.

At 1 a pass returns what it was given and the network learns nothing.  That is the first way down for a predictor
without an upper bound, as long as the passes of an untrained teacher do harm: with the base model it is there within a
hundred steps.  Near 0 predictions of noise are divided by next to nothing.
"""


class NoiseLevelPredictor(nn.Module):
    """Share of the signal (alpha bar) from latents and their uncertainty (SlimDiffSR, section 3.2.2).

    Equation 9 foretells s^2 / (s^2 + variance) for latents of variance s^2.  It is where this network starts: its last
    convolution is zero and corrects, as a logit, what equation 9 gives for s = 1 and the channels' mean log-variance;
    0..1 is then brought to the bounds.  The body follows an older version of the authors' code, which bounded the
    timestep likewise; the variance enters by its logarithm.

    Args:
        latent: channels of the latents.
        width: channels of the residual blocks.
        depth: residual blocks.
        bounds: of the noise levels.
        uncertainty: False leaves the variance out (the paper's ablation); the start is then midway everywhere.
    """

    def __init__(
        self,
        latent: int,
        width: int = 32,
        depth: int = 6,
        *,
        bounds: tuple[float, float] = (LEAST, MOST),
        uncertainty: bool = True,
    ) -> None:
        super().__init__()
        self.bounds, self.uncertainty = bounds, uncertainty
        self.enter = nn.Conv2d(latent * (1 + uncertainty), width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width, width, bias=True) for _ in range(depth)))
        self.leave = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, latents: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """Noise level of every cell.

        Args:
            latents: (N, latent, h, w) of the sharp image in training, or what is expected of them.
            log_variance: (N, latent, h, w).

        Returns:
            (N, 1, h, w), float32, within the bounds.
        """
        shown = torch.cat((latents, log_variance.to(latents)), dim=1) if self.uncertainty else latents
        logit = self.leave(self.blocks(F.leaky_relu(self.enter(shown), 0.1))).float()
        if self.uncertainty:
            logit = logit - log_variance.float().mean(dim=1, keepdim=True)
        least, most = self.bounds
        return least + (most - least) * torch.sigmoid(logit)


class FixedLevel(nn.Module):
    """One noise level for everything: the paper's ablation without adaptive timesteps.

    Args:
        level: alpha bar, in 0..1.
    """

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, latents: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(N, 1, h, w), float32."""
        return torch.full_like(latents[:, :1], self.level, dtype=torch.float32)


def total_variation(level: torch.Tensor) -> torch.Tensor:
    """Squared differences between neighbouring cells along both axes (equation 21), their sum over the cells' number.

    Args:
        level: (N, 1, h, w) noise levels.
    """
    level = level.float()
    return (level.diff(dim=-1).square().sum() + level.diff(dim=-2).square().sum()) / level.numel()
