"""The two training stages of the base model, as modules whose forward pass is a loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ...models.terra_ldm.conditioning import Conditioning
from ...models.terra_ldm.network import TerraLdmTiny
from ...models.terra_ldm.vae import BandVae
from .data import BandBatch

TOLERANCE = 0.01
"""Standard deviation of the observation noise that the autoencoder assumes, unit range: 40 dB."""

FORGET = 0.1
"""Share of what is known of a band that training leaves out, entry by entry and all at once."""


class BaseVaeStage(nn.Module):
    """Stage I: the evidence lower bound (Kingma and Welling, arXiv 1312.6114), nats a pixel."""

    def __init__(self, model: TerraLdmTiny) -> None:
        super().__init__()
        self.vae = model.vae

    def forward(self, batch: BandBatch) -> torch.Tensor:
        """The loss of a batch."""
        distortion, rate = bound(self.vae, batch)
        return distortion.square().mean() / (2 * TOLERANCE**2) + rate.mean()


def bound(vae: BandVae, batch: BandBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Error of a sampled reconstruction, (N, 1, H, W), and Kullback-Leibler divergence, (N, 16, h, w), nats.

    There are as many latent values as pixels, so the mean divergence is nats a pixel.
    """
    code = vae.code(batch.image)
    log_variance = vae.log_variance(code)
    generator = torch.Generator().manual_seed(batch.seed)
    draw = torch.randn(code.shape, generator=generator).to(code)
    sampled = vae.image(code + draw * (0.5 * log_variance).exp())
    rate = 0.5 * (code.square() + log_variance.exp() - 1.0 - log_variance)
    return sampled - batch.image, rate


@torch.no_grad()
def calibrate_base(vae: BandVae, batches: Sequence[BandBatch]) -> None:
    """Centre and scale the latents to zero mean and unit variance a channel, from a trained autoencoder."""
    codes = torch.cat([vae.code(batch.image).transpose(0, 1).flatten(1) for batch in batches], dim=1)
    vae.centre.copy_(codes.mean(dim=1)[:, None, None])
    vae.scaling.copy_((1.0 / codes.std(dim=1).clamp(min=1e-3))[:, None, None])


class BaseDiffusionStage(nn.Module):
    """Stage II: velocity of noisy latents at uniform times, with some of what is known left out."""

    def __init__(self, model: TerraLdmTiny) -> None:
        super().__init__()
        self.model = model
        model.vae.requires_grad_(False)

    def forward(self, batch: BandBatch) -> torch.Tensor:
        """The loss of a batch: mean squared error of the velocity."""
        generator = torch.Generator().manual_seed(batch.seed)
        with torch.no_grad():
            clean = self.model.vae.encode(batch.image)
        count = len(clean)
        # Times in equal steps from a random start: the same spread in every batch.
        time = (torch.rand(1, generator=generator) + torch.arange(count) / count) % 1.0
        noise = torch.randn(clean.shape, generator=generator)
        given = batch.given.forget(FORGET, generator)
        return velocity_error(self.model, clean, noise.to(clean), time.to(clean), given).mean()


def velocity_error(
    model: TerraLdmTiny, clean: torch.Tensor, noise: torch.Tensor, time: torch.Tensor, given: Conditioning
) -> torch.Tensor:
    """Squared error of the predicted velocity, (N, 16, h, w)."""
    angle = (torch.pi / 2 * time)[:, None, None, None]
    signal, sigma = angle.cos(), angle.sin()
    found = model.unet(signal * clean + sigma * noise, time, given)
    error: torch.Tensor = (found.float() - (signal * noise - sigma * clean)).square()
    return error
