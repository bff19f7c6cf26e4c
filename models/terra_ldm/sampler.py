"""The diffusion process and its few-step deterministic sampler.

Variance-preserving cosine schedule on continuous time, z_t = cos(pi t / 2) z_0 + sin(pi t / 2) e, which ends in pure
noise at t = 1.  The network predicts z_0; steps between times are DDIM's (Song et al., arXiv 2010.02502, eta = 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

Denoiser = Callable[[torch.Tensor, float], torch.Tensor]
"""Predicts clean latents from (noisy latents, time)."""


def levels(time: float) -> tuple[float, float]:
    """Signal and noise levels at a time in 0..1."""
    return math.cos(math.pi / 2 * time), math.sin(math.pi / 2 * time)


def times(steps: int) -> list[float]:
    """Times at which the network is asked: from 1 down, evenly, without 0."""
    return [1.0 - k / steps for k in range(steps)]


def ddim_step(noisy: torch.Tensor, clean: torch.Tensor, time: float, after: float) -> torch.Tensor:
    """Move noisy latents from ``time`` to an earlier time along the predicted clean latents (DDIM, eq. 12, eta = 0)."""
    signal, noise = levels(time)
    signal_after, noise_after = levels(after)
    return signal_after * clean + noise_after / noise * (noisy - signal * clean)


def sample(denoise: Denoiser, start: torch.Tensor, steps: int, checkpoint: Callable[[], None]) -> torch.Tensor:
    """Clean latents from pure noise.

    Args:
        denoise: the network.
        start: standard normal noise (N, latent, h, w).
        steps: network evaluations, at least 1.
        checkpoint: called before every evaluation; may raise to cancel.
    """
    moments = [*times(steps), 0.0]
    latents = start
    for time, after in pairwise(moments):
        checkpoint()
        clean = denoise(latents, time)
        latents = ddim_step(latents, clean, time, after)
    return latents
