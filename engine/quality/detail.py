"""Detail against a reference without learned weights: gradients, power spectrum, SSIM, and PSNR and SSIM of luma.

Everything is a sum over strips of whole 64-row blocks; a strip reads ``HALO`` rows more on either side.  A masked pixel
takes no part: neither do the gradients, windows and spectral blocks that touch it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from ..errors import FlatImageWarning, RequestError
from .reduced import strips

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 64
"""Rows and columns of a spectral block, px."""
HALO = 5
"""Rows that a strip reads beyond itself, px."""

_STRIP_ROWS = 4 * BLOCK
_SMALLEST_BLOCK = 8
# Columns of SSIM windows that are taken at once: what they are computed with stays in the processor's cache.
_GROUP_COLUMNS = 256
# Spectral blocks likewise.
_GROUP_BLOCKS = 16
_SSIM_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
# ITU-R BT.601 in its studio range, of 255: what super-resolution papers call the Y channel.
_LUMA_OFFSET, _LUMA = 16.0, (65.481, 128.553, 24.966)


@dataclass(frozen=True, slots=True)
class DetailScores:
    """Detail of one image.

    Attributes:
        gradient_error: sum of |gradient magnitude - that of the reference| over the sum of the latter, mean over bands;
            0 is perfect, 1 a constant image; infinite where the reference alone is constant.
        spectrum_error: root mean square of the log ratios of all bands and rings, dB, 0 is perfect; None where no
            spectral block is free of masked pixels.
        spectrum: log ratio of the power in each ring to the reference's, dB, mean over bands: below 0 is blurred.
            Ring k (from 1) lies around k / (2 * rings) cycles per px.
        ssim: mean over bands, 1 is perfect.
    """

    gradient_error: float
    spectrum_error: float | None
    spectrum: tuple[float, ...]
    ssim: float

    def as_dict(self) -> dict[str, float]:
        """Single values under the names that reports use; what was not measured is left out."""
        named = {"gradient_error": self.gradient_error, "SSIM": self.ssim}
        return named if self.spectrum_error is None else {**named, "spectrum_error": self.spectrum_error}


@dataclass(frozen=True, slots=True)
class LumaScores:
    """Fidelity of the Y channel: ``psnr`` in dB (infinite for equal images) and ``ssim``."""

    psnr: float
    ssim: float


@dataclass(frozen=True, slots=True)
class LumaSums:
    """What a strip adds to the fidelity of Y: counted ``pixels`` and their squared errors, ``windows`` and their SSIM.

    Strips add up in any grouping.
    """

    pixels: int
    squares: float
    windows: int
    ssim: float

    def __add__(self, other: LumaSums) -> LumaSums:
        return LumaSums(
            self.pixels + other.pixels,
            self.squares + other.squares,
            self.windows + other.windows,
            self.ssim + other.ssim,
        )

    def scores(self, *, peak: float) -> LumaScores:
        """Turn sums into measures.

        Raises:
            RequestError: masks leave no SSIM window.
        """
        if not self.windows:
            raise RequestError("no 11 x 11 px are free of masked pixels", fix="score a larger part")
        mse = self.squares / self.pixels
        psnr = 10.0 * float(np.log10(peak**2 / mse)) if mse > 0.0 else float("inf")
        return LumaScores(psnr=psnr, ssim=self.ssim / self.windows)


@dataclass(frozen=True, slots=True, eq=False)
class DetailSums:
    """What a strip adds; strips add up in any grouping.

    Attributes:
        pixels: with a gradient.
        gradient, reference: (C,) sums of absolute differences of gradient magnitudes, and of the reference's.
        blocks: spectral blocks.
        power, reference_power: (C, rings) sums of squared spectrum over blocks.
        windows: SSIM windows.
        ssim: (C,) sums over windows.
    """

    pixels: int
    gradient: Array
    reference: Array
    blocks: int
    power: Array
    reference_power: Array
    windows: int
    ssim: Array

    def __add__(self, other: DetailSums) -> DetailSums:
        return DetailSums(
            self.pixels + other.pixels,
            self.gradient + other.gradient,
            self.reference + other.reference,
            self.blocks + other.blocks,
            self.power + other.power,
            self.reference_power + other.reference_power,
            self.windows + other.windows,
            self.ssim + other.ssim,
        )

    def scores(self) -> DetailScores:
        """Turn sums into measures.

        Raises:
            RequestError: masks leave no pixel with neighbours, or no SSIM window.

        Warns:
            FlatImageWarning: an image is constant in some band.
        """
        if not self.pixels or not self.windows:
            raise RequestError("no 11 x 11 px are free of masked pixels", fix="score a larger part")
        if (self.reference == 0.0).any() or (self.blocks and (self.power.sum(axis=1) == 0.0).any()):
            warnings.warn(FlatImageWarning("a band is constant; its detail has limiting values"), stacklevel=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            gradient = np.where(self.gradient == 0.0, 0.0, self.gradient / self.reference)
            ratio = 10.0 * np.log10(self.power / self.reference_power)
        ratio = np.where(self.power == self.reference_power, 0.0, ratio)
        return DetailScores(
            gradient_error=float(gradient.mean()),
            spectrum_error=float(np.sqrt(np.mean(ratio**2))) if self.blocks else None,
            spectrum=tuple(ratio.mean(axis=0).tolist()) if self.blocks else (),
            ssim=float(self.ssim.mean()) / self.windows,
        )


def detail_scores(
    fused: NDArray[np.generic], reference: NDArray[np.generic], *, peak: float, valid: Mask | None = None
) -> DetailScores:
    """Detail of an image in memory.

    Args:
        fused, reference: (C, h, w), one shape.
        peak: data range, for SSIM: ``2**bits - 1``, or 1 for the unit range.
        valid: (h, w), where both hold values.

    Raises:
        RequestError: the shapes differ, a valid value is not finite, or masks or the size leave nothing to measure.

    Warns:
        FlatImageWarning: an image is constant in some band.
    """
    _check(fused, reference, peak, valid)
    rows = fused.shape[1]
    parts = [detail_sums(fused, reference, *strip, peak=peak, valid=valid) for strip in strips(rows, _STRIP_ROWS)]
    return reduce(add, parts).scores()


def detail_sums(
    fused: NDArray[np.generic],
    reference: NDArray[np.generic],
    start: int,
    stop: int,
    *,
    peak: float,
    valid: Mask | None = None,
) -> DetailSums:
    """Sums over rows start..stop-1 of two images; the rows around them are read, ``HALO`` at most.

    Args:
        fused, reference: (C, h, w): the scene, or its rows from ``HALO`` before to ``HALO`` after the strip.
        start, stop: rows of these arrays.  In the scene, strips begin at multiples of 64; the spectrum is taken over
            whole blocks of 64 rows (fewer in a smaller image), so the scene's last rows may not count for it.
        peak: data range.
        valid: (h, w).
    """
    _check(fused, reference, peak, valid)
    top, bottom = max(start - HALO, 0), min(stop + HALO, fused.shape[1])
    known = np.ones(fused.shape[1:], np.bool_) if valid is None else valid
    known = known[top:bottom]
    f, r = (_finite(image[:, top:bottom], known) for image in (fused, reference))
    own = slice(start - top, stop - top)
    pixels, gradient, magnitude = _gradient_sums(f, r, known, own)
    blocks, power, reference_power = _power_sums(f[:, own], r[:, own], known[own])
    windows, ssim = _ssim_sums(f, r, known, own, peak)
    return DetailSums(pixels, gradient, magnitude, blocks, power, reference_power, windows, ssim)


def luma_scores(
    fused: NDArray[np.generic], reference: NDArray[np.generic], *, peak: float, valid: Mask | None = None
) -> LumaScores:
    """PSNR and SSIM of the Y channel (ITU-R BT.601, studio range) of RGB images.

    Args:
        fused, reference: (3, h, w): red, green, blue.
        peak: data range.
        valid: (h, w).

    Raises:
        RequestError: not three bands, or as for ``detail_scores``.
    """
    return luma_sums(fused, reference, 0, fused.shape[-2], peak=peak, valid=valid).scores(peak=peak)


def luma_sums(
    fused: NDArray[np.generic],
    reference: NDArray[np.generic],
    start: int,
    stop: int,
    *,
    peak: float,
    valid: Mask | None = None,
) -> LumaSums:
    """Sums over rows start..stop-1 of red, green and blue; arguments as for ``detail_sums``."""
    _check(fused, reference, peak, valid)
    if fused.shape[0] != 3:
        raise RequestError(f"luma needs red, green and blue, and the images have {fused.shape[0]} bands")
    top, bottom = max(start - HALO, 0), min(stop + HALO, fused.shape[1])
    known = np.ones(fused.shape[1:], np.bool_) if valid is None else valid
    known = known[top:bottom]
    f, r = (luma(_finite(image[:, top:bottom], known), peak=peak) for image in (fused, reference))
    own = slice(start - top, stop - top)
    windows, ssim = _ssim_sums(f, r, known, own, peak)
    counted = known[own]
    return LumaSums(int(counted.sum()), float(((f - r)[0, own] ** 2).sum(where=counted)), windows, float(ssim[0]))


def luma(image: Array, *, peak: float) -> Array:
    """Y of (3, h, w) in 0..peak: (1, h, w), between 16 / 255 and 235 / 255 of the peak."""
    weighted = np.tensordot(np.array([_LUMA]), image, axes=1)
    y: Array = (weighted + _LUMA_OFFSET * peak) / 255.0
    return y


def _check(fused: NDArray[np.generic], reference: NDArray[np.generic], peak: float, valid: Mask | None) -> None:
    if fused.shape != reference.shape or fused.ndim != 3 or 0 in fused.shape:
        raise RequestError(f"the image {fused.shape} and its reference {reference.shape} must be one (C, h, w)")
    if valid is not None and valid.shape != fused.shape[1:]:
        raise RequestError(f"the mask {valid.shape} does not fit an image of {fused.shape[1:]} px")
    if not 0.0 < peak < np.inf:
        raise RequestError(f"a data range of {peak:g} is not one", where="--bits", fix="give the bit depth")


def _finite(image: NDArray[np.generic], known: Mask) -> Array:
    """Float64 with zeros under the mask."""
    values = np.where(known, image, 0).astype(np.float64)
    if not np.isfinite(values).all():
        raise RequestError("the image holds values that are not finite", fix="mask them, or set a nodata value")
    return values


def _gradient_sums(f: Array, r: Array, known: Mask, own: slice) -> tuple[int, Array, Array]:
    """Pixels with four neighbours, and (C,) sums of |difference of magnitudes| and of the reference's magnitudes."""
    cross = known[1:-1, 1:-1] & known[:-2, 1:-1] & known[2:, 1:-1] & known[1:-1, :-2] & known[1:-1, 2:]
    counted = _owned(cross, own, 1)
    magnitude, reference = _magnitude(f), _magnitude(r)
    return (
        int(counted.sum()),
        np.abs(magnitude - reference).sum(axis=(1, 2), where=counted),
        reference.sum(axis=(1, 2), where=counted),
    )


