"""Classical pan-sharpening: component substitution (Brovey, GSA) and MTF-matched pyramids (GLP-FS, GLP-HPM).

Definitions follow the toolbox of Vivone et al. (GRSM 2021), with statistics of the whole scene, so that tiles agree.
MS arrives on the PAN grid, sampled with Lanczos: cubic loses about 0.01 in Q2n at ratio 4.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.contract import InputSpec, ModelSpec, Runtime, TileModel, Where
from ...engine.errors import NoRatioWarning
from ...engine.facts import UNMEASURED
from ...engine.optics.mtf import filter_bands, filter_gain
from .lowpass import MTF_HALF, PYRAMID_HALF, mtf_lowpass, pyramid_lowpass
from .moments import Moments, gram, least_squares, nonnegative_least_squares, ratio_or_zero

Array = NDArray[np.float64]
Method = Literal["brovey", "brovey-weighted", "gsa", "mtf-glp-fs", "mtf-glp-hpm"]
METHODS: tuple[Method, ...] = ("brovey", "brovey-weighted", "gsa", "mtf-glp-fs", "mtf-glp-hpm")

_VERSION = "2"
_PAN, _LOW, _PYRAMID, _MS = 0, 1, 2, 3  # planes of the moments; MS bands from _MS on
_NO_RATIO = 0.1  # of the valid pixels of a block: more than noise over water, negative as it may be
_DARK = 0.01  # of the mean intensity: below it a ratio says nothing and Brovey leaves MS alone


@dataclass(frozen=True, slots=True)
class Classical:
    """Source of the classical pan-sharpening models.

    Attributes:
        name: the method.
        gain_limit: greatest modulation gain of ``mtf-glp-hpm``: gains lie in 0..limit, and are 1 where the low-pass
            PAN is not positive.  None divides by whatever is there, as the toolbox does, and explodes near zero.
    """

    name: Method
    gain_limit: float | None = 3.0

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs; the margin is the low-pass filter's half side."""
        # Statistics need the rim that a filter looks beyond, and Brovey filters nothing.
        margin = {"brovey": 0, "gsa": MTF_HALF, "brovey-weighted": MTF_HALF}.get(self.name, PYRAMID_HALF)
        return ModelSpec(
            name=self.name,
            version=_VERSION,
            task="pansharpen",
            inputs=(InputSpec(name="pan", bands=1), InputSpec(name="ms", kernel="lanczos")),
            main="ms",
            margin=margin,
            exact=True,
            needs_statistics=True,
        )

    @property
    def identity(self) -> str:
        """Name and version, and the gain limit where there is one."""
        limit = f" limit {self.gain_limit}" if self.name == "mtf-glp-hpm" else ""
        return f"{self.name}@{_VERSION}{limit}"

    def load(self, runtime: Runtime) -> TileModel:  # noqa: ARG002
        """Nothing to load; every method computes in float32."""
        match self.name:
            case "brovey":
                return Brovey()
            case "brovey-weighted":
                return WeightedBrovey()
            case "gsa":
                return Gsa()
            case "mtf-glp-fs":
                return GlpFs()
            case "mtf-glp-hpm":
                return GlpHpm(self.gain_limit)


class _Measuring:
    """Measures PAN, the low-passes of it that a method uses, and the MS bands.

    Attributes:
        uses: planes of the moments among ``_LOW`` and ``_PYRAMID``; those of the others are 0.
    """

    uses: frozenset[int] = frozenset()

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> Array:
        """Gram matrix of (PAN, MTF low-pass PAN, pyramid low-pass PAN, MS bands), see ``moments.gram``."""
        pan, ms = batch["pan"], batch["ms"]
        none = torch.zeros_like(pan)
        low = _filtered(pan, mtf_lowpass(_gain(where), _ratio(where))) if _LOW in self.uses else none
        pyramid = _pyramid(pan, where) if _PYRAMID in self.uses else none
        return gram(torch.cat([pan, low, pyramid, ms], dim=1)[0], valid[0, 0])


class _Ratios(_Measuring):
    """Measures for a method of ratios, which say nothing of values below 0."""

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> Array:
        """As ``_Measuring`` has it.

        Warns:
            NoRatioWarning: many MS values are negative.
        """
        negative = (batch["ms"].amin(dim=1, keepdim=True) < 0) & valid
        if int(negative.sum()) > _NO_RATIO * int(valid.sum()):
            text = "ms: many values are below 0, where ratios say nothing, so they are not sharpened; use --model gsa"
            warnings.warn(NoRatioWarning(text), stacklevel=2)
        return super().measure(batch, valid, where)


