"""Batches by number: every draw follows from (seed, batch number)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..settings import SimulationSettings
from .simulate import LEARNING, Batch, Drawing, simulate_pair, to_batch
from .sources import Source, draw_patch


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """An endless, random-access stream of batches.

    Attributes:
        sources: with images.
        settings: patch size, band counts, ratios.
        seed: of all draws.
        drawing: what pairs are drawn from.
    """

    sources: Sequence[Source]
    settings: SimulationSettings
    seed: int
    drawing: Drawing = LEARNING

    def __call__(self, number: int) -> Batch:
        """Batch ``number``; its band count, ratio and pairs depend on nothing else."""
        rng = np.random.default_rng((self.seed, number))
        bands = int(rng.choice(self.settings.bands))
        ratio = float(rng.choice(self.settings.ratios))
        weights = np.array([source.settings.weight for source in self.sources], np.float64)
        pairs = []
        for _ in range(max(1, self.settings.unrolled // bands)):
            source = self.sources[int(rng.choice(len(weights), p=weights / weights.sum()))]
            values = draw_patch(source, self.settings.patch, rng)
            pairs.append(simulate_pair(values, bands, ratio, rng, source.settings.wavelengths, self.drawing))
        return to_batch(pairs, ratio, int(rng.integers(2**31)))
