"""A scene that is open on the page: its files, its picture, and how places in the picture are pixels of the scene."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from odc.geo.geobox import GeoBox
from PIL.Image import Image

from ..engine.contract import Task
from ..engine.errors import RequestError
from ..engine.ground.grids import footprint, relation
from ..engine.inputs.describe import describe
from ..engine.inputs.scene import Scene
from ..notebook.grid import pixel_of
from .folders import Folders
from .pictures import quick_look
from .tasks import KINDS

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of the picture, as shares of its width and height."""
Window = tuple[int, int, int, int]
"""Column, row, width and height in px of the finest input."""

_FIRST_PX = 512


@dataclass(frozen=True, slots=True)
class Opened:
    """A scene that can be run.

    Attributes:
        task: that it was opened for.
        inputs: path of each input by its name in the models.
        shown: grid of the picture.
        fine: grid of the input in whose pixels windows are counted.
        facts: what the files are, in a line.
    """

    task: Task
    inputs: Mapping[str, str]
    shown: GeoBox
    fine: GeoBox
    facts: str

    def window(self, box: Box) -> Window:
        """The pixels that a part of the picture touches."""
        height, width = self.shown.shape
        mapping = relation(self.shown, self.fine)
        corners = [mapping * (x * width, y * height) for x in box[::2] for y in box[1::2]]
        xs, ys = zip(*corners, strict=True)
        rows, columns = self.fine.shape
        left, top = (max(math.floor(min(values) + 1e-6), 0) for values in (xs, ys))
        right, bottom = min(math.ceil(max(xs) - 1e-6), columns), min(math.ceil(max(ys) - 1e-6), rows)
        return left, top, max(right - left, 1), max(bottom - top, 1)

    def box(self, window: Window) -> Box:
        """The part of the picture that shows a window."""
        left, top, across, down = window
        height, width = self.shown.shape
        mapping = relation(self.fine, self.shown)
        corners = [mapping * (x, y) for x in (left, left + across) for y in (top, top + down)]
        xs, ys = (
            [min(max(v / n, 0.0), 1.0) for v in vs]
            for vs, n in zip(zip(*corners, strict=True), (width, height), strict=True)
        )
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def middle(self) -> Window:
        """A part to begin with: the middle of what the picture shows."""
        left, top, across, down = self.window((0.0, 0.0, 1.0, 1.0))
        width, height = min(across, _FIRST_PX), min(down, _FIRST_PX)
        return left + (across - width) // 2, top + (down - height) // 2, width, height


def open_scene(task: Task, main: str, beside: str, folders: Folders) -> tuple[Opened, Image]:
    """Open the files of a task, and draw the main one.

    Args:
        main, beside: as they were typed; ``beside`` may be empty where the task does without.

    Raises:
        SeamlineError: a file leads out of the folders, is missing or cannot be read, or the two do not fit.
    """
    kind = KINDS[task]
    sources = {kind.main.name: folders.readable(main)}
    if kind.beside is not None and (beside or not kind.beside.optional):
        sources[kind.beside.name] = folders.readable(beside)
    scenes = {name: describe(name, source) for name, source in sources.items()}
    for scene in scenes.values():
        folders.check(scene)
    shown, fine = scenes[kind.main.name], scenes[kind.fine]
    if fine is not shown:
        footprint(fine.grid, shown.grid, fine_name=fine.source, coarse_name=shown.source)
    facts = "; ".join(_facts(scene) for scene in scenes.values())
    return Opened(task, sources, shown.grid, fine.grid, facts), quick_look(shown)


def checked_window(values: tuple[float | None, ...]) -> Window:
    """Four numbers as they were typed.

    Raises:
        RequestError: one is missing or no whole number.
    """
    if any(value is None or not float(value).is_integer() for value in values):
        raise RequestError("the extent is four whole numbers", fix="drag one on the picture, or type them")
    column, row, width, height = (int(value) for value in values if value is not None)
    return column, row, width, height


def checked_box(values: object) -> Box:
    """Four shares as the picture tells them.

    Raises:
        RequestError: they are something else.
    """
    if (
        not isinstance(values, list)
        or len(values) != 4
        or not all(isinstance(v, int | float) and 0 <= v <= 1 for v in values)
    ):
        raise RequestError("the extent is no part of the picture", fix="drag it again")
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom


def _facts(scene: Scene) -> str:
    height, width = scene.grid.shape
    return f"{scene.name}: {len(scene.bands)} × {scene.dtype}, {width} × {height} px, {pixel_of(scene.grid)}"
