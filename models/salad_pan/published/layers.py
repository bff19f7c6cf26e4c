"""What the published network puts where base and branches meet: the fusion rule, and attention over bands."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ...terra_ldm.layers import zeroed


class Streams(NamedTuple):
    """Feature maps at one depth, each (N, channels, h, w), where N = images x bands.

    Attributes:
        base: of the frozen UNet.
        spa: of the branch that sees PAN.
        spe: of the branch that sees the MS band.
    """

    base: torch.Tensor
    spa: torch.Tensor
    spe: torch.Tensor


class Scales(NamedTuple):
    """How much of what each branch says reaches the base; 1 as trained."""

    spa: float = 1.0
    spe: float = 1.0


AS_TRAINED = Scales()


def box3(x: torch.Tensor) -> torch.Tensor:
    """3x3 mean of each channel: the low frequencies; outside is zero, and the sum is always divided by nine."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=True)


def fuse(base: torch.Tensor, spa: torch.Tensor, spe: torch.Tensor, scales: Scales = AS_TRAINED) -> torch.Tensor:
    """Add the low frequencies of ``spe`` and the high ones of ``spa`` to the base; all (N, C, h, w).

    The published rule splits twice and recombines; box means are linear, so that is h + LF(spe) + spa - LF(spa).
    """
    spa, spe = scales.spa * spa, scales.spe * spe
    return base + (spa + box3(spe - spa))


class RegionalBandAttention(nn.Module):
    """Attention over the bands of an image, region by region (RCBA).

    The paper says that the tokens of one region, one a band, form a sequence and attend to each other; no released
    file holds it.  Here a region's query and key are means over its cells, so one C x C table of weights serves the
    region, and the values are mixed cell by cell.  The bands have no order, so any count works.  The output starts at
    zero: without trained weights the module passes everything through.

    Args:
        channels: of the feature maps.
        heads: that divide the channels.
        groups: of the norm.
        region: side of a region, cells; regions at the lower and right rim may be smaller.
    """

    def __init__(self, channels: int, heads: int, groups: int, region: int) -> None:
        super().__init__()
        self.heads, self.region = heads, region
        self.norm = nn.GroupNorm(groups, channels)
        self.query_key = nn.Conv2d(channels, 2 * channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: torch.Tensor, bands: int) -> torch.Tensor:
        """(images x bands, channels, h, w), the bands of an image next to each other, to the same shape."""
        n, channels, height, width = x.shape
        images, length = n // bands, channels // self.heads
        normed = self.norm(x)
        pooled = F.avg_pool2d(normed, self.region, ceil_mode=True)
        rows, columns = pooled.shape[-2:]
        tokens = self.query_key(pooled).reshape(images, bands, 2, self.heads, length, rows, columns)
        query, key = tokens.unbind(2)
        weights = torch.softmax(torch.einsum("ibhlyx,ichlyx->ihbcyx", query, key) * length**-0.5, dim=3)
        # Every cell has the table of its region.
        table = weights.reshape(images, self.heads * bands * bands, rows, columns)
        table = table.repeat_interleave(self.region, 2)[:, :, :height].repeat_interleave(self.region, 3)[..., :width]
        table = table.reshape(images, self.heads, bands, bands, height, width)
        value = self.value(normed).reshape(images, bands, self.heads, length, height, width)
        mixed = torch.einsum("ihbcyx,ichlyx->ibhlyx", table, value).reshape(n, channels, height, width)
        out: torch.Tensor = x + self.out(mixed)
        return out
