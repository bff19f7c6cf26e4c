"""Metrics as the released code of SALAD-Pan (arXiv 2602.04473) computes them: to compare with its numbers, not to rank.

Where they depart from the definitions that the field uses (``reduced`` and ``full``):

* ERGAS divides by the mean of the *prediction*, and its ratio is always 4.
* Q4 and Q8 are taken once over the whole image, not in blocks of 32 x 32, without bringing bands to one scale, and
  without rounding.
* SCC filters along the *band* axis: a Sobel filter meant for rows and columns is given (rows, columns, bands) and acts
  on the last axis, with zeros outside the image and beyond the first and last band.
* PSNR is that of all bands together, and SSIM takes the window of every pixel, with zeros outside the image.
* D_lambda and D_s use Wang and Bovik's Q of whole images; PAN is degraded by two steps of a 5 x 5 binomial pyramid.
* HQNR uses that inter-band D_lambda of QNR, not Khan's.

SAM is the usual one.  All of it is computed on whole images in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..errors import FlatImageWarning, RequestError
from .detail import HALO, ssim_of_windows
from .full import universal_q
from .metrics import AS_RELEASED

Array = NDArray[np.float64]

_RATIO = 4
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@dataclass(frozen=True, slots=True)
class ReleasedReduced:
    """Against a reference.

    Attributes:
        sam: degrees.
        ergas: relative to the prediction.
        q2n: Q4 or Q8 of the whole image; None unless there are four or eight bands.
        scc: mean over bands of the correlation of differences between neighbouring bands.
        psnr: dB, infinite for equal images; None without a peak.
        ssim: mean over pixels and bands; None without a peak.
    """

    sam: float
    ergas: float
    q2n: float | None
    scc: float
    psnr: float | None
    ssim: float | None

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use; what was not measured is left out."""
        named = {"Q2n": self.q2n, "SAM": self.sam, "ERGAS": self.ergas, "SCC": self.scc}
        return _as_released(named | {"PSNR": self.psnr, "SSIM": self.ssim})


