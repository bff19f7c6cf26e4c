"""From a noise level to the timestep that has it, with a gradient."""

from __future__ import annotations

import torch
from torch import nn


class NoiseTable(nn.Module):
    """Noise levels of a diffusion process and their times; between two entries time is linear (equation 11).

    Args:
        levels: (N + 1,) share of the signal in the variance (alpha bar), strictly ascending.
        times: (N + 1,) of the entries, in the units that the network is told.

    Raises:
        ValueError: fewer than two entries, different lengths, or levels that do not ascend.
    """

    levels: torch.Tensor
    times: torch.Tensor

    def __init__(self, levels: torch.Tensor, times: torch.Tensor) -> None:
        super().__init__()
        if levels.shape != times.shape or levels.ndim != 1 or len(levels) < 2 or not bool((levels.diff() > 0).all()):
            raise ValueError("a noise table has two entries or more, with strictly ascending levels")
        self.register_buffer("levels", levels.float(), persistent=False)
        self.register_buffer("times", times.float(), persistent=False)

    def within(self, level: torch.Tensor) -> torch.Tensor:
        """Noise levels brought to the ends of the table where they are beyond it; there the gradient is zero."""
        return level.float().clamp(float(self.levels[0]), float(self.levels[-1]))

    def time(self, level: torch.Tensor) -> torch.Tensor:
        """Time of noise levels of any shape: one an image, or a map; float32, with the gradient of the line."""
        level = self.within(level)
        upper = torch.searchsorted(self.levels, level.detach()).clamp(1, len(self.levels) - 1)
        below, above = self.levels[upper - 1], self.levels[upper]
        start, stop = self.times[upper - 1], self.times[upper]
        return start + (level - below) / (above - below) * (stop - start)
