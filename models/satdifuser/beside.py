"""Features with the image beside them: each scale also holds the px of its cells, as one more stream.

A diffusion model keeps of an image what it needs to paint it anew, at the cells of its latents.  Colours and edges that
are finer are in the px alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from .backbone import Backbone, Noise, no_checkpoint
from .layout import Features, Layout

_COARSEST = 16
"""Image px along the largest cells whose px are kept: those of larger ones would outnumber the features."""


class Beside(nn.Module):
    """A backbone and the px of its images; a ``Backbone``.

    Args:
        backbone: that gives the other streams.
        bands: of the images.
    """

    def __init__(self, backbone: Backbone, bands: int) -> None:
        super().__init__()
        self.backbone, self.bands = backbone, bands
        self.align, self.reach = backbone.align, backbone.reach
        scales = tuple(
            replace(scale, channels=(*scale.channels, bands * scale.stride**2)) if scale.stride <= _COARSEST else scale
            for scale in backbone.layout.scales
        )
        self.layout = Layout(backbone.layout.times, scales)

    def features(
        self,
        image: torch.Tensor,
        noise: Noise,
        checkpoint: Callable[[], None] = no_checkpoint,
        metadata: torch.Tensor | None = None,
    ) -> Features:
        """As ``Backbone.features``; the px of a scale are its last stream, those of one band side by side."""
        found = self.backbone.features(image, noise, checkpoint, metadata)
        cells = [F.pixel_unshuffle(image, stride) if stride <= _COARSEST else None for stride in self.layout.strides]
        return [
            [
                maps if px is None else torch.cat((maps, px.to(maps)), dim=1)
                for maps, px in zip(time, cells, strict=True)
            ]
            for time in found
        ]


def image_of(features: Features, layout: Layout, bands: int) -> torch.Tensor:
    """The images (N, bands, H, W) that lie beside features.

    Args:
        features: of ``Beside``.
        layout: of them.
        bands: of the images.
    """
    stride = layout.strides[0]
    return F.pixel_shuffle(features[0][0][:, -bands * stride**2 :], stride)
