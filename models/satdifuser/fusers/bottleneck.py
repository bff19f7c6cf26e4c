"""The residual bottleneck that every fuser projects streams with (He et al., arXiv 1512.03385).

Parameters are named so that a state dict has the keys of published checkpoints.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from .config import FuserConfig

Padding = Literal["zeros", "replicate"]


class PixelNorm(nn.Module):
    """Root-mean-square normalisation over the channels of each pixel, with a learned gain and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) to the same shape."""
        power = x.float().square().mean(dim=1, keepdim=True)
        scaled = x * torch.rsqrt(power + 1e-5).to(x.dtype)
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


def norm_of(config: FuserConfig, channels: int) -> nn.Module:
    """The norm that a fuser is built with."""
    if config.norm == "group":
        return nn.GroupNorm(config.groups, channels)
    return PixelNorm(channels) if config.norm == "pixel" else nn.BatchNorm2d(channels)


def padding_of(config: FuserConfig) -> Padding:
    """What 3x3 convolutions see beyond the rim."""
    return "zeros" if config.norm == "group" else "replicate"


class NormedConv(nn.Conv2d):
    """A convolution without bias that keeps the size, and the norm after it."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, config: FuserConfig) -> None:
        rim = padding_of(config)
        super().__init__(channels_in, channels_out, kernel, padding=kernel // 2, bias=False, padding_mode=rim)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = norm_of(config, channels_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: torch.Tensor = self.norm(super().forward(x))
        return out


class Bottleneck(nn.Module):
    """Channels are narrowed, one 3x3 convolution looks around, and channels are widened.

    Args:
        channels: of the stream.
        config: of the fuser.
    """

    def __init__(self, channels: int, config: FuserConfig) -> None:
        super().__init__()
        self.conv1 = NormedConv(channels, config.bottleneck, 1, config)
        self.conv2 = NormedConv(config.bottleneck, config.bottleneck, 3, config)
        self.conv3 = NormedConv(config.bottleneck, config.width, 1, config)
        self.shortcut = NormedConv(channels, config.width, 1, config) if channels != config.width else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) to (N, width, h, w)."""
        h = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(h + (x if self.shortcut is None else self.shortcut(x)))


def projection(channels: int, config: FuserConfig) -> nn.Sequential:
    """One bottleneck, in the sequence that published checkpoints have around it."""
    return nn.Sequential(Bottleneck(channels, config))
