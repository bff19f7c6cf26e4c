"""NIQE: how far the statistics of an image's blocks lie from those of sharp images.

Mittal, Soundararajan and Bovik, "Making a completely blind image quality analyzer", SPL 2013.  The order of the 36
features is that of the authors' program, so that model parameters published for it can be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import RequestError
from ...ground.resample import KERNELS
from .moments import Absent, Measure, Moments, Observed

Array = NDArray[np.float64]

BLOCK = 96
"""Rows and columns of a block, px; half of it on the second scale."""
FEATURES = 36

_SHARP = 0.75
_RADIUS, _SIGMA = 3, 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_LUMA = np.array([0.299, 0.587, 0.114])
# Shapes that are tried; below, for each, (mean of |x|)^2 / mean of x^2 (Lasmar, Stitou and Berthoumieu, ICIP 2009).
_SHAPES = np.linspace(0.2, 10.0, 9801)


def _log_gamma(values: Array) -> Array:
    logarithm: Array = torch.special.gammaln(torch.from_numpy(values)).numpy()
    return logarithm


_RATIOS = np.exp(2 * _log_gamma(2 / _SHAPES) - _log_gamma(1 / _SHAPES) - _log_gamma(3 / _SHAPES))


@dataclass(frozen=True, slots=True, eq=False)
class Pristine:
    """What sharp images look like: ``mean`` (36,) and ``covariance`` (36, 36) of the features of their blocks."""

    mean: Array
    covariance: Array


def fit_pristine(images: Iterable[NDArray[np.generic]], *, peak: float) -> Pristine:
    """Fit the model of sharp images to own imagery.

    Of each image only the blocks count that have more than 0.75 of the local contrast of its sharpest one.

    Args:
        images: (3, h, w) red, green, blue, or (1, h, w); without masked pixels, 96 px or more.
        peak: value that is white.

    Raises:
        RequestError: fewer blocks than features, so that there is no covariance to speak of.
    """
    kept = []
    for image in images:
        scaled = np.clip(np.asarray(image, np.float64) / peak, 0.0, 1.0)
        features, contrast = block_features(_luma(np.broadcast_to(scaled, (3, *scaled.shape[1:]))))
        kept.append(features[contrast > _SHARP * contrast.max(initial=0.0)])
    rows = np.concatenate([np.zeros((0, FEATURES)), *kept])
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) <= FEATURES:
        raise RequestError(
            f"{len(rows)} sharp blocks of {BLOCK} px are too few to fit {FEATURES} features", fix="give more images"
        )
    moments = Moments.of(rows)
    return Pristine(moments.mean, moments.covariance)


def save_pristine(model: Pristine, path: Path) -> None:
    """Write the model as safetensors with the keys ``mu`` and ``cov``, as ``niqe.safetensors`` is read."""
    tensors = {"mu": torch.from_numpy(model.mean), "cov": torch.from_numpy(model.covariance)}
    import_module("safetensors.torch").save_file(tensors, path)


def niqe(pristine: Pristine) -> Measure:
    """Distance from the model of sharp images (equation 10), on luma of 0..255; without a reference."""

    def observe(fused: torch.Tensor) -> Observed:
        rows = np.concatenate([block_features(_luma(image.double().numpy()))[0] for image in fused])
        return (Moments.of(rows[np.isfinite(rows).all(axis=1)]),)

    def conclude(seen: Observed) -> float | Absent:
        if seen[0].count < 2:
            return Absent(f"needs two blocks of {BLOCK} px that are not flat")
        apart = pristine.mean - seen[0].mean
        spread = np.linalg.pinv((pristine.covariance + seen[0].covariance) / 2, hermitian=True)
        return float(np.sqrt(max(0.0, float(apart @ spread @ apart))))

    return Measure(observe, conclude)


def block_features(luma: Array) -> tuple[Array, Array]:
    """Features of each whole block of an image, and its local contrast.

    Args:
        luma: (h, w) in 0..255; what does not fill a block at the end is left out.

    Returns:
        (blocks, 36) features, NaN where a block is flat, and (blocks,) mean local standard deviation.
    """
    down, across = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    if not down * across:
        return np.zeros((0, FEATURES)), np.zeros(0)
    image, columns, contrast = luma[: down * BLOCK, : across * BLOCK], [], np.zeros(0)
    for side in (BLOCK, BLOCK // 2):
        mean = _local_mean(image)
        deviation = np.sqrt(np.abs(_local_mean(image**2) - mean**2))
        normalised = _blocks((image - mean) / (deviation + 1.0), side)
        columns.append(_statistics(normalised))
        if side == BLOCK:
            contrast = _blocks(deviation, side).mean(axis=(1, 2))
            image = _halved(_halved(image).T).T
    return np.concatenate(columns, axis=1), contrast


def asymmetric_fit(values: Array) -> tuple[Array, Array, Array]:
    """Fit an asymmetric generalised Gaussian to each row of (n, pixels) by its moments.

    Returns:
        (n,) shape, left scale and right scale; NaN for a row of zeros, or without values on one side of zero.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left, right = (
            np.sqrt((values**2).sum(axis=1, where=side) / side.sum(axis=1)) for side in (values < 0, values > 0)
        )
        skew = left / right
        peaked = np.abs(values).mean(axis=1) ** 2 / (values**2).mean(axis=1)
        ratio = peaked * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = _SHAPES[np.abs(_RATIOS - ratio[:, None]).argmin(axis=1)]
    scale = np.exp((_log_gamma(1 / shape) - _log_gamma(3 / shape)) / 2)
    return np.where(np.isfinite(ratio), shape, np.nan), left * scale, right * scale


