"""Simulated PAN and MS from a high-resolution multi-band patch, over the spread of real sensors.

The reduced-resolution protocol (Wald et al., PE&RS 1997) with everything uncertain drawn at random: spectral response
of PAN, gain of the MS modulation transfer function, registration, noise, radiometry and ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.ground.resample import point_taps
from ...models.salad_pan.fusion import gaussian_taps, mtf_sigma

Array = NDArray[np.float32]

PAN_RANGE = (0.40, 0.92)
"""Micrometres: what panchromatic instruments see, from WorldView's blue edge to QuickBird's near infrared."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One simulated scene on the PAN grid, unit range.

    Attributes:
        pan: (1, H, W).
        ms: (C, H, W), sampled onto the PAN grid as the engine does it.
        target: (C, H, W).
    """

    pan: Array
    ms: Array
    target: Array


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of one band count and ratio.

    Attributes:
        pan: (B, 1, H, W); ms, target: (B, C, H, W), unit range.
        ratio: PAN px per MS px.
        seed: of the random draws of the training step.
    """

    pan: torch.Tensor
    ms: torch.Tensor
    target: torch.Tensor
    ratio: float
    seed: int


def degrade_matrix(length: int, ratio: float, gain: float, shift: float = 0.0) -> Array:
    """Map from fine to coarse px along one axis: Gaussian MTF, sampled at the coarse px' true centres.

    Args:
        length: fine px.
        ratio: fine px per coarse px.
        gain: at the coarse Nyquist frequency.
        shift: registration error, fine px.

    Returns:
        (ceil(length / ratio), length); rows sum to one.
    """
    centre = (np.arange(math.ceil(length / ratio)) + 0.5) * ratio - 0.5 + shift
    distance = np.arange(length) - centre[:, None]
    weight = np.exp(-0.5 * (distance / mtf_sigma(gain, ratio)) ** 2)
    matrix: Array = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def cubic_matrix(length: int, coarse: int, ratio: float) -> Array:
    """Map from coarse to fine px along one axis, the engine's cubic interpolation: (length, coarse)."""
    places: NDArray[np.float64] = (np.arange(length, dtype=np.float64) + 0.5) / ratio
    taps = point_taps(places, coarse, "cubic")
    matrix = np.zeros((length, coarse))
    np.add.at(matrix, (np.arange(length)[:, None], taps.index), taps.weight)
    return matrix.astype(np.float32)


def mix_bands(values: Array, bands: int, rng: np.random.Generator) -> Array:
    """Draw ``bands`` bands: bands of the source in any order, filled up or replaced by mixtures of them."""
    count = len(values)
    chosen = []
    order = rng.permutation(count)
    for k in range(bands):
        if k < count and rng.random() < 0.8:
            chosen.append(values[order[k]])
            continue
        weights = rng.dirichlet(np.ones(count)) * 1.6 - 0.6 * rng.dirichlet(np.ones(count))
        chosen.append(np.clip(np.tensordot(weights, values, axes=1), 0.0, None))
    return np.stack(chosen).astype(np.float32)


def panchromatic(values: Array, rng: np.random.Generator, wavelengths: Sequence[float] = ()) -> Array:
    """PAN, (1, H, W), from the bands of a source with a random response.

    Args:
        values: (C, H, W), unit range.
        rng: of the draws.
        wavelengths: centres of the bands, micrometres, 0 where unknown; empty if none is known.  A PAN sees nothing
            outside ``PAN_RANGE``.
    """
    seen = np.array([not w or PAN_RANGE[0] <= w <= PAN_RANGE[1] for w in wavelengths or [0.0] * len(values)])
    kept = seen & (rng.random(len(values)) < 0.8)  # Landsat's PAN sees no near infrared, others no blue
    response = rng.dirichlet(np.full(len(values), 2.0)) * (kept if kept.any() else seen)
    response = response / response.sum()
    if rng.random() < 0.1:  # an odd instrument: one that sees what the MS bands do not
        response = response + rng.normal(0.0, 0.25, len(values)) * seen
    pan = np.clip(np.tensordot(response, values, axes=1), 0.0, None)
    if rng.random() < 0.3:
        pan = pan ** rng.uniform(0.7, 1.4)
    return np.asarray(pan[None], np.float32)


