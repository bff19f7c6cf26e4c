"""Noise of an image, drawn for each image on its own; values of any size and sign are kept."""

from __future__ import annotations

import torch

from .draws import normal, poisson


def add_gaussian(x: torch.Tensor, sigma: torch.Tensor, grey: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Add noise that does not depend on the signal.

    Args:
        x: (B, C, h, w), unit range.
        sigma: (B,) standard deviation, unit range.
        grey: (B,) bool, whether all bands of the image share their noise.
        generator: of the draws.

    Returns:
        (B, C, h, w).
    """
    noise = normal(x.shape, x.device, generator)
    noise = torch.where(_each(grey, x), noise[:, :1], noise)
    return x + noise * _each(sigma, x)


def add_poisson(
    x: torch.Tensor, factor: torch.Tensor, grey: torch.Tensor, photons: float, generator: torch.Generator
) -> torch.Tensor:
    """Add noise of counting: its variance is ``factor**2 * x / photons``, and none below zero.

    Args:
        x: (B, C, h, w), unit range.
        factor: (B,) of the noise of counting.
        grey: (B,) bool, whether all bands of the image share the noise of their mean.
        photons: counts that stand for 1.
        generator: of the draws.

    Returns:
        (B, C, h, w).
    """
    grey = grey.to(x.device)
    noise = torch.empty_like(x)
    for which, signal in ((grey, x[grey].mean(1, keepdim=True)), (~grey, x[~grey])):
        rate = signal.clamp_min(0.0) * photons
        noise[which] = ((poisson(rate, generator) - rate) / photons).expand(-1, x.shape[1], -1, -1)
    return x + noise * _each(factor, x)


def add_sensor_noise(
    x: torch.Tensor, electrons: torch.Tensor, read: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Add shot and read noise, independent in every pixel and band.

    So many electrons are counted that the count is as good as normal: the variance is ``x / electrons + read**2``.

    Args:
        x: (B, C, h, w), unit range.
        electrons: (B,) counts that stand for 1.
        read: (B,) standard deviation without signal, unit range.
        generator: of the draws.

    Returns:
        (B, C, h, w).
    """
    variance = x.clamp_min(0.0) / _each(electrons, x) + _each(read, x) ** 2
    return x + variance.sqrt() * normal(x.shape, x.device, generator)


def _each(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One value an image, to go with (B, C, h, w)."""
    return values.to(x.device)[:, None, None, None]