class Brovey(_Ratios):
    """Equal weights; PAN brought to the mean and deviation of the intensity (Gillespie et al., RSE 1987)."""

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse; (B, bands, h, w)."""
        moments = Moments.of(where.statistics)
        ms = batch["ms"]
        equal = np.full(ms.shape[1], 1.0 / ms.shape[1])
        mean, deviation = _intensity(moments, equal)
        gain = float(ratio_or_zero(deviation, float(moments.deviation[_PAN])))
        matched = (batch["pan"] - float(moments.mean[_PAN])) * gain + mean
        return ms * _quotient(matched, ms.mean(dim=1, keepdim=True), _DARK * mean)


class WeightedBrovey(_Ratios):
    """Weights that make the intensity from MS the low-pass PAN, none of them negative."""

    uses = frozenset({_LOW})

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse; (B, bands, h, w)."""
        moments = Moments.of(where.statistics)
        weights = nonnegative_least_squares(moments.second[_MS:, _MS:], moments.second[_MS:, _LOW])
        mean, _ = _intensity(moments, weights)
        intensity = (batch["ms"] * _column(weights, batch["ms"])).sum(dim=1, keepdim=True)
        return batch["ms"] * _quotient(batch["pan"], intensity, _DARK * mean)


class Gsa(_Measuring):
    """Gram-Schmidt adaptive (Aiazzi, Baronti and Selva, TGRS 2007, eqs. 9 to 12)."""

    uses = frozenset({_LOW})

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse; (B, bands, h, w)."""
        moments = Moments.of(where.statistics)
        covariance, ms = moments.covariance[_MS:, _MS:], batch["ms"]
        weights = least_squares(covariance, moments.covariance[_MS:, _LOW])
        gains = ratio_or_zero(covariance @ weights, float(weights @ covariance @ weights))
        offset = float(weights @ moments.mean[_MS:] - moments.mean[_PAN])
        detail = batch["pan"] - (ms * _column(weights, ms)).sum(dim=1, keepdim=True) + offset
        return ms + _column(gains, ms) * detail


class GlpFs(_Measuring):
    """MTF-GLP with full-scale regression gains (Vivone, Restaino and Chanussot, TIP 2018)."""

    uses = frozenset({_PYRAMID})

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse; (B, bands, h, w)."""
        covariance, pan = Moments.of(where.statistics).covariance, batch["pan"]
        gains = ratio_or_zero(covariance[_MS:, _PAN], float(covariance[_PYRAMID, _PAN]))
        return batch["ms"] + _column(gains, pan) * (pan - _pyramid(pan, where))


class GlpHpm(_Ratios):
    """MTF-GLP with high-pass modulation (Vivone et al., "Contrast and error-based fusion schemes", GRSL 2014).

    Args:
        limit: see ``Classical.gain_limit``.
    """

    uses = frozenset({_LOW})

    def __init__(self, limit: float | None) -> None:
        self._limit = limit

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse; (B, bands, h, w)."""
        moments, pan, ms = Moments.of(where.statistics), batch["pan"], batch["ms"]
        scale = _column(ratio_or_zero(moments.deviation[_MS:], float(moments.deviation[_LOW])), ms)
        mean, centre = _column(moments.mean[_MS:], ms), float(moments.mean[_PAN])
        matched = (pan - centre) * scale + mean
        low = (_pyramid(pan, where) - centre) * scale + mean
        if self._limit is None:
            return ms * (matched / (low + torch.finfo(torch.float64).eps))
        return ms * _quotient(matched, low, 0.0).clamp(0.0, self._limit)


def _intensity(moments: Moments, weights: Array) -> tuple[float, float]:
    """Mean and standard deviation of a weighted sum of the MS bands."""
    variance = float(weights @ moments.covariance[_MS:, _MS:] @ weights)
    return float(weights @ moments.mean[_MS:]), max(variance, 0.0) ** 0.5


def _quotient(top: torch.Tensor, bottom: torch.Tensor, floor: float) -> torch.Tensor:
    """``top / bottom``, and 1 where ``bottom`` is not above the floor or not positive."""
    usable = bottom > max(floor, 0.0)
    return torch.where(usable, top / torch.where(usable, bottom, 1.0), 1.0)


def _column(values: Array, like: torch.Tensor) -> torch.Tensor:
    """One value a band, (1, bands, 1, 1)."""
    return torch.from_numpy(values).to(like)[None, :, None, None]


def _pyramid(pan: torch.Tensor, where: Where) -> torch.Tensor:
    return _filtered(pan, pyramid_lowpass(_gain(where), _ratio(where)))


def _filtered(pan: torch.Tensor, kernel: Array) -> torch.Tensor:
    return filter_bands(pan, torch.tensor(kernel)[None])


def _gain(where: Where) -> float:
    """That the low-pass filters are asked for: the response that was measured, or its sensor's."""
    return filter_gain((where.response or UNMEASURED).gain)


def _ratio(where: Where) -> tuple[float, float]:
    """PAN px per MS px along (row, column), to 1e-9, so that kernels are found again in their cache."""
    down, across = where.ratio["ms"]
    return round(down, 9), round(across, 9)
