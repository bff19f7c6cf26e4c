"""The pictures of a report: output, inputs, what differs, and whatever else the model says of each pixel."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from ..engine.ground.grids import Window, crop, relation
from ..engine.inputs.files import open_raster
from ..engine.inputs.scene import CLASS_NAMES, Scene
from ..engine.request import OpenPolicy
from .change import CELLS_AT_ONCE, blocks, indices
from .colours import Palette, Ramp, Stretch, shown_bands
from .gathering import Rasters
from .pyramid import Picture, Place
from .rasters import Cells, Seen, Values, only

_TITLES = {"ms": "Input MS", "image": "Input", "pan": "Input PAN"}
_SAMPLES, _SAMPLE_PX = 5, 128
_COLUMNS_AT_ONCE = 2048


class Layers:
    """Makes the pictures of a run.

    Args:
        rasters: of the run.
        facts: its report.
        stack: closes the files that the pictures are drawn from.
    """

    def __init__(self, rasters: Rasters, facts: Mapping[str, Any], stack: ExitStack) -> None:
        self._rasters, self._facts, self._stack = rasters, facts, stack
        self._palette = palette_of(rasters.out, _categories(facts, None))

    def pictures(self) -> list[Picture]:
        """All of them: the output, then its inputs, then the rest."""
        rasters = self._rasters
        found = [self._first()]
        if rasters.main is not None:
            found.append(self._input(rasters.main, title_of(rasters.main.name), first=True))
        found += [self._input(scene, title_of(name)) for name, scene in rasters.others.items()]
        found += self._differences()
        found += [self._further(name, scene) for name, scene in rasters.further.items()]
        if rasters.reference is not None:
            found.append(self._reference(rasters.reference))
        return found

    def _first(self) -> Picture:
        scene = self._rasters.out
        if self._palette is not None:
            return self._classes("output", "Output", scene, self._palette, first=True)
        bands = _colour_bands(scene)
        return self._image("output", "Output", only(scene, bands), self._stretch(scene, bands), first=True)

    def _stretch(self, scene: Scene, bands: Sequence[int]) -> Stretch:
        chosen = only(scene, bands)
        with Seen(chosen, chosen.grid) as seen:
            return Stretch.of(_some(seen))

    def _input(self, scene: Scene, title: str, first: bool = False) -> Picture:
        out, bands = self._rasters.out, _colour_bands(scene)
        # The same colours for the same values, where it has the output's bands.
        alike = self._palette is None and len(scene.bands) == len(out.bands)
        if alike:
            bands = _colour_bands(out)
        stretch = self._stretch(out if alike else scene, bands)
        return self._image(f"input-{scene.name}", title, only(scene, bands), stretch, first=first)

    def _reference(self, scene: Scene) -> Picture:
        out = self._rasters.out
        if self._palette is not None:
            return self._classes(
                "reference", "Reference", scene, palette_of(scene, self._palette.names) or self._palette
            )
        bands = _colour_bands(out)
        return self._image("reference", "Reference", only(scene, bands), self._stretch(out, bands))

    def _image(self, name: str, title: str, scene: Scene, stretch: Stretch, *, first: bool = False) -> Picture:
        grid, place = self._own_grid(scene)
        seen, masked = self._seen(scene.as_delivered, grid), scene.has_invalid
        named = [band.name or f"band {band.index}" for band in scene.bands]
        says = f"{named[0]} in grey" if len(named) == 1 else f"bands {', '.join(named)} as red, green, blue"
        return Picture(
            name=name,
            title=title,
            note=says,
            place=place,
            height=int(grid.shape[0]),
            width=int(grid.shape[1]),
            draw=lambda window: stretch.paint(seen.read(window), masked),
            first=first,
        )

    def _classes(self, name: str, title: str, scene: Scene, palette: Palette, *, first: bool = False) -> Picture:
        grid, place = self._own_grid(scene)
        seen = self._seen(scene.as_delivered, grid)
        return Picture(
            name=name,
            title=title,
            note="a colour for each class",
            place=place,
            height=int(grid.shape[0]),
            width=int(grid.shape[1]),
            draw=lambda window: palette.paint(seen.read(window)),
            palette=palette,
            legend=palette.legend(),
            first=first,
        )

    def _further(self, name: str, scene: Scene) -> Picture:
        palette = palette_of(scene, _categories(self._facts, name))
        if palette is not None:
            return self._classes(f"output-{name}", name.capitalize(), scene, palette)
        said = str(self._facts["layers"][name].get("note") or "")
        seen = self._seen(scene, scene.grid)
        some = _some(seen)
        shares = bool(np.nanmin(some, initial=0) >= 0 and np.nanmax(some, initial=0) <= 1)
        one = _largest if shares else _mean
        which = "" if len(scene.bands) == 1 else "largest of all bands; " if shares else "mean of all bands; "
        note = which + (said or "as the model gives it")
        return self._quantity(
            f"output-{name}",
            name.capitalize(),
            note,
            scene.grid,
            lambda window: one(seen.read(window)),
            Ramp.of(one(some), scene.bands[0].unit),
        )

    def _differences(self) -> list[Picture]:
        rasters = self._rasters
        main, found = rasters.main, []
        if self._palette is not None:
            return []
        if main is not None and len(main.bands) == len(rasters.out.bands):
            note = "output minus interpolated input, mean of all bands, in stored units"
            found.append(self._difference("difference", "Difference from input", note, main))
            if Cells.can_be(rasters.out, main):
                found += self._index_change(main)
        if rasters.reference is not None:
            note = "output minus reference, mean of all bands, in stored units"
            found.append(self._difference("error", "Difference from reference", note, rasters.reference))
        return found

    def _difference(self, name: str, title: str, note: str, other: Scene) -> Picture:
        out = self._rasters.out
        one, two = self._seen(out, out.grid), self._seen(other, out.grid)

        def apart(window: Window) -> Values:
            found = np.empty((1, window.height, window.width), np.float32)
            for piece in blocks(window, _COLUMNS_AT_ONCE):
                columns = slice(piece.column - window.column, piece.columns[1] - window.column)
                rows = slice(piece.row - window.row, piece.rows[1] - window.row)
                found[:, rows, columns] = _mean(one.read(piece) - two.read(piece))
            return found

        ramp = Ramp.around_zero(_some_of(apart, out.grid), out.bands[0].unit)
        return self._quantity(name, title, note, out.grid, apart, ramp, masked=out.has_invalid or other.has_invalid)

    def _index_change(self, main: Scene) -> list[Picture]:
        index = next((each for each in indices([band.name for band in main.bands]) if each.normalised), None)
        cells = self._stack.enter_context(Cells(self._rasters.out, main))
        if index is None or not (cells.window.height and cells.window.width):
            return []
        origin = cells.window

        def change(window: Window) -> Values:
            moved = Window(window.row + origin.row, window.column + origin.column, window.height, window.width)
            found = np.empty((1, window.height, window.width), np.float32)
            for piece in blocks(moved, CELLS_AT_ONCE):
                seen, coarse = cells.read(piece)
                rows, columns = (
                    slice(first - start, stop - start)
                    for (first, stop), start in ((piece.rows, moved.row), (piece.columns, moved.column))
                )
                found[0, rows, columns] = index.of(seen) - index.of(coarse)
            return found

        grid = crop(main.parts[0].grid, origin)
        ramp = Ramp.around_zero(_some_of(change, grid), "")
        note = f"{index.name} of the output, seen with the input's pixels, minus that of the input"
        return [self._quantity("ndvi", f"Change of {index.name}", note, grid, change, ramp)]

    def _quantity(
        self,
        name: str,
        title: str,
        note: str,
        grid: GeoBox,
        values: Callable[[Window], Values],
        ramp: Ramp,
        *,
        masked: bool = True,
    ) -> Picture:
        return Picture(
            name=name,
            title=title,
            note=note,
            place=self._place(grid),
            height=int(grid.shape[0]),
            width=int(grid.shape[1]),
            draw=lambda window: ramp.paint(values(window), masked),
            legend=ramp.legend(),
        )

    def _seen(self, scene: Scene, grid: GeoBox) -> Seen:
        return self._stack.enter_context(Seen(scene, grid))

    def _own_grid(self, scene: Scene) -> tuple[GeoBox, Place]:
        """The pixels of a raster that the output touches, and where they lie; the finest where there are several."""
        out = self._rasters.out.grid
        part = min(scene.parts, key=lambda part: abs(part.grid.affine.determinant))
        mapping = relation(out, part.grid)
        spans = (
            (mapping.f, mapping.e * out.shape[0] + mapping.f, part.grid.shape[0]),
            (mapping.c, mapping.a * out.shape[1] + mapping.c, part.grid.shape[1]),
        )
        (top, bottom), (left, right) = (
            (max(math.floor(first + 1e-6), 0), min(math.ceil(stop - 1e-6), limit)) for first, stop, limit in spans
        )
        grid = crop(part.grid, Window(top, left, bottom - top, right - left))
        down, across = part.lies
        place = self._place(grid)
        moved = Place(place.column - across / mapping.a, place.row - down / mapping.e, place.width, place.height)
        return grid, moved

    def _place(self, grid: GeoBox) -> Place:
        back = relation(grid, self._rasters.out.grid)
        height, width = grid.shape
        return Place(back.c, back.f, back.a * width, back.e * height)


def palette_of(scene: Scene, names: Sequence[str]) -> Palette | None:
    """Colours of classes, where the raster is a map of them; None for others.

    Args:
        names: of the classes, where the file does not tell them.
    """
    if len(scene.bands) != 1:
        return None
    try:
        with open_raster(scene.bands[0].path, OpenPolicy()) as file:
            if file.colorinterp[0] != ColorInterp.palette:
                return None
            table, told = file.colormap(1), file.tags().get(CLASS_NAMES)
    except (RasterioError, ValueError):
        return None
    return Palette(table, _listed(told) or tuple(names))


def _listed(text: str | None) -> tuple[str, ...]:
    try:
        names = json.loads(text or "[]")
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _categories(facts: Mapping[str, Any], name: str | None) -> tuple[str, ...]:
    """Names of the classes of an output; of the first one by default."""
    layers = facts.get("layers", {})
    layer = next(iter(layers.values()), {}) if name is None else layers[name]
    return tuple(map(str, layer.get("categories") or ()))


def title_of(name: str) -> str:
    """What people call an input."""
    return _TITLES.get(name, f"Input {name}")


def _colour_bands(scene: Scene) -> list[int]:
    return [number - 1 for number in shown_bands([band.name for band in scene.bands])]


def _mean(values: Values) -> Values:
    mean: Values = values.mean(axis=0, keepdims=True)
    return mean


def _largest(values: Values) -> Values:
    largest: Values = values.max(axis=0, keepdims=True)
    return largest


def _some(seen: Seen) -> Values:
    return _some_of(seen.read, seen.grid)


def _some_of(values: Callable[[Window], Any], grid: GeoBox) -> Values:
    """Values of a few windows that are spread over a raster, one below the other."""
    height, width = (int(length) for length in grid.shape)
    tall, wide = min(height, _SAMPLE_PX), min(width, _SAMPLE_PX)
    rows, columns = (np.unique(np.linspace(0, n - k, _SAMPLES).astype(int)) for n, k in ((height, tall), (width, wide)))
    read = [values(Window(int(row), int(column), tall, wide)) for row, column in product(rows, columns)]
    return np.concatenate(read, axis=1)
