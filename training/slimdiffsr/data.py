"""Pairs for super-resolution: a sharp patch, and what a coarser or poorer instrument made of it, upsampled again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...models.terra_ldm.conditioning import Band, Conditioning
from ..data.sources import Source, cut_patch
from ..degradation.mixed import Degradation
from ..distill.stages import Pair
from ..terra_ldm.data import band_of
from .recipe import ImageSettings

NATURAL = 0.6
"""Share of images whose bands keep their order in the source; the others are shuffled, so that any band may be any."""


FEWER = 0.3
"""Share of images that show fewer bands than the student has channels, the last one repeated, as tiles do."""


@dataclass(frozen=True, slots=True, eq=False)
class SlimPatches:
    """An endless, random-access stream of batches.

    Attributes:
        sources: with images.
        settings: ``patch`` is the side of the sharp patches, px, and ``images`` how many a batch has.
        degradation: what makes the coarse image.
        scale: fine px per coarse px.
        bands: of an image, as many as the student has channels; where fewer are shown the last one is repeated.
        seed: of all draws.
    """

    sources: Sequence[Source]
    settings: ImageSettings
    degradation: Degradation
    scale: int
    bands: int
    seed: int

    def __call__(self, number: int) -> Pair:
        """Batch ``number``: a function of the seed and the number alone."""
        rng = np.random.default_rng((self.seed, number))
        weights = np.array([source.settings.weight for source in self.sources])
        chosen = rng.choice(len(self.sources), size=self.settings.images, p=weights / weights.sum())
        drawn = [self._draw(self.sources[k], rng) for k in chosen]
        sharp = torch.from_numpy(np.stack([image for image, _ in drawn]))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        low, high = as_seen(self.degradation(sharp, self.scale, generator), sharp)
        given = Conditioning.of([band for _, bands in drawn for band in bands])
        return Pair(low, high, given.wavelength, given.gsd, given.kind, int(rng.integers(2**31)))

    def _draw(self, source: Source, rng: np.random.Generator) -> tuple[NDArray[np.float32], list[Band]]:
        """A patch of ``bands`` bands, brightened or darkened a little, and what is known of them."""
        values, factor = cut_patch(source, self.settings.patch, rng)
        order = np.arange(len(values)) if rng.random() < NATURAL else rng.permutation(len(values))
        shown = min(len(values), self.bands)
        if self.bands > 1 and rng.random() < FEWER:
            shown = min(shown, int(rng.integers(1, self.bands)))
        first = int(rng.integers(len(values) - shown + 1))
        kept = [int(order[first + min(k, shown - 1)]) for k in range(self.bands)]
        gain = np.float32(rng.uniform(0.8, 1.1))
        image = np.ascontiguousarray(gain * values[kept])
        return image, [band_of(source.settings, index, factor) for index in kept]


def as_seen(coarse: torch.Tensor, sharp: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the student gets and what it is to make of it, in -1..1, exactly as ``SlimTile`` treats tiles.

    What lies outside 0..1 in the upsampled image goes round the network, so it is taken off the truth too.

    Args:
        coarse: (N, C, h, w), unit range.
        sharp: (N, C, H, W), unit range.
    """
    size = (sharp.shape[-2], sharp.shape[-1])
    upsampled = F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    known = upsampled.clamp(0.0, 1.0)
    return 2.0 * known - 1.0, 2.0 * (sharp - (upsampled - known)) - 1.0
