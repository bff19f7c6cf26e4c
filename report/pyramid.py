"""Pictures as tiles at every power of two, in as many characters as there are.

A picture is drawn once, in strips from top to bottom; coarser levels are made of the strips as they pass, so that
memory depends on its width alone.  What does not fit is first compressed harder, then shown less fine: what the eye
compares, the output and its input, last.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import IO, Any

import numpy as np
from PIL import Image

from ..engine.ground.grids import Window
from .colours import Palette, Pixels

TILE = 512
"""Side of a tile, px."""

_STRIP_ROWS = 512
_LOSSLESS = 8_000_000
"""Below this, pictures keep every value."""
_GOOD, _FAIR = (90, 80), (70, 60, 50, 35)
_MOST_DROPPED = 6
_SAMPLES, _SAMPLE_PX = 12, 256


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies, in px of the output; they may be parts of one."""

    column: float
    row: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What can be drawn of a raster.

    Attributes:
        name: unique among the pictures of a page.
        title: for people.
        note: what its colours are.
        place: where it lies.
        height, width: its own px.
        draw: the colours of a window of it.
        palette: of classes; None for colours.
        legend: for the page; None for images.
        first: whether it is the output, or what the output is compared with first.
    """

    name: str
    title: str
    note: str
    place: Place
    height: int
    width: int
    draw: Callable[[Window], Pixels]
    palette: Palette | None = None
    legend: dict[str, Any] | None = None
    first: bool = False

    @property
    def depth(self) -> int:
        """The level at which one tile holds all."""
        return max(0, math.ceil(math.log2(max(self.height, self.width) / TILE)))

    @property
    def strips(self) -> int:
        """How many strips it is drawn in."""
        return -(-self.height // _STRIP_ROWS)


@dataclass(frozen=True, slots=True)
class Setting:
    """How a picture is stored.

    Attributes:
        quality: of WebP; None for every value as it is.
        finest: its finest level: 0 is all of its px, 1 every second one.
    """

    quality: int | None
    finest: int


@dataclass(slots=True)
class Level:
    """The tiles of a level, row by row.

    Attributes:
        rows, columns: of tiles.
        sizes: characters of each.
        stream: the tiles one after the other, in base64.
    """

    rows: int
    columns: int
    stream: IO[bytes]
    sizes: list[int] = field(default_factory=list)

    def add(self, tile: bytes) -> None:
        """Take the next tile."""
        text = base64.b64encode(tile)
        self.sizes.append(len(text))
        self.stream.write(text)


def settings(pictures: Sequence[Picture], bits: Sequence[Estimate], most: int) -> list[Setting]:
    """How each picture is to be stored, for all to come to about so many characters.

    Args:
        bits: what is known of the size of each.
    """
    lossless = [Setting(None, 0)] * len(pictures)
    if sum(each.size(setting) for each, setting in zip(bits, lossless, strict=True)) <= min(most, _LOSSLESS):
        return lossless
    chosen = lossless
    for quality, first, others in _ladder():
        chosen = [
            Setting(None if picture.palette else quality, min(first if picture.first else others, picture.depth))
            for picture in pictures
        ]
        if sum(each.size(setting) for each, setting in zip(bits, chosen, strict=True)) <= most:
            return chosen
    return chosen


def _ladder() -> Iterator[tuple[int, int, int]]:
    """(quality, levels dropped of the first pictures, of the others), the best first."""
    for dropped in range(_MOST_DROPPED):
        others = range(dropped, dropped + 3)
        yield from ((quality, dropped, other) for other, quality in product(others, _GOOD))
        yield from ((quality, dropped, dropped + 2) for quality in _FAIR)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Characters of a picture in base64, from some of its windows: by quality, for each level."""

    by_quality: dict[int | None, float]
    pixels: int
    depth: int

    @classmethod
    def of(cls, picture: Picture) -> Estimate:
        """Draw and compress some windows of a picture, all of a small one."""
        windows = list(_sample_windows(picture.height, picture.width))
        drawn = [image_of(picture, picture.draw(window)) for window in windows]
        area = sum(window.height * window.width for window in windows)
        kinds: tuple[int | None, ...] = (None,) if picture.palette else (None, *_GOOD, *_FAIR)
        per_px = {kind: sum(len(_encoded(image, kind)) for image in drawn) / area for kind in kinds}
        return cls(per_px, picture.height * picture.width, picture.depth)

    def size(self, setting: Setting) -> float:
        """Of all levels together; coarser ones have more in each px."""
        finest: float = self.pixels / 4**setting.finest
        shares = (1.15**level / 4**level for level in range(self.depth - setting.finest + 1))
        size: float = 4 / 3 * self.by_quality[setting.quality] * finest * math.fsum(shares)
        return size


