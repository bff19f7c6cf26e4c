"""Training tiles: the parts of an image that hold labels, what a backbone looks at to see them, and their blocks.

Tiles lie on a grid that belongs to the image, so that labels that are added later leave those of before, and their
features, as they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...engine.ground.grids import Window
from .images import Image

IGNORE = 255
"""Stands where nothing is known of the class."""
CELL = 128
"""Side of the cells, px; finer where few would hold labels."""
WHOLE = 512
"""Images up to this side are one tile each, where there are several."""
RIM = 64
"""Most that is read around a tile, px.

What lies farther away is within the reach of a backbone that looks at an image several times over, but moves its
features by less than what 16 bits round away, and tiles would mostly consist of rims.
"""
SHEET = 384
"""Side of the squares whose tiles go through the backbone as one image, px."""
_FEW, _ENOUGH, _IMAGES = 16, 64, 8
_BLOCK = 2

Labels = NDArray[np.uint8]
Side = Literal["train", "val"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the backbone and the task ask of a tile.

    Attributes:
        align: image px of which windows are multiples.
        reach: image px that a feature looks beyond itself.
        patch: image px along a patch that gets one class; 1 where every pixel does.
    """

    align: int
    reach: int
    patch: int = 1

    @property
    def step(self) -> int:
        """Image px of which tiles are multiples."""
        return math.lcm(self.align, self.patch)

    @property
    def rim(self) -> int:
        """Image px that are read around a tile."""
        return -(-min(self.reach, RIM) // self.align) * self.align


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One training tile.

    Attributes:
        image: it belongs to.
        region: whose features are kept; may overhang the image at the bottom and the right.
        window: what the backbone looks at: the region and its rim; may overhang likewise.
        labels: class of each pixel of the region, ``IGNORE`` where unknown; (1, 1) where the tile is a patch;
            (classes,) of 0 and 1 where a patch has several.
        block: tiles of one block stay on one side of the split.
        side: of the split, where it is given.
    """

    image: Image
    region: Window
    window: Window
    labels: Labels
    block: str
    side: Side | None = None

    def counts(self, classes: int) -> NDArray[np.int64]:
        """How many labelled pixels, patches or chips each class has, (classes,)."""
        if self.labels.ndim == 1:
            return self.labels.astype(np.int64)
        return np.bincount(self.labels[self.labels != IGNORE].ravel(), minlength=classes)[:classes]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Neighbouring tiles that go through the backbone as one image.

    Attributes:
        image: of all of them.
        window: that holds their windows.
        tiles: at least one.
    """

    image: Image
    window: Window
    tiles: tuple[Tile, ...]

    def counts(self, classes: int) -> NDArray[np.int64]:
        """As ``Tile.counts``, of all tiles."""
        return np.asarray(sum((tile.counts(classes) for tile in self.tiles), np.zeros(classes, np.int64)))


def sheets_of(tiles: Sequence[Tile]) -> list[Sheet]:
    """The sheets of tiles, each tile in one of them."""
    together: dict[tuple[int, int, int], list[Tile]] = {}
    for tile in tiles:
        region = tile.region
        row, column = region.row + region.height // 2, region.column + region.width // 2
        together.setdefault((id(tile.image), row // SHEET, column // SHEET), []).append(tile)
    return [Sheet(members[0].image, _around_all(members), tuple(members)) for members in together.values()]


def _around_all(tiles: Sequence[Tile]) -> Window:
    windows = [tile.window for tile in tiles]
    top, left = min(w.row for w in windows), min(w.column for w in windows)
    bottom, right = max(w.rows[1] for w in windows), max(w.columns[1] for w in windows)
    return Window(top, left, bottom - top, right - left)


Rasterise = Callable[[Window], Labels]
"""Class of each pixel of a window inside an image, ``IGNORE`` where unknown."""


def whole_tile(image: Image, labels: Labels, geometry: Geometry, block: str, side: Side | None = None) -> Tile:
    """An image as one tile.

    Args:
        labels: of its pixels (h, w); or as ``Tile`` has them, (rows, columns) of patches or (classes,).
    """
    height, width = (_up(length, geometry.step) for length in image.shape)
    region = Window(0, 0, height, width)
    if labels.shape == image.shape:
        labels = by_patch(_grown(labels, height, width), geometry.patch)
    return Tile(image, region, region, labels, block, side)


def cut(
    images: Sequence[Image],
    rasterise: Sequence[Rasterise],
    geometry: Geometry,
    check: Callable[[], None] = lambda: None,
    sides: Sequence[Side | None] | None = None,
) -> list[Tile]:
    """The tiles of images that hold labels.

    Args:
        images: to cut.
        rasterise: labels of each.
        geometry: of the tiles.
        check: called before each row of cells; may raise to stop.
        sides: of the images in the split, where it is given.
    """
    fixed = sides or [None] * len(images)
    if geometry.patch == 1 and len(images) >= _IMAGES and all(max(image.shape) <= WHOLE for image in images):
        tiles = []
        for i, (image, of_image, side) in enumerate(zip(images, rasterise, fixed, strict=True)):
            check()
            labels = _masked(image, image.whole, of_image(image.whole))
            tile = whole_tile(image, labels, geometry, f"{i}", side)
            if (tile.labels != IGNORE).any():
                tiles.append(tile)
        return tiles
    if geometry.patch > 1:
        tiles = []
        for i, (image, of_image, side) in enumerate(zip(images, rasterise, fixed, strict=True)):
            tiles += _patches(image, of_image, geometry.patch, f"{i}", side, check)
        return tiles if len(tiles) >= _ENOUGH else [_own_block(tile) for tile in tiles]
    cell = _up(CELL, geometry.step)
    while True:
        tiles = []
        for i, (image, of_image, side) in enumerate(zip(images, rasterise, fixed, strict=True)):
            tiles += _cells(image, of_image, geometry, cell, f"{i}", side, check)
        finer = _up(cell // 2, geometry.step)
        if len(tiles) >= _FEW or finer >= cell or not tiles:
            break
        cell = finer
    return tiles if len(tiles) >= _ENOUGH else [_own_block(tile) for tile in tiles]


def _cells(
    image: Image,
    rasterise: Rasterise,
    geometry: Geometry,
    cell: int,
    name: str,
    side: Side | None,
    check: Callable[[], None],
) -> list[Tile]:
    height, width = image.shape
    tiles = []
    for row in range(0, height, cell):
        check()
        strip = Window(row, 0, min(cell, height - row), width)
        labels = rasterise(strip)
        if not (labels != IGNORE).any():
            continue
        for column in range(0, width, cell):
            inner = Window(row, column, strip.height, min(cell, width - column))
            part = labels[:, slice(*inner.columns)]
            if not (part != IGNORE).any():
                continue
            known = _grown(_masked(image, inner, part), cell, cell)
            if (known != IGNORE).any():
                block = f"{name}:{row // (cell * _BLOCK)}:{column // (cell * _BLOCK)}"
                tiles.append(_tile(image, Window(row, column, cell, cell), known, geometry, block, side))
    return tiles


def _patches(
    image: Image, rasterise: Rasterise, patch: int, name: str, side: Side | None, check: Callable[[], None]
) -> list[Tile]:
    """The patches of an image that hold labels, each an image of its own, as a run takes them."""
    height, width = image.shape
    block = max(_BLOCK * CELL // patch, 1) * patch
    tiles = []
    for row in range(0, height, patch):
        check()
        strip = Window(row, 0, min(patch, height - row), width)
        labels = rasterise(strip)
        for column in range(0, width, patch):
            inner = Window(row, column, strip.height, min(patch, width - column))
            part = labels[:, slice(*inner.columns)]
            if not (part != IGNORE).any():
                continue
            known = by_patch(_grown(_masked(image, inner, part), patch, patch), patch)
            if known[0, 0] != IGNORE:
                whole = Window(row, column, patch, patch)
                tiles.append(Tile(image, whole, whole, known, f"{name}:{row // block}:{column // block}", side))
    return tiles


def _tile(image: Image, inner: Window, labels: Labels, geometry: Geometry, block: str, side: Side | None) -> Tile:
    """A cell with a halo of unknown class, so that a head sees what surrounds it, as it does in a run."""
    halo = geometry.step
    region = _around(inner, halo, image, geometry.step)
    window = _around(region, geometry.rim, image, geometry.step)
    known = np.full((region.height, region.width), IGNORE, np.uint8)
    top, left = inner.row - region.row, inner.column - region.column
    room = known[top : top + labels.shape[0], left : left + labels.shape[1]]
    # Nothing is known of what overhangs the image.
    room[...] = labels[: room.shape[0], : room.shape[1]]
    return Tile(image, region, window, known, block, side)


def _around(inner: Window, rim: int, image: Image, step: int) -> Window:
    """A window grown on every side, inside the image but for what makes it whole steps."""
    height, width = (_up(length, step) for length in image.shape)
    return inner.padded(rim, height, width)


def _own_block(tile: Tile) -> Tile:
    """Few tiles are split one by one."""
    return Tile(
        tile.image,
        tile.region,
        tile.window,
        tile.labels,
        f"{tile.block}:{tile.region.row}:{tile.region.column}",
        tile.side,
    )


def by_patch(labels: Labels, patch: int) -> Labels:
    """The class that covers most of the labelled cells of each patch, the lowest of several; (h, w) whole patches."""
    if patch == 1:
        return labels
    rows, columns = labels.shape[0] // patch, labels.shape[1] // patch
    cells = labels.reshape(rows, patch, columns, patch).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    found = np.full((rows, columns), IGNORE, np.uint8)
    most = np.zeros((rows, columns), np.int64)
    for number in np.unique(labels):
        if number == IGNORE:
            continue
        covered = (cells == number).sum(axis=2)
        found[covered > most] = number
        most = np.maximum(most, covered)
    return found


def _masked(image: Image, window: Window, labels: Labels) -> Labels:
    """The labels where the image is valid."""
    _, valid = image.read(window)
    return np.where(valid, labels, np.uint8(IGNORE))


def _grown(labels: Labels, height: int, width: int) -> Labels:
    if labels.shape == (height, width):
        return labels
    grown = np.full((height, width), IGNORE, np.uint8)
    grown[: labels.shape[0], : labels.shape[1]] = labels
    return grown


def _up(length: int, step: int) -> int:
    """The least multiple of ``step`` that is not less, at least one of them."""
    return max(-(-length // step), 1) * step
