"""Features of training tiles through a frozen backbone: out of the cache, or computed and put there.

A tile may have copies, each turned or mirrored in another of the eight ways of a square.  The features of a turned
image are not the turned features of the image, so each copy goes through the backbone by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import torch

from ...engine.contract import Where
from ...engine.inputs.reading import reflect_pad
from ...models.satdifuser.layout import Features, Layout
from .cache import FORMAT, FeatureCache
from .tiles import IGNORE, Labels, Tile

WAYS = 8
"""In which a square can be turned and mirrored; the first leaves it as it is."""

Noise = Callable[[int, tuple[int, int, int, int]], torch.Tensor]


class Backbone(Protocol):
    """What gives features; see ``models.satdifuser.backbone``."""

    @property
    def layout(self) -> Layout:
        """Times and scales of the features."""
        ...

    def features(self, image: torch.Tensor, noise: Noise, checkpoint: Callable[[], None]) -> Features:
        """Features of (N, C, H, W), in units of the bands' levels."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A copy of a tile whose features lie in the cache.

    Attributes:
        key: of the features.
        labels: as ``Tile`` has them, turned as the image was.
    """

    key: str
    labels: Labels


@dataclass(frozen=True, slots=True, eq=False)
class Extractor:
    """Makes examples of tiles.

    Attributes:
        backbone: frozen, on its device.
        identity: of the backbone and how it is asked: its digest, mode and times.
        cell: image px a cell of its noise.
        levels: DN that stand for 1, one a band.
        cache: of the features.
        device: of the backbone.
        check: called between steps of the backbone; may raise to stop.
    """

    backbone: Backbone
    identity: str
    cell: int
    levels: tuple[float, ...]
    cache: FeatureCache
    device: str = "cpu"
    check: Callable[[], None] = lambda: None

    def example(self, tile: Tile, way: int = 0) -> tuple[Example, bool]:
        """A copy of a tile, and whether its features had to be computed."""
        self.check()
        image = self._image(tile, way)
        origin = (tile.image.origin[0] + tile.window.row, tile.image.origin[1] + tile.window.column)
        key = self._key(image, tile, way, origin)
        labels = tile.labels if tile.labels.ndim == 1 else np.ascontiguousarray(_turned_array(tile.labels, way))
        missing = key not in self.cache
        if missing:
            where = Where(seed=0, sample=0, origins=(origin,), ratio={})
            with torch.inference_mode():
                found = self.backbone.features(
                    image[None].to(self.device),
                    lambda stream, shape: where.noise(stream, 0, shape, cell=self.cell).to(self.device),
                    self.check,
                )
            self.cache.put(key, self._cut(found, tile, way))
        return Example(key, labels), missing

    def _image(self, tile: Tile, way: int) -> torch.Tensor:
        """What the backbone sees: (C, h, w), in units of the levels, turned."""
        window, (height, width) = tile.window, tile.image.shape
        inside = window.padded(0, height, width)
        values, _ = tile.image.read(inside)
        values = reflect_pad(values, window.height, window.width) / np.array(self.levels, np.float32)[:, None, None]
        return torch.from_numpy(np.ascontiguousarray(_turned_array(values, way)))

    def _key(self, image: torch.Tensor, tile: Tile, way: int, origin: tuple[int, int]) -> str:
        """Of all that decides the features."""
        region, window = tile.region, tile.window
        place = (region.row - window.row, region.column - window.column, region.height, region.width)
        about = f"{FORMAT} {self.identity} {tuple(image.shape)} {place} {way} {origin}"
        digest = sha256(about.encode())
        digest.update(image.numpy().tobytes())
        return digest.hexdigest()

    def _cut(self, features: Features, tile: Tile, way: int) -> Features:
        """The part of the features that belongs to the region, turned as before."""
        region, window = tile.region, tile.window
        top, left = region.row - window.row, region.column - window.column
        if (window.height, window.width) == (region.height, region.width):
            return features

        def part(maps: torch.Tensor, stride: int) -> torch.Tensor:
            upright = _turned_back(maps, way)
            rows = slice(top // stride, (top + region.height) // stride)
            columns = slice(left // stride, (left + region.width) // stride)
            return turned(upright[..., rows, columns], way)

        strides = self.backbone.layout.strides
        return [[part(maps, stride) for maps, stride in zip(time, strides, strict=True)] for time in features]


def turned(maps: torch.Tensor, way: int) -> torch.Tensor:
    """(..., h, w) turned by quarter turns, the later four ways mirrored too."""
    found = torch.rot90(maps, way % 4, (-2, -1))
    return found.flip(-1) if way >= WAYS // 2 else found


def _turned_back(maps: torch.Tensor, way: int) -> torch.Tensor:
    upright = maps.flip(-1) if way >= WAYS // 2 else maps
    return torch.rot90(upright, -(way % 4), (-2, -1))


def _turned_array(values: Any, way: int) -> Any:
    found = np.rot90(values, way % 4, (-2, -1))
    return found[..., ::-1] if way >= WAYS // 2 else found


def coverage_first(tiles: Sequence[Tile], classes: int, seed: int) -> list[Tile]:
    """The tiles in random order, but first some that show every class between them.

    However early the time runs out, what was reached is a fair sample.
    """
    order = [tiles[int(i)] for i in np.random.default_rng([seed, 3]).permutation(len(tiles))]
    first: list[Tile] = []
    missing = set(range(classes))
    for tile in order:
        shown = {int(number) for number in np.flatnonzero(tile.counts(classes))}
        if shown & missing:
            first.append(tile)
            missing -= shown
    taken = {id(tile) for tile in first}
    return first + [tile for tile in order if id(tile) not in taken]


def classes_of(examples: Sequence[Example], classes: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many labels of each class the examples hold."""
    total = np.zeros(classes, np.int64)
    for example in examples:
        labels = example.labels
        if labels.ndim == 1:
            total += labels.astype(np.int64)
        else:
            total += np.bincount(labels[labels != IGNORE].ravel(), minlength=classes)[:classes]
    return total
