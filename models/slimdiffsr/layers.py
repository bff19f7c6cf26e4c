"""The paper's three replacements: two convolutions for 3x3 ones, and attention to a few learned queries.

Attributes are named so that a state dict has the keys of published checkpoints.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .wholes import AS_PUBLISHED, Wholes, attend


def _depthwise(channels: int, height: int, width: int) -> nn.Sequential:
    padding = (height // 2, width // 2)
    return nn.Sequential(nn.Conv2d(channels, channels, (height, width), padding=padding, groups=channels, bias=False))


def _gate(channels: int, hidden: int, maps: int) -> nn.Sequential:
    """Weight of each map, 0..1, from the channels' means over the image."""
    return nn.Sequential(nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, maps), nn.Sigmoid())


class ChannelMix(nn.Conv2d):
    """A convolution of one px; where channels lie last in memory, as the matrix product that it is.

    One thread takes a slow way through the convolution of a single image.
    """

    def __init__(self, channels_in: int, channels_out: int, *, bias: bool = True) -> None:
        super().__init__(channels_in, channels_out, 1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        if not x.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)


def _weighted(maps: tuple[torch.Tensor, ...], weights: torch.Tensor) -> torch.Tensor:
    """Sum of maps (N, C, h, w), each times its column of weights (N, maps)."""
    total = weights[:, 0, None, None, None] * maps[0]
    for i, each in enumerate(maps[1:], start=1):
        total = total + weights[:, i, None, None, None] * each
    return total


class FrequencySeparableConv(nn.Module):
    """Low frequencies and the rest, each through its own 3x3 kernel a channel, weighted, then mixed over channels.

    FSC of SlimDiffSR (arXiv 2605.02198, section 3.3.3 and figure 8).  What counts as low is learned: it is what the
    first kernel lets through.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        middle = channels_in // 4
        self.low_branch = _depthwise(channels_in, 3, 3)
        self.high_branch = _depthwise(channels_in, 3, 3)
        self.mlp = _gate(channels_in, 8, 2)
        self.bottleneck = nn.Sequential(
            ChannelMix(channels_in, middle, bias=False), nn.ReLU(), ChannelMix(middle, channels_out, bias=False)
        )

    def branches(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, channels_in, h, w) to its low and high frequencies, of the same shape."""
        low = self.low_branch(x)
        return low, self.high_branch(x - low)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: torch.Tensor = self.bottleneck(_weighted(self.branches(x), self.mlp(wholes.means(x))))
        return out


class DirectionSeparableConv(nn.Module):
    """Columns, both directions in turn, and rows, through kernels of three taps; weighted, then mixed over channels.

    DSC of SlimDiffSR (arXiv 2605.02198, section 3.3.3 and figure 8).  ``h_conv`` has the kernel of three rows and one
    column in spite of its published name.  The two channel mixings have no activation between them, as released.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        middle = channels_in // 4
        self.h_conv = _depthwise(channels_in, 3, 1)
        self.v_conv = _depthwise(channels_in, 1, 3)
        self.mlp = _gate(channels_in, channels_in // 8, 3)
        self.conv_reduce = ChannelMix(channels_in, middle, bias=False)
        self.conv_expand = ChannelMix(middle, channels_out, bias=False)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        along = self.h_conv(x)
        maps = (along, self.v_conv(along), self.v_conv(x))
        out: torch.Tensor = self.conv_expand(self.conv_reduce(_weighted(maps, self.mlp(wholes.means(x)))))
        return out


class _GatedLinear(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: torch.Tensor = value * F.gelu(gate)
        return out


class GatedFeedForward(nn.Module):
    """GEGLU (Shazeer, arXiv 2002.05202) in the keys of diffusers' ``FeedForward``."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(_GatedLinear(channels, hidden), nn.Identity(), nn.Linear(hidden, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, tokens, channels) to the same shape."""
        out: torch.Tensor = self.net(x)
        return out


class Halving(nn.Module):
    """A convolution with a stride of two, in the keys of diffusers' ``Downsample2D``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) to (N, channels, h / 2, w / 2)."""
        out: torch.Tensor = self.conv(x)
        return out


class Doubling(nn.Module):
    """Repeated pixels and a convolution, in the keys of diffusers' ``Upsample2D``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) to (N, channels, 2 * h, 2 * w)."""
        out: torch.Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


class QueryAggregation(nn.Module):
    """Learned queries gather from all tokens, and every token reads what they gathered.

    QGAM of SlimDiffSR (arXiv 2605.02198, equations 14 and 15): cost grows with the number of tokens, not with its
    square.  One head; both scales are ``channels ** -0.5`` as released, although attention happens in ``squeeze``
    channels.

    Args:
        channels: of a token.
        queries: how many.
        squeeze: channels in which the attention happens.
    """

    def __init__(self, channels: int, queries: int, squeeze: int) -> None:
        super().__init__()
        self.scale = channels**-0.5
        self.query = nn.Parameter(torch.randn(queries, channels))
        self.q_proj = nn.Linear(channels, squeeze, bias=False)
        self.k_proj = nn.Linear(channels, squeeze, bias=False)
        self.v_proj = nn.Linear(channels, squeeze, bias=False)
        self.q_proj_c = nn.Linear(channels, squeeze, bias=False)
        self.k_proj_c = nn.Linear(squeeze, squeeze, bias=False)
        self.v_proj_c = nn.Linear(squeeze, squeeze, bias=False)
        self.out_proj = nn.Linear(squeeze, channels)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, tokens, channels) to the same shape."""
        query = self.q_proj(self.query).expand(x.shape[0], -1, -1)
        gathered = wholes.gathered(query, self.k_proj(x), self.v_proj(x), self.scale)
        read = attend(self.q_proj_c(x), self.k_proj_c(gathered), self.v_proj_c(gathered), self.scale)
        out: torch.Tensor = self.out_proj(read)
        return out
