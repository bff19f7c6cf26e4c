"""What brings images to the UNet's cells and back.  Images are in -1..1 on both sides."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn import functional as F

from .config import Config


class Codec(nn.Module, ABC):
    """Images to cells and back."""

    @abstractmethod
    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(N, image channels, H, W) to (N, channels, H / factor, W / factor)."""

    @abstractmethod
    def decode(self, cells: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode`` in its shapes."""


def codec_of(config: Config) -> Codec:
    """The codec that a config names, untrained."""
    if config.codec in ("shuffle", "local"):
        return ShuffleCodec(config)
    # Importing diffusers takes longer than a small scene; networks that do without it do not wait for it.
    from .autoencoders import FullCodec, TinyCodec

    return FullCodec(config) if config.codec == "kl" else TinyCodec(config)


class ShuffleCodec(Codec):
    """The pixels of a cell as channels and back, band by band: nothing is learned and nothing is lost."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.factor = config.factor

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(N, image channels, H, W) to (N, image channels * factor ** 2, H / factor, W / factor)."""
        return F.pixel_unshuffle(image, self.factor)

    def decode(self, cells: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode``."""
        return F.pixel_shuffle(cells, self.factor)
