"""One vector for diffusion time and band: what modulates every block of the UNet."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .conditioning import KINDS, Conditioning

_WAVES = 8
_TIMES = 16


class Scalar(nn.Module):
    """A number that may be unknown (NaN), as a vector: sines and cosines through a small network, or a learned one."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2 * _WAVES, length), nn.Linear(length, length)
        self.unknown = nn.Parameter(0.1 * torch.randn(length))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """(N,) to (N, length)."""
        missing = torch.isnan(value)
        waves = waves_of(value.masked_fill(missing, 0.0), _WAVES, 8.0)
        found = self.second(F.silu(self.first(waves)))
        return torch.where(missing[:, None], self.unknown.to(found.dtype), found)


class Embedding(nn.Module):
    """Time, wavelength, ground size and kind: each its own vector, summed.

    Wavelength and ground size enter by their logarithm, so that a step from 0.1 to 0.2 m is one from 10 to 20 m.

    Args:
        length: of the vector.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2 * _TIMES, length), nn.Linear(length, length)
        self.wavelength, self.gsd = Scalar(length), Scalar(length)
        self.kind = nn.Embedding(len(KINDS), length)

    def forward(self, time: torch.Tensor, given: Conditioning) -> torch.Tensor:
        """(N,) times in 0..1 and what is known of N bands to (N, length)."""
        moment = self.second(F.silu(self.first(waves_of(time, _TIMES, 100.0))))
        # Octaves from 0.7 um and from 2 m: the middle of what imagers do.
        band = self.wavelength((given.wavelength / 0.7).log2()) + self.gsd((given.gsd / 2.0).log2() / 4)
        return F.silu(moment + band + self.kind(given.kind))


def waves_of(value: torch.Tensor, count: int, fastest: float) -> torch.Tensor:
    """Sines and cosines of (N,) numbers at rates from 1 to ``fastest``: (N, 2 * count)."""
    rates = torch.exp(torch.linspace(0.0, math.log(fastest), count, device=value.device))
    angles = value[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)
