"""Building blocks of the small diffusion models; every one of them is tile-exact.

Nothing here looks further than its kernel: channels are normalised per pixel, convolutions pad by replication and
there is no pooling, no attention over space.  A tile therefore gives the pixels of the whole scene beyond a finite rim.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class ChannelNorm(nn.Module):
    """Root-mean-square normalisation over the channels of each pixel, with a learned gain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) to the same shape."""
        power = x.float().square().mean(dim=1, keepdim=True)
        return x * torch.rsqrt(power + 1e-5).to(x.dtype) * self.gain


def conv3(channels_in: int, channels_out: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size and pads by replication."""
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode="replicate")


def zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """The same convolution with weight and bias set to zero."""
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class Block(nn.Module):
    """Residual block: one 3x3 and one 1x1 convolution, modulated by an embedding.

    A single 3x3 convolution a block keeps the receptive field, and so the margin of a tile, small.

    Args:
        channels_in, channels_out: of the feature maps.
        embedding: length of the embedding vector; 0 for a block without one.
    """

    def __init__(self, channels_in: int, channels_out: int, embedding: int = 0) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels_in)
        self.conv = conv3(channels_in, channels_out)
        self.mix = nn.Conv2d(channels_out, channels_out, 1)
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()
        self.modulate = nn.Linear(embedding, 2 * channels_out) if embedding else None

    def forward(self, x: torch.Tensor, embedding: torch.Tensor | None = None) -> torch.Tensor:
        """(N, channels_in, h, w) and (N, embedding) to (N, channels_out, h, w)."""
        h: torch.Tensor = self.conv(F.silu(self.norm(x)))
        if self.modulate is not None and embedding is not None:
            gain, shift = self.modulate(embedding)[:, :, None, None].chunk(2, dim=1)
            h = h * (1 + gain) + shift
        out: torch.Tensor = self.skip(x) + self.mix(F.silu(h))
        return out
