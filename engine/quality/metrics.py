"""The metrics of an evaluation by the names that reports use: unit, best value, and what they compare with."""

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
        at_most: bound of what good images have; None where there is none.
    """

    name: str
    best: float | None
    unit: str
    against: str
    at_most: float | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: None for a best value that is infinite."""
        best = self.best if self.best is not None and math.isfinite(self.best) else None
        return {"best": best, "unit": self.unit, "against": self.against, "at_most": self.at_most}


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("Q2n", 1.0, "", "reference"),
            Metric("SAM", 0.0, "degrees", "reference"),
            Metric("ERGAS", 0.0, "", "reference"),
            Metric("SCC", 1.0, "", "reference"),
            Metric("PSNR", float("inf"), "dB", "reference"),
            Metric("SSIM", 1.0, "", "reference"),
            Metric("gradient_error", 0.0, "", "reference"),
            Metric("spectrum_error", 0.0, "dB", "reference"),
            Metric("Y_PSNR", float("inf"), "dB", "reference"),
            Metric("Y_SSIM", 1.0, "", "reference"),
            Metric("D_lambda", 0.0, "", "MS"),
            Metric("D_s", 0.0, "", "PAN"),
            Metric("HQNR", 1.0, "", "PAN, MS"),
            Metric("D_lambda_QNR", 0.0, "", "MS"),
            Metric("QNR", 1.0, "", "PAN, MS"),
            Metric("D_lambda_area", 0.0, "", "MS"),
            Metric("consistency_area", 0.0, "share of mean", "MS"),
            Metric("consistency_mtf", 0.0, "share of mean", "MS"),
            Metric("bias", 0.0, "share of mean", "MS", 0.005),
            Metric("undershoot", None, "deviations", "PAN, MS", 0.05),
            Metric("overshoot", None, "deviations", "PAN, MS", 0.06),
            Metric("PAN_detail", 1.0, "", "PAN"),
            Metric("lattice", None, "", "its spectrum", 1.2),
            Metric("mIoU", 1.0, "", "labels"),
            Metric("accuracy", 1.0, "", "labels"),
            Metric("macro_F1", 1.0, "", "labels"),
        )
    }
)
"""Every metric that needs no learned weights, in the order of reports."""
