"""Random draws from one generator, made where the generator lives, so that a CPU generator gives any device the same.

Draws come in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .settings import Range


def uniform(bounds: Range, count: int, generator: torch.Generator) -> torch.Tensor:
    """Even draws between two bounds: (count,)."""
    low, high = bounds
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def log_uniform(bounds: Range, count: int, generator: torch.Generator) -> torch.Tensor:
    """Draws between two positive bounds, even in their logarithm: (count,)."""
    return uniform((math.log(bounds[0]), math.log(bounds[1])), count, generator).exp()


def events(probability: float, count: int, generator: torch.Generator) -> torch.Tensor:
    """Whether something happens: (count,) bool."""
    return torch.rand(count, generator=generator, device=generator.device) < probability


def number(bounds: Range, generator: torch.Generator) -> float:
    """One even draw between two bounds."""
    return float(uniform(bounds, 1, generator))


def happens(probability: float, generator: torch.Generator) -> bool:
    """Whether one thing happens."""
    return bool(events(probability, 1, generator))


def picks(weights: Sequence[float], count: int, generator: torch.Generator) -> torch.Tensor:
    """Numbers of options with these relative weights: (count,) int64."""
    table = torch.tensor(weights, device=generator.device)
    return torch.multinomial(table, count, replacement=True, generator=generator)


def normal(shape: Sequence[int], device: torch.device, generator: torch.Generator) -> torch.Tensor:
    """Standard normal draws on a device."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device).to(device)


def poisson(rate: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Counts with these expectations, on their device."""
    return torch.poisson(rate.to(generator.device), generator=generator).to(rate.device)
