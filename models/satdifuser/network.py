"""Fuser and head in one module: what a model folder stores and what training moves."""

from __future__ import annotations

import torch
from torch import nn

from .beside import image_of
from .config import Config, LinearConfig
from .fusers.build import build_fuser
from .heads import Linear
from .layout import Features, Layout
from .reach import margin
from .unet import UNet, UNetConfig
from .upernet import UPerNet


class SatDiFuser(nn.Module):
    """Reads features: logits of each px of a segmentation, or of each image of a classification.

    Args:
        layout: of the features.
        config: of the model.
    """

    def __init__(self, layout: Layout, config: Config) -> None:
        super().__init__()
        self.layout, self.bands = layout, len(config.bands)
        self.fuser = build_fuser(layout, config.fuser)
        head, width, scales = config.head, config.fuser.width, len(layout.scales)
        self.head: Linear | UNet | UPerNet
        if isinstance(head, LinearConfig):
            self.head = Linear(width, head.classes)
        elif isinstance(head, UNetConfig):
            self.head = UNet(self.bands, width, layout.strides, head)
        else:
            self.head = UPerNet(width, scales, head)

    def forward(self, features: Features, size_hw: tuple[int, int]) -> torch.Tensor:
        """Logits.

        Args:
            features: as the layout says.
            size_hw: of the images, px.

        Returns:
            (N, classes, H, W) of a segmentation, (N, classes) of a classification.
        """
        maps = self.fuser(features)
        out: torch.Tensor
        if isinstance(self.head, Linear):
            out = self.head(maps)
        elif isinstance(self.head, UNet):
            out = self.head(maps, image_of(features, self.layout, self.bands))
        else:
            out = self.head(maps, size_hw)
        return out

    def margin(self, reach: int) -> int | None:
        """Px that decide a px of a segmentation, counted from it along an axis; None for the whole tile.

        Args:
            reach: of the backbone.
        """
        if isinstance(self.head, Linear):
            return 0
        head = self.head.reach(self.layout.strides)
        return margin(self.layout, head=head, fuser=self.fuser.reach, backbone=reach)
