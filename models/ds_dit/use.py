"""How either transformer is used on scenes: scale, steps and guidance, checked; and LR at the size of the result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ...engine.contract import Runtime
from ...engine.errors import ModelError
from .flow import SOLVERS, Solver

SCALES = (2, 16)
"""Least and largest scale."""
GUIDANCE = (1.0, 2.0)
"""Least and largest guidance; the least is none."""


def checked_scale(value: object) -> int:
    """A scale that a model can have.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or not SCALES[0] <= value <= SCALES[1]:
        raise ValueError(f"scale is a whole number from {SCALES[0]} to {SCALES[1]}, not {value!r}")
    return value


def checked_solver(value: object) -> Solver:
    """How a model can take its steps.

    Raises:
        ValueError: it is none.
    """
    for solver in SOLVERS:
        if value == solver:
            return solver
    raise ValueError(f"solver is one of {', '.join(SOLVERS)}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Use:
    """Of a loaded model.

    Attributes:
        scale: px of the result per px of LR.
        steps: network evaluations a tile, without those of the weak pass.
        guidance: above 1 away from what the network says without the reference, at twice the cost.
        solver: how steps are taken, see ``flow``.
    """

    scale: int
    steps: int
    guidance: float
    solver: Solver

    @classmethod
    def of(cls, scale: int, solver: Solver, runtime: Runtime, *, steps: int, most: int) -> Use:
        """As the user asks, or as the model does by default.

        Args:
            steps, most: by default, and at most.

        Raises:
            ModelError: steps or guidance are out of range.
        """
        steps = steps if runtime.steps is None else runtime.steps
        if not 1 <= steps <= most:
            raise ModelError(f"{steps} steps are out of range", where="--steps", fix=f"pass 1 to {most}")
        least, largest = GUIDANCE
        guidance = least if runtime.guidance is None else runtime.guidance
        if not least <= guidance <= largest:
            raise ModelError(
                f"a guidance of {guidance:g} is out of range", where="--guidance", fix=f"pass {least:g} to {largest:g}"
            )
        return cls(scale, steps, guidance, solver)

    def upsampled(self, image: torch.Tensor) -> torch.Tensor:
        """LR (B, C, h, w) at the size of the result: bicubic interpolation at pixel centres, a = -0.75."""
        return F.interpolate(image, scale_factor=float(self.scale), mode="bicubic", align_corners=False)
