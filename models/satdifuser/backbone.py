"""What a head asks of a frozen diffusion model: features of an image, and how far each of them looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from .layout import Features, Layout

Noise = Callable[[int, tuple[int, int, int, int]], torch.Tensor]
"""Standard normal noise anchored to the ground: (stream, (bands, channels, rows, columns)) to (N, bands, ...)."""


def no_checkpoint() -> None:
    """Nobody cancels."""


class Backbone(Protocol):
    """A frozen diffusion model as a source of features.

    Attributes:
        layout: of the features.
        align: px; sides of images are multiples of it.
        reach: px that a cell of a feature looks beyond itself.
    """

    @property
    def layout(self) -> Layout:
        """Of the features."""
        ...

    @property
    def align(self) -> int:
        """Sides of images are multiples of it, px."""
        ...

    @property
    def reach(self) -> int:
        """How far a cell of a feature looks beyond itself, px."""
        ...

    def features(
        self,
        image: torch.Tensor,
        noise: Noise,
        checkpoint: Callable[[], None] = no_checkpoint,
        metadata: torch.Tensor | None = None,
    ) -> Features:
        """Features of images.

        Args:
            image: (N, bands, H, W), on the backbone's device; 1 is the band's level.
            noise: that modes with noise draw from.
            checkpoint: called before each call of the network; may raise to cancel.
            metadata: (N, 7) numbers of the scene of each image, where it is told them.
        """
        ...