def simulate_pair(
    values: Array, bands: int, ratio: float, rng: np.random.Generator, wavelengths: Sequence[float] = ()
) -> Pair:
    """PAN, MS and target from a patch (C', H, W) in the unit range; ``bands`` is the C of the result."""
    pan = panchromatic(values, rng, wavelengths)
    target = mix_bands(values, bands, rng)
    # The two telescopes differ in sharpness.  A scene degraded by Wald's protocol has a PAN sharper than its target,
    # because the degraded PAN is nearly free of blur; at full resolution PAN is the softer one.
    kind = rng.random()
    if kind < 0.35:
        target = _blur(target, mtf_sigma(rng.uniform(0.25, 0.9), 1.0))
    elif kind < 0.65:
        pan = _blur(pan, mtf_sigma(rng.uniform(0.25, 0.9), 1.0))
    pan = pan + rng.normal(0.0, rng.uniform(0.0, 0.008), pan.shape).astype(np.float32)
    if rng.random() < 0.3:  # haze, or an offset in the stored values
        haze = rng.uniform(0.0, 0.6)
        pan, target = pan * (1 - haze) + haze, target * (1 - haze) + haze
    pan = pan * rng.uniform(0.8, 1.2)
    target = target * rng.uniform(0.8, 1.2, (bands, 1, 1)).astype(np.float32)
    shift = np.clip(rng.normal(0.0, 0.2, 2), -0.6, 0.6)
    noise = rng.uniform(0.0, 0.004) if rng.random() < 0.5 else 0.0
    gains = np.clip(rng.uniform(0.20, 0.40) + rng.uniform(-0.03, 0.03, bands), 0.18, 0.42)
    ms = np.stack([_degrade(b, ratio, g, shift, noise, rng) for b, g in zip(target, gains, strict=True)])
    return Pair(pan.astype(np.float32), ms, target.astype(np.float32))


def to_batch(pairs: Sequence[Pair], ratio: float, seed: int) -> Batch:
    """Stack pairs of one band count and ratio."""
    stacks = (np.stack([getattr(p, name) for p in pairs]) for name in ("pan", "ms", "target"))
    pan, ms, target = (torch.from_numpy(stack) for stack in stacks)
    return Batch(pan, ms, target, ratio, seed)


def _degrade(
    band: Array, ratio: float, gain: float, shift: NDArray[np.float64], noise: float, rng: np.random.Generator
) -> Array:
    """One band seen by the coarse instrument, back on the fine grid: (H, W)."""
    h, w = band.shape
    down_y, down_x = degrade_matrix(h, ratio, gain, shift[0]), degrade_matrix(w, ratio, gain, shift[1])
    seen = down_y @ band @ down_x.T
    seen = seen + rng.normal(0.0, noise, seen.shape)
    up = cubic_matrix(h, len(down_y), ratio) @ seen @ cubic_matrix(w, len(down_x), ratio).T
    return np.asarray(up, np.float32)


def _blur(values: Array, sigma: float) -> Array:
    """Small Gaussian blur of (C, H, W), edges replicated."""
    taps = gaussian_taps(sigma, 4.0).numpy()
    r = len(taps) // 2
    padded = np.pad(values, ((0, 0), (r, r), (r, r)), mode="edge")
    h, w = values.shape[1:]
    rows = sum(t * padded[:, k : k + h] for k, t in enumerate(taps))
    out: Array = np.asarray(sum(t * rows[:, :, k : k + w] for k, t in enumerate(taps)), np.float32)
    return out
