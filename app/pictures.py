"""Pictures of rasters for the page: in natural colours where bands say so, masked pixels white."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.windows import Window

from ..engine.ground.grids import is_separable, relation
from ..engine.inputs.files import open_raster, readable
from ..engine.inputs.georeference import grid_of
from ..engine.inputs.scene import Band, Scene
from ..engine.request import OpenPolicy
from ..report.colours import Stretch, shown_bands

MOST_PX = 1000
"""Longest side of a picture."""
_LEAST_PX = 600

Stack = NDArray[np.float32]


def quick_look(scene: Scene) -> Image.Image:
    """The whole of a scene, by its overviews where it has some; small ones are magnified by a whole number.

    Raises:
        SeamlineError: it cannot be read.
    """
    bands = [scene.bands[number - 1] for number in shown_bands([band.name for band in scene.bands])]
    height, width = scene.grid.shape
    step = max(1.0, height / MOST_PX, width / MOST_PX)
    shape = max(1, round(height / step)), max(1, round(width / step))
    stack = np.stack([_whole(band, shape) for band in bands])
    times = max(1, _LEAST_PX // max(shape))
    return _coloured(stack, Stretch.of(stack)).resize((shape[1] * times, shape[0] * times), Image.Resampling.NEAREST)


def before_after(facts: Mapping[str, Any]) -> tuple[Image.Image | None, Image.Image]:
    """The ground of a run's output, as the main input shows it and as the output does, in one stretch.

    Args:
        facts: the report of the run.

    Returns:
        The input at its own resolution, brought to the size of the output; None where the grids are turned against each
        other.  Small ones are magnified by a whole number, so that pixels stay squares.

    Raises:
        SeamlineError: a file cannot be read.
    """
    path, main = str(facts["outputs"][0]), facts["main_bands"]
    with open_raster(path, OpenPolicy()) as out, readable(path):
        is_map = out.colorinterp[0] == ColorInterp.palette
        names = [band["name"] for band in main] if is_map else out.descriptions
        shown = shown_bands([str(name or "") for name in names])
        grid = grid_of(out, path)
        height, width = grid.shape
        step = max(1.0, height / MOST_PX, width / MOST_PX)
        shape = max(1, round(height / step)), max(1, round(width / step))
        how = Resampling.nearest if is_map or step == 1.0 else Resampling.average
        numbers = [1] if is_map else shown
        after = _filled(out.read(numbers, out_shape=(len(numbers), *shape), resampling=how, masked=True))
        palette = out.colormap(1) if is_map else {}
    before = _under(grid, [main[number - 1] for number in shown], shape)
    stretch = Stretch.of(after if before is None or not is_map else before)
    times = max(1, MOST_PX // max(shape)) if step == 1.0 else 1
    size = shape[1] * times, shape[0] * times
    right = _mapped(after[0], palette) if is_map else _coloured(after, stretch)
    left = None if before is None else _coloured(before, stretch).resize(size, Image.Resampling.NEAREST)
    return left, right.resize(size, Image.Resampling.NEAREST)


def _whole(band: Band, shape: tuple[int, int]) -> Stack:
    """One band on so many rows and columns; of a large file without overviews, pixels at regular steps."""
    with open_raster(band.path, OpenPolicy()) as data, readable(band.path):
        is_small = max(data.shape) <= 4 * MOST_PX
        how = Resampling.average if is_small or data.overviews(band.index) else Resampling.nearest
        return _filled(data.read(band.index, out_shape=shape, resampling=how, masked=True))


def _under(grid: GeoBox, bands: Sequence[Mapping[str, Any]], shape: tuple[int, int]) -> Stack | None:
    """The ground of a grid from bands of other files."""
    planes = []
    for band in bands:
        with open_raster(band["path"], OpenPolicy()) as data, readable(band["path"]):
            mapping = relation(grid, grid_of(data, band["path"]))
            if not is_separable(mapping):
                return None
            place = Window(mapping.c, mapping.f, mapping.a * grid.shape[1], mapping.e * grid.shape[0])
            how = Resampling.average if place.width > shape[1] else Resampling.nearest
            read = data.read(band["band"], window=place, out_shape=shape, resampling=how, boundless=True, masked=True)
            planes.append(_filled(read))
    return np.stack(planes)


def _filled(read: Any) -> Stack:
    return np.asarray(read.astype(np.float32).filled(np.nan))


def _coloured(stack: Stack, stretch: Stretch) -> Image.Image:
    """On white, which shows where pixels are masked."""
    colours = Image.fromarray(stretch.paint(stack, masked=True))
    paper = Image.new("RGB", colours.size, "white")
    paper.paste(colours, mask=colours)
    return paper


def _mapped(numbers: Stack, palette: Mapping[int, tuple[int, ...]]) -> Image.Image:
    """A map of classes in its colours."""
    table = np.array([palette.get(number, (255, 255, 255))[:3] for number in range(256)], np.uint8)
    table[255] = 255
    return Image.fromarray(table[np.nan_to_num(numbers, nan=255).astype(np.uint8)])
