"""UPerNet (Xiao et al., arXiv 1807.10221): logits of every px from maps of several scales.

Parameters are named so that a state dict has the keys of published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import torch
from torch import nn

from .fusers.bottleneck import Padding, PixelNorm
from .heads import resized
from .reach import Sights, Span, sights

Norm = Literal["batch", "pixel"]
POOLS = (1, 2, 3, 6)


@dataclass(frozen=True, slots=True)
class UPerConfig:
    """Shape of the head; the defaults are those of the published one.

    Attributes:
        classes: number of them.
        channels: inside the head.
        pools: cells along a side of the pooled maps of the coarsest scale; none is tile-exact.
        norm: ``batch`` as published, or ``pixel`` over the channels of each cell; both are tile-exact in evaluation.
        dropout: share of channels that training leaves out before the classes.
    """

    classes: int
    channels: int = 512
    pools: tuple[int, ...] = POOLS
    norm: Norm = "batch"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        counts = (self.classes, self.channels, *self.pools)
        if not all(isinstance(count, int) and count > 0 for count in counts) or self.norm not in get_args(Norm):
            raise ValueError(f"every count is a positive whole number, and there is no norm {self.norm!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"a dropout of {self.dropout} is no share")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card, where a tuple is a list.

        Raises:
            TypeError, ValueError: a value is unknown, missing or does not fit.
        """
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


class UPerNet(nn.Module):
    """Pyramid pooling of the coarsest scale, a feature pyramid down to the finest, one 1x1 classifier.

    Args:
        width: channels of the maps.
        scales: number of maps.
        config: of the head.
    """

    def __init__(self, width: int, scales: int, config: UPerConfig) -> None:
        super().__init__()
        self.config = config
        inner = config.channels
        self.psp_modules = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cells), *self._conv(width, 1)) for cells in config.pools
        )
        self.bottleneck = nn.Sequential(*self._conv(width + len(config.pools) * inner, 3))
        self.lateral_convs = nn.ModuleList(nn.Sequential(*self._conv(width, 1)) for _ in range(scales - 1))
        self.fpn_convs = nn.ModuleList(nn.Sequential(*self._conv(inner, 3)) for _ in range(scales - 1))
        self.fpn_bottleneck = nn.Sequential(*self._conv(scales * inner, 3))
        self.dropout = nn.Dropout2d(config.dropout)
        self.conv_seg = nn.Conv2d(inner, config.classes, 1)

    def forward(self, maps: Sequence[torch.Tensor], size_hw: tuple[int, int]) -> torch.Tensor:
        """Logits.

        Args:
            maps: (N, width, h, w) of each scale, finest first.
            size_hw: of the result, px.

        Returns:
            (N, classes, H, W).
        """
        levels = [conv(x) for conv, x in zip(self.lateral_convs, maps[:-1], strict=True)]
        levels.append(self._pooled(maps[-1]))
        for fine in range(len(levels) - 2, -1, -1):
            levels[fine] = levels[fine] + resized(levels[fine + 1], _size(levels[fine]))
        smooth = [conv(x) for conv, x in zip(self.fpn_convs, levels[:-1], strict=True)] + levels[-1:]
        joined = self.fpn_bottleneck(torch.cat([resized(x, _size(levels[0])) for x in smooth], dim=1))
        return resized(self.conv_seg(self.dropout(joined)), size_hw)

    def reach(self, strides: Sequence[int]) -> Sights | None:
        """Cells of each scale that a px reads; None for all of them.

        Args:
            strides: image px along a cell of each scale, finest first.
        """
        return None if self.config.pools else sights(strides, lambda px: _read(px, strides))

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        pooled = [resized(module(x), _size(x)) for module in self.psp_modules]
        out: torch.Tensor = self.bottleneck(torch.cat([x, *pooled], dim=1))
        return out

    def _conv(self, channels: int, kernel: int) -> tuple[nn.Module, ...]:
        config = self.config
        padding: Padding = "zeros" if config.norm == "batch" else "replicate"
        conv = nn.Conv2d(channels, config.channels, kernel, padding=kernel // 2, padding_mode=padding)
        norm = nn.BatchNorm2d(config.channels) if config.norm == "batch" else PixelNorm(config.channels)
        return conv, norm, nn.ReLU()


def _read(px: Span, strides: Sequence[int]) -> list[Span]:
    """What one px reads of the maps, against the way of ``UPerNet.forward``."""
    joint = px.resized(strides[0]).convolved()
    levels: list[Span] = []
    for stride in strides:
        own = joint.resized(stride)
        own = own if stride == strides[-1] else own.convolved()
        levels.append(levels[-1].resized(stride).joined(own) if levels else own)
    return [*levels[:-1], levels[-1].convolved()]


def _size(x: torch.Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]
