"""Pictures of rasters for the page: in natural colours where bands say so, masked pixels white."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image
from rasterio.enums import ColorInterp

from ..engine.inputs.files import open_raster, readable
from ..engine.inputs.georeference import grid_of
from ..engine.inputs.scene import Scene
from ..engine.request import OpenPolicy
from ..report.colours import Palette, Pixels, Stretch, shown_bands
from ..report.decimated import decimated
from ..report.rasters import Values, input_scene, lies_along

MOST_PX = 1000
"""Longest side of a picture."""
_LEAST_PX = 600


def quick_look(scene: Scene) -> Image.Image:
    """The whole of a scene, by its overviews where it has some; small ones are magnified by a whole number.

    Raises:
        SeamlineError: it cannot be read.
    """
    bands = [scene.bands[number - 1] for number in shown_bands([band.name for band in scene.bands])]
    height, width = scene.grid.shape
    step = max(1.0, height / MOST_PX, width / MOST_PX)
    shape = max(1, round(height / step)), max(1, round(width / step))
    stack = decimated(scene.grid, [(band.path, band.index) for band in bands], shape)
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
        palette = out.colormap(1) if is_map else {}
    after = decimated(grid, [(path, number) for number in ([1] if is_map else shown)], shape, classes=is_map)
    bands = [main[number - 1] for number in shown]
    along = lies_along(input_scene("main", bands), grid)
    before = decimated(grid, [(band["path"], band["band"]) for band in bands], shape) if along else None
    stretch = Stretch.of(after if before is None or not is_map else before)
    times = max(1, MOST_PX // max(shape)) if step == 1.0 else 1
    size = shape[1] * times, shape[0] * times
    right = _on_paper(Palette(palette, ()).opaque(after)) if is_map else _coloured(after, stretch)
    left = None if before is None else _coloured(before, stretch).resize(size, Image.Resampling.NEAREST)
    return left, right.resize(size, Image.Resampling.NEAREST)


def _coloured(stack: Values, stretch: Stretch) -> Image.Image:
    return _on_paper(stretch.paint(stack, masked=True))


def _on_paper(colours: Pixels) -> Image.Image:
    """On white, which shows where pixels are masked."""
    picture = Image.fromarray(colours)
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture)
    return paper
