"""Noise of latent cells of the result, anchored to the pixels of LR, whatever the scale."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from ...engine.contract import Where


def cells_of_noise(where: Where, *, scale: int, cell: int, channels: int, size: tuple[int, int]) -> torch.Tensor:
    """Standard normal noise, (tiles, channels, H / cell, W / cell), on the CPU.

    Each px of LR draws as many values as it has parts of the largest size that px and cells share; a cell is the mean
    of its parts, brought to unit variance.  The same ground so has the same noise in every tile.

    Args:
        scale: px of the result per px of LR.
        cell: px of the result per latent cell, along an axis; tiles hold whole ones.
        size: (h, w) of LR.
    """
    shared = math.gcd(scale, cell)
    parts, joined = scale // shared, cell // shared
    drawn = where.noise(0, 0, (1, channels * parts**2, *size))[:, 0]
    fine = F.pixel_shuffle(drawn, parts)
    return F.avg_pool2d(fine, joined) * joined if joined > 1 else fine
