"""Scenes of any band count through a network of fixed channels.

Where the scene has as many bands as the network has channels they go through together, in their order.  Otherwise
they go in groups of consecutive bands, the last group filled up by repeating its last band, or one at a time,
repeated over all channels; a repeated band comes back as the mean of its channels.  The order is the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch

Rule = Literal["groups", "single"]
"""What is done with bands of another count than the channels."""


def groups(bands: int, channels: int, rule: Rule) -> Iterator[tuple[int, ...]]:
    """The band that each channel gets, for every pass through the network."""
    step = 1 if rule == "single" and bands != channels else channels
    for first in range(0, bands, step):
        last = min(first + step, bands) - 1
        yield tuple(min(first + i, last) for i in range(channels))


def in_groups(
    network: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor, channels: int, rule: Rule
) -> torch.Tensor:
    """Run a network on every group of bands.

    Args:
        network: (B, channels, H, W) to (B, channels, ...).
        image: (B, C, H, W), any C.

    Returns:
        (B, C, ...).
    """
    found: list[list[torch.Tensor]] = [[] for _ in range(image.shape[1])]
    for group in groups(image.shape[1], channels, rule):
        for band, plane in zip(group, network(image[:, group]).unbind(dim=1), strict=True):
            found[band].append(plane)
    return torch.stack([torch.stack(planes).mean(dim=0) for planes in found], dim=1)
