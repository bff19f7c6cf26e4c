"""Local units: what is around a pixel, so that a network whose norms see cells alone knows contrast from none.

A norm over the channels of a cell takes away how large everything is, and with it how large a correction should be.
In local units every image has about the same contrast; what was found there is brought back by the local deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

REACH = 5
"""Cells, along an axis, that a pixel's units are told from, with the interpolation between cells."""

FLOOR = 0.008
"""Smallest local deviation of images in -1..1: below it there is nothing to sharpen."""

_WINDOW = 5


@dataclass(frozen=True, slots=True)
class LocalUnits:
    """Mean and deviation around every pixel, (N, C, H, W) each, smooth from cell to cell; or scalars.

    Attributes:
        mean: of the window.
        deviation: of the window, not below ``FLOOR``.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    @classmethod
    def of(cls, image: torch.Tensor, cell: int) -> LocalUnits:
        """Of (N, C, H, W); sides are multiples of the cell, px."""
        with torch.autocast(image.device.type, enabled=False):
            image = image.float()
            means = F.avg_pool2d(torch.cat((image, image.square()), dim=1), cell)
            half = _WINDOW // 2
            for _ in range(2):
                means = F.avg_pool2d(F.pad(means, (half,) * 4, mode="replicate"), _WINDOW, stride=1)
            mean, power = means.chunk(2, dim=1)
            deviation = (power - mean.square()).clamp(min=0.0).add(FLOOR**2).sqrt()
            fine = F.interpolate(
                torch.cat((mean, deviation), dim=1), scale_factor=float(cell), mode="bilinear", align_corners=False
            )
            return cls(*fine.chunk(2, dim=1))

    @classmethod
    def none(cls, image: torch.Tensor) -> LocalUnits:
        """Units of the image as it is: scalars 0 and 1."""
        return cls(image.new_zeros(()), image.new_ones(()))

    def standardised(self, image: torch.Tensor) -> torch.Tensor:
        """An image of the same shape in local units."""
        return (image - self.mean) / self.deviation
