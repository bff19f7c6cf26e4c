"""The linear head: classes of an image, or of each patch of it, from the sum of all scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from .reach import Sights, sights


def resized(x: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Bilinear between cell centres; the same map where the size fits already."""
    if tuple(x.shape[-2:]) == size_hw:
        return x
    return F.interpolate(x, size=size_hw, mode="bilinear", align_corners=False)


class Linear(nn.Module):
    """Sums the scales at the finest one, averages and classifies; one or many labels an image alike.

    Args:
        width: channels of the maps.
        classes: number of them.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        # In the sequence that published checkpoints have, of which only the last has weights.
        self.decoder_head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))

    def forward(self, maps: Sequence[torch.Tensor], cells: int | None = None) -> torch.Tensor:
        """Logits.

        Args:
            maps: (N, width, h, w) of each scale, finest first.
            cells: finest cells along a side of a patch, of which h and w are multiples; None takes the whole as one.

        Returns:
            (N, classes), or (N, classes, h / cells, w / cells).
        """
        size = (maps[0].shape[-2], maps[0].shape[-1])
        total = torch.stack([resized(x, size) for x in maps]).sum(dim=0)
        if cells is None:
            whole: torch.Tensor = self.decoder_head(total)
            return whole
        if size[0] % cells or size[1] % cells:
            raise ValueError(f"{size[0]} x {size[1]} cells are no whole patches of {cells}")
        patches = F.avg_pool2d(total, cells)
        scores: torch.Tensor = self.decoder_head[2](patches.movedim(1, -1))
        return scores.movedim(-1, 1)

    def reach(self, strides: Sequence[int]) -> Sights:
        """Cells of each scale that a px of a patch stands for, through the finest cell that it lies in.

        Args:
            strides: image px along a cell of each scale, finest first.
        """
        return sights(strides, lambda px: [px.within(strides[0]).resized(stride) for stride in strides])
