"""Upsampling by cells without a checkerboard.

A network that works on cells of several pixels gives each place of a cell through weights of its own, so that places
differ by more than the scene does, and the same from cell to cell: a lattice (Odena et al., "Deconvolution and
checkerboard artifacts", Distill 2016).  What is the same at a place in all cells around, and differs from place to
place, is taken out here; a scene has next to nothing of it.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

REACH = 4
"""Cells around a cell that its lattice is told from, along an axis."""


def without_lattice(x: torch.Tensor, period: int) -> torch.Tensor:
    """Take out what repeats from cell to cell.

    Its spectrum has zeros at the multiples of 1 / ``period`` cycles a px on both axes, so narrow that 2 % of the power
    of white noise is lost; the mean is kept.

    Args:
        x: (N, C, H, W); sides are multiples of the period.
        period: px of a cell.

    Returns:
        The same shape.
    """
    places = F.pixel_unshuffle(x, period)
    smooth = places
    half = REACH // 2
    for _ in range(2):
        # Along one axis after the other: ten taps in the place of twenty-five.
        padded = F.pad(smooth, (half,) * 4, mode="replicate")
        smooth = F.avg_pool2d(F.avg_pool2d(padded, (REACH + 1, 1), stride=1), (1, REACH + 1), stride=1)
    n, _, h, w = places.shape
    by_band = smooth.reshape(n, x.shape[1], period**2, h, w)
    lattice = by_band - by_band.mean(dim=2, keepdim=True)
    return x - F.pixel_shuffle(lattice.reshape(places.shape), period)
