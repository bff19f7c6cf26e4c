"""The exact half of the autoencoder: an image as its 2x2 means and three details a cell, and back.

An orthonormal Haar step in plain sums and differences.  The mean of a cell is stored as it is, so whatever is done to
the details, block means stay what they were.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def split(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and details of the 2x2 cells of an image.

    Args:
        image: (N, 1, H, W), H and W even.

    Returns:
        Means (N, 1, H / 2, W / 2) in the image's units, and details (N, 3, H / 2, W / 2), differences along x, along
        y and across, scaled so that their squares sum to the squared deviations from the mean.
    """
    a, b, c, d = F.pixel_unshuffle(image, 2).chunk(4, dim=1)
    details = torch.cat((a - b + c - d, a + b - c - d, a - b - c + d), dim=1) / 2
    return (a + b + c + d) / 4, details


def merge(means: torch.Tensor, details: torch.Tensor) -> torch.Tensor:
    """The image of means (N, 1, h, w) and details (N, 3, h, w): (N, 1, 2h, 2w)."""
    x, y, across = (details / 2).chunk(3, dim=1)
    corners = (x + y + across, y - x - across, x - y - across, across - x - y)
    return F.pixel_shuffle(means + torch.cat(corners, dim=1), 2)
