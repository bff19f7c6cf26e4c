"""The denoising UNet of the base model: two levels, convolutions only, a reach of 48 image px in one step.

There is no attention over space and no pooling: a window of attention that is large enough to be of use would put its
whole length on the margin.  Depth that needs no neighbours is bought with blocks of 1x1 convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .conditioning import Conditioning
from .embedding import Embedding
from .layers import Block, ChannelNorm, zeroed

STRIDE = 4
"""Latent cells per cell of the coarser level: tiles start at multiples of it."""

MARGIN = 12
"""Latent cells beyond which nothing outside a tile changes a step."""

_PATCH = 2


class Mixer(nn.Module):
    """Residual block of 1x1 convolutions: channels are mixed, no neighbour is asked.

    Args:
        channels: of the feature maps.
        embedding: length of the embedding vector.
    """

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.modulate = nn.Linear(embedding, 4 * channels)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) and (N, embedding) to (N, channels, h, w)."""
        gain, shift = self.modulate(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.widen(self.norm(x)) * (1 + gain) + shift
        out: torch.Tensor = x + self.narrow(F.silu(h))
        return out


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps of one pass, after each block, for adapters and feature readers.

    Attributes:
        encoder: two of (N, fine, h / 2, w / 2).
        middle: (N, coarse, h / 4, w / 4).
        decoder: two of (N, fine, h / 2, w / 2).
    """

    encoder: tuple[torch.Tensor, torch.Tensor]
    middle: torch.Tensor
    decoder: tuple[torch.Tensor, torch.Tensor]


class BaseUNet(nn.Module):
    """Predicts the velocity of noisy latents (Salimans and Ho, arXiv 2202.00512: v = signal * noise - sigma * clean).

    Args:
        latent: latent channels.
        width: channels at half and at a quarter of the latent resolution.
        embedding: length of the embedding vector.
    """

    def __init__(self, latent: int, width: tuple[int, int], embedding: int) -> None:
        super().__init__()
        fine, coarse = width
        self.embedding = Embedding(embedding)
        self.enter = nn.Conv2d(latent * _PATCH**2, fine, 1)
        self.encoder = nn.ModuleList(Block(fine, fine, embedding) for _ in range(2))
        self.down = nn.Conv2d(fine, coarse, 2, stride=2)
        self.before = Mixer(coarse, embedding)
        self.middle = Block(coarse, coarse, embedding)
        self.after = Mixer(coarse, embedding)
        self.up = nn.Conv2d(coarse, fine, 1)
        self.decoder = nn.ModuleList((Block(2 * fine, fine, embedding), Block(fine, fine, embedding)))
        self.last = Mixer(fine, embedding)
        self.norm = ChannelNorm(fine)
        self.leave = zeroed(nn.Conv2d(fine, latent * _PATCH**2, 1))

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, given: Conditioning) -> torch.Tensor:
        """Velocity.

        Args:
            noisy: (N, latent, h, w), h and w multiples of 4.
            time: (N,) diffusion time, 0 (clean) to 1 (noise).
            given: what is known of the N bands.

        Returns:
            (N, latent, h, w).
        """
        return self.trace(noisy, time, given)[0]

    def trace(self, noisy: torch.Tensor, time: torch.Tensor, given: Conditioning) -> tuple[torch.Tensor, Maps]:
        """As ``forward``, with the feature maps of the pass."""
        emb = self.embedding(time, given)
        first = self.encoder[0](self.enter(F.pixel_unshuffle(noisy, _PATCH)), emb)
        second = self.encoder[1](first, emb)
        middle = self.after(self.middle(self.before(self.down(second), emb), emb), emb)
        up = F.interpolate(self.up(middle), scale_factor=2.0, mode="nearest")
        third = self.decoder[0](torch.cat((up, second), dim=1), emb)
        fourth = self.last(self.decoder[1](third, emb), emb)
        velocity = F.pixel_shuffle(self.leave(F.silu(self.norm(fourth))), _PATCH)
        return velocity, Maps((first, second), middle, (third, fourth))
