"""Simulated PAN and MS from a high-resolution multi-band patch, over the spread of real instruments.

What instruments do is that of ``engine.optics.imaging``; drawn here besides are the ground (which bands, haze,
radiometry) and what a measurement of the pair would have told, with its errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.facts import UNMEASURED, Response
from ...engine.ground.resample import point_taps
from ...engine.optics.imaging import (
    JUDGED,
    Ranges,
    Sharpening,
    Shift,
    SimulatedInstrument,
    delivered,
    draw_instrument,
    gaussian,
    gaussian_width,
    panchromatic,
    saturate,
    with_odd_part,
)

Array = NDArray[np.float32]

LEARNED = Ranges(gain=(0.15, 0.8), sharpening=(0.1, 1.0), noise_db=(34.0, 60.0), pan_noise_db=(46.0, 66.0))
"""What is learned from: wider than what is judged, but for PAN, whose finest texture is not to be taken for noise."""

_LITTLE_NOISE = 80.0
# Standard deviations of what is told, as measured on simulated scenes whose instrument is known: logarithm of the gain,
# lift, and shift, PAN px, of products whose bands lie together and apart.
_GAIN_ERROR, _LIFT_ERROR, _SHIFT_ERROR, _SHIFT_ERROR_APART = 0.065, 0.035, 0.03, 0.16
# Texture of the flattest parts over the mean, which a measurement takes for noise.
_TEXTURE = (3e-4, 6e-3)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What pairs are drawn from.

    Attributes:
        ranges: of the instruments.
        clean: share of pairs without sharpening, noise or bands that lie apart, as those of Wald's protocol are.
        common: share of pairs whose bands have detail in common.
        unknown: share of pairs of whose instrument nothing is told.
    """

    ranges: Ranges
    clean: float
    common: float
    unknown: float


