"""Both stages in one module: what a model folder stores and what training moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..terra_ldm.sampler import sample
from .fusion import Conditions
from .unet import DualBranchUNet
from .vae import BandVae, Decoded


@dataclass(frozen=True, slots=True)
class Config:
    """Widths of the network.

    Attributes:
        latent: latent channels.
        vae_width: channels of the autoencoder.
        base: channels of the UNet's base network at latent resolution and at half of it.
        branch: channels of the PAN and MS branches.
        embedding: length of the embedding of time and ratio.
    """

    latent: int = 8
    vae_width: int = 40
    base: tuple[int, int] = (48, 96)
    branch: int = 32
    embedding: int = 96

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """From a card or a recipe, where a pair is a list."""
        fine, coarse = values["base"]
        single = {name: int(value) for name, value in values.items() if name != "base"}
        return cls(base=(int(fine), int(coarse)), **single)


class SaladPanTiny(nn.Module):
    """Band autoencoder and dual-branch denoising UNet."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vae = BandVae(config.latent, config.vae_width)
        self.unet = DualBranchUNet(config.latent, config.base, config.branch, config.embedding)

    def denoise(self, noisy: torch.Tensor, time: float, given: Conditions) -> torch.Tensor:
        """Clean latents from noisy ones, all at one time."""
        out: torch.Tensor = self.unet(noisy, torch.full((noisy.shape[0],), time, device=noisy.device), given)
        return out

    def forward(
        self, given: Conditions, noise: torch.Tensor, steps: int, checkpoint: Callable[[], None] = lambda: None
    ) -> Fused:
        """Fused bands.

        Args:
            given: classical fusion and conditions.
            noise: (N, latent, H / 4, W / 4), standard normal.
            steps: network evaluations.
            checkpoint: called before each of them.
        """
        latents = sample(lambda z, t: self.denoise(z, t, given), noise, steps, checkpoint)
        return assembled(self.vae.decode(latents, given), given)


@dataclass(frozen=True, slots=True)
class Fused:
    """Fused bands in the unit range, and their deviation, each (N, 1, H, W), float32."""

    image: torch.Tensor
    deviation: torch.Tensor


def assembled(decoded: Decoded, given: Conditions) -> Fused:
    """From local units to the unit range."""
    return Fused(given.base + given.scale * decoded.residual, given.scale * decoded.log_deviation.exp())
