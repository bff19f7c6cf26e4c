"""A U-Net that reads fused maps beside the image (Ronneberger et al., arXiv 1505.04597): logits of every px.

Its own way runs at full size, where a diffusion model has no features; the maps join it where their cells are as large
as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .reach import Sights, Span, sights

_GROWTH = (1, 2, 3, 4)
"""Channels of each size, finest first, in units of those at full size; coarser ones have as many as the last."""


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Shape of the head.

    Attributes:
        classes: number of them.
        channels: at full size.
        dropout: share of channels that training leaves out before the classes.
    """

    classes: int
    channels: int = 16
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not all(isinstance(count, int) and count > 0 for count in (self.classes, self.channels)):
            raise ValueError("every count is a positive whole number")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"a dropout of {self.dropout} is no share")


class UNet(nn.Module):
    """Halves the image down to the coarsest cells of the maps and comes back.

    Args:
        bands: of the image.
        width: channels of the maps.
        strides: image px along a cell of each map, finest first; powers of two.
        config: of the head.

    Raises:
        ValueError: a stride is no power of two.
    """

    def __init__(self, bands: int, width: int, strides: Sequence[int], config: UNetConfig) -> None:
        super().__init__()
        sizes = _sizes(strides)
        inner = [config.channels * _GROWTH[min(i, len(_GROWTH) - 1)] for i in range(len(sizes))]
        self._at = {sizes.index(stride): n for n, stride in enumerate(strides)}
        self.join = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, inner[i], 1, bias=False), nn.BatchNorm2d(inner[i]), nn.ReLU())
            for i in self._at
        )
        given = [bands, *inner[:-1]]
        self.down = nn.ModuleList(
            double_conv(given[i] + (inner[i] if i in self._at else 0), inner[i]) for i in range(len(sizes))
        )
        self.up = nn.ModuleList(double_conv(inner[i + 1] + inner[i], inner[i]) for i in reversed(range(len(sizes) - 1)))
        self.dropout = nn.Dropout2d(config.dropout)
        self.out = nn.Conv2d(inner[0], config.classes, 1)

    def forward(self, maps: Sequence[torch.Tensor], image: torch.Tensor) -> torch.Tensor:
        """Logits.

        Args:
            maps: (N, width, h, w) of each scale, finest first.
            image: (N, bands, H, W).

        Returns:
            (N, classes, H, W).
        """
        x, levels = image, list[torch.Tensor]()
        for i, block in enumerate(self.down):
            x = F.max_pool2d(x, 2) if i else x
            if i in self._at:
                scale = self._at[i]
                x = torch.cat((x, self.join[scale](maps[scale])), dim=1)
            x = block(x)
            levels.append(x)
        for block, level in zip(self.up, levels[-2::-1], strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0), level), dim=1))
        out: torch.Tensor = self.out(self.dropout(x))
        return out

    def reach(self, strides: Sequence[int]) -> Sights:
        """Cells of each scale that a px reads, those that its part of the image lies in included.

        Args:
            strides: image px along a cell of each scale, finest first.
        """
        return sights(strides, lambda px: _read(px, strides))


def _sizes(strides: Sequence[int]) -> list[int]:
    """Px along a cell of each size that the network works at."""
    sizes = [1]
    while sizes[-1] < strides[-1]:
        sizes.append(2 * sizes[-1])
    if not set(strides) <= set(sizes):
        raise ValueError(f"cells of {list(strides)} px are not all reached by halving")
    return sizes


def _read(px: Span, strides: Sequence[int]) -> list[Span]:
    """What one px reads of the maps, against the way of ``UNet.forward``."""
    sizes, wanted = _sizes(strides), [px]
    levels: list[Span] = []
    for size in sizes[1:]:
        levels.append(wanted[-1].convolved().convolved())
        wanted.append(levels[-1].within(size))
    entering = [wanted[-1].convolved().convolved()]
    for size, level in zip(sizes[-2::-1], levels[::-1], strict=True):
        entering.insert(0, entering[0].spread(size).joined(level).convolved().convolved())
    found = [entering[sizes.index(stride)] for stride in strides]
    return [found[0].joined(entering[0].within(strides[0])), *found[1:]]


def double_conv(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two 3x3 convolutions that keep the size, each with a batch norm and a ReLU."""
    parts: list[nn.Module] = []
    for a in (channels_in, channels_out):
        parts += [nn.Conv2d(a, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()]
    return nn.Sequential(*parts)
