"""The metrics of an evaluation by the names that reports use: unit, best value, against what, meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

AS_RELEASED = "_as_released"
"""Ends the names of metrics that follow the released code of SALAD-Pan instead of the definition."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a report.

    Attributes:
        name: as JSON has it.
        best: the value of a perfect image; None where less is not better below a bound.
        unit: empty for ratios.
        against: what the image is compared with.
        meaning: what it says, in one line.
        at_most: bound of what good images have; None where there is none.
    """

    name: str
    best: float | None
    unit: str
    against: str
    meaning: str
    at_most: float | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: None for a best value that is infinite."""
        best = self.best if self.best is not None and math.isfinite(self.best) else None
        return {"best": best, "unit": self.unit, "against": self.against, "at_most": self.at_most}

    @property
    def direction(self) -> str:
        """Which way is better, and what a perfect image has, or a good one; for tables that people read."""
        if self.at_most is not None:
            return f"↓ at most {self.at_most:g}"
        if self.best is None or not math.isfinite(self.best):
            return "↑"
        return f"↑ {self.best:g}" if self.best else "↓ 0"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                "Q2n",
                1.0,
                "",
                "reference",
                "likeness of all bands at once: correlation, mean and contrast on blocks of 32 px",
            ),
            Metric("SAM", 0.0, "degrees", "reference", "mean angle between the spectra of a pixel"),
            Metric(
                "ERGAS",
                0.0,
                "",
                "reference",
                "error of the bands relative to their means, scaled by the ratio of the pixels",
            ),
            Metric("SCC", 1.0, "", "reference", "correlation of edges (Sobel magnitudes) over all bands"),
            Metric("PSNR", float("inf"), "dB", "reference", "peak signal over error, mean of the bands"),
            Metric("SSIM", 1.0, "", "reference", "likeness of structure in windows of 11 px, mean of the bands"),
            Metric(
                "gradient_error",
                0.0,
                "",
                "reference",
                "differences of gradients over the reference's; 1 is a constant image",
            ),
            Metric(
                "spectrum_error",
                0.0,
                "dB",
                "reference",
                "distance of the power spectra, so that blur and invented detail both count",
            ),
            Metric("Y_PSNR", float("inf"), "dB", "reference", "peak signal over error of the luma"),
            Metric("Y_SSIM", 1.0, "", "reference", "likeness of structure of the luma"),
            Metric(
                "SSIMULACRA2",
                100.0,
                "",
                "reference",
                "likeness of structure and edges as people judge photographs; at 90 nobody tells two apart",
            ),
            Metric("D_lambda", 0.0, "", "MS", "spectral distortion after Khan, seen with MS pixels"),
            Metric("D_s", 0.0, "", "PAN", "spatial distortion: how the likeness with PAN changes from coarse to fine"),
            Metric("HQNR", 1.0, "", "PAN, MS", "(1 - D_lambda)(1 - D_s)"),
            Metric(
                "D_lambda_QNR",
                0.0,
                "",
                "MS",
                "spectral distortion of old: how the likeness of bands with each other changes",
            ),
            Metric("QNR", 1.0, "", "PAN, MS", "(1 - D_lambda_QNR)(1 - D_s)"),
            Metric("D_lambda_area", 0.0, "", "MS", "spectral distortion at the true centres of the MS pixels"),
            Metric("consistency_area", 0.0, "share of mean", "MS", "distance from MS as area means, the worst band"),
            Metric(
                "consistency_mtf",
                0.0,
                "share of mean",
                "MS",
                "distance from MS through the sensor's MTF, the worst band",
            ),
            Metric("bias", 0.0, "share of mean", "MS", "largest change of a band's mean", 0.005),
            Metric(
                "undershoot",
                None,
                "deviations",
                "PAN, MS",
                "dark rings: what lies below all MS pixels around, beyond what PAN says",
                0.05,
            ),
            Metric(
                "overshoot",
                None,
                "deviations",
                "PAN, MS",
                "bright rings: what lies above all MS pixels around, beyond what PAN says",
                0.06,
            ),
            Metric("PAN_detail", 1.0, "", "PAN", "correlation of the finest detail with that of PAN, the lowest band"),
            Metric(
                "lattice",
                None,
                "",
                "its spectrum",
                "how far a pattern of the input's pixels stands out of the spectrum",
                1.2,
            ),
            Metric("mIoU", 1.0, "", "labels", "shared area over joint area of each class, mean of the classes"),
            Metric("accuracy", 1.0, "", "labels", "share of the labelled pixels whose class is right"),
            Metric("macro_F1", 1.0, "", "labels", "harmonic mean of precision and recall, mean of the classes"),
        )
    }
)
"""Every metric that needs no files of weights, in the order of reports."""
