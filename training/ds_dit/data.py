"""Batches: LR of one date, a reference of another, made or real, sometimes of nothing that is there; and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...engine.errors import RequestError
from ...engine.optics.imaging import gaussian
from ..data.simulate import mix_bands
from ..data.sources import Source, draw_patch
from ..degradation.mixed import Degradation
from ..settings import DataSettings
from .changes import mixed, moved, other_season, patches_of_change
from .stacks import Stack, StackSettings

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ReferenceSettings(DataSettings):
    """Dated pairs.

    Attributes:
        stacks: places with several dates.
        unrolled: bands of a batch, over all its images.
        bands: band counts to draw from, one a batch.
        dated: share of the images that come from stacks; the others are of one date and get a made one.
        changed: share of the images in which ground is changed by hand.
        unrelated, missing, partial: shares of references that show another place, are not there, or end in the image.
        shift: largest misregistration, px of the result.
    """

    stacks: tuple[StackSettings, ...] = ()
    unrolled: int = 12
    bands: tuple[int, ...] = (3, 4)
    dated: float = 0.5
    changed: float = 0.5
    unrelated: float = 0.1
    missing: float = 0.1
    partial: float = 0.1
    shift: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images of one band count, unit range.

    Attributes:
        low: LR at the size of the result, (B, C, H, W).
        reference: (B, C, H, W).
        valid: (B, 1, H, W).
        target: (B, C, H, W).
        changed: (B, 1, H, W), where ground was changed by hand, 0..1.
        ratio: px of the result per px of LR.
        seed: of the noise.
    """

    low: torch.Tensor
    reference: torch.Tensor
    valid: torch.Tensor
    target: torch.Tensor
    changed: torch.Tensor
    ratio: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    target: Array
    reference: Array
    valid: Array
    changed: Array


@dataclass(frozen=True, slots=True, eq=False)
class DatedPatches:
    """An endless, random-access stream of batches.

    Attributes:
        stacks: places with several dates; sources: images of one.
        settings: sizes and shares.
        degradation: what makes LR.
        scale: px of the result per px of LR.
        seed: of all draws.
    """

    stacks: Sequence[Stack]
    sources: Sequence[Source]
    settings: ReferenceSettings
    degradation: Degradation
    scale: int
    seed: int

    def __call__(self, number: int) -> Batch:
        """Batch ``number``: a function of the seed and the number alone."""
        rng = np.random.default_rng((self.seed, number))
        bands = int(rng.choice(self.settings.bands))
        drawn = [self._draw(bands, rng) for _ in range(max(1, self.settings.unrolled // bands))]
        target, reference, valid, changed = (
            torch.from_numpy(np.stack([getattr(each, name) for each in drawn]))
            for name in ("target", "reference", "valid", "changed")
        )
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        low = self.degradation(target, self.scale, generator)
        up = F.interpolate(low, scale_factor=float(self.scale), mode="bicubic", align_corners=False)
        return Batch(up, reference, valid[:, None], target, changed[:, None], self.scale, int(rng.integers(2**31)))

    def _draw(self, bands: int, rng: np.random.Generator) -> _Drawn:
        settings, side = self.settings, self.settings.patch
        if self.stacks and (not self.sources or rng.random() < settings.dated):
            target, reference = self._dates(bands, rng)
        else:
            target = self._single(bands, rng)
            reference = other_season(target, rng)
            if rng.random() < 0.3:
                reference = gaussian(reference, rng.uniform(0.3, 0.9))
            reference = reference + rng.normal(0.0, rng.uniform(0.0, 0.015), reference.shape).astype(np.float32)
        changed, valid = np.zeros((side, side), np.float32), np.ones((side, side), np.float32)
        if rng.random() < settings.changed:
            changed = patches_of_change(side, side, rng)
            instead = self._single(bands, rng) if self.sources else np.ascontiguousarray(target[:, ::-1])
            # What is there now was not there then, or the other way round.
            if rng.random() < 0.5:
                reference = mixed(reference, instead, changed)
            else:
                target = mixed(target, instead, changed)
        down, right = rng.uniform(-settings.shift, settings.shift, 2) * rng.random()
        reference = moved(reference, float(down), float(right))
        kind = rng.random()
        if kind < settings.unrelated:
            reference = self._single(bands, rng) if self.sources else np.ascontiguousarray(reference[:, ::-1])
        elif kind < settings.unrelated + settings.missing:
            valid[:] = 0.0
        elif kind < settings.unrelated + settings.missing + settings.partial:
            valid = _cut_off(side, rng)
        return _Drawn(target, reference.astype(np.float32), valid, changed)

    def _dates(self, bands: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """The same patch of two dates, bands in one order."""
        side = self.settings.patch
        weights = np.array([stack.weight * (min(stack.valid.shape[1:]) >= side) for stack in self.stacks])
        for _ in range(200 if weights.any() else 0):
            stack = self.stacks[int(rng.choice(len(weights), p=weights / weights.sum()))]
            now, then = rng.choice(len(stack.images), 2, replace=False)
            row, column = (int(rng.integers(0, n - side + 1)) for n in stack.valid.shape[1:])
            inside = np.s_[row : row + side, column : column + side]
            if not (stack.valid[now][inside].all() and stack.valid[then][inside].all()):
                continue
            pair = np.concatenate([stack.images[date][:, *inside] for date in (now, then)])
            turned = np.rot90(pair, int(rng.integers(4)), axes=(1, 2))[:, :: 1 if rng.random() < 0.5 else -1]
            count = stack.images.shape[1]
            order = rng.permutation(count)[: min(bands, count)]
            order = np.concatenate([order, np.repeat(order[-1:], bands - len(order))])
            return np.ascontiguousarray(turned[order]), np.ascontiguousarray(turned[count + order])
        raise RequestError(f"no valid patch of {side} px", where="data.patch", fix="use a smaller patch")

    def _single(self, bands: int, rng: np.random.Generator) -> Array:
        """A patch of one date."""
        weights = np.array([source.settings.weight for source in self.sources])
        source = self.sources[int(rng.choice(len(weights), p=weights / weights.sum()))]
        return mix_bands(draw_patch(source, self.settings.patch, rng), bands, rng)


def _cut_off(side: int, rng: np.random.Generator) -> Array:
    """Valid on one side of a line through the patch."""
    rows, columns = np.mgrid[:side, :side] / side - rng.uniform(0.3, 0.7)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(rows * np.sin(angle) + columns * np.cos(angle) > 0.0, np.float32)
