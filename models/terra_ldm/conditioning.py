"""What is known of a band: where it looks, how large its pixels are, what kind of values it holds.

Takes the place of the published systems' text prompt (sensor, band and resolution in words).  Everything may be
unknown; unknown is a condition of its own, learned by leaving things out in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch

Kind = Literal["unknown", "reflectance", "photo"]
"""Values proportional to reflectance or radiance, or stretched for the eye (8-bit products, cameras)."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Band:
    """One band.

    Attributes:
        wavelength: centre, micrometres; None if unknown.
        gsd: ground size of a pixel, m; None if unknown.
        kind: of its values.
    """

    wavelength: float | None = None
    gsd: float | None = None
    kind: Kind = "unknown"


@dataclass(frozen=True, slots=True)
class Conditioning:
    """The bands of a batch as tensors.

    Attributes:
        wavelength: (N,) micrometres, NaN where unknown.
        gsd: (N,) m, NaN where unknown.
        kind: (N,) index into ``KINDS``, 0 where unknown.
    """

    wavelength: torch.Tensor
    gsd: torch.Tensor
    kind: torch.Tensor

    @classmethod
    def of(cls, bands: Sequence[Band], device: torch.device | str = "cpu") -> Conditioning:
        """From bands, one an image of the batch."""
        wavelength = torch.tensor([math.nan if b.wavelength is None else b.wavelength for b in bands], device=device)
        gsd = torch.tensor([math.nan if b.gsd is None else b.gsd for b in bands], device=device)
        kind = torch.tensor([KINDS.index(b.kind) for b in bands], dtype=torch.long, device=device)
        return cls(wavelength, gsd, kind)

    def unknown(self) -> Conditioning:
        """The same batch with nothing known."""
        nothing = torch.full_like(self.gsd, math.nan)
        return Conditioning(nothing, nothing, torch.zeros_like(self.kind))

    def forget(self, share: float, generator: torch.Generator) -> Conditioning:
        """Leave out each entry with a probability, and all three of an image with the same probability again.

        Args:
            share: of entries to leave out, 0..1.
            generator: on the CPU.
        """
        draw = torch.rand(4, len(self.kind), generator=generator).to(self.kind.device)
        lost = (draw[:3] < share) | (draw[3] < share)
        return Conditioning(
            self.wavelength.masked_fill(lost[0], math.nan),
            self.gsd.masked_fill(lost[1], math.nan),
            self.kind.masked_fill(lost[2], 0),
        )
