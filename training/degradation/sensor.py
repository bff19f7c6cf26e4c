"""What a coarser instrument would have seen: its MTF, its grid, its noise, its bits, its bands slightly out of place.

The image given is taken for the ground.  It has been blurred by its own instrument before; with a gain of 0.3 at its
own Nyquist frequency, that lowers the gain at the coarse one by a quarter at a scale of 2 and by 2 % at 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...engine.optics.imaging import degrade_matrix
from ...engine.optics.sensors import find_sensor
from ...models.salad_pan.fusion import blur
from .draws import happens, log_uniform, normal, number, uniform
from .jpeg import compress
from .noise import add_sensor_noise
from .resizing import coarse_size
from .settings import SensorSettings


@dataclass(frozen=True, slots=True)
class SensorTrue:
    """The instrument; a ``Degradation`` for any scale that divides the sides, whole or not.

    Attributes:
        settings: what is drawn.
    """

    settings: SensorSettings

    def __call__(self, hr: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
        """Degrade a batch; see ``Degradation``.

        Raises:
            RequestError: as there, or the sensor named has other bands.
        """
        coarse_size(hr, scale)
        images, bands = hr.shape[:2]
        gains = self._gains(images, bands, generator)
        seen = sample(hr, scale, gains, self._shifts(images, bands, generator))
        electrons = log_uniform(self.settings.electrons, images, generator)
        read = log_uniform(self.settings.read, images, generator)
        noisy = add_sensor_noise(seen, electrons, read, generator)
        return quantise(self._delivered(noisy, generator), self.settings.bits)

    def _delivered(self, seen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """As a vendor sharpens and compresses; drawn for the batch as a whole."""
        settings = self.settings
        if happens(settings.sharpened, generator):
            amount, width = number(settings.sharpening, generator), number(settings.width, generator)
            seen = (seen + amount * (seen - blur(seen, (width, width), 4.0))).clamp(min=0.0)
        if happens(settings.compressed, generator):
            seen = compress(seen, uniform(settings.jpeg, len(seen), generator))
        return seen

    def _gains(self, images: int, bands: int, generator: torch.Generator) -> torch.Tensor:
        """MTF gains: (images, bands)."""
        if self.settings.sensor:
            known = find_sensor(self.settings.sensor).gains(bands, self.settings.bands)
            return torch.tensor(known).expand(images, bands)
        low, high = self.settings.gain
        spread = self.settings.spread
        own = uniform((-spread, spread), images * bands, generator).reshape(images, bands)
        return (uniform((low, high), images, generator)[:, None] + own).clamp(low, high)

    def _shifts(self, images: int, bands: int, generator: torch.Generator) -> torch.Tensor:
        """Places of the bands along (row, column), coarse px: (images, bands, 2), zero on average over the bands."""
        deviation = uniform(self.settings.misregistration, images, generator)[:, None, None]
        shifts = normal((images, bands, 2), generator.device, generator) * deviation
        return shifts - shifts.mean(1, keepdim=True)


def sample(hr: torch.Tensor, scale: float, gains: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Each band through a Gaussian MTF onto the coarse grid, at the true centres of its pixels.

    Args:
        hr: (B, C, H, W).
        scale: fine px per coarse px.
        gains: (B, C) at the coarse grid's Nyquist frequency.
        shifts: (B, C, 2) how far down and right of its place each band looks, coarse px.

    Returns:
        (B, C, H / scale, W / scale).
    """
    rows, columns = coarse_size(hr, scale)
    planes = list(zip(gains.flatten().tolist(), (shifts * scale).reshape(-1, 2).tolist(), strict=True))
    # A quotient that rounding leaves just above a whole number would make one coarse px too many.
    down = np.stack([degrade_matrix(hr.shape[2], scale, gain, shift[0])[:rows] for gain, shift in planes])
    across = np.stack([degrade_matrix(hr.shape[3], scale, gain, shift[1])[:columns] for gain, shift in planes])
    narrow = hr.flatten(0, 1) @ torch.from_numpy(across).to(hr).mT
    return (torch.from_numpy(down).to(hr) @ narrow).reshape(*hr.shape[:2], rows, columns)


def quantise(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Round to the steps of so many bits, the largest standing for 1; values above it are kept.  0 rounds nothing."""
    if bits == 0:
        return x
    largest = float(2**bits - 1)
    return (x * largest).round() / largest
