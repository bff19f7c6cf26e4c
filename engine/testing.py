"""The engine's promises as code: for its own tests, and for anyone who adds a model.

Each function raises AssertionError with a sentence.  ``PassThrough``, ``PatchMeans`` and ``GroundNoise`` are the
smallest models that show a blending or anchoring fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray

from .contract import InputSpec, ModelSpec, Runtime, Where
from .ground.tiles import Axis, TileGrid
from .noise import world_noise


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Gives the main input back, repeated ``scale`` times along each axis.

    Attributes:
        pair: whether it takes PAN and MS (and returns MS on the PAN grid) instead of one image.
    """

    scale: int = 1
    margin: int = 0
    align: int = 1
    pair: bool = False
    identity: str = "pass-through@1"

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs."""
        inputs = (InputSpec(name="pan", bands=1), InputSpec(name="ms")) if self.pair else (InputSpec(name="image"),)
        return ModelSpec(
            name="pass-through",
            version="1",
            task="pansharpen" if self.pair else "superres",
            inputs=inputs,
            main=inputs[-1].name,
            scale=self.scale,
            margin=self.margin,
            align=self.align,
            tile=64,
            overlap=max(16, 2 * self.margin),
        )

    def load(self, runtime: Runtime) -> PassThrough:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """The main input."""
        image = batch["ms" if self.pair else "image"]
        return image.repeat_interleave(self.scale, dim=2).repeat_interleave(self.scale, dim=3)


@dataclass(frozen=True, slots=True)
class PatchMeans:
    """Gives the mean of every patch of the main input, in its data type: the same whatever the tiles."""

    patch: int = 8
    tile: int = 64
    overlap: int = 16
    identity: str = "patch-means@1"

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs."""
        return ModelSpec(
            name="patch-means",
            version="1",
            task="classify",
            inputs=(InputSpec(name="image"),),
            main="image",
            patch=self.patch,
            align=2 * self.patch,
            tile=self.tile,
            overlap=self.overlap,
        )

    def load(self, runtime: Runtime) -> PatchMeans:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """The means, (B, C, h / patch, w / patch)."""
        return torch.nn.functional.avg_pool2d(batch["image"], self.patch)


