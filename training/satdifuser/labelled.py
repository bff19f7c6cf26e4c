"""What can be learned from: images with labels on the ground, as training tiles with named classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ...engine.errors import RequestError, SeamlineWarning
from ...engine.ground.grids import Window, crop
from ...engine.inputs.labels import LabelRequest, Labels, open_labels
from ...engine.request import OpenPolicy
from .images import Image, check_alike
from .images import raster as open_raster
from .tiles import IGNORE, Geometry, Rasterise, Side, Tile, cut
from .tiles import Labels as Numbers

SCENE_PATCH = 64
"""Side of the patches of a scene, px, rounded up to what the backbone works in."""


class MissingClassWarning(SeamlineWarning):
    """A class has no label where the images can be used, so that the model does not know it."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a training learns from.

    Attributes:
        tiles: with labels that are numbers of ``names``.
        names: of the classes.
        bands: names of the images' bands; empty texts where they have none.
        many: whether a chip can be of several classes.
        source: where it comes from, for errors and for the model folder.
    """

    tiles: list[Tile]
    names: tuple[str, ...]
    bands: tuple[str, ...]
    many: bool
    source: str

    @property
    def images(self) -> list[Image]:
        """The images that have tiles, each once."""
        return list({id(tile.image): tile.image for tile in self.tiles}.values())


class Source(Protocol):
    """Something to learn from whose images are known, but not yet cut."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands; empty texts where they have none."""
        ...

    def patch(self, align: int) -> int:
        """Side of the patches that suits it, image px, where the user names none."""
        ...

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """Training tiles; ``check`` is called now and then and may raise to stop.

        Raises:
            RequestError: nothing can be learned from it.
        """
        ...


class Scenes:
    """Images and the labels that lie on them.

    Args:
        paths: of the images.
        labels: shapes or a raster.
        bands: of the images; all where empty.
        policy: what may be opened.
        sides: of the images in the split, where it is given.

    Raises:
        RequestError: an image or the labels cannot be read, no label lies on an image, or the images have different
            bands.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: LabelRequest,
        *,
        bands: tuple[int | str, ...] = (),
        policy: OpenPolicy | None = None,
        sides: Sequence[Side | None] | None = None,
    ) -> None:
        self._images = [open_raster(path, bands, policy) for path in paths]
        self.bands = check_alike(self._images)
        grids = [image.grid for image in self._images if image.grid is not None]
        self._request, self._sides = labels, sides
        self._labels = open_labels(labels, policy, *grids)

    def patch(self, align: int) -> int:
        """Patches that are small against what people draw."""
        return -(-SCENE_PATCH // align) * align

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """The cells that hold labels.

        Raises:
            RequestError: no label lies on a valid pixel, or those that do are of one class.
        """
        rasterise = [_rasteriser(image, self._labels) for image in self._images]
        tiles = cut(self._images, rasterise, geometry, check, self._sides)
        if not tiles:
            raise RequestError(
                "no label lies on a valid pixel of the images",
                where=self._request.path,
                fix="check nodata values and masks of the images, or label elsewhere",
            )
        found = Material(tiles, self._labels.names, self.bands, False, self._request.path)
        return present(found, self._request.rest)


def _rasteriser(image: Image, labels: Labels) -> Rasterise:
    grid = image.grid
    if grid is None:
        raise RequestError("it has no place on the ground", where=image.source, fix="georeference it")

    def rasterise(window: Window) -> Numbers:
        return labels.rasterise(crop(grid, window))

    return rasterise


class Together:
    """Several sources as one; classes of one name are one.

    Raises:
        RequestError: they have different numbers of bands.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        self.bands = self._sources[0].bands
        if other := [source for source in self._sources if len(source.bands) != len(self.bands)]:
            raise RequestError(
                f"sources have {len(self.bands)} and {len(other[0].bands)} bands",
                where="data.sources",
                fix="choose the bands that they have in common",
            )

    def patch(self, align: int) -> int:
        """That of the first one."""
        return self._sources[0].patch(align)

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """The tiles of all.

        Raises:
            RequestError: nothing can be learned from one of them.
        """
        parts = [source.material(geometry, check) for source in self._sources]
        if len(parts) == 1:
            return parts[0]
        names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        many = any(part.many for part in parts)
        tiles = [tile for i, part in enumerate(parts) for tile in _renamed(part, names, f"{i}", many)]
        source = ", ".join(part.source for part in parts)
        return Material(tiles, names, self.bands, many, source)