def _owned(whole: Mask, own: slice, rim: int) -> Mask:
    """Of windows that lost ``rim`` rows to the rim, those whose centre row lies in ``own``."""
    rows = np.arange(whole.shape[0]) + rim
    owned: Mask = whole & ((rows >= own.start) & (rows < own.stop))[:, None]
    return owned


def _magnitude(image: Array) -> Array:
    """Magnitude of central differences, one px smaller on each side."""
    down = image[:, 2:, 1:-1] - image[:, :-2, 1:-1]
    across = image[:, 1:-1, 2:] - image[:, 1:-1, :-2]
    # np.hypot guards against overflow and takes several times as long.
    magnitude: Array = 0.5 * np.sqrt(down * down + across * across)
    return magnitude


def _power_sums(f: Array, r: Array, known: Mask) -> tuple[int, Array, Array]:
    """Blocks without masked pixels, and (C, rings) sums of their squared spectra."""
    shortest = min(known.shape)
    side = min(BLOCK, 1 << (shortest.bit_length() - 1)) if shortest >= _SMALLEST_BLOCK else 0
    bands = f.shape[0]
    if not side:
        return 0, np.zeros((bands, 0)), np.zeros((bands, 0))
    down, across = known.shape[0] // side, known.shape[1] // side
    frequency = np.fft.fftfreq(side, 1.0 / side)
    ring = np.round(np.hypot(frequency[:, None], frequency[None])).astype(np.int64)
    # A lattice of 2, 4 or 8 px would pass for detail.
    lattice = np.abs(frequency) % (side // 8) == 0
    ring[lattice[:, None] & lattice[None, :]] = 0
    rings = [ring == k for k in range(1, side // 2 + 1)]
    taper = np.hanning(side + 1)[:-1]
    sums = []
    whole = known[: down * side, : across * side].reshape(down, side, across, side).all(axis=(1, 3))
    for image in (f, r):
        cut = image[:, : down * side, : across * side].reshape(bands, down, side, across, side)
        blocks = cut.transpose(0, 1, 3, 2, 4)[:, whole]
        power = np.zeros((bands, side, side))
        for first in range(0, blocks.shape[1], _GROUP_BLOCKS):
            some = blocks[:, first : first + _GROUP_BLOCKS]
            # Exactly zero where constant, which the rounding of a mean would spoil.
            flat = np.ptp(some, axis=(2, 3), keepdims=True) == 0.0
            some = np.where(flat, 0.0, some - some.mean(axis=(2, 3), keepdims=True))
            power += (np.abs(np.fft.fft2(some * np.outer(taper, taper))) ** 2).sum(axis=1)
        sums.append(np.stack([power[:, where].sum(axis=1) for where in rings], axis=1))
    return int(whole.sum()), sums[0], sums[1]


def _ssim_sums(f: Array, r: Array, known: Mask, own: slice, peak: float) -> tuple[int, Array]:
    """Windows without masked pixels, and (C,) sums of their SSIM.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", TIP 2004.
    """
    if min(known.shape) < 2 * HALO + 1:
        return 0, np.zeros(f.shape[0])
    counted = _owned(_windowed((~known)[None].astype(np.float64))[0] == 0.0, own, HALO)
    total = np.zeros(f.shape[0])
    for first in range(0, counted.shape[1], _GROUP_COLUMNS):
        here = counted[:, first : first + _GROUP_COLUMNS]
        columns = slice(first, first + here.shape[1] + 2 * HALO)
        total += ssim_of_windows(f[:, :, columns], r[:, :, columns], peak).sum(axis=(1, 2), where=here)
    return int(counted.sum()), total


def ssim_of_windows(f: Array, r: Array, peak: float) -> Array:
    """SSIM of every 11 x 11 window of (C, h, w): ``2 * HALO`` rows and columns fewer.

    Args:
        peak: data range.
    """
    mean_f, mean_r = _windowed(f), _windowed(r)
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    product = mean_f * mean_r
    power = mean_f**2 + mean_r**2
    covariance = _windowed(f * r) - product
    spread = _windowed(f * f) + _windowed(r * r) - power
    index: Array = (2 * product + c1) * (2 * covariance + c2) / ((power + c1) * (spread + c2))
    return index


def _windowed(image: Array) -> Array:
    """Gaussian mean over 11 x 11 px, where the window fits."""
    offset = np.arange(-HALO, HALO + 1)
    weight = np.exp(-0.5 * (offset / _SSIM_SIGMA) ** 2)
    weight /= weight.sum()
    rows, columns = image.shape[1] - 2 * HALO, image.shape[2] - 2 * HALO
    down = sum(w * image[:, k : k + rows] for k, w in enumerate(weight))
    mean: Array = np.asarray(sum(w * np.asarray(down)[:, :, k : k + columns] for k, w in enumerate(weight)))
    return mean