def _statistics(blocks: Array) -> Array:
    """(n, 18) features of one scale, from (n, side, side) normalised blocks (section II.B)."""
    shape, left, right = asymmetric_fit(blocks.reshape(len(blocks), -1))
    columns = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        products = blocks * np.roll(blocks, shift, axis=(1, 2))
        shape, left, right = asymmetric_fit(products.reshape(len(blocks), -1))
        mean = (right - left) * np.exp(_log_gamma(2 / shape) - _log_gamma(1 / shape))
        columns += [shape, mean, left, right]
    return np.stack(columns, axis=1)


def _luma(image: Array) -> Array:
    """(3, h, w) in 0..1 to (h, w) in 0..255."""
    weighted: Array = 255.0 * np.tensordot(_LUMA, image, axes=1)
    return weighted


def _blocks(image: Array, side: int) -> Array:
    """(h, w) as (n, side, side)."""
    down, across = image.shape[0] // side, image.shape[1] // side
    return image.reshape(down, side, across, side).transpose(0, 2, 1, 3).reshape(-1, side, side)


def _local_mean(image: Array) -> Array:
    """Gaussian mean over 7 x 7 px, the rim repeated outwards."""
    offset = np.arange(-_RADIUS, _RADIUS + 1)
    weight = np.exp(-0.5 * (offset / _SIGMA) ** 2)
    weight /= weight.sum()
    rows, columns = image.shape
    padded = np.pad(image, _RADIUS, mode="edge")
    down = sum(w * padded[k : k + rows] for k, w in enumerate(weight))
    mean: Array = np.asarray(sum(w * np.asarray(down)[:, k : k + columns] for k, w in enumerate(weight)))
    return mean


def _halved(image: Array) -> Array:
    """Half the rows by antialiased cubic convolution, the rim mirrored."""
    offset = (np.arange(8) - 3.5) / 2
    weight = KERNELS["cubic"][0](offset)
    weight /= weight.sum()
    padded = np.pad(image, ((4, 4), (0, 0)), mode="symmetric")
    half: Array = np.asarray(sum(w * padded[k + 1 : k + 1 + len(image) : 2] for k, w in enumerate(weight)))
    return half
