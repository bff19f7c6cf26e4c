"""Batches for the base model: single bands from all imagery, with what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.errors import RequestError
from ...models.terra_ldm.conditioning import KINDS, Band, Conditioning
from ..data.sources import Source, cut_patch, fits
from ..settings import SourceSettings

SMALL_SHARE = 0.25
"""Share of the batches that have patches of half the side and four times as many: some images are no larger."""


@dataclass(frozen=True, slots=True)
class BandBatch:
    """Bands of one size.

    Attributes:
        image: (N, 1, H, W), unit range.
        wavelength, gsd, kind: (N,) each, as ``Conditioning`` has them.
        seed: of the random draws of the training step.
    """

    image: torch.Tensor
    wavelength: torch.Tensor
    gsd: torch.Tensor
    kind: torch.Tensor
    seed: int

    @property
    def given(self) -> Conditioning:
        """What is known of the bands."""
        return Conditioning(self.wavelength, self.gsd, self.kind)


def band_of(settings: SourceSettings, index: int, factor: int = 1) -> Band:
    """What a source says of one of its bands.

    Args:
        settings: of the source.
        index: of the band among those that are read, from 0.
        factor: by which the patch was reduced.

    Raises:
        RequestError: the settings name another number of wavelengths, or no such kind.
    """
    waves = settings.wavelengths
    if waves and index >= len(waves):
        raise RequestError(
            f"{len(waves)} wavelengths, but there is a band {index + 1}",
            where=settings.dataset,
            fix="give one wavelength a band, 0 where unknown",
        )
    kind = next((k for k in KINDS if k == settings.kind), None)
    if kind is None:
        raise RequestError(f"no kind {settings.kind!r}", where=settings.dataset, fix=f"use {', '.join(KINDS)}")
    return Band((waves[index] or None) if waves else None, settings.gsd * factor or None, kind)


@dataclass(frozen=True, slots=True, eq=False)
class BandPatches:
    """An endless, random-access stream of batches.

    Attributes:
        sources: with images.
        patch: side, px; a multiple of 32.
        count: bands a batch at that side.
        seed: of all draws.
    """

    sources: Sequence[Source]
    patch: int
    count: int
    seed: int

    def __call__(self, number: int) -> BandBatch:
        """Batch ``number``: a function of the seed and the number alone.

        Raises:
            RequestError: no source has a patch of this size.
        """
        rng = np.random.default_rng((self.seed, number))
        small = rng.random() < SMALL_SHARE
        side, count = (self.patch // 2, 4 * self.count) if small else (self.patch, self.count)
        sources = [source for source in self.sources if fits(source, side)]
        if not sources:
            raise RequestError(
                f"no source has a patch of {side} px", where="data.patch", fix="use a smaller patch or other sources"
            )
        weights = np.array([source.settings.weight for source in sources])
        chosen = rng.choice(len(sources), size=count, p=weights / weights.sum())
        drawn = [_draw(sources[k], side, rng) for k in chosen]
        given = Conditioning.of([band for _, band in drawn])
        image = torch.from_numpy(np.stack([image for image, _ in drawn])[:, None])
        return BandBatch(image, given.wavelength, given.gsd, given.kind, int(rng.integers(2**31)))


def _draw(source: Source, side: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], Band]:
    """One band of a patch, (side, side), brightened or darkened a little, and what is known of it."""
    values, factor = cut_patch(source, side, rng)
    index = int(rng.integers(len(values)))
    # A little brighter or darker: where the peak of a scene lies depends on what else it shows.
    gain = np.float32(rng.uniform(0.8, 1.1))
    return np.ascontiguousarray(gain * values[index]), band_of(source.settings, index, factor)
