"""What the teacher asks of a latent diffusion model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import nn

from ...terra_ldm.conditioning import Conditioning
from .lora import Ranks
from .table import NoiseTable

LAYERS = ("down0", "down1", "mid", "up0", "up1")
"""Names of the feature maps, as the student's ``Features`` has them."""

_TINY = 1e-6  # a square root has no slope at zero


class Prediction(NamedTuple):
    """One pass of the denoising network.

    Attributes:
        output: (N, latent, h, w), noise or velocity.
        features: maps (N, channels, h', w') by the names of ``LAYERS``.
    """

    output: torch.Tensor
    features: dict[str, torch.Tensor]


class Backbone(nn.Module, ABC):
    """A latent diffusion model.

    Attributes:
        bands: of an image that are encoded together.
        latent: latent channels.
        stride: image px that sides must be a multiple of.
        predicts: what the network's output is.
        widths: channels of the feature maps, by the names of ``LAYERS``.
        table: noise levels of the process and their times.
    """

    bands: int
    latent: int
    stride: int
    predicts: Literal["epsilon", "v_prediction"]
    widths: Mapping[str, int]
    table: NoiseTable

    @abstractmethod
    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Latents (N, latent, h, w) of about unit variance, posterior mode, of images (N, bands, H, W) in -1..1."""

    @abstractmethod
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode``, not clamped."""

    @abstractmethod
    def predict(self, latents: torch.Tensor, time: torch.Tensor, given: Conditioning | None) -> Prediction:
        """Ask the network.

        Args:
            latents: (N, latent, h, w).
            time: (N,), in the units of ``table``; gradients reach it.
            given: what is known of N bands; None for nothing.
        """

    @abstractmethod
    def adapt(self, ranks: Ranks, generator: torch.Generator) -> None:
        """Freeze everything, and give network and decoder adapters that change nothing yet."""

    def clean(self, latents: torch.Tensor, output: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Clean latents, float32, if ``latents`` hold noise of this level.

        Args:
            latents, output: (N, latent, h, w).
            level: alpha bar, (N, 1, 1, 1) or (N, 1, h, w).
        """
        level = level.float()
        signal, sigma = level.clamp(min=_TINY).sqrt(), (1.0 - level).clamp(min=_TINY).sqrt()
        if self.predicts == "epsilon":
            return (latents.float() - sigma * output.float()) / signal
        return signal * latents.float() - sigma * output.float()
