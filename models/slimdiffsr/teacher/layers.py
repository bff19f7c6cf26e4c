"""The residual block of the teacher's small networks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with one activation between them, no norm, added to what came in.

    Where the channels change, what came in passes a 1x1 convolution without bias.

    Args:
        channels_in, channels_out: of the maps.
        bias: of the 3x3 convolutions.
    """

    def __init__(self, channels_in: int, channels_out: int, *, bias: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=bias)
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: torch.Tensor = self.shortcut(x) + self.conv2(F.relu(self.conv1(x)))
        return out
