"""What a restored image costs: error, looks, and a critic that learns along."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .detail import slope_loss, spectrum_loss
from .discriminator import critic_loss, generator_loss, judged
from .perceptual import Perceptual


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the terms beside the mean absolute error, as published.

    Attributes:
        perceptual: of the perceptual distance.
        adversarial: of the critic's judgement.
        slopes, spectrum: of ``detail.slope_loss`` and ``detail.spectrum_loss``, which are ours.
    """

    perceptual: float = 2.5
    adversarial: float = 0.25
    slopes: float = 0.0
    spectrum: float = 0.0


ERROR_ALONE = Weights(0.0, 0.0)
"""The mean absolute error and nothing beside it."""


class Restoration(nn.Module):
    """L1, perceptual and adversarial loss (equation 20), detail where asked for, and the critic's own loss beside them.

    One optimiser trains both sides: the generator's terms give the critic no gradient, and the critic's loss gives
    the images none.

    Args:
        perceptual: a distance of images.
        critic: judges images; None leaves the adversarial term out.
        weights: of the terms.
    """

    def __init__(self, perceptual: Perceptual, critic: nn.Module | None, weights: Weights | None = None) -> None:
        super().__init__()
        self.perceptual, self.critic = perceptual, critic
        self.weights = weights or Weights()

    def forward(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """The loss of images (N, C, H, W) in -1..1, float32."""
        loss = (found.float() - truth.float()).abs().mean()
        loss = loss + self.weights.perceptual * self.perceptual(found, truth)
        if self.weights.slopes:
            loss = loss + self.weights.slopes * slope_loss(found, truth)
        if self.weights.spectrum:
            loss = loss + self.weights.spectrum * spectrum_loss(found, truth)
        if self.critic is None:
            return loss
        loss = loss + self.weights.adversarial * generator_loss(judged(self.critic, found))
        return loss + critic_loss(self.critic(truth), self.critic(found.detach()))