@dataclass(frozen=True, slots=True)
class ReleasedFull:
    """Without a reference: ``d_lambda`` (inter-band), ``d_s``, and ``hqnr`` = (1 - d_lambda)(1 - d_s)."""

    d_lambda: float
    d_s: float
    hqnr: float

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use."""
        return _as_released({"D_lambda": self.d_lambda, "D_s": self.d_s, "HQNR": self.hqnr})


def _as_released(named: Mapping[str, float | None]) -> dict[str, float]:
    return {name + AS_RELEASED: value for name, value in named.items() if value is not None}


def released_reduced(
    fused: NDArray[np.generic], reference: NDArray[np.generic], peak: float | None = None
) -> ReleasedReduced:
    """The released reduced-resolution metrics.

    Args:
        fused, reference: (C, h, w), one shape, one scale.
        peak: the brightest value that there can be; None leaves PSNR and SSIM out.

    Raises:
        RequestError: the shapes differ, or a value is not finite.

    Warns:
        FlatImageWarning: a band of the prediction has mean zero (ERGAS is infinite), or differences between bands are
            constant (their correlation counts as 0).
    """
    f, r = _checked(fused), _checked(reference)
    if f.shape != r.shape:
        raise RequestError(f"the image {f.shape} and its reference {r.shape} must be one (C, h, w)")
    norm = np.sqrt((f**2).sum(axis=0) * (r**2).sum(axis=0))
    some = norm > 0.0
    angles = np.arccos(np.clip((f * r).sum(axis=0)[some] / norm[some], -1.0, 1.0))
    return ReleasedReduced(
        sam=float(np.degrees(angles.mean())) if angles.size else 0.0,
        ergas=_ergas(f, r),
        q2n=_global_q2n(r, f) if f.shape[0] in (4, 8) else None,
        scc=_band_axis_scc(f, r),
        psnr=None if peak is None else _psnr(f, r, peak),
        ssim=None if peak is None else _padded_ssim(f, r, peak),
    )


def released_full(fused: NDArray[np.generic], pan: NDArray[np.generic], ms: NDArray[np.generic]) -> ReleasedFull:
    """The released full-resolution metrics.

    Args:
        fused: (C, H, W).
        pan: (1, H, W).
        ms: (C, H / 4, W / 4), rounded up.

    Raises:
        RequestError: the shapes do not fit, or a value is not finite.
    """
    f, p, m = _checked(fused), _checked(pan), _checked(ms)
    low = _pyramid_down(_pyramid_down(p))
    if p.shape != (1, *f.shape[1:]) or m.shape[0] != f.shape[0] or low.shape[1:] != m.shape[1:]:
        raise RequestError(
            f"the fused image {f.shape}, PAN {p.shape} and MS {m.shape} do not fit",
            where="--ratio",
            fix=f"as released, PAN has {_RATIO} times as many pixels along each axis as MS",
        )
    pairs = list(combinations(range(len(f)), 2))
    between = [abs(_whole_q(f[i], f[j]) - _whole_q(m[i], m[j])) for i, j in pairs]
    d_lambda = float(np.mean(between)) if between else 0.0
    d_s = float(np.mean([abs(_whole_q(a, p[0]) - _whole_q(b, low[0])) for a, b in zip(f, m, strict=True)]))
    return ReleasedFull(d_lambda, d_s, (1.0 - d_lambda) * (1.0 - d_s))


def _checked(image: NDArray[np.generic]) -> Array:
    if image.ndim != 3 or 0 in image.shape:
        raise RequestError(f"an image of shape {image.shape} is not (bands, rows, columns)")
    values = image.astype(np.float64)
    if not np.isfinite(values).all():
        raise RequestError("the image holds values that are not finite", fix="score a part without masked pixels")
    return values


def _ergas(f: Array, r: Array) -> float:
    mean = f.mean(axis=(1, 2))
    mse = ((f - r) ** 2).mean(axis=(1, 2))
    if ((mean == 0.0) & (mse > 0.0)).any():
        warnings.warn(FlatImageWarning("a band of the prediction has mean zero; ERGAS is infinite"), stacklevel=3)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(mse == 0.0, 0.0, mse / mean**2)
    return float(100.0 / _RATIO * np.sqrt(relative.mean()))


def _whole_q(x: Array, y: Array) -> float:
    return float(universal_q(x.ravel(), y.ravel()))


def _global_q2n(x: Array, y: Array) -> float:
    """Alparone et al., "A global quality measurement of pan-sharpened multispectral imagery", GRSL 2004, one block."""
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    mean_x, mean_y = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    power_x, power_y = (mean_x**2).sum(), (mean_y**2).sum()
    spread = ((x - mean_x) ** 2).sum(axis=0).mean() + ((y - mean_y) ** 2).sum(axis=0).mean()
    covariance = float(np.sqrt((_times(x - mean_x, _conjugate(y - mean_y)).mean(axis=1) ** 2).sum()))
    contrast = 2.0 * covariance / spread if spread > 0.0 else 1.0
    power = float(power_x + power_y)
    luminance = 2.0 * float(np.sqrt(power_x * power_y)) / power if power > 0.0 else 1.0
    return float(contrast * luminance)


def _times(x: Array, y: Array) -> Array:
    """Cayley-Dickson product along axis 0: (a, b)(c, d) = (ac - d*b, da + bc*)."""
    if len(x) == 1:
        return x * y
    half = len(x) // 2
    a, b, c, d = x[:half], x[half:], y[:half], y[half:]
    return np.concatenate(
        [_times(a, c) - _times(_conjugate(d), b), _times(d, a) + _times(b, _conjugate(c))],
    )


def _conjugate(x: Array) -> Array:
    return np.concatenate([x[:1], -x[1:]])


def _band_axis_scc(f: Array, r: Array) -> float:
    """Mean Pearson correlation of Sobel responses along the band axis."""
    values = []
    for x, y in zip(_band_sobel(f), _band_sobel(r), strict=True):
        x, y = x - x.mean(), y - y.mean()
        norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
        values.append(float((x * y).sum()) / norm if norm > 0.0 else 0.0)
    if 0.0 in values:
        warnings.warn(FlatImageWarning("differences between bands are constant; their SCC counts as 0"), stacklevel=3)
    return float(np.mean(values))


def _band_sobel(image: Array) -> Array:
    bands = np.pad(image, 1)
    slope = bands[2:] - bands[:-2]
    slope = slope[:, :-2] + 2.0 * slope[:, 1:-1] + slope[:, 2:]
    smooth: Array = slope[:, :, :-2] + 2.0 * slope[:, :, 1:-1] + slope[:, :, 2:]
    return smooth


def _psnr(f: Array, r: Array, peak: float) -> float:
    mse = float(((f - r) ** 2).mean())
    return float(10.0 * np.log10(peak**2 / mse)) if mse > 0.0 else float("inf")


def _padded_ssim(f: Array, r: Array, peak: float) -> float:
    rim = ((0, 0), (HALO, HALO), (HALO, HALO))
    # Band by band, as all that it is computed with is as large as the image.
    bands = (ssim_of_windows(np.pad(f[k : k + 1], rim), np.pad(r[k : k + 1], rim), peak) for k in range(len(f)))
    return float(np.mean([band.mean() for band in bands]))


def _pyramid_down(image: Array) -> Array:
    """Every second pixel of the 5 x 5 binomial mean, mirrored about the rim's pixels."""
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (2, 2)
        # One px has nothing to mirror: it stands for all.
        padded = np.pad(image, pad, mode="reflect" if image.shape[axis] > 1 else "edge")
        length = image.shape[axis]
        image = np.asarray(
            sum(w * np.take(padded, range(k, k + length, 2), axis=axis) for k, w in enumerate(_BINOMIAL))
        )
    return image
