"""Features of training tiles through a frozen backbone: out of the cache, or computed and put there.

A tile may have copies, each turned or mirrored in another of the eight ways of a square, and darker or brighter.  The
features of a turned image are not the turned features of the image, so each copy goes through the backbone by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np
import torch

from ...engine.contract import Where
from ...engine.facts import SceneFacts
from ...engine.ground.grids import Window
from ...engine.inputs.reading import reflect_pad
from ...models.satdifuser.backbone import Backbone, Noise
from ...models.satdifuser.layout import Features
from .cache import FORMAT, FeatureCache
from .images import Image, Values
from .tiles import IGNORE, Labels, Sheet, Tile

WAYS = 8
"""In which a square can be turned and mirrored; the first leaves it as it is."""
GAINS = (1.0, 0.8, 1.2, 0.9, 1.1, 0.85, 1.15, 0.95)
"""By which the copy of each way is made darker or brighter, as the next scene may be."""


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
        noise: that the backbone may draw from, where its images lie.
        levels: DN that stand for 1, one a band.
        cache: of the features.
        device: of the backbone.
        check: called between steps of the backbone; may raise to stop.
        told: what the backbone is given of images with these facts, beside their pixels.
    """

    backbone: Backbone
    identity: str
    noise: Callable[[Where], Noise]
    levels: tuple[float, ...]
    cache: FeatureCache
    device: str = "cpu"
    check: Callable[[], None] = lambda: None
    told: Callable[[Sequence[SceneFacts | None]], Mapping[str, torch.Tensor]] = lambda _: {}

    def examples(self, sheets: Sequence[Sheet], way: int = 0) -> tuple[list[Example], int]:
        """Copies of the tiles of sheets, in their order, and for how many tiles features had to be computed.

        A sheet goes through the backbone as a whole where any of its tiles lacks features, so that they never depend
        on what happened to be in the cache.

        Args:
            sheets: whose windows have one size.
            way: in which the copies are turned.
        """
        self.check()
        images = [self._image(sheet) for sheet in sheets]
        keys = [
            [self._key(i, sheet, tile, way) for tile in sheet.tiles] for i, sheet in zip(images, sheets, strict=True)
        ]
        lacking = [n for n, own in enumerate(keys) if not all(key in self.cache for key in own)]
        if lacking:
            found = self._features([images[n] for n in lacking], [sheets[n] for n in lacking], way)
            for place, n in enumerate(lacking):
                own = [[turned_back(maps[place : place + 1], way) for maps in time] for time in found]
                for key, tile in zip(keys[n], sheets[n].tiles, strict=True):
                    self.cache.put(key, self._cut(own, sheets[n], tile, way))
        made = [
            Example(key, tile.labels if tile.labels.ndim == 1 else _turned(tile.labels, way).copy())
            for own, sheet in zip(keys, sheets, strict=True)
            for key, tile in zip(own, sheet.tiles, strict=True)
        ]
        return made, sum(len(sheets[n].tiles) for n in lacking)

    def _features(self, images: Sequence[Values], sheets: Sequence[Sheet], way: int) -> Features:
        """Features of turned sheets."""
        batch = GAINS[way] * torch.from_numpy(np.stack([_turned(image, way) for image in images]))
        origins = tuple(_origin(sheet.image, sheet.window) for sheet in sheets)
        where = Where(seed=0, sample=0, origins=origins, ratio={})
        with torch.inference_mode():
            told = self.told([sheet.image.facts for sheet in sheets])
            return self.backbone.features(batch.to(self.device), self.noise(where), self.check, **told)

    def _image(self, sheet: Sheet) -> Values:
        """What the backbone sees: (C, h, w), in units of the levels."""
        window, (height, width) = sheet.window, sheet.image.shape
        values, _ = sheet.image.read(window.padded(0, height, width))
        return reflect_pad(values, window.height, window.width) / np.array(self.levels, np.float32)[:, None, None]

    def _key(self, image: Values, sheet: Sheet, tile: Tile, way: int) -> str:
        """Of all that decides the features of a tile, its surroundings included, and of nothing else."""
        region, window = tile.region, tile.window
        place = (region.row - window.row, region.column - window.column, region.height, region.width)
        top, left = window.row - sheet.window.row, window.column - sheet.window.column
        seen = image[:, top : top + window.height, left : left + window.width]
        about = f"{FORMAT} {self.identity} {seen.shape} {place} {way} {_origin(tile.image, window)}"
        if self.told([tile.image.facts]):
            about += f" {tile.image.facts}"
        digest = sha256(about.encode())
        digest.update(np.ascontiguousarray(seen).tobytes())
        return digest.hexdigest()

    def _cut(self, features: Features, sheet: Sheet, tile: Tile, way: int) -> Features:
        """The part of upright features that belongs to a tile, turned."""
        top, left = tile.region.row - sheet.window.row, tile.region.column - sheet.window.column
        bottom, right = top + tile.region.height, left + tile.region.width

        def part(maps: torch.Tensor, stride: int) -> torch.Tensor:
            return turned(maps[..., top // stride : bottom // stride, left // stride : right // stride], way)

        strides = self.backbone.layout.strides
        return [[part(maps, stride) for maps, stride in zip(time, strides, strict=True)] for time in features]


def _origin(image: Image, window: Window) -> tuple[int, int]:
    """Of a window on the world lattice, px."""
    return image.origin[0] + window.row, image.origin[1] + window.column


def turned(maps: torch.Tensor, way: int) -> torch.Tensor:
    """(..., h, w) turned by quarter turns, the later four ways mirrored too."""
    found = torch.rot90(maps, way % 4, (-2, -1))
    return found.flip(-1) if way >= WAYS // 2 else found


def turned_back(maps: torch.Tensor, way: int) -> torch.Tensor:
    """What ``turned`` made of it, undone."""
    upright = maps.flip(-1) if way >= WAYS // 2 else maps
    return torch.rot90(upright, -(way % 4), (-2, -1))


def _turned(values: Any, way: int) -> Any:
    found = np.rot90(values, way % 4, (-2, -1))
    return found[..., ::-1] if way >= WAYS // 2 else found


Shown = TypeVar("Shown", Tile, Sheet)


def coverage_first(tiles: Sequence[Shown], classes: int, seed: int) -> list[Shown]:
    """Tiles or sheets in random order, but first some that show every class between them.

    However early the time runs out, what was reached is a fair sample.
    """
    order = [tiles[int(i)] for i in np.random.default_rng([seed, 3]).permutation(len(tiles))]
    first: list[Shown] = []
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
