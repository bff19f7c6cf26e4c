"""Features along the diffusion of a known image: DDIM inversion, or one noising a time.

SatDiFuser, arXiv 2503.07890, section 3.1, with deterministic DDIM steps (Song et al., arXiv 2010.02502, equation 12).
Times are counted as the published system does: as indices of the 50 steps of generation, 0 for noise and 50 for the
clean image.  The inversion runs them backwards and stops at the last one that is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import torch

STEPS = 50
TIMES = (47, 45, 40)
"""Generation indices at which the published fusers read features: steps 21, 61 and 161 of 1000."""

Mode = Literal["inversion", "noising"]
Kept = TypeVar("Kept")

Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Predicts the noise in latents (N, C, h, w) from them and the training step of each, (N,)."""

Read = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, Kept]]
"""As ``Denoise``, and what is to be kept of the pass."""


@dataclass(frozen=True, slots=True)
class Call:
    """One evaluation of the network.

    Attributes:
        step: training step that it is told, -1 for the clean image.
        level: share of the clean image's variance in the latents (alpha bar) that it is given.
        after: the same for the latents after the step.
        time: generation index that its features are kept as; None if they are not.
    """

    step: int
    level: float
    after: float
    time: int | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Evaluations of the network, in order.

    Attributes:
        mode: whether each call starts where the last one ended, or from the noised image.
        times: generation indices, in the order in which features are given back.
        calls: of the network.
    """

    mode: Mode
    times: tuple[int, ...]
    calls: tuple[Call, ...]


def schedule(
    betas: torch.Tensor, steps: Sequence[int], times: Sequence[int] = TIMES, mode: Mode = "inversion"
) -> Schedule:
    """The calls that features at some times need.

    Args:
        betas: variance that each training step adds, (T,).
        steps: training steps of generation, descending.
        times: generation indices, 0 <= time < number of steps.
        mode: see ``Schedule``.

    Raises:
        ValueError: a time is not among the steps, or is named twice.
    """
    count = len(steps)
    if mode not in get_args(Mode):
        raise ValueError(f"features are read by {' or '.join(get_args(Mode))}, not {mode!r}")
    if not times or len(set(times)) < len(times) or not all(0 <= time < count for time in times):
        raise ValueError(f"times are whole numbers from 0 to {count - 1}, once each, not {tuple(times)}")
    # In float32 as the released code has it; of the image itself nothing is noise.
    levels = torch.cat((torch.ones(1), (1 - betas.float()).cumprod(dim=0))).tolist()
    # The inversion is one step behind: its call i predicts at the step before the one that it leads to.
    told = (-1, *sorted(steps))
    calls = []
    for i in range(count - min(times)):
        time = count - 1 - i
        kept = time if time in times else None
        if mode == "inversion" or kept is not None:
            calls.append(Call(told[i], levels[told[i] + 1], levels[told[i + 1] + 1], kept))
    return Schedule(mode, tuple(times), tuple(calls))


def follow(
    plan: Schedule,
    clean: torch.Tensor,
    *,
    denoise: Denoise,
    read: Read[Kept],
    noise: torch.Tensor | None = None,
    checkpoint: Callable[[], None] = lambda: None,
) -> list[Kept]:
    """What is kept of the wanted times, in the schedule's order.

    Everything stays on the device of ``clean``, and nothing of other times is held.

    Args:
        plan: of the calls.
        clean: scaled latents (N, C, h, w) of the image, float32.
        denoise: the network.
        read: the network at wanted times.
        noise: standard normal, as ``clean``; single noisings need it.
        checkpoint: called before every call; may raise to cancel.
    """
    kept: dict[int, Kept] = {}
    x = clean
    last = plan.calls[-1]
    for call in plan.calls:
        checkpoint()
        if plan.mode == "noising":
            if noise is None:
                raise ValueError("single noisings need noise")
            x = clean * math.sqrt(call.level) + noise * math.sqrt(1 - call.level)
        moment = torch.full((x.shape[0],), call.step, device=x.device)
        if call.time is None:
            found = denoise(x, moment)
        else:
            found, kept[call.time] = read(x, moment)
        if plan.mode == "inversion" and call is not last:
            x = advanced(x, found.float(), call)
    return [kept[time] for time in plan.times]


def advanced(x: torch.Tensor, noise: torch.Tensor, call: Call) -> torch.Tensor:
    """Latents after a call: the clean image that the noise implies, noised anew with it."""
    return implied(x, noise, call.level) * math.sqrt(call.after) + noise * math.sqrt(1 - call.after)


def implied(x: torch.Tensor, noise: torch.Tensor, level: float) -> torch.Tensor:
    """Clean latents from noisy ones and the noise in them."""
    return (x - noise * math.sqrt(1 - level)) / math.sqrt(level)
