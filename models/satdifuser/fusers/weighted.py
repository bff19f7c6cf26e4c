"""Fusers that weigh projected streams: by one number a stream and time, or by one a stream, time and cell.

SatDiFuser, arXiv 2503.07890, section 3.2.  One bottleneck a stream serves all times.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
from torch import nn

from ..layout import Features, Layout
from .bottleneck import projection
from .config import FuserConfig
from .fuser import Fuser


class Projected(Fuser):
    """Projects each stream by its own bottleneck."""

    def __init__(self, layout: Layout, config: FuserConfig) -> None:
        super().__init__(layout, config)
        self.bottleneck_layers = nn.ModuleList(
            projection(channels, config) for scale in layout.scales for channels in scale.channels
        )

    def projected(self, features: Features, scale: int) -> Iterator[tuple[int, torch.Tensor]]:
        """Weight index and (N, width, h, w) of each stream of a scale, one time after the other."""
        first = self.layout.first(scale)
        for time, maps in enumerate(features):
            for n, stream in enumerate(self.split(maps[scale], self.layout.scales[scale].channels), start=first):
                yield self.layout.weight(time, n), self.bottleneck_layers[n](stream)

    def split(self, x: torch.Tensor, channels: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
        """The streams of a map of all of them."""
        return torch.split(x, list(channels), dim=1)


class GlobalWeights(Projected):
    """One learned weight a stream and time, a softmax over all of them; each scale sums its own."""

    def __init__(self, layout: Layout, config: FuserConfig) -> None:
        super().__init__(layout, config)
        self.mixing_weights = nn.Parameter(torch.ones(len(layout.times) * layout.streams))

    def mixing(self) -> torch.Tensor:
        """(times * streams,) weights that add up to 1, times outer."""
        return self.mixing_weights.softmax(dim=0)

    def forward(self, features: Features) -> list[torch.Tensor]:
        """As ``Fuser.forward``."""
        weights = self.mixing()
        fused = []
        for scale in range(len(self.layout.scales)):
            fused.append(reduce(torch.add, (weights[index] * x for index, x in self.projected(features, scale))))
        return fused


class Gate(nn.Module):
    """Weights of the streams and times of a scale at each cell, from the mean of all."""

    def __init__(self, width: int, weighed: int) -> None:
        super().__init__()
        self.gate_conv = nn.Conv2d(width, weighed, 1)

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        """(N, K, width, h, w) to weights (N, K, h, w) that add up to 1 at each cell."""
        logits: torch.Tensor = self.gate_conv(stack.mean(dim=1))
        return logits.softmax(dim=1)


class LocalWeights(Projected):
    """One weight a stream, time and cell, a softmax over streams and times."""

    def __init__(self, layout: Layout, config: FuserConfig) -> None:
        super().__init__(layout, config)
        self.gate_modules = nn.ModuleList(
            Gate(config.width, len(layout.times) * len(scale.channels)) for scale in layout.scales
        )

    def split(self, x: torch.Tensor, channels: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
        """As ``Projected.split``; the released code reads every stream from the first channel on."""
        if self.config.as_released:
            return tuple(x[:, :count] for count in channels)
        return super().split(x, channels)

    def stack(self, features: Features, scale: int) -> torch.Tensor:
        """(N, times * streams, width, h, w), times outer."""
        return torch.stack([x for _, x in self.projected(features, scale)], dim=1)

    def gate(self, stack: torch.Tensor, scale: int) -> torch.Tensor:
        """Weights (N, times * streams, h, w) of what ``stack`` gives."""
        weights: torch.Tensor = self.gate_modules[scale](stack)
        return weights

    def forward(self, features: Features) -> list[torch.Tensor]:
        """As ``Fuser.forward``."""
        fused = []
        for scale in range(len(self.layout.scales)):
            stack = self.stack(features, scale)
            fused.append((self.gate(stack, scale)[:, :, None] * stack).sum(dim=1))
        return fused
