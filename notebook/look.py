"""What a quick look shows: the ground that images have in common, in few pixels and in colours.

Colours are those of the report: a stretch for images, a ramp for quantities, a palette for classes.
"""

from __future__ import annotations

import colorsys
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from ..engine.errors import GeoreferenceWarning, RequestError
from ..engine.ground.grids import is_separable, one_plane, relation
from ..engine.inputs.scene import Band, Scene
from ..engine.request import OpenPolicy
from ..engine.run import Outcome
from ..report.colours import Palette, Pixels, Ramp, Stretch, name_a_colour, shown_bands
from ..report.decimated import decimated
from ..report.layers import palette_of
from ..report.rasters import Values, described

_MOST_TIMES = 4
"""An array of more px per px of the picture is looked at in steps."""

Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom, px of the first image."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture of some ground.

    Attributes:
        title: what it shows.
        pixels: (rows, columns, 4), with an opacity of 0 where masked.
        grid: of these pixels.
        ramp: of a quantity; None for others.
        label: what the quantity is.
        classes: name and colour of the classes that the picture has.
    """

    title: str
    pixels: Pixels
    grid: GeoBox
    ramp: Ramp | None = None
    label: str = ""
    classes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Image:
    """An image that is to be looked at.

    Attributes:
        title: of the picture.
        scene: its files.
        names: of its classes, where it says them in another way than files do.
    """

    title: str
    scene: Scene
    names: tuple[str, ...] = ()

    @property
    def palette(self) -> Palette | None:
        """Colours of its classes; None where it is no map of them."""
        if self.names:
            hues = [colorsys.hls_to_rgb(number / len(self.names), 0.5, 0.65) for number in range(len(self.names))]
            return Palette({i: tuple(round(255 * part) for part in hue) for i, hue in enumerate(hues)}, self.names)
        return palette_of(self.scene, ())


def looked_at(images: Sequence[Any], bands: Sequence[int | str] | None, size: int) -> list[View]:
    """A picture of each image.

    Args:
        images: paths, arrays, or outcomes of runs; one or more.
        bands: the one or three to show, by number from 1 or by name; None for what suits each image.
        size: longest side of a picture, px.

    Raises:
        RequestError: an image cannot be read or has no such bands, or the images lie in several CRSs or apart.
    """
    if not images:
        raise RequestError("there is no image to look at", where="quick_look", fix="give at least one")
    with (
        tempfile.TemporaryDirectory(prefix="seamline-", ignore_cleanup_errors=True) as folder,
        warnings.catch_warnings(),
    ):
        # A picture without a georeference has axes in px.
        warnings.simplefilter("ignore", GeoreferenceWarning)
        opened = [_opened(image, size, Path(folder, f"image{i}.tif")) for i, image in enumerate(images)]
        grounds = _common([each.scene for each in opened])
        scales: dict[Any, Stretch | Ramp] = {}
        return [_view(image, ground, bands, size, scales) for image, ground in zip(opened, grounds, strict=True)]


def _opened(image: Any, size: int, place: Path) -> _Image:
    """An image by its files; an array is laid down, in steps where it is large."""
    if isinstance(image, Outcome):
        if image.out is None:
            raise RequestError("this shard made no image", where="quick_look", fix="merge the shards first")
        image = image.out
    if isinstance(image, (str, os.PathLike)):
        path = str(image)
        return _Image(Path(path.partition(",")[0]).name, described("image", path, OpenPolicy()))
    # Slow to import, and not needed for files.
    from ..arrays.given import Given

    given = Given.of(image, "image")
    step = max(1, max(given.image.shape[1:]) // (_MOST_TIMES * size))
    if step > 1:
        given = Given.of(
            image.isel({given.axes.y: slice(None, None, step), given.axes.x: slice(None, None, step)}), "image"
        )
    given.lay_down(place)
    names = tuple(str(image.attrs.get("flag_meanings", "")).split())
    return _Image(str(image.name or ""), described("image", place, OpenPolicy()), names)


def _common(scenes: Sequence[Scene]) -> list[GeoBox]:
    """The ground that all have in common, as a part of each grid; the whole of each where they cannot be compared."""
    first = scenes[0].grid
    placed = [scene.grid for scene in scenes if not (scene.grid.crs is None and scene.grid.affine.is_identity)]
    if len(placed) < len(scenes):
        return [scene.grid for scene in scenes]
    for scene in scenes[1:]:
        if not one_plane(scene.grid.crs, first.crs):
            raise RequestError(
                "it lies in another CRS than the first image", where=scene.source, fix="look at them one by one"
            )
        if not is_separable(relation(scene.grid, first)):
            raise RequestError(
                "it is turned against the first image", where=scene.source, fix="look at them one by one"
            )
    boxes = np.array([_bounds(scene.grid, first) for scene in scenes])
    left, top = boxes[:, :2].max(axis=0)
    right, bottom = boxes[:, 2:].min(axis=0)
    if not (left < right and top < bottom):
        raise RequestError("the images have no ground in common", where="quick_look", fix="look at them one by one")
    return [_part(scene.grid, first, (left, top, right, bottom)) for scene in scenes]


def _bounds(grid: GeoBox, first: GeoBox) -> Bounds:
    mapping, (height, width) = relation(grid, first), grid.shape
    xs, ys = zip(*(mapping * corner for corner in product((0, width), (0, height))), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _part(grid: GeoBox, first: GeoBox, bounds: Bounds) -> GeoBox:
    """The part of a grid inside bounds; its rim need not be one of pixels, so that it has about as many as the grid."""
    mapping = relation(first, grid)
    xs, ys = zip(*(mapping * corner for corner in product(bounds[::2], bounds[1::2])), strict=True)
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    shape = max(1, round(height)), max(1, round(width))
    affine = grid.affine * Affine.translation(min(xs), min(ys)) * Affine.scale(width / shape[1], height / shape[0])
    return GeoBox(shape, affine, grid.crs)


def _view(
    image: _Image, ground: GeoBox, bands: Sequence[int | str] | None, size: int, scales: dict[Any, Stretch | Ramp]
) -> View:
    """A picture of an image.

    Args:
        ground: of the picture, in px of the image.
        scales: what images before have been coloured by, which is kept where one can be compared with them.
    """
    scene, palette = image.scene, image.palette
    chosen = [scene.bands[number - 1] for number in _numbers(scene, bands, palette is not None)]
    rows, columns = ground.shape
    step = max(1.0, rows / size, columns / size)
    shape = max(1, round(rows / step)), max(1, round(columns / step))
    values = decimated(ground, [(band.path, band.index) for band in chosen], shape, classes=palette is not None)
    grid = GeoBox(shape, ground.affine * Affine.scale(columns / shape[1], rows / shape[0]), ground.crs)
    if palette is not None:
        return View(image.title, palette.opaque(values), grid, classes=_present(palette, values))
    if len(chosen) == 1 and np.dtype(scene.dtype).kind != "u":
        band = chosen[0]
        ramp = scales.setdefault(("ramp", band.name, band.unit), Ramp.of(values, band.unit))
        assert isinstance(ramp, Ramp)  # noqa: S101 - by its key
        return View(image.title, ramp.paint(values, masked=True), grid, ramp, _label(band))
    names = tuple(band.name for band in chosen)
    # Values of one band can be compared; bands without names are the same where the images have as many.
    alike = names if all(names) else (len(scene.bands), len(chosen))
    stretch = scales.setdefault(("stretch", alike, scene.dtype), Stretch.of(values))
    return View(image.title, stretch.paint(values, masked=True), grid)


def _label(band: Band) -> str:
    name = band.name or f"band {band.index}"
    return f"{name}, {band.unit}" if band.unit else name


def _present(palette: Palette, values: Values) -> dict[str, str]:
    """Name and colour of the classes that a picture has."""
    found = np.unique(values[np.isfinite(values)]).astype(int)
    named = palette.legend()["classes"]
    return {named[number]["name"]: named[number]["colour"] for number in found if number < len(named)}


def _numbers(scene: Scene, bands: Sequence[int | str] | None, is_map: bool) -> list[int]:
    """Numbers of the bands to show."""
    names = [band.name for band in scene.bands]
    if bands is None:
        # Such as the deviations of each band, of which no three make a colour.
        quantities = np.dtype(scene.dtype).kind == "f" and any(names) and not name_a_colour(names)
        return [1] if is_map or quantities else shown_bands(names)
    if isinstance(bands, str) or len(bands) not in (1, 3):
        raise RequestError(f"{bands!r} are not one band or three", where="bands", fix="give one, or three as RGB")
    return [_number(scene, band, names) for band in bands]


def _number(scene: Scene, band: int | str, names: Sequence[str]) -> int:
    known = [name.lower() for name in names]
    if isinstance(band, str) and band.lower() in known:
        return known.index(band.lower()) + 1
    if isinstance(band, int) and 1 <= band <= len(names):
        return band
    listed = ", ".join(filter(None, names))
    raise RequestError(
        f"it has no band {band!r}",
        where=scene.source,
        fix=f"give 1 to {len(names)}" + (f", or {listed}" if listed else ""),
    )
