"""Blur, resize, noise and JPEG twice over, as images of unknown history have seen them.

Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data" (ICCVW 2021).  Kernels,
noise levels and qualities are drawn for each image; the sizes in between, the kinds of resizing and noise, and the
order at the end for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .draws import events, happens, number, picks, uniform
from .jpeg import compress
from .kernels import draw_final_kernels, draw_kernels, filter_images
from .noise import add_gaussian, add_poisson
from .resizing import MODES, coarse_size, resize
from .settings import Round, SecondOrderSettings


@dataclass(frozen=True, slots=True)
class SecondOrder:
    """The chain; a ``Degradation``.

    Attributes:
        settings: what is drawn.
    """

    settings: SecondOrderSettings

    def __call__(self, hr: torch.Tensor, scale: float, generator: torch.Generator) -> torch.Tensor:
        """Degrade a batch; see ``Degradation``."""
        size = coarse_size(hr, scale)
        first, second = self.settings.first, self.settings.second
        full = (hr.shape[2], hr.shape[3])
        x = _noisy(_resized(_blurred(hr, first, generator), full, first, generator), first, generator)
        x = self._compressed(x, first, generator)
        x = _noisy(_resized(_blurred(x, second, generator), size, second, generator), second, generator)
        # The last low-pass stands for the ringing of a resampler, which may come before or after the last JPEG.
        if happens(0.5, generator):
            x = self._compressed(self._finished(x, size, generator), second, generator)
        else:
            x = self._finished(self._compressed(x, second, generator), size, generator)
        return x.clamp(0.0, 1.0).mul(255.0).round().div(255.0) if self._in_8_bits else x.contiguous()

    @property
    def _in_8_bits(self) -> bool:
        return self.settings.stored == "8-bit"

    def _compressed(self, x: torch.Tensor, settings: Round, generator: torch.Generator) -> torch.Tensor:
        quality = uniform(settings.jpeg, len(x), generator)
        return compress(x.clamp(0.0, 1.0) if self._in_8_bits else x, quality)

    def _finished(self, x: torch.Tensor, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
        x = resize(x, size, MODES[int(picks([1.0] * len(MODES), 1, generator))])
        kernels = draw_final_kernels(len(x), self.settings.sinc, self.settings.second, generator)
        return filter_images(x, kernels)


def _blurred(x: torch.Tensor, settings: Round, generator: torch.Generator) -> torch.Tensor:
    if not happens(settings.blur, generator):
        return x
    return filter_images(x, draw_kernels(len(x), settings, generator))


def _resized(x: torch.Tensor, base: tuple[int, int], settings: Round, generator: torch.Generator) -> torch.Tensor:
    """Resize to ``base`` times a drawn factor."""
    low, high = settings.resize
    direction = int(picks([settings.up, settings.down, settings.keep], 1, generator))
    factor = number(((1.0, high), (low, 1.0), (1.0, 1.0))[direction], generator)
    mode = MODES[int(picks([1.0] * len(MODES), 1, generator))]
    rows, columns = (max(1, round(n * factor)) for n in base)
    return resize(x, (rows, columns), mode)


def _noisy(x: torch.Tensor, settings: Round, generator: torch.Generator) -> torch.Tensor:
    grey = events(settings.grey, len(x), generator)
    if happens(settings.gaussian, generator):
        return add_gaussian(x, uniform(settings.noise, len(x), generator) / 255.0, grey, generator)
    return add_poisson(x, uniform(settings.poisson, len(x), generator), grey, settings.photons, generator)
