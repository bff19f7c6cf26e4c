"""The base model as the teacher's backbone: one band at a time, velocity, continuous time."""

from __future__ import annotations

import copy

import torch

from ...terra_ldm.conditioning import Band, Conditioning
from ...terra_ldm.network import TerraLdmTiny
from ...terra_ldm.unet import STRIDE
from ...terra_ldm.vae import FACTOR, LATENT
from .backbone import LAYERS, Backbone, Prediction
from .lora import TERRA_DECODER, TERRA_UNET, Ranks, adapt
from .table import NoiseTable

ENTRIES = 1001
"""Entries of the table, as many as the paper's."""


def terra_table(entries: int = ENTRIES) -> NoiseTable:
    """The base model's schedule, alpha bar = cos(pi t / 2)^2, at evenly spaced times from 1 to 0."""
    times = torch.linspace(1.0, 0.0, entries, dtype=torch.float64)
    return NoiseTable((torch.pi / 2 * times).cos().square(), times)


class TerraBackbone(Backbone):
    """terra-ldm-tiny, or a network like it.

    Encoder and decoder of its autoencoder share their forecasts.  The decoder is a copy, so that adapting it leaves
    the latents what they were.

    Args:
        base: is taken over and frozen.
    """

    bands = 1
    latent = LATENT
    stride = FACTOR * STRIDE
    predicts = "v_prediction"

    def __init__(self, base: TerraLdmTiny) -> None:
        super().__init__()
        self.vae, self.unet = base.vae, base.unet
        self.decoder = copy.deepcopy(base.vae)
        self.table = terra_table()
        fine, coarse = base.config.unet
        self.widths = dict(zip(LAYERS, (fine, fine, coarse, fine, fine), strict=True))
        self.requires_grad_(False)

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Latents (N, 16, H / 4, W / 4) of bands (N, 1, H, W) in -1..1."""
        return self.vae.encode(image / 2 + 0.5)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Bands (N, 1, 4h, 4w) in -1..1 of latents (N, 16, h, w)."""
        return 2 * self.decoder.decode(latents) - 1

    def predict(self, latents: torch.Tensor, time: torch.Tensor, given: Conditioning | None) -> Prediction:
        """Velocity; maps lie at half the latents' resolution, the middle one at a quarter."""
        known = Conditioning.of([Band()] * len(latents), latents.device) if given is None else given
        velocity, maps = self.unet.trace(latents, time, known)
        return Prediction(velocity, dict(zip(LAYERS, (*maps.encoder, maps.middle, *maps.decoder), strict=True)))

    def adapt(self, ranks: Ranks, generator: torch.Generator) -> None:
        """Adapt the UNet's convolutions and the decoder's forecasts."""
        self.requires_grad_(False)
        adapt(self.unet, TERRA_UNET, ranks.unet, generator)
        adapt(self.decoder, TERRA_DECODER, ranks.decoder, generator)