def _sample_windows(height: int, width: int) -> Iterator[Window]:
    """Evenly over a picture; all of a small one."""
    if height * width <= _SAMPLES * _SAMPLE_PX**2:
        yield Window(0, 0, height, width)
        return
    tall, wide = min(_SAMPLE_PX, height), min(_SAMPLE_PX, width)
    columns = min(max(1, round(math.sqrt(_SAMPLES * width / height))), _SAMPLES)
    rows = max(1, round(_SAMPLES / columns))
    for i, j in product(range(rows), range(columns)):
        row, column = (round((k + 0.5) / n * length) for k, n, length in ((i, rows, height), (j, columns, width)))
        yield Window(
            min(max(row - tall // 2, 0), height - tall), min(max(column - wide // 2, 0), width - wide), tall, wide
        )


def image_of(picture: Picture, pixels: Pixels) -> Image.Image:
    """The pixels of a picture as an image."""
    if picture.palette is None:
        return Image.fromarray(pixels)
    image = Image.fromarray(pixels)
    image.putpalette(picture.palette.flat())
    image.info["transparency"] = 255
    return image


def _encoded(image: Image.Image, quality: int | None) -> bytes:
    stream = io.BytesIO()
    if image.mode == "P":
        image.save(stream, "PNG", transparency=255)
    elif quality is None:
        image.save(stream, "WEBP", lossless=True, quality=20, method=1)
    else:
        image.save(stream, "WEBP", quality=quality, method=2, alpha_quality=100)
    return stream.getvalue()


def media_type(picture: Picture) -> str:
    """Of its tiles."""
    return "image/webp" if picture.palette is None else "image/png"


def levels(picture: Picture, setting: Setting, spool: Callable[[], IO[bytes]], beat: Callable[[], None]) -> list[Level]:
    """Draw a picture and store its tiles, the finest level first.

    Args:
        spool: gives an empty file for the tiles of a level.
        beat: called after each strip; may raise to stop.
    """
    with ThreadPoolExecutor(2) as pool:
        store = _Store(picture, setting, spool, pool)
        for top in range(0, picture.height, _STRIP_ROWS):
            window = Window(top, 0, min(_STRIP_ROWS, picture.height - top), picture.width)
            store.push(0, picture.draw(window))
            beat()
        store.flush()
    return store.levels


class _Store:
    """Strips of every level, cut into tiles."""

    def __init__(
        self, picture: Picture, setting: Setting, spool: Callable[[], IO[bytes]], pool: ThreadPoolExecutor
    ) -> None:
        self._picture, self._setting, self._pool = picture, setting, pool
        self._waiting: list[list[Pixels]] = [[] for _ in range(picture.depth + 1)]
        self.levels = []
        for level in range(setting.finest, picture.depth + 1):
            height, width = (-(-length // 2**level) for length in (picture.height, picture.width))
            self.levels.append(Level(-(-height // TILE), -(-width // TILE), spool()))

    def push(self, level: int, rows: Pixels) -> None:
        """Take further rows of a level."""
        waiting = self._waiting[level]
        waiting.append(rows)
        if sum(len(each) for each in waiting) >= TILE:
            whole = np.concatenate(waiting)
            # A strip has as many rows as a tile, and half a strip half as many.
            waiting[:] = [whole[TILE:]] if len(whole) > TILE else []
            self._emit(level, whole[:TILE])

    def flush(self) -> None:
        """Store what is left, from the finest level on."""
        for level, waiting in enumerate(self._waiting):
            if waiting:
                rows = np.concatenate(waiting)
                waiting.clear()
                self._emit(level, rows)

    def _emit(self, level: int, rows: Pixels) -> None:
        if level >= self._setting.finest:
            cuts = [rows[:, left : left + TILE] for left in range(0, rows.shape[1], TILE)]
            store = self.levels[level - self._setting.finest]
            for tile in self._pool.map(self._tile, cuts):
                store.add(tile)
        if level < self._picture.depth:
            self.push(level + 1, _halved(rows, self._picture.palette is not None))

    def _tile(self, pixels: Pixels) -> bytes:
        return _encoded(image_of(self._picture, np.ascontiguousarray(pixels)), self._setting.quality)


def _halved(rows: Pixels, of_classes: bool) -> Pixels:
    """Every 2 x 2 px as one: their mean, less what is masked; one of them for classes."""
    if of_classes:
        return rows[::2, ::2]
    rows = np.pad(rows, ((0, rows.shape[0] % 2), (0, rows.shape[1] % 2), (0, 0)), mode="edge")
    if rows.shape[2] == 3:
        return np.asarray(_sums(rows) >> 2, np.uint8)
    opacity = rows[..., 3:].astype(np.uint16) // 255
    weight = _sums(opacity)
    mean = _sums(rows[..., :3] * opacity) // np.maximum(weight, 1)
    return np.asarray(np.concatenate([mean, np.minimum(weight, 1) * 255], axis=2), np.uint8)


def _sums(rows: Any) -> Any:
    wide = rows.astype(np.uint16)
    return wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
