"""Radial power spectra: does made-up imagery have the detail of real imagery at every scale?"""

from __future__ import annotations

import math

import torch


def radial_spectrum(images: torch.Tensor, rings: int = 16) -> torch.Tensor:
    """Mean power in rings of spatial frequency, from 0 (left out) to the Nyquist frequency.

    Args:
        images: (N, 1, H, W); a Hann window keeps the borders out of it.
        rings: equal steps of frequency.

    Returns:
        (rings,), float64; the mean over images of the power of each, in squared units of the images.
    """
    images = images.double()
    h, w = images.shape[-2:]
    window = torch.hann_window(h, periodic=False, dtype=torch.float64)[:, None]
    window = window * torch.hann_window(w, periodic=False, dtype=torch.float64)
    centred = (images - images.mean(dim=(2, 3), keepdim=True)) * window
    power = torch.fft.fft2(centred).abs().square().mean(dim=(0, 1)) / window.square().sum()
    radius = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)[None])
    ring = (radius * 2 * rings).long()
    inside = (ring < rings) & (radius > 0)
    total = torch.zeros(rings, dtype=torch.float64).index_add_(0, ring[inside], power[inside])
    count = torch.zeros(rings, dtype=torch.float64).index_add_(0, ring[inside], torch.ones_like(power[inside]))
    return total / count.clamp(min=1)


def spectrum_error(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Mean absolute difference of two spectra, decibels."""
    ratio = 10 * (found.clamp(min=1e-12).log10() - truth.clamp(min=1e-12).log10())
    error = float(ratio.abs().mean())
    return error if math.isfinite(error) else math.inf
