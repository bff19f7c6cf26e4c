"""Building blocks of the small band-wise diffusion model; every one of them is tile-exact.

Nothing here looks further than its kernel: channels are normalised per pixel, convolutions pad by replication and
there is no pooling, no attention over space.  A tile therefore gives the pixels of the whole scene beyond a finite rim.
"""

from __future__ import annotations

import math

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
    """Residual block: one 3x3 and one 1x1 convolution, modulated by the embedding of time and ratio.

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
    """Vector for the diffusion time and the resolution ratio (in place of the paper's text prompt)."""

    def __init__(self, length: int, frequencies: int = 16) -> None:
        super().__init__()
        self.frequencies = frequencies
        first, second = nn.Linear(2 * frequencies + 1, length), nn.Linear(length, length)
        self.net = nn.Sequential(first, nn.SiLU(), second, nn.SiLU())

    def forward(self, time: torch.Tensor, log_ratio: torch.Tensor) -> torch.Tensor:
        """(N,) diffusion time in 0..1 and (N,) log2 of PAN px per MS px to (N, length)."""
        rates = torch.exp(torch.linspace(0.0, math.log(100.0), self.frequencies, device=time.device))
        angles = time[:, None] * rates
        features = torch.cat((angles.sin(), angles.cos(), log_ratio[:, None]), dim=1)
        out: torch.Tensor = self.net(features)
        return out
