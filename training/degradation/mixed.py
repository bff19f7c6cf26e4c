"""The degradation that a training asks for: second order, sensor-true, or now one and now the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from .draws import happens
from .second_order import SecondOrder
from .sensor import SensorTrue
from .settings import DegradationSettings


class Degradation(Protocol):
    """What makes low-resolution images."""

    def __call__(self, hr: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
        """Degrade a batch; the result follows from the batch and the generator's state alone.

        Args:
            hr: (B, C, H, W), float32, unit range (values above 1 may occur), any number of bands.
            scale: fine px per coarse px, above 1; H and W are multiples of it.
            generator: of all draws, on any device.

        Returns:
            (B, C, H / scale, W / scale), float32, on the device of ``hr``; the corners of both grids coincide.

        Raises:
            RequestError: the batch or the scale is not of this kind.
        """


@dataclass(frozen=True, slots=True)
class Mixed:
    """One kind or the other for each batch; a ``Degradation``.

    Attributes:
        settings: of both kinds, and how often which.
    """

    settings: DegradationSettings

    def __call__(self, hr: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
        """Degrade a batch; see ``Degradation``."""
        kind: Degradation
        if happens(self.settings.sensor_share, generator):
            kind = SensorTrue(self.settings.sensor)
        else:
            kind = SecondOrder(self.settings.second_order)
        return kind(hr, scale, generator)
