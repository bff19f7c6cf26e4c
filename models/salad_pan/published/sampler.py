"""Sampling as published: UniPC on Stable Diffusion's schedule, from pure noise, noise predicted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

STEPS = 20

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Predicts the noise in latents (N, 4, h, w) from them and the training step of each, (N,)."""


def schedule(steps: int) -> Any:
    """UniPC (Zhao et al., arXiv 2302.04867) with the betas of Stable Diffusion 1.5; it carries the state of one run."""
    scheduler = UniPCMultistepScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    )
    scheduler.set_timesteps(steps)
    return scheduler


def sample(denoise: Denoiser, start: torch.Tensor, steps: int, checkpoint: Callable[[], None]) -> torch.Tensor:
    """Clean latents from pure noise.

    Args:
        denoise: the network.
        start: standard normal noise (N, 4, h, w), float32.
        steps: network evaluations, at least 1.
        checkpoint: called before every evaluation; may raise to cancel.
    """
    scheduler = schedule(steps)
    latents = start
    for time in scheduler.timesteps:
        checkpoint()
        moments = time.to(start.device).expand(start.shape[0])
        noise = denoise(latents, moments).float()
        # In full precision whatever the run's: the solver takes differences of close numbers.
        with torch.autocast(start.device.type, enabled=False):
            latents = scheduler.step(noise, time, latents).prev_sample
    return latents


def guided(conditional: Denoiser, unconditional: Denoiser, weight: float) -> Denoiser:
    """Classifier-free guidance (Ho and Salimans, arXiv 2207.12598); nothing is added at a weight of 1 or less."""
    if weight <= 1.0:
        return conditional

    def denoise(latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        plain = unconditional(latents, time)
        return plain + weight * (conditional(latents, time) - plain)

    return denoise
