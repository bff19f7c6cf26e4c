"""What the small pan-sharpening model adds to the shared blocks: crossings, fusion, attention over bands.

Tile-exact like those: no pooling beyond a fixed kernel, no attention over space.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..terra_ldm.layers import ChannelNorm, zeroed


class GatedZeroConv(nn.Module):
    """GLU-gated zero 1x1 convolution: value times sigmoid(gate), both from weights that start at zero.

    SALAD-Pan (arXiv 2602.04473) puts it at every crossing between the base network and a branch.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.proj = zeroed(nn.Conv2d(channels_in, 2 * channels_out, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w); exactly zero before training."""
        value, gate = self.proj(x).chunk(2, dim=1)
        out: torch.Tensor = value * torch.sigmoid(gate)
        return out


def box3(x: torch.Tensor) -> torch.Tensor:
    """3x3 mean of each channel, padded by replication: the low frequencies of a feature map."""
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def fuse(base: torch.Tensor, spatial: torch.Tensor, spectral: torch.Tensor) -> torch.Tensor:
    """Add the low frequencies of the spectral branch and the high frequencies of the spatial one to the base.

    SALAD-Pan's rule in its algebraic form, h + LF(d_spe) + d_spa - LF(d_spa); LF is linear, so one box mean serves
    both.  All of shape (N, C, h, w).
    """
    return base + spatial + box3(spectral - spatial)


class CrossBandAttention(nn.Module):
    """Attention over the bands at one place (region-based cross-band attention, with regions of one cell).

    The bands at a cell form a sequence without order, so any band count works and the order does not matter.  The
    output projection starts at zero.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = ChannelNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: torch.Tensor, bands: int) -> torch.Tensor:
        """(B * bands, C, h, w), the bands of an image next to each other, to the same shape."""
        n, channels, h, w = x.shape
        tokens = self.qkv(self.norm(x)).reshape(n // bands, bands, 3, self.heads, channels // self.heads, h * w)
        query, key, value = (t.permute(0, 4, 2, 1, 3) for t in tokens.unbind(2))
        # Written out: the sequences are as short as there are bands, and there are as many of them as cells.
        weights = torch.softmax(query @ key.transpose(-1, -2) * (channels // self.heads) ** -0.5, dim=-1)
        mixed = (weights @ value).permute(0, 3, 2, 4, 1).reshape(n, channels, h, w)
        out: torch.Tensor = x + self.out(mixed)
        return out


class TimeEmbedding(nn.Module):
    """Vector for the diffusion time and what is told of the pair (in place of the paper's text prompt)."""

    def __init__(self, length: int, told: int, frequencies: int = 16) -> None:
        super().__init__()
        self.frequencies = frequencies
        first, second = nn.Linear(2 * frequencies + told, length), nn.Linear(length, length)
        self.net = nn.Sequential(first, nn.SiLU(), second, nn.SiLU())

    def forward(self, time: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """(N,) diffusion time in 0..1 and (N, told) to (N, length)."""
        rates = torch.exp(torch.linspace(0.0, math.log(100.0), self.frequencies, device=time.device))
        angles = time[:, None] * rates
        features = torch.cat((angles.sin(), angles.cos(), told.to(angles)), dim=1)
        out: torch.Tensor = self.net(features)
        return out
