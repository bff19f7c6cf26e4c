"""How far the network sees: the margin of a tile beyond which nothing outside it changes the result."""

from __future__ import annotations

from collections.abc import Sequence

from .layout import Layout


def margin(layout: Layout, *, head: Sequence[int] | None, fuser: Sequence[int] | None, backbone: int) -> int | None:
    """Image px that decide a px or a patch of the result, counted from it along an axis; None for the whole tile.

    Args:
        layout: of the features.
        head: px to the centres of the cells of each scale that the head reads, as its ``reach`` tells.
        fuser: cells of each scale that a fused cell looks beyond itself, as its ``reach`` tells.
        backbone: px that a cell of a feature looks beyond itself.
    """
    if head is None or fuser is None:
        return None
    cells = (px + stride * cells for px, stride, cells in zip(head, layout.strides, fuser, strict=True))
    # From the centre of a cell to its edge, and beyond it.
    return max(px + -(-stride // 2) for px, stride in zip(cells, layout.strides, strict=True)) + backbone