class Renamed:
    """A source whose classes have other names.

    Args:
        source: it is.
        names: new names by the old ones; what is not in it keeps its name.
    """

    def __init__(self, source: Source, names: Mapping[str, str]) -> None:
        self._source, self._names, self.bands = source, names, source.bands

    def patch(self, align: int) -> int:
        """As the source has it."""
        return self._source.patch(align)

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """As the source has it, with other names.

        Raises:
            RequestError: nothing can be learned from it, or there is no such class.
        """
        found = self._source.material(geometry, check)
        if unknown := [name for name in self._names if name not in found.names]:
            raise RequestError(
                f"there is no class {unknown[0]} to rename, but {', '.join(found.names[:12])}",
                where=found.source,
                fix="correct rename",
            )
        names = tuple(self._names.get(name, name) for name in found.names)
        once = tuple(dict.fromkeys(names))
        renamed = replace(found, names=names)
        return replace(found, names=once, tiles=_renamed(renamed, once, "", found.many))


def _renamed(part: Material, names: Sequence[str], prefix: str, many: bool) -> list[Tile]:
    """Tiles whose classes are numbered anew, and whose blocks are apart from those of other sources."""
    numbers = np.array([names.index(name) for name in part.names])
    table = np.full(IGNORE + 1, IGNORE, np.uint8)
    table[: len(numbers)] = numbers

    def anew(labels: Numbers) -> Numbers:
        if not many:
            return table[labels]
        flags = np.zeros(len(names), np.uint8)
        flags[numbers[labels > 0] if labels.ndim == 1 else table[labels].ravel()] = 1
        return flags

    return [replace(tile, labels=anew(tile.labels), block=f"{prefix}/{tile.block}") for tile in part.tiles]


def numbered(material: Material, names: Sequence[str]) -> list[Tile]:
    """The tiles of a material with its classes numbered as elsewhere.

    Raises:
        RequestError: a class has no number there.
    """
    if unknown := [name for name in material.names if name not in names]:
        raise RequestError(
            f"{unknown[0]} is none of the model's classes, {', '.join(names[:12])}",
            where=material.source,
            fix="rename it, or train on it too",
        )
    return _renamed(material, names, "", material.many)


def present(material: Material, rest: str | None = None) -> Material:
    """The material without the classes that no tile shows.

    Raises:
        RequestError: fewer than two are left.

    Warns:
        MissingClassWarning: one is left out.
    """
    names = material.names
    seen = sum((tile.counts(len(names)) for tile in material.tiles), np.zeros(len(names), np.int64)) > 0
    if seen.sum() < (1 if material.many else 2):
        only = next((name for name, is_seen in zip(names, seen, strict=True) if is_seen), "none")
        fix = (
            "label another class too"
            if rest
            else "label another class too, or pass --rest NAME to make all other ground a class"
        )
        raise RequestError(f"all labels are of one class, {only}", where=material.source, fix=fix)
    if seen.all():
        return material
    gone = ", ".join(name for name, is_seen in zip(names, seen, strict=True) if not is_seen)
    warnings.warn(
        MissingClassWarning(f"{gone}: no label lies on a valid pixel, so the model does not know it"), stacklevel=3
    )
    kept = tuple(name for name, is_seen in zip(names, seen, strict=True) if is_seen)
    if material.many:
        tiles = [replace(tile, labels=tile.labels[seen]) for tile in material.tiles]
    else:
        table = np.full(IGNORE + 1, IGNORE, np.uint8)
        table[np.flatnonzero(seen)] = np.arange(len(kept))
        tiles = [replace(tile, labels=table[tile.labels]) for tile in material.tiles]
    return replace(material, tiles=tiles, names=kept)