@dataclass(frozen=True, slots=True)
class GroundNoise:
    """Adds anchored noise to a local mean of the image: depends on the seed, the place, the batch shape and the rim.

    Attributes:
        strength: standard deviation of the noise, stored units.
        batch: tiles a batch.
    """

    strength: float = 20.0
    batch: int = 2
    identity: str = "ground-noise@1"

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs."""
        return ModelSpec(
            name="ground-noise",
            version="1",
            task="superres",
            inputs=(InputSpec(name="image"),),
            main="image",
            margin=4,
            align=8,
            tile=64,
            overlap=24,
            batch=self.batch,
            latent=8,
            stochastic=True,
        )

    def load(self, runtime: Runtime) -> GroundNoise:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Mean over 9 x 9 px plus noise cells of 8 px."""
        image = batch["image"]
        smooth = torch.nn.functional.avg_pool2d(
            torch.nn.functional.pad(image, (4, 4, 4, 4), mode="replicate"), 9, stride=1
        )
        bands, height, width = image.shape[1:]
        noise = where.noise(0, 0, (bands, 1, height // 8, width // 8), cell=8)[:, :, 0].to(image.device)
        return smooth + self.strength * noise.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)


def assert_partition_of_unity(axis: Axis) -> None:
    """Every pixel is covered, by at most two tiles, and never by a tile's margin where a neighbour could serve."""
    from .pixels.blending import ramp_weights

    weights = np.zeros(axis.length)
    covering = np.zeros(axis.length, np.int64)
    ramp = ramp_weights(axis.ramp).astype(np.float64)
    for i in range(axis.count):
        low, high = axis.up(i), axis.down(i)
        assert axis.starts[i] <= low < high <= axis.stop(i), f"tile {i} counts outside itself: {low}..{high}"
        weight = np.ones(high - low)
        if i > 0:
            weight[: axis.ramp] *= ramp
        if i + 1 < axis.count:
            weight[len(weight) - axis.ramp :] *= 1 - ramp
        weights[low:high] += weight
        covering[low:high] += 1
    assert covering.min() >= 1, "a pixel belongs to no tile"
    assert covering.max() <= 2, "three tiles share a pixel"
    assert np.allclose(weights, 1.0, atol=1e-6), "weights do not sum to one"


def assert_whole_patches(axis: Axis, patch: int) -> None:
    """No tile starts, and no hand-over begins or ends, inside a patch of ``patch`` px, but at the end of the scene."""
    for i in range(axis.count):
        for line in (axis.starts[i], axis.up(i), axis.down(i)):
            assert line % patch == 0 or line == axis.length, f"tile {i} is cut at {line}, inside a patch of {patch} px"
    assert axis.ramp % (2 * patch) == 0, f"a hand-over of {axis.ramp} px has a middle inside a patch of {patch} px"


def assert_bands_cover(grid: TileGrid) -> None:
    """Row bands follow each other without gap or overlap, from the first row to the last."""
    row = 0
    for i in range(grid.rows.count):
        first, stop = grid.row_band(i)
        assert first == row, f"row band {i} starts at {first}, not at {row}"
        assert stop >= first, f"row band {i} ends before it starts"
        row = stop
    assert row == grid.rows.length, f"the last row band ends at {row} of {grid.rows.length}"


def assert_noise_anchored(row: int, column: int, down: int, right: int, seed: int) -> None:
    """A window that starts elsewhere draws the same numbers for the same cells."""
    draw = {"seed": seed, "stream": 1, "sample": 0, "step": 3, "bands": 2, "channels": 2}
    whole = world_noise(**draw, row=row, column=column, shape_hw=(down + 4, right + 5))
    part = world_noise(**draw, row=row + down, column=column + right, shape_hw=(4, 5))
    assert np.array_equal(whole[:, :, down:, right:], part), "noise depends on where the window starts"


def pixels(path: str | Path) -> NDArray[np.generic]:
    """All stored values of a raster, validity of an internal mask as last plane."""
    with rasterio.open(path) as data:
        values: NDArray[np.generic] = np.concatenate([data.read(), data.dataset_mask()[None].astype(data.dtypes[0])])
    return values


def assert_same_pixels(a: str | Path, b: str | Path) -> None:
    """Two rasters hold the same bits on the same grid."""
    with rasterio.open(a) as one, rasterio.open(b) as other:
        assert one.shape == other.shape, f"{one.shape} is not {other.shape}"
        assert one.transform == other.transform, "the affines differ"
        assert one.crs == other.crs, "the CRS differ"
    left, right = pixels(a), pixels(b)
    differ = int(np.count_nonzero(~_equal(left, right)))
    assert not differ, f"{differ} of {left.size} values differ"


def assert_is_crop(part: str | Path, whole: str | Path) -> None:
    """A raster holds the bits of a window of another one, at the same place on the ground."""
    with rasterio.open(part) as small, rasterio.open(whole) as large:
        column, row = ~large.transform * (small.transform.c, small.transform.f)
        assert abs(column - round(column)) < 1e-6, "the columns are shifted by a part of a pixel"
        assert abs(row - round(row)) < 1e-6, "the rows are shifted by a part of a pixel"
        height, width = small.shape
    top, left = round(row), round(column)
    inside = pixels(whole)[:, top : top + height, left : left + width]
    crop = pixels(part)
    assert inside.shape == crop.shape, f"{crop.shape} does not lie inside"
    differ = int(np.count_nonzero(~_equal(inside, crop)))
    assert not differ, f"{differ} of {crop.size} values differ from the full run"


def _equal(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = a == b
    return equal | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else equal
