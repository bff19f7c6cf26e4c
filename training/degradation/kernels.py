"""Blur kernels, one an image: bells of three families and circular low-passes, all symmetric about their centre.

Wang et al., "Real-ESRGAN" (ICCVW 2021), sections 3.1 and 3.3; generalised and plateau bells after Liu et al.,
"Estimating generalized Gaussian blur kernels for out-of-focus image deblurring" (TCSVT 2020).
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from .draws import events, picks, uniform
from .settings import Range, Round

# Cutoffs, rad/px; a kernel of 13 px or more has room for lower ones.
_CUTOFF = (math.pi / 3, math.pi)
_LARGE, _LARGE_CUTOFF = 13, (math.pi / 5, math.pi)
# Sides of transforms are multiples of it, px: small prime factors are fast.
_STEP = 32


def draw_kernels(count: int, settings: Round, generator: torch.Generator) -> torch.Tensor:
    """Kernels of a round's blur: (count, side, side), float64, on the generator's device; each sums to one."""
    sizes = _draw_sizes(count, settings, generator)
    family = picks(settings.bells, count, generator)
    shape, anisotropic = family // 2, family % 2 == 1
    sigma = uniform(settings.sigma, 2 * count, generator).reshape(count, 2)
    sigma[:, 1] = torch.where(anisotropic, sigma[:, 1], sigma[:, 0])
    angle = uniform((-math.pi, math.pi), count, generator)
    generalised = _draw_exponents(count, settings.generalised, generator)
    plateau = _draw_exponents(count, settings.plateau, generator)
    exponent = torch.stack([torch.ones_like(angle), generalised, plateau]).gather(0, shape[None])[0]
    side = settings.sizes[1]
    bells = bell_kernels(sigma, angle, exponent, shape == 2, sizes, side)
    low_passes = _draw_low_passes(sizes, side, generator, large=_LARGE_CUTOFF)
    return torch.where(events(settings.sinc, count, generator)[:, None, None], low_passes, bells)


def draw_final_kernels(count: int, probability: float, settings: Round, generator: torch.Generator) -> torch.Tensor:
    """Low-passes for the end of a chain, the others being a pulse: (count, side, side), float64."""
    sizes = _draw_sizes(count, settings, generator)
    side = settings.sizes[1]
    low_passes = _draw_low_passes(sizes, side, generator, large=_CUTOFF)
    pulse = torch.zeros_like(low_passes)
    pulse[:, side // 2, side // 2] = 1.0
    return torch.where(events(probability, count, generator)[:, None, None], low_passes, pulse)


def bell_kernels(
    sigma: torch.Tensor,
    angle: torch.Tensor,
    exponent: torch.Tensor,
    plateau: torch.Tensor,
    sizes: torch.Tensor,
    side: int,
) -> torch.Tensor:
    """exp(-d**exponent / 2), or 1 / (1 + d**exponent) for a plateau, with d the squared Mahalanobis distance.

    Args:
        sigma: (N, 2) standard deviations along the axes of the bell, px.
        angle: (N,) of the first axis against the rows' direction, rad.
        exponent: (N,); 1 makes the first form a Gaussian.
        plateau: (N,) bool.
        sizes: (N,) odd sides, px; a bell is cut there.
        side: odd side of the result, px.

    Returns:
        (N, side, side), float64; each sums to one.
    """
    y, x = _offsets(side, sigma.device)
    cosine, sine = angle.double().cos()[:, None, None], angle.double().sin()[:, None, None]
    first, second = sigma.double()[:, :, None, None].unbind(1)
    distance = ((x * cosine + y * sine) / first) ** 2 + ((y * cosine - x * sine) / second) ** 2
    power = distance ** exponent.double()[:, None, None]
    values = torch.where(plateau[:, None, None], 1.0 / (1.0 + power), torch.exp(-0.5 * power))
    return _cut(values, sizes)


def low_pass_kernels(cutoff: torch.Tensor, sizes: torch.Tensor, side: int) -> torch.Tensor:
    """Circular low-passes: what a disc of frequencies up to the cutoff is in space.

    Args:
        cutoff: (N,) rad/px, up to pi.
        sizes, side: as in ``bell_kernels``.

    Returns:
        (N, side, side), float64; each sums to one and has negative parts.
    """
    y, x = _offsets(side, cutoff.device)
    radius = torch.hypot(y, x)
    frequency = cutoff.double()[:, None, None]
    ring = frequency * torch.special.bessel_j1(frequency * radius) / (2 * math.pi * radius.clamp_min(0.5))
    return _cut(torch.where(radius == 0.0, frequency**2 / (4 * math.pi), ring), sizes)


def filter_images(x: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Correlate all bands of each image with the kernel of that image, rim replicated.

    By Fourier transform in float32: rounding is about 1e-6 of the image's largest value.

    Args:
        x: (B, C, h, w).
        kernels: (B, k, k), k odd.

    Returns:
        (B, C, h, w).
    """
    half = kernels.shape[-1] // 2
    height, width = x.shape[-2:]
    padded = functional.pad(x, (half, half, half, half), mode="replicate")
    shape = [-(-n // _STEP) * _STEP for n in padded.shape[-2:]]
    response = torch.fft.rfft2(kernels.to(x), s=shape).conj()[:, None]
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(padded, s=shape).mul_(response), s=shape)
    return filtered[..., :height, :width]


def _draw_sizes(count: int, settings: Round, generator: torch.Generator) -> torch.Tensor:
    smallest, largest = settings.sizes
    options = (largest - smallest) // 2 + 1
    return smallest + 2 * picks([1.0] * options, count, generator)


def _draw_exponents(count: int, bounds: Range, generator: torch.Generator) -> torch.Tensor:
    below = uniform((bounds[0], 1.0), count, generator)
    above = uniform((1.0, bounds[1]), count, generator)
    return torch.where(events(0.5, count, generator), below, above)


def _draw_low_passes(sizes: torch.Tensor, side: int, generator: torch.Generator, *, large: Range) -> torch.Tensor:
    """Low-passes of these sizes; large ones have room for lower cutoffs."""
    at = uniform((0.0, 1.0), len(sizes), generator)
    lowest = torch.where(sizes < _LARGE, _CUTOFF[0], large[0])
    return low_pass_kernels(lowest + (_CUTOFF[1] - lowest) * at, sizes, side)


def _offsets(side: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (side, 1) and columns (1, side) from the centre, px."""
    at = torch.arange(side, device=device, dtype=torch.float64) - side // 2
    return at[:, None], at[None, :]


def _cut(values: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Zero outside the square of each size, and normalised."""
    y, x = _offsets(values.shape[-1], values.device)
    inside = torch.maximum(y.abs(), x.abs()) <= (sizes // 2)[:, None, None]
    values = values * inside
    return values / values.sum((1, 2), keepdim=True)
