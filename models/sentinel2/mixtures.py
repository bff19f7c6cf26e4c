"""For each coarse band, the mixture of fine bands that comes closest to it: its panchromatic image, so to say.

Hypersharpening by synthesised bands (Selva et al., "Hyper-sharpening: a first approach on SIM-GA data", JSTARS 2015):
weights are those by which the fine bands, seen as the coarse ones were, explain the coarse band over the scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.facts import Response
from ..classical.moments import Moments, gram
from ..salad_pan.fusion import RIDGE, low_pass

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """What the fine bands say of the coarse ones, over a scene.

    Attributes:
        weights: (C, F) of each fine band in the mixture that stands for a coarse one.
        shares: (C,) of each coarse band in its mixture.
    """

    weights: torch.Tensor
    shares: torch.Tensor

    @classmethod
    def of(cls, sums: Array, fine: int) -> Mixtures:
        """From the sums of ``products`` with so many fine bands.

        Raises:
            RunError: no pixel was counted.
        """
        covariance = Moments.of(sums).covariance
        own, across, coarse = covariance[:fine, :fine], covariance[:fine, fine:], covariance[fine:, fine:]
        ridge = RIDGE * np.trace(own) / fine + np.finfo(np.float64).tiny
        weights = np.linalg.solve(own + ridge * np.eye(fine), across).T
        explained = (weights * across.T).sum(axis=1)
        variance = np.diag(coarse) * (1.0 + RIDGE) + np.finfo(np.float64).tiny
        return cls(torch.from_numpy(weights).float(), torch.from_numpy(explained / variance).float())

    def images(self, fine: torch.Tensor) -> torch.Tensor:
        """The mixtures (B, C, H, W) of fine bands (B, F, H, W)."""
        return torch.einsum("cf,bfhw->bchw", self.weights.to(fine), fine)


def products(fine: torch.Tensor, coarse: torch.Tensor, valid: torch.Tensor, ratio: float, seen: Response) -> Array:
    """Sums of products of the low-passed fine bands and the coarse ones, see ``gram``.

    Args:
        fine: (F, H, W); coarse: (C, H, W), unit range, on one grid.
        valid: bool (H, W).
        ratio: px per px in which the coarse bands were delivered.
        seen: how the coarse bands were seen.
    """
    low = low_pass(fine[:, None].float(), (ratio, ratio), seen)[:, 0]
    return gram(torch.cat((low, coarse)), valid)
