"""Autoencoder and UNet in one module: what a model folder stores and what training moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...engine.errors import ModelError
from ..folder import load_folder, load_strictly
from .conditioning import Conditioning
from .sampler import levels, sample
from .unet import BaseUNet
from .vae import LATENT, BandVae

ARCHITECTURE = "terra_ldm_tiny"


@dataclass(frozen=True, slots=True)
class Config:
    """Widths of the network.

    Attributes:
        forecast: channels of the autoencoder's forecasts.
        depth: residual blocks of each forecast, at most 3 for the margin to hold.
        unet: channels of the UNet at half and at a quarter of the latent resolution.
        embedding: length of the embedding of time and band.
    """

    forecast: int = 48
    depth: int = 3
    unet: tuple[int, int] = (192, 288)
    embedding: int = 256

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """From a card or a recipe, where a pair is a list.

        Raises:
            ModelError: a width is unknown, missing or not a positive whole number.
        """
        try:
            fine, coarse = (int(value) for value in values["unet"])
            single = {name: int(value) for name, value in values.items() if name != "unet"}
            config = cls(unet=(fine, coarse), **single)
        except (KeyError, TypeError, ValueError) as error:
            raise _unfit(str(error)) from error
        if min(fine, coarse, *single.values()) < 1 or config.depth > 3:
            raise _unfit(f"{dict(values)}")
        return config


class TerraLdmTiny(nn.Module):
    """The base model: band autoencoder and conditioned denoising UNet."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vae = BandVae(config.forecast, config.depth)
        self.unet = BaseUNet(LATENT, config.unet, config.embedding)

    def denoise(self, noisy: torch.Tensor, time: float, given: Conditioning, guidance: float = 1.0) -> torch.Tensor:
        """Clean latents from noisy ones, all at one time.

        Args:
            noisy: (N, 16, h, w), h and w multiples of 4.
            time: 0..1.
            given: what is known of the N bands.
            guidance: weight of what is known against nothing known (classifier-free); 1 asks the network once.

        Returns:
            (N, 16, h, w), float32.
        """
        moment = torch.full((noisy.shape[0],), time, device=noisy.device)
        velocity = self.unet(noisy, moment, given).float()
        if guidance != 1.0:
            blind = self.unet(noisy, moment, given.unknown()).float()
            velocity = blind + guidance * (velocity - blind)
        signal, sigma = levels(time)
        clean: torch.Tensor = signal * noisy.float() - sigma * velocity
        return clean

    def forward(
        self,
        noise: torch.Tensor,
        given: Conditioning,
        steps: int,
        guidance: float = 1.0,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> torch.Tensor:
        """Images made up from noise.

        Args:
            noise: (N, 16, h, w), standard normal; h and w multiples of 4.
            given: what is known of the N bands.
            steps: network evaluations.
            guidance: as in ``denoise``.
            checkpoint: called before each step; may raise to cancel.

        Returns:
            (N, 1, 4h, 4w), unit range.
        """
        latents = sample(lambda z, t: self.denoise(z, t, given, guidance), noise, steps, checkpoint)
        return self.vae.decode(latents)


def load_base(path: str | Path) -> TerraLdmTiny:
    """The trained network of a model folder, frozen and in evaluation mode, on the CPU.

    Raises:
        ModelError: the folder is damaged, holds another architecture, or its weights do not fit.
    """
    folder, state = load_folder(path)
    if folder.card.architecture.name != ARCHITECTURE:
        raise ModelError(
            f"this is {folder.card.architecture.name!r}, not {ARCHITECTURE!r}",
            where=str(path),
            fix="name the folder of a base model",
        )
    network = TerraLdmTiny(Config.of(folder.card.architecture.config))
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=str(path))
    return network.eval().requires_grad_(False)


def _unfit(what: str) -> ModelError:
    return ModelError(
        f"the config does not describe this network ({what})", where=ARCHITECTURE, fix="fetch the model again"
    )
