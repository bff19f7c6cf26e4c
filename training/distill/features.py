"""Distillation of feature maps: point by point after a small convolution, and as distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ...engine.errors import RequestError
from .mmd import mmd_squared, sample_vectors

MMD_WEIGHT = 0.1
"""Of the discrepancy beside the squared error (section 3.4)."""

SAMPLES = 512
"""Positions of a batch whose vectors are compared as distributions."""


class Distance(NamedTuple):
    """Means over layers.

    Attributes:
        squares: a scalar, mean squared error of the adapted maps (equation 17, the norm taken as a mean over elements).
        mmd: a scalar, squared maximum mean discrepancy (equation 18).
    """

    squares: torch.Tensor
    mmd: torch.Tensor

    def loss(self, weight: float = MMD_WEIGHT) -> torch.Tensor:
        """Their sum, the discrepancy with a weight (equation 19)."""
        return self.squares + weight * self.mmd


class FeatureDistillation(nn.Module):
    """One convolution a layer from the student's channels to the teacher's, and the distances after it.

    Where a layer has another resolution on the two sides, the finer map is averaged down to the coarser one.

    Args:
        student, teacher: channels of the layers by name; both have the same names.
        samples: positions for the discrepancy.
        kernel: side of the convolutions, odd.

    Raises:
        RequestError: names differ.
    """

    def __init__(
        self, student: Mapping[str, int], teacher: Mapping[str, int], samples: int = SAMPLES, kernel: int = 1
    ) -> None:
        super().__init__()
        if not student or student.keys() != teacher.keys():
            raise RequestError(
                f"student and teacher have other layers: {', '.join(student)} and {', '.join(teacher)}",
                where="distillation",
                fix="name the pairs alike",
            )
        self.samples = samples
        self.adapters = nn.ModuleDict(
            {name: nn.Conv2d(student[name], teacher[name], kernel, padding=kernel // 2) for name in student}
        )

    def forward(
        self, student: Mapping[str, torch.Tensor], teacher: Mapping[str, torch.Tensor], generator: torch.Generator
    ) -> Distance:
        """Distances between maps (N, channels, h, w) by name; no gradient reaches the teacher's.

        Args:
            student, teacher: the maps; other names than those of the layers are not looked at.
            generator: on the CPU, for the positions.
        """
        squares, discrepancies = [], []
        for name, adapter in self.adapters.items():
            found, wanted = _to_coarser(adapter(student[name]).float(), teacher[name].detach().float())
            squares.append((found - wanted).square().mean())
            discrepancies.append(mmd_squared(*sample_vectors(found, wanted, self.samples, generator)))
        return Distance(torch.stack(squares).mean(), torch.stack(discrepancies).mean())


def _to_coarser(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both maps at the smaller of their heights and widths."""
    size = min(a.shape[-2], b.shape[-2]), min(a.shape[-1], b.shape[-1])
    return F.adaptive_avg_pool2d(a, size), F.adaptive_avg_pool2d(b, size)
