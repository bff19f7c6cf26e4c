"""The band adapter: images of any band count become the three bands that a published backbone takes."""

from __future__ import annotations

import torch
from torch import nn

from .config import CHANNELS


class BandAdapter(nn.Conv2d):
    """One 1x1 convolution.  It starts as the grey of a single band, or as the first three of more, and may be trained.

    Args:
        bands: of the image.
    """

    def __init__(self, bands: int) -> None:
        super().__init__(bands, CHANNELS, 1, bias=False)
        # Of two bands the second is seen twice: nothing tells which colour it would be.
        picked = torch.arange(CHANNELS).clamp_max(bands - 1)
        with torch.no_grad():
            self.weight.zero_()[torch.arange(CHANNELS), picked] = 1.0


def adapter(bands: int) -> nn.Module:
    """The adapter of a band count; nothing where the backbone takes the bands as they are."""
    return nn.Identity() if bands == CHANNELS else BandAdapter(bands)
