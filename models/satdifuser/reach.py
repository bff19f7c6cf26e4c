"""How far the network sees: the margin of a tile beyond which nothing outside it changes the result.

All is in image px along one axis.  Tiles start and end where cells of all scales do, so what a px reads depends on
where it lies in a cell of the coarsest scale; the margin is exact for that, and all such places are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .layout import Layout


@dataclass(frozen=True, slots=True)
class Span:
    """Cells of one scale that something reads.

    Attributes:
        stride: px along a cell.
        first, last: centres of the outermost ones, px from the start of the grid.
    """

    stride: int
    first: float
    last: float

    def within(self, stride: int) -> Span:
        """The larger cells that these lie in."""
        first, last = ((math.floor(px / stride) + 0.5) * stride for px in (self.first, self.last))
        return Span(stride, first, last)

    def spread(self, stride: int) -> Span:
        """The smaller cells that lie in these."""
        inward = (self.stride - stride) / 2
        return Span(stride, self.first - inward, self.last + inward)

    def convolved(self) -> Span:
        """What a 3x3 convolution reads to give these."""
        return Span(self.stride, self.first - self.stride, self.last + self.stride)

    def resized(self, stride: int) -> Span:
        """What bilinear interpolation reads of cells of another stride to give these: those on both sides."""
        if stride == self.stride:
            return self
        first, last = math.floor(self.first / stride - 0.5), math.ceil(self.last / stride - 0.5)
        return Span(stride, (first + 0.5) * stride, (last + 0.5) * stride)

    def joined(self, other: Span) -> Span:
        """Both of them and what lies between."""
        return Span(self.stride, min(self.first, other.first), max(self.last, other.last))


Sights = tuple[tuple[Span, ...], ...]
"""For each px of one period of all grids, the cells of each scale that decide it."""


def sights(strides: Sequence[int], read: Callable[[Span], Iterable[Span]]) -> Sights:
    """What the px of a period read.

    Args:
        strides: px along a cell of each scale.
        read: what one px reads of each scale.
    """
    places = (place + 0.5 for place in range(math.lcm(*strides)))
    return tuple(tuple(read(Span(1, px, px))) for px in places)


def margin(layout: Layout, *, head: Sights | None, fuser: Sequence[int] | None, backbone: int) -> int | None:
    """Px at the rim of a tile that something outside it decides, too; None for all of them.

    Args:
        layout: of the features.
        head: cells that it reads, as its ``reach`` tells.
        fuser: cells of each scale that a fused cell looks beyond itself, as its ``reach`` tells.
        backbone: px that a cell of a feature looks beyond itself.
    """
    if head is None or fuser is None:
        return None
    period, rim = math.lcm(*layout.strides), 0
    for place, spans in enumerate(head):
        # How far what is read lies before the start of the period; beyond its end all is mirrored.
        cells = zip(spans, fuser, strict=True)
        before = max((looks + 0.5) * span.stride - span.first for span, looks in cells) + backbone
        # So many periods from the edge of the tile on, such a px knows all that it reads; the last one before does not.
        rim = max(rim, period * (math.ceil(before / period) - 1) + place + 1)
    return rim
