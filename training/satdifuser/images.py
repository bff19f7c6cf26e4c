"""Images to learn from: rasters, chips, arrays in memory; each tells its bands and reads windows of itself."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...engine.errors import GeoreferenceWarning, RequestError
from ...engine.facts import SceneFacts
from ...engine.ground.grids import Window, lattice_origin
from ...engine.inputs.describe import describe
from ...engine.inputs.facts import facts_of
from ...engine.inputs.reading import InputReader, reflect_pad
from ...engine.request import OpenPolicy

Values = NDArray[np.float32]
Valid = NDArray[np.bool_]
_LEVEL, _STRIDE, _BLOCK, _MOST_BLOCKS = 0.995, 3, 256, 256


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One image.

    Attributes:
        source: where it is, for errors.
        shape: (rows, columns), px.
        bands: their names; empty texts where they have none.
        read: values (C, h, w) of a window inside the image, in stored units and filled where they are masked, and
            where they are valid (h, w).
        bits: depth of its stored values, where they are whole numbers of 8 or 16 bits.
        grid: on the ground; None for a chip, whose place does not matter.
        facts: of the whole of it, that a backbone may be told; None where nothing is known.
    """

    source: str
    shape: tuple[int, int]
    bands: tuple[str, ...]
    read: Callable[[Window], tuple[Values, Valid]]
    bits: int | None = None
    grid: GeoBox | None = None
    facts: SceneFacts | None = None

    @property
    def origin(self) -> tuple[int, int]:
        """(row, column) of its first pixel on the lattice of its CRS, as a run counts."""
        return (0, 0) if self.grid is None else lattice_origin(self.grid)

    @property
    def whole(self) -> Window:
        """All of it."""
        return Window(0, 0, *self.shape)


@dataclass(frozen=True, slots=True)
class _Raster:
    """Reads windows of a described raster; files are open only while they are read."""

    reader: InputReader

    def __call__(self, window: Window) -> tuple[Values, Valid]:
        try:
            patch = self.reader.patch(self.reader.strip(window), window)
        finally:
            self.reader.close()
        if patch.valid is None:
            return patch.values, np.ones(patch.values.shape[1:], np.bool_)
        return patch.values, np.asarray(patch.valid.all(axis=0))


def raster(path: str, bands: tuple[int | str, ...] = (), policy: OpenPolicy | None = None) -> Image:
    """A raster that a run could take too.

    Raises:
        RequestError: it cannot be opened, or has no such band.
    """
    policy = policy or OpenPolicy()
    scene = describe("image", path, bands=bands, any_dtype=True, policy=policy)
    names = tuple(band.name or band.colour for band in scene.bands)
    reader = InputReader(scene, scene.grid, "cubic", policy)
    height, width = scene.grid.shape
    kind = np.dtype(scene.dtype)
    bits = 8 * kind.itemsize if kind.kind in "iu" and kind.itemsize <= 2 else None
    return Image(path, (height, width), names, _Raster(reader), bits, scene.grid, facts_of(scene))


def chip(path: str, bands: tuple[int | str, ...] = (), policy: OpenPolicy | None = None) -> Image:
    """A small picture whose place on the ground does not matter.

    Raises:
        RequestError: as for ``raster``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        found = raster(path, bands, policy)
    return replace(found, grid=None)


def sized(image: Image, side: int, how: str) -> Image:
    """A chip of ``side`` x ``side`` px.

    Args:
        how: ``"resize"`` samples it bilinearly, averaging where it shrinks; ``"crop"`` keeps its pixels, cuts its
            middle out and mirrors its rims where it is too small.
    """
    if image.shape == (side, side):
        return image

    def read(window: Window) -> tuple[Values, Valid]:
        values, valid = image.read(image.whole)
        values, valid = (_resized if how == "resize" else _cut)(values, valid, side)
        rows, columns = slice(*window.rows), slice(*window.columns)
        return np.ascontiguousarray(values[:, rows, columns]), valid[rows, columns]

    facts = image.facts
    if how == "resize" and facts is not None and facts.gsd is not None:
        facts = replace(facts, gsd=facts.gsd * math.sqrt(math.prod(image.shape)) / side)
    return Image(image.source, (side, side), image.bands, read, image.bits, facts=facts)


def _resized(values: Values, valid: Valid, side: int) -> tuple[Values, Valid]:
    import torch
    from torch.nn import functional as F

    both = torch.from_numpy(np.concatenate([values, valid[None].astype(np.float32)]))[None]
    found = F.interpolate(both, (side, side), mode="bilinear", antialias=True)[0].numpy()
    return found[:-1], found[-1] > 0.5


def _cut(values: Values, valid: Valid, side: int) -> tuple[Values, Valid]:
    both = np.concatenate([values, valid[None].astype(np.float32)])
    for axis in (1, 2):
        first = max((both.shape[axis] - side) // 2, 0)
        both = both.take(range(first, min(first + side, both.shape[axis])), axis)
    both = reflect_pad(both, side, side)
    return both[:-1], both[-1] > 0.5


def check_alike(images: Sequence[Image]) -> tuple[str, ...]:
    """The names of the bands, which all images must have in common.

    Raises:
        RequestError: an image has more or fewer bands than the first one, or others.
    """
    first = images[0]
    for image in images[1:]:
        if len(image.bands) != len(first.bands):
            raise RequestError(
                f"it has {len(image.bands)} band(s), and {first.source} has {len(first.bands)}",
                where=image.source,
                fix="choose the bands that they have in common with --bands",
            )
        named = zip(first.bands, image.bands, strict=True)
        if other := [(own, name) for own, name in named if own and name and own.lower() != name.lower()]:
            raise RequestError(
                f"its band {other[0][1]} stands where {first.source} has {other[0][0]}",
                where=image.source,
                fix="give images with the same bands in the same order, or choose them with --bands",
            )
    return first.bands


def levels_of(images: Sequence[Image], seed: int, check: Callable[[], None] = lambda: None) -> tuple[float, ...]:
    """The value of each band that 99.5 % of the valid pixels do not exceed, DN; it stands for 1.

    At most 256 blocks of 256 px are looked at, drawn from all images.

    Raises:
        RequestError: no pixel is valid.
    """
    blocks = [(image, block) for image in images for block in _blocks(image)]
    rng = np.random.default_rng([seed, 1])
    chosen = rng.permutation(len(blocks))[:_MOST_BLOCKS]
    samples: list[Values] = []
    for i in sorted(int(number) for number in chosen):
        check()
        image, block = blocks[i]
        values, valid = image.read(block)
        samples.append(values[:, ::_STRIDE, ::_STRIDE][:, valid[::_STRIDE, ::_STRIDE]])
    pooled = np.concatenate(samples, axis=1)
    if not pooled.size:
        raise RequestError(
            "no pixel of the images is valid", where=images[0].source, fix="check nodata values and masks"
        )
    quantiles = np.quantile(pooled, _LEVEL, axis=1)
    # A band that is dark throughout tells nothing, whatever it is divided by.
    return tuple(float(np.float32(value)) if value > 0 else 1.0 for value in quantiles)


def _blocks(image: Image) -> list[Window]:
    height, width = image.shape
    return [
        Window(row, column, min(_BLOCK, height - row), min(_BLOCK, width - column))
        for row in range(0, height, _BLOCK)
        for column in range(0, width, _BLOCK)
    ]
