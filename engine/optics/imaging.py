"""Pairs as real instruments deliver them, of a finer image that stays known: what learns and what is judged full size.

Delivered products are no clean reduced-resolution pairs: their modulation transfer function is anything between soft
and vendor-sharpened, MS lies a part of a pixel from where its georeference says, bands lie apart, there is noise, and
PAN is no mixture of the bands.  All of that is drawn by seed here, and a truth is seen through it.

Frequencies are cycles per MS px.  Shifts are (row, column) in PAN px, positive: MS lies too far down and right.  Images
are float32, axes (bands, rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..facts import LIFT_AT, Response
from .mtf import gaussian_response

Array = NDArray[np.float32]
Shift = tuple[float, float]

PAN_RANGE = (0.40, 0.92)
"""Micrometres: what panchromatic instruments see, from WorldView's blue edge to QuickBird's near infrared."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """What instruments are drawn from; pairs are least and most.

    Attributes:
        gain: of the MS modulation transfer function at the MS Nyquist frequency, one for all bands.
        spread: of the bands round it, most.
        sharpened: share of products whose MS a vendor sharpened; ``sharpening`` is by how much, ``width_px`` the
            Gaussian that the sharpening takes away, MS px.
        pan_soft: share of products whose PAN is softer than the truth; ``pan_gain`` is its gain at PAN's Nyquist.
        pan_sharpened, pan_sharpening: likewise for PAN.
        phase: of MS, most on each axis, PAN px.
        band_shift: of a band against the others, MS px, most; for half of the products.
        noise_db: of mean over deviation.
        pan_noise_db: likewise of PAN; None where it has as much as MS.
        odd: share of PAN's deviation that no mixture of the bands explains, most; for ``odd_share`` of the products.
        saturated: share of products that are saturated at some of their brightest hundredth parts.
    """

    gain: tuple[float, float] = (0.2, 0.7)
    spread: float = 0.06
    sharpened: float = 0.4
    sharpening: tuple[float, float] = (0.1, 0.6)
    width_px: tuple[float, float] = (0.5, 1.0)
    pan_soft: float = 0.3
    pan_gain: tuple[float, float] = (0.25, 0.9)
    pan_sharpened: float = 0.4
    pan_sharpening: tuple[float, float] = (0.1, 0.7)
    phase: float = 0.5
    band_shift: float = 0.2
    noise_db: tuple[float, float] = (40.0, 60.0)
    pan_noise_db: tuple[float, float] | None = None
    odd: float = 0.3
    odd_share: float = 0.5
    saturated: float = 0.1


JUDGED = Ranges()
"""What protocol ``fr`` draws from: fixed before anything was trained."""


@dataclass(frozen=True, slots=True)
class Sharpening:
    """Unsharp masking by a vendor: what a Gaussian takes away is added once more, times an amount.

    Attributes:
        amount: 0 for none.
        width: standard deviation of the Gaussian, px of the band that is sharpened.
    """

    amount: float = 0.0
    width: float = 0.7

    def response(self, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
        """By frequency, cycles per px of the band."""
        found: NDArray[np.float64] = 1.0 + self.amount * (1.0 - np.exp(-2.0 * (math.pi * self.width * frequency) ** 2))
        return found

    def applied(self, image: Array) -> Array:
        """To (bands, rows, columns)."""
        if not self.amount:
            return image
        return image + np.float32(self.amount) * (image - gaussian(image, self.width))


@dataclass(frozen=True, slots=True)
class SimulatedInstrument:
    """An instrument with all that happens to its products until they are delivered.

    Attributes:
        ratio: PAN px per MS px.
        gains: of each MS band at the MS Nyquist frequency.
        sharpening: of MS.
        pan_gain: of PAN at PAN's Nyquist frequency; 1 where it is as sharp as the truth.
        pan_sharpening: of PAN.
        shifts: of each band.
        noise, pan_noise: of mean over deviation, of MS and of PAN, dB.
        odd: share of PAN's deviation that no mixture of the bands explains.
        saturated: share of the pixels that are at the top of the range.
    """

    ratio: float
    gains: tuple[float, ...]
    sharpening: Sharpening
    pan_gain: float
    pan_sharpening: Sharpening
    shifts: tuple[Shift, ...]
    noise: float
    pan_noise: float
    odd: float
    saturated: float

    @property
    def shift(self) -> Shift:
        """Of MS as a whole: the mean of its bands'."""
        rows, columns = zip(*self.shifts, strict=True)
        return sum(rows) / len(rows), sum(columns) / len(columns)

    def response(self, band: int, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of a band against PAN, which is all that a pair can tell, by frequency up to PAN's Nyquist."""
        # MS is sharpened on its own px, so that what lies beyond its Nyquist frequency is sharpened as its alias is.
        alias = np.abs(frequency - np.round(frequency))
        ms = gaussian_response(self.gains[band], frequency) * self.sharpening.response(alias)
        fine = frequency / self.ratio
        pan = gaussian_response(self.pan_gain, fine) * self.pan_sharpening.response(fine)
        return np.asarray(ms / pan)

    def told(self) -> Response:
        """What a perfect measurement of the pair would tell of the bands' mean response."""
        frequency = np.arange(0.0125, 1.2, 0.025)
        curve = np.mean([self.response(band, frequency) for band in range(len(self.gains))], axis=0)
        return Response(
            _fitted_gain(frequency, curve), _level(frequency, curve, LIFT_AT) / _level(frequency, curve, 0.05)
        )


def _level(frequency: NDArray[np.float64], curve: NDArray[np.float64], at: float) -> float:
    return float(np.interp(at, frequency, curve))


_TRIAL_GAINS = np.geomspace(0.08, 0.95, 60)


def _fitted_gain(frequency: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """The gain of the Gaussian that correlates best with a response, on a scene with the spectrum of most scenes.

    Powers fall with the square of the frequency; what a Gaussian of two px leaves is not looked at: as the instrument
    of a real pair is measured.
    """
    seen = 1.0 - np.exp(-2.0 * (math.pi * 2.0 * np.minimum(frequency, 0.5)) ** 2)
    weight = frequency / (frequency**2 + 0.02**2) * seen**2
    trials = gaussian_response(_TRIAL_GAINS[:, None], frequency[None, :])
    likeness = (trials * curve) @ weight / np.sqrt((trials**2) @ weight)
    return float(_TRIAL_GAINS[int(np.argmax(likeness))])


def draw_instrument(rng: np.random.Generator, bands: int, ratio: float, ranges: Ranges = JUDGED) -> SimulatedInstrument:
    """An instrument of ``bands`` MS bands."""
    gain = rng.uniform(*ranges.gain)
    gains = np.clip(gain + rng.uniform(-ranges.spread, ranges.spread, bands), *ranges.gain)
    phase = rng.uniform(-ranges.phase, ranges.phase, 2)
    apart = rng.uniform(-ranges.band_shift, ranges.band_shift, (bands, 2)) * ratio * (rng.random() < 0.5)
    drawn = SimulatedInstrument(
        ratio=ratio,
        gains=tuple(gains.tolist()),
        sharpening=_sharpening(rng, ranges.sharpened, ranges.sharpening, ranges.width_px),
        pan_gain=float(rng.uniform(*ranges.pan_gain)) if rng.random() < ranges.pan_soft else 1.0,
        pan_sharpening=_sharpening(rng, ranges.pan_sharpened, ranges.pan_sharpening, ranges.width_px),
        shifts=tuple((float(row), float(column)) for row, column in phase + apart),
        noise=float(rng.uniform(*ranges.noise_db)),
        pan_noise=0.0,
        odd=float(rng.uniform(0.0, ranges.odd)) if rng.random() < ranges.odd_share else 0.0,
        saturated=float(rng.uniform(0.0, 0.01)) if rng.random() < ranges.saturated else 0.0,
    )
    pan_noise = drawn.noise if ranges.pan_noise_db is None else float(rng.uniform(*ranges.pan_noise_db))
    return replace(drawn, pan_noise=pan_noise)


def _sharpening(
    rng: np.random.Generator, share: float, amount: tuple[float, float], width: tuple[float, float]
) -> Sharpening:
    drawn = Sharpening(float(rng.uniform(*amount)), float(rng.uniform(*width)))
    return drawn if rng.random() < share else Sharpening()


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
    return np.asarray(np.tensordot(response / response.sum(), values, axes=1)[None], np.float32)


def with_odd_part(pan: Array, values: Array, share: float) -> Array:
    """PAN (1, H, W) with a share of its deviation from what no mixture of the bands (C, H, W) is.

    It is the spread of the bands at each pixel: large where something has a colour, whichever.
    """
    if not share or len(values) < 2:
        return pan
    odd = values.std(axis=0, keepdims=True)
    deviation = float(odd.std())
    if deviation <= 0.0:
        return pan
    odd = (odd - odd.mean()) * (float(pan.std()) / deviation)
    return np.asarray(np.clip(math.sqrt(1.0 - share**2) * (pan - pan.mean()) + pan.mean() + share * odd, 0.0, None))


def delivered(
    truth: Array, pan: Array, instrument: SimulatedInstrument, rng: np.random.Generator
) -> tuple[Array, Array]:
    """PAN (1, H, W) and MS (C, ceil(H / ratio), ceil(W / ratio)) as they are delivered.

    Args:
        truth: (C, H, W), the bands on the px of PAN.
        pan: (1, H, W), what PAN sees of the ground.
        instrument: with as many bands.
        rng: of the noise.
    """
    h, w = truth.shape[1:]
    ratio = instrument.ratio
    planes = []
    for band, gain, (row, column) in zip(truth, instrument.gains, instrument.shifts, strict=True):
        # MS lies too far down: its cell shows what lies further up.
        down, across = degrade_matrix(h, ratio, gain, -row), degrade_matrix(w, ratio, gain, -column)
        planes.append(down @ band @ across.T)
    ms = _noisy(instrument.sharpening.applied(np.stack(planes)), instrument.noise, rng)
    sigma = gaussian_width(instrument.pan_gain)
    soft = gaussian(pan, sigma) if sigma > 0.05 else pan
    return _noisy(instrument.pan_sharpening.applied(soft), instrument.pan_noise, rng), ms


def _noisy(image: Array, decibels: float, rng: np.random.Generator) -> Array:
    """With Gaussian noise of a deviation that is the mean's over so many decibels, half of it at the darkest pixel."""
    deviation = image.mean(axis=(1, 2), keepdims=True) * 10.0 ** (-decibels / 20.0)
    # Photon noise grows with the root of the signal; a floor of reading noise is there in the dark.
    relative = np.clip(image / np.maximum(image.mean(axis=(1, 2), keepdims=True), 1e-6), 0.0, None)
    scale = deviation * np.sqrt(0.25 + 0.75 * relative)
    noisy = image + scale * rng.standard_normal(image.shape, np.float32)
    return np.asarray(np.clip(noisy, 0.0, None), np.float32)


def saturate(truth: Array, share: float) -> Array:
    """Bands (C, H, W) with a share of their brightest pixels at the top of the range."""
    if not share:
        return truth
    top = np.quantile(truth, 1.0 - share, axis=(1, 2), keepdims=True)
    return np.asarray(np.minimum(truth, top), np.float32)


def gaussian_width(gain: float, px: float = 1.0) -> float:
    """Standard deviation, fine px, of the Gaussian with that gain at the Nyquist frequency of ``px`` fine px."""
    return px * math.sqrt(-2.0 * math.log(gain)) / math.pi if gain < 1.0 else 0.0


def degrade_matrix(length: int, ratio: float, gain: float, shift: float = 0.0) -> Array:
    """Map from fine to coarse px along one axis: Gaussian MTF, sampled at the coarse px' true centres.

    Args:
        length: fine px.
        ratio: fine px per coarse px.
        gain: at the coarse Nyquist frequency.
        shift: of the places that are sampled, fine px.

    Returns:
        (ceil(length / ratio), length); rows sum to one.
    """
    centre = (np.arange(math.ceil(length / ratio)) + 0.5) * ratio - 0.5 + shift
    distance = np.arange(length) - centre[:, None]
    weight = np.exp(-0.5 * (distance / gaussian_width(gain, ratio)) ** 2)
    matrix: Array = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def gaussian(image: Array, sigma: float) -> Array:
    """Small Gaussian blur of (C, H, W), edges replicated; sigma in px."""
    radius = max(1, math.ceil(4.0 * sigma))
    at = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (at / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    padded = np.pad(image, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    h, w = image.shape[1:]
    rows = sum(t * padded[:, k : k + h] for k, t in enumerate(taps))
    out: Array = np.asarray(sum(t * rows[:, :, k : k + w] for k, t in enumerate(taps)), np.float32)
    return out
