"""What features a backbone gives: at which times, at which scales, of how many channels.

Fusers and heads are built from a layout alone, and weights that belong to one say so by their shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

Features = list[list[torch.Tensor]]
"""[time][scale]: (N, channels of all streams, h, w), times and scales in the layout's order, streams concatenated."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps of one size.

    Attributes:
        stride: image px along a cell.
        channels: of each stream, in the order in which they are concatenated.
    """

    stride: int
    channels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.stride < 1 or not self.channels or min(self.channels) < 1:
            raise ValueError(f"a scale has a stride and channels, not {self.stride} and {self.channels}")

    @property
    def width(self) -> int:
        """Channels of all streams together."""
        return sum(self.channels)


@dataclass(frozen=True, slots=True)
class Layout:
    """Features of a backbone.

    Attributes:
        times: of the diffusion at which features are read, in the order in which they are given; what the numbers
            mean is the backbone's.
        scales: finest first.
    """

    times: tuple[int | float, ...]
    scales: tuple[Scale, ...]

    def __post_init__(self) -> None:
        strides = [scale.stride for scale in self.scales]
        if not self.times or len(set(self.times)) < len(self.times):
            raise ValueError(f"times are named once each, not {self.times}")
        if not strides or strides != sorted(set(strides)):
            raise ValueError(f"scales run from the finest to the coarsest, not {strides}")

    @property
    def streams(self) -> int:
        """Streams of one time, of all scales."""
        return sum(len(scale.channels) for scale in self.scales)

    @property
    def strides(self) -> tuple[int, ...]:
        """Image px along a cell of each scale, finest first."""
        return tuple(scale.stride for scale in self.scales)

    def first(self, scale: int) -> int:
        """Number of the first stream of a scale; streams are counted through all scales."""
        return sum(len(each.channels) for each in self.scales[:scale])

    def weight(self, time: int, stream: int) -> int:
        """Index of a stream at a time, both by number, in a vector of one entry for each."""
        return time * self.streams + stream

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card, where a tuple is a list.

        Raises:
            TypeError, KeyError, ValueError: a value is unknown, missing or does not fit.
        """
        scales = tuple(Scale(int(each["stride"]), tuple(each["channels"])) for each in values["scales"])
        return cls(tuple(values["times"]), scales)
