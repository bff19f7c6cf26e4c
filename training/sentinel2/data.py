"""Batches by Wald's protocol: 20 m bands as 40 m bands would be seen, beside 10 m bands seen at 20 m."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.errors import RequestError
from ...engine.optics.imaging import Ranges, degrade_matrix, delivered, draw_instrument
from ...models.sentinel2.mixtures import Mixtures, products
from ...models.sentinel2.tile import SEEN
from ..data.simulate import Batch, Pair, cubic_matrix, to_batch
from ..data.sources import Source
from ..settings import DataSettings, SourceSettings

Array = NDArray[np.float32]

RATIO = 2
INSTRUMENT = Ranges(
    gain=(0.25, 0.55),
    spread=0.05,
    sharpened=0.0,
    pan_soft=0.0,
    pan_sharpened=0.0,
    phase=0.15,
    band_shift=0.05,
    noise_db=(40.0, 60.0),
    pan_noise_db=(40.0, 60.0),
    odd=0.0,
    saturated=0.05,
)
"""What Sentinel-2 is drawn from: as registered, soft and quiet as its products are."""

_FINE_GAIN = 0.3
"""Of 10 m bands at the Nyquist frequency of 20 m, as they are brought there."""


@dataclass(frozen=True, slots=True)
class BandSettings(DataSettings):
    """Scenes with bands of two sizes.

    Attributes:
        fine: the 10 m bands of each of ``sources``, which are those of 20 m, in the same order.
    """

    fine: tuple[SourceSettings, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One image on the 20 m grid, unit range.

    Attributes:
        fine: (F, H, W), what the 10 m bands show there.
        coarse: (C, H, W), the truth.
        valid: (H, W).
        weight: share of the patches, relative to other grounds.
    """

    fine: Array
    coarse: Array
    valid: NDArray[np.bool_]
    weight: float


def grounds(fine: Sequence[Source], coarse: Sequence[Source]) -> list[Ground]:
    """Images of both kinds, joined in their order.

    Images that both lie on the 10 m grid, as resampled products do, are both brought to 20 m.

    Raises:
        RequestError: the images of a pair do not show the same ground.
    """
    found = []
    for one, other in zip(fine, coarse, strict=True):
        for k, (sharp, soft) in enumerate(zip(one.images, other.images, strict=True)):
            larger = sharp.shape[1] / soft.shape[1]
            if sharp.shape[1:] != tuple(round(larger * n) for n in soft.shape[1:]) or larger not in (1.0, RATIO):
                raise RequestError(
                    f"{sharp.shape[1:]} px of 10 m bands do not fit {soft.shape[1:]} px of 20 m bands",
                    where=one.settings.dataset,
                    fix="name 10 m and 20 m bands of the same scenes, in the same order",
                )
            truth = soft.astype(np.float32) / other.peaks[k][:, None, None]
            valid = other.valid[k]
            if larger == 1.0:
                truth, valid = _halved(truth), _all_valid(valid)
            seen = _halved(sharp.astype(np.float32) / one.peaks[k][:, None, None])
            height, width = (min(a, b) for a, b in zip(seen.shape[1:], truth.shape[1:], strict=True))
            inside = np.s_[:height, :width]
            valid = valid[inside] & _all_valid(one.valid[k])[inside]
            found.append(Ground(seen[:, *inside], truth[:, *inside], valid, other.settings.weight))
    return found


def _halved(image: Array) -> Array:
    """(C, H, W) seen through a Gaussian response, on px twice as large."""
    height, width = (n // RATIO * RATIO for n in image.shape[1:])
    down, across = degrade_matrix(height, RATIO, _FINE_GAIN), degrade_matrix(width, RATIO, _FINE_GAIN)
    return np.asarray(down @ image[:, :height, :width] @ across.T, np.float32)


def _all_valid(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = (n // RATIO for n in valid.shape)
    cells = valid[: height * RATIO, : width * RATIO].reshape(height, RATIO, width, RATIO)
    return np.asarray(cells.all(axis=(1, 3)))


@dataclass(frozen=True, slots=True, eq=False)
class BandPatches:
    """An endless, random-access stream of batches: a patch of one image, each coarse band with its mixture as PAN.

    Attributes:
        grounds: to cut from.
        side: of a patch, px of 20 m.
        seed: of all draws.
    """

    grounds: Sequence[Ground]
    side: int
    seed: int

    def __call__(self, number: int) -> Batch:
        """Batch ``number``; it depends on nothing else.

        Raises:
            RequestError: no ground holds a valid patch of this size.
        """
        rng = np.random.default_rng((self.seed, number))
        fine, truth = self._cut(rng)
        bands = len(truth)
        instrument = draw_instrument(rng, bands, RATIO, INSTRUMENT)
        sharp, seen = delivered(truth, fine, instrument, rng)
        up = cubic_matrix(self.side, seen.shape[1], RATIO)
        coarse = np.asarray(up @ seen @ up.T, np.float32)
        planes, targets = torch.from_numpy(sharp), torch.from_numpy(coarse)
        everywhere = torch.ones(self.side, self.side, dtype=torch.bool)
        mixtures = Mixtures.of(products(planes, targets, everywhere, RATIO, SEEN), len(planes))
        images = mixtures.images(planes[None])[0].numpy()
        pairs = [Pair(images[[k]], coarse[[k]], truth[[k]], SEEN) for k in range(bands)]
        return to_batch(pairs, RATIO, int(rng.integers(2**31)))

    def _cut(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """A wholly valid patch, turned and flipped at random, with some of the fine bands."""
        weights = np.array([each.weight * (min(each.valid.shape) >= self.side) for each in self.grounds])
        for _ in range(200 if weights.any() else 0):
            ground = self.grounds[int(rng.choice(len(weights), p=weights / weights.sum()))]
            row, column = (int(rng.integers(0, n - self.side + 1)) for n in ground.valid.shape)
            inside = np.s_[row : row + self.side, column : column + self.side]
            if not ground.valid[inside].all():
                continue
            turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
            fine, coarse = (
                np.ascontiguousarray(np.rot90(image[:, *inside], turns, axes=(1, 2))[:, :: -1 if mirrored else 1])
                for image in (ground.fine, ground.coarse)
            )
            return fine, coarse
        raise RequestError(
            f"no valid patch of {self.side} px", where="data.patch", fix="use a smaller patch or other sources"
        )
