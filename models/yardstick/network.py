"""The yardstick: a plain residual convolutional network that corrects a classical fusion, one band at a time.

What a diffusion model has to beat to earn its cost.  The fusion that it corrects is that of the small SALAD-Pan model
(MTF-matched detail injected with the local regression of the upsampled band on the low-pass PAN, see
``salad_pan.fusion``), so that the two differ in the network alone; a regression over the whole scene would also need
statistics that a patch in training does not have.  The design is ours.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ..terra_ldm.layers import conv3, zeroed

FACTOR = 4
"""PAN px per cell that the network works on: an MS pixel where the ratio is 4."""

INPUTS = 4
"""The upsampled band, PAN, the classical fusion, and the mean of the upsampled bands."""

WIDTH, DEPTH = 64, 8
"""Channels and residual blocks: 0.64 million parameters."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a rectifier between them, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv3(channels, channels)
        self.second = conv3(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) to the same shape."""
        out: torch.Tensor = x + self.second(F.relu(self.first(x)))
        return out


class Yardstick(nn.Module):
    """The network; before any training it returns the classical fusion.

    Args:
        width: channels of the feature maps.
        depth: residual blocks.
    """

    def __init__(self, width: int = WIDTH, depth: int = DEPTH) -> None:
        super().__init__()
        self.width, self.depth = width, depth
        self.head = conv3(INPUTS * FACTOR**2, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.tail = zeroed(conv3(width, FACTOR**2))

    def forward(self, pan: torch.Tensor, ms: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        """Fuse.

        Args:
            pan: (B, 1, H, W), unit range; H and W multiples of 4.
            ms: (B, C, H, W), unit range, already on the PAN grid.
            base: (B, C, H, W), the classical fusion of both.

        Returns:
            (B, C, H, W), unit range of MS.
        """
        shared = (pan.expand_as(ms), ms.mean(dim=1, keepdim=True).expand_as(ms))
        seen = torch.stack((ms, shared[0], base, shared[1]), dim=2).flatten(0, 1)
        found: torch.Tensor = self.tail(self.body(self.head(F.pixel_unshuffle(seen, FACTOR))))
        return base + F.pixel_shuffle(found.float(), FACTOR).reshape(ms.shape)
