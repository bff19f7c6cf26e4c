"""What every fuser is: a network from features to one map a scale, which knows how far it looks."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import nn

from ..layout import Features, Layout
from .config import FuserConfig


class Fuser(nn.Module):
    """Fuses the streams and times of a layout.

    Args:
        layout: of the features.
        config: of the fuser.
    """

    def __init__(self, layout: Layout, config: FuserConfig) -> None:
        super().__init__()
        self.layout, self.config = layout, config

    @property
    def reach(self) -> tuple[int, ...] | None:
        """Cells of each scale that a fused cell looks beyond itself, along an axis; None for the whole map."""
        return (1,) * len(self.layout.scales) if self.config.tile_exact else None

    @abstractmethod
    def forward(self, features: Features) -> list[torch.Tensor]:
        """One map a scale.

        Args:
            features: as the layout says.

        Returns:
            (N, width, h, w) of each scale, finest first.
        """

    def balance_loss(self) -> torch.Tensor | None:
        """How unevenly the last training batch was spread over experts, 0 if evenly; None where it is not kept."""
        return None
