"""Colours of the result set to those of the input: mean and deviation of each band, over the scene, never a tile.

The released code does the same over each image as a whole (arXiv 2605.02198, released inference).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sums(result: torch.Tensor, upsampled: torch.Tensor, valid: torch.Tensor) -> Array:
    """Count, sums and sums of squares of two images, band by band.

    Args:
        result, upsampled: (C, h, w).
        valid: bool (h, w).

    Returns:
        (5 * C,), float64: counts, result and its squares, upsampled and its squares.
    """
    # On the CPU, since not every device has float64.
    first, second = (image.cpu()[:, valid.cpu()].double() for image in (result, upsampled))
    count = torch.full((first.shape[0],), float(first.shape[1]), dtype=torch.float64)
    rows = (count, first.sum(1), first.square().sum(1), second.sum(1), second.square().sum(1))
    flat: Array = torch.cat(rows).numpy()
    return flat


@dataclass(frozen=True, slots=True)
class Match:
    """What brings the colours of the result to those of the input.

    Attributes:
        gain, offset: (C,): matched = gain * result + offset.
    """

    gain: Array
    offset: Array

    @classmethod
    def of(cls, statistics: Array) -> Match:
        """From the sums of a scene; a band without variance keeps its gain."""
        count, *moments = statistics.reshape(5, -1)
        mean, square, wanted, wanted_square = (row / count for row in moments)
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        target = np.sqrt(np.maximum(wanted_square - wanted**2, 0.0))
        gain = np.divide(target, deviation, out=np.ones_like(target), where=deviation > 1e-6)
        return cls(gain, wanted - gain * mean)

    def __call__(self, result: torch.Tensor) -> torch.Tensor:
        """Matched colours of (B, C, h, w)."""
        gain, offset = (torch.from_numpy(row).to(result)[None, :, None, None] for row in (self.gain, self.offset))
        return gain * result + offset

    def scaled(self, deviation: torch.Tensor) -> torch.Tensor:
        """Standard deviations (B, C, h, w) of matched colours."""
        return torch.from_numpy(self.gain).to(deviation)[None, :, None, None] * deviation
