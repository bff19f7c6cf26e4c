"""Flow matching: straight paths from data to noise, and how they are walked back.

z = sigma * noise + (1 - sigma) * data, and the network tells the velocity, noise - data (Lipman et al., arXiv
2210.02747; Esser et al., arXiv 2403.03206).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch

SHIFT = 3.0
"""Of the noise levels, in training and in sampling."""

_TIMES = 1000
Solver = Literal["euler", "dpm"]
SOLVERS: tuple[Solver, ...] = get_args(Solver)
Velocity = Callable[[torch.Tensor, float], torch.Tensor]
"""Velocity from (noisy latent, sigma)."""


def shifted(sigma: torch.Tensor, shift: float = SHIFT) -> torch.Tensor:
    """Levels of 0..1, moved towards noise."""
    return shift * sigma / (1.0 + (shift - 1.0) * sigma)


def sigmas(steps: int, shift: float = SHIFT) -> list[float]:
    """Noise levels before each step, from 1 down, and 0: those of diffusers' ``FlowMatchEulerDiscreteScheduler``."""
    # The scheduler's least level is the shifted 1/1000, and the levels between are shifted once more.
    bounds = shifted(torch.tensor([1.0 / _TIMES, 1.0], dtype=torch.float64), shift)
    levels = shifted(torch.linspace(float(bounds[1]), float(bounds[0]), steps, dtype=torch.float64), shift)
    return [*levels.float().tolist(), 0.0]


def drawn(count: int, generator: torch.Generator, shift: float = SHIFT) -> torch.Tensor:
    """Levels for training, (count,): logit-normal, shifted."""
    return shifted(torch.sigmoid(torch.randn(count, generator=generator)), shift)


def guided(strong: torch.Tensor, weak: torch.Tensor, weight: float) -> torch.Tensor:
    """Autoguidance (Karras et al., arXiv 2406.02507): past the strong one, away from the weak one."""
    return weak + weight * (strong - weak)


def sampled(
    velocity: Velocity,
    start: torch.Tensor,
    steps: int,
    *,
    solver: Solver = "euler",
    shift: float = SHIFT,
    checkpoint: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Data from pure noise.

    Args:
        velocity: the network.
        start: standard normal noise, (N, latent, h, w).
        steps: network evaluations, at least 1.
        solver: ``"euler"``, or ``"dpm"``: DPM-Solver++(2M) (Lu et al., arXiv 2211.01095).
        shift: of the levels.
        checkpoint: called before every evaluation; may raise to cancel.
    """
    latent, before = start, None
    levels = sigmas(steps, shift)
    for index, sigma in enumerate(levels[:-1]):
        checkpoint()
        latent, before = stepped(latent, velocity(latent, sigma), before, levels, index, solver)
    return latent


def stepped(
    latent: torch.Tensor,
    told: torch.Tensor,
    before: torch.Tensor | None,
    levels: list[float],
    index: int,
    solver: Solver,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The latent after a step, and the data that the velocity told, which the next may need; all (N, latent, h, w).

    Args:
        told: velocity.
        before: data of the step before; None at the first.
        levels: of ``sigmas``.
        index: of the step.
        solver: as for ``sampled``.
    """
    sigma, after = levels[index], levels[index + 1]
    data = latent - sigma * told
    if solver == "euler":
        return latent + (after - sigma) * told, data
    return _second_order(latent, data, before, levels, index), data


def _second_order(
    latent: torch.Tensor, data: torch.Tensor, before: torch.Tensor | None, levels: list[float], index: int
) -> torch.Tensor:
    """One step of DPM-Solver++(2M); the first one and the last one are of first order."""
    sigma, after = levels[index], levels[index + 1]
    if after == 0.0:
        return data
    # In -log(sigma), as released; in log signal-to-noise ratio the first step would be infinite.
    last, now, then = (-level.log() for level in torch.tensor([levels[index - 1], sigma, after]))
    if before is not None:
        share = (then - now) / (now - last) / 2.0
        data = (1.0 + share) * data - share * before
    moved: torch.Tensor = (-then).exp() / (-now).exp() * latent - (now - then).expm1() * data
    return moved
