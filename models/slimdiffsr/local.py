"""Local units: what is around a pixel, so that a network whose norms see cells alone knows contrast from none.

A norm over the channels of a cell takes away how large everything is, and with it how large a correction should be.
In local units every image has about the same contrast; what was found there is brought back by the local deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ..lattice import without_lattice

REACH = 5
"""Cells, along an axis, that a pixel's units are told from, with the interpolation between cells."""

FLOOR = 0.008
"""Smallest local deviation of images in -1..1: below it there is nothing to sharpen."""

_WINDOW = 5


class Units:
    """Those of the image as it is: nothing changes on the way in or out."""

    def standardised(self, image: torch.Tensor) -> torch.Tensor:
        """An image (N, C, H, W) in these units."""
        return image

    def beside(self, cells: torch.Tensor) -> torch.Tensor:
        """Cells (N, channels, h, w) with what the network is told of the units."""
        return cells

    def restored(self, added: torch.Tensor) -> torch.Tensor:
        """What is added in these units, (N, C, H, W), as it is added to the image."""
        return added

    def variance(self, logarithm: torch.Tensor) -> torch.Tensor:
        """Logarithm of a variance in these units, (N, C, H, W), as that of the image."""
        return logarithm


AS_IT_IS = Units()


@dataclass(frozen=True, slots=True, eq=False)
class LocalUnits(Units):
    """Those around every pixel, smooth from cell to cell.

    Attributes:
        mean, deviation: of the window, (N, C, H, W); deviations not below ``FLOOR``.
        cell: px.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    cell: int

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
            mean, deviation = fine.chunk(2, dim=1)
            return cls(mean, deviation, cell)

    def standardised(self, image: torch.Tensor) -> torch.Tensor:
        """As ``Units.standardised``."""
        return (image - self.mean) / self.deviation

    def beside(self, cells: torch.Tensor) -> torch.Tensor:
        """With the logarithm of each band's deviation."""
        return torch.cat((cells, F.avg_pool2d(self.deviation, self.cell).log()), dim=1)

    def restored(self, added: torch.Tensor) -> torch.Tensor:
        """Without what repeats from cell to cell."""
        # Filtered in the image's units: times a deviation that changes over cells, a lattice would come back.
        return without_lattice(self.deviation * added.float(), self.cell)

    def variance(self, logarithm: torch.Tensor) -> torch.Tensor:
        """As ``Units.variance``."""
        return logarithm + 2.0 * self.deviation.log()