LEARNING = Drawing(LEARNED, clean=0.25, common=0.4, unknown=0.05)
JUDGING = Drawing(JUDGED, clean=0.0, common=0.0, unknown=0.0)
"""As protocol ``fr`` draws: what deviations are calibrated on."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One simulated scene on the PAN grid, unit range.

    Attributes:
        pan: (1, H, W).
        ms: (C, H, W), sampled onto the PAN grid as the engine does it, where the measurement puts it.
        target: (C, H, W).
        seen: how MS was seen, as a measurement would tell; noise in the unit range.
    """

    pan: Array
    ms: Array
    target: Array
    seen: Response = UNMEASURED


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of one band count and ratio.

    Attributes:
        pan: (B, 1, H, W), unit range.
        ms, target: (B, C, H, W), unit range.
        ratio: PAN px per MS px.
        seed: of the random draws of the training step.
        seen: of each pair.
    """

    pan: torch.Tensor
    ms: torch.Tensor
    target: torch.Tensor
    ratio: float
    seed: int
    seen: tuple[Response, ...]


def cubic_matrix(length: int, coarse: int, ratio: float, shift: float = 0.0) -> Array:
    """Map from coarse to fine px along one axis, the engine's cubic interpolation: (length, coarse).

    Args:
        shift: by which the coarse px lie too far down or right, fine px.
    """
    places: NDArray[np.float64] = (np.arange(length, dtype=np.float64) + 0.5 + shift) / ratio
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


def with_common_detail(values: Array, share: float, width: float) -> Array:
    """Bands (C, H, W) whose detail is partly that of their mean, as where it is light and shade.

    At half a metre most detail is, and all bands have it; sources of several metres, whose detail is what things are
    made of, teach that near infrared has hardly any of PAN's.

    Args:
        values: unit range.
        share: of the detail that becomes common.
        width: standard deviation of the Gaussian above which detail begins, px.
    """
    around = gaussian(values, width)
    mean = values.mean(axis=0, keepdims=True)
    light = mean / np.maximum(gaussian(mean, width), 0.02)
    return np.asarray(np.clip((1.0 - share) * values + share * around * light, 0.0, None), np.float32)


def simulate_pair(
    values: Array,
    bands: int,
    ratio: float,
    rng: np.random.Generator,
    wavelengths: Sequence[float] = (),
    drawing: Drawing = LEARNING,
) -> Pair:
    """PAN, MS and target from a patch (C', H, W) in the unit range; ``bands`` is the C of the result."""
    instrument = draw_instrument(rng, bands, ratio, drawing.ranges)
    clean = rng.random() < drawing.clean
    if clean:
        instrument = _cleaned(instrument)
    if rng.random() < drawing.common:
        values = with_common_detail(values, rng.uniform(0.3, 1.0), rng.uniform(1.0, 2.0) * ratio)
    pan = with_odd_part(panchromatic(values, rng, wavelengths), values, instrument.odd)
    if rng.random() < 0.15:
        pan = pan ** rng.uniform(0.7, 1.4)
    target = mix_bands(values, bands, rng)
    # A truth that is softer than PAN, as that of pairs at reduced resolution is.
    if rng.random() < (0.6 if clean else 0.35):
        target = gaussian(target, gaussian_width(rng.uniform(0.25, 0.9)))
    if rng.random() < 0.3:  # haze, or an offset in the stored values
        haze = rng.uniform(0.0, 0.6)
        pan, target = pan * (1 - haze) + haze, target * (1 - haze) + haze
    pan = np.asarray(pan * rng.uniform(0.8, 1.2), np.float32)
    target = target * rng.uniform(0.8, 1.2, (bands, 1, 1)).astype(np.float32)
    target, pan = (saturate(image, instrument.saturated) for image in (target, pan))
    pan, ms = delivered(target, pan, instrument, rng)
    at, seen = _measured(instrument, rng, drawing.unknown)
    h, w = target.shape[1:]
    up = cubic_matrix(h, ms.shape[1], ratio, at[0]), cubic_matrix(w, ms.shape[2], ratio, at[1])
    texture = np.exp(rng.uniform(*np.log(_TEXTURE)))
    noise = target.mean(axis=(1, 2)) * np.hypot(10.0 ** (-instrument.noise / 20.0), texture)
    seen = replace(seen, noise=tuple(noise.tolist()))
    return Pair(pan, np.asarray(up[0] @ ms @ up[1].T, np.float32), target.astype(np.float32), seen)


def _cleaned(instrument: SimulatedInstrument) -> SimulatedInstrument:
    """The instrument with its gains and its place alone."""
    none, alike = Sharpening(), (instrument.shift,) * len(instrument.shifts)
    return replace(
        instrument,
        sharpening=none,
        pan_gain=1.0,
        pan_sharpening=none,
        shifts=alike,
        noise=_LITTLE_NOISE,
        pan_noise=_LITTLE_NOISE,
    )


def _measured(instrument: SimulatedInstrument, rng: np.random.Generator, unknown: float) -> tuple[Shift, Response]:
    """Shift and response as they would have been measured, or assumed where nothing can be."""
    if rng.random() < unknown:
        return (0.0, 0.0), UNMEASURED
    told, shift = instrument.told(), instrument.shift
    error = rng.normal(0.0, _SHIFT_ERROR_APART if len(set(instrument.shifts)) > 1 else _SHIFT_ERROR, 2)
    gain = float(np.clip(told.gain * np.exp(rng.normal(0.0, _GAIN_ERROR)), 0.05, 0.97))
    lift = told.lift + rng.normal(0.0, _LIFT_ERROR)
    return (shift[0] + error[0], shift[1] + error[1]), Response(gain, float(lift))


def to_batch(pairs: Sequence[Pair], ratio: float, seed: int) -> Batch:
    """Stack pairs of one band count and ratio."""
    stacks = (np.stack([getattr(p, name) for p in pairs]) for name in ("pan", "ms", "target"))
    pan, ms, target = (torch.from_numpy(stack) for stack in stacks)
    return Batch(pan, ms, target, ratio, seed, tuple(pair.seen for pair in pairs))
