"""Batches of cached features: random cuts of one size from random examples, each batch a function of its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch.nn import functional as F

from ...models.satdifuser.layout import Features
from .cache import FeatureCache
from .features import Example
from .tiles import IGNORE

_TRIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Features and what should come of them.

    Attributes:
        features: float32, of N cuts.
        labels: (N, H, W) int64 with ``IGNORE``; (N,) of patches; (N, classes) float32 where they have several classes.
        size: (H, W) of the cuts, image px.
    """

    features: Features
    labels: torch.Tensor
    size: tuple[int, int]

    def to(self, device: str) -> Batch:
        """On a device, channels last, which convolutions are faster on."""
        features = [[maps.to(device, memory_format=torch.channels_last) for maps in time] for time in self.features]
        return Batch(features, self.labels.to(device), self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """The stream that is trained on.

    Attributes:
        examples: to draw from.
        cache: of their features.
        strides: image px a cell of each scale, finest first.
        patch: image px a label along an axis.
        step: image px of which cuts begin and end at multiples.
        cut: side of a cut, image px; a multiple of ``step``.
        size: cuts a batch.
        seed: of the draws.
    """

    examples: Sequence[Example]
    cache: FeatureCache
    strides: tuple[int, ...]
    patch: int
    step: int
    cut: int
    size: int
    seed: int

    @property
    def an_epoch(self) -> int:
        """Batches in which every example is shown about once."""
        return -(-len(self.examples) // self.size)

    def __call__(self, number: int) -> Batch:
        """Batch of that number.  Every example comes once before any comes again."""
        rng = np.random.default_rng([self.seed, 4, number])
        chosen = (self.examples[self._nth(number * self.size + i)] for i in range(self.size))
        parts = [self._cut(example, rng) for example in chosen]
        return joined([features for features, _ in parts], [labels for _, labels in parts], self.patch)

    def _nth(self, turn: int) -> int:
        """Which example is shown as number ``turn`` of all."""
        epoch, place = divmod(turn, len(self.examples))
        return int(np.random.default_rng([self.seed, 5, epoch]).permutation(len(self.examples))[place])

    def _cut(self, example: Example, rng: np.random.Generator) -> tuple[Features, torch.Tensor]:
        features, labels = self.cache.get(example.key), torch.from_numpy(example.labels)
        if self.patch > 1:
            return features, labels
        if max(labels.shape) <= self.cut:
            return _grown(features, labels, self.strides, self.cut)
        for _ in range(_TRIES):
            row, column = (
                int(rng.integers(0, max(n - self.cut, 0) // self.step + 1)) * self.step for n in labels.shape
            )
            part = labels[row : row + self.cut, column : column + self.cut]
            if (part != IGNORE).any():
                break
        cells = [
            [
                maps[..., row // s : (row + self.cut) // s, column // s : (column + self.cut) // s]
                for maps, s in zip(time, self.strides, strict=True)
            ]
            for time in features
        ]
        return _grown(cells, part, self.strides, self.cut)


def wholes(examples: Sequence[Example], cache: FeatureCache, patch: int, most: int) -> Iterator[Batch]:
    """Examples uncut and in order, up to ``most`` of one size together."""
    for _, alike in groupby(examples, key=lambda example: example.labels.shape):
        members = list(alike)
        for first in range(0, len(members), most):
            part = members[first : first + most]
            yield joined(
                [cache.get(each.key) for each in part], [torch.from_numpy(each.labels) for each in part], patch
            )


def joined(features: Sequence[Features], labels: Sequence[torch.Tensor], patch: int) -> Batch:
    """Examples of one size as a batch."""
    times = [
        [torch.cat([each[t][s] for each in features]).float() for s in range(len(features[0][t]))]
        for t in range(len(features[0]))
    ]
    together = torch.stack(list(labels))
    if together.ndim == 2:
        return Batch(times, together.float(), (patch, patch))
    if patch > 1:
        return Batch(times, together[:, 0, 0].long(), (patch, patch))
    return Batch(times, together.long(), (together.shape[1], together.shape[2]))


def _grown(
    features: Features, labels: torch.Tensor, strides: Sequence[int], side: int
) -> tuple[Features, torch.Tensor]:
    """Features and labels of ``side`` x ``side`` px: the rim is repeated, and nothing is known of what is added."""
    missing = [side - length for length in labels.shape]
    if not any(missing):
        return features, labels
    grown = [
        [
            F.pad(m, (0, side // s - m.shape[-1], 0, side // s - m.shape[-2]), mode="replicate")
            for m, s in zip(time, strides, strict=True)
        ]
        for time in features
    ]
    return grown, F.pad(labels, (0, missing[1], 0, missing[0]), value=IGNORE)
