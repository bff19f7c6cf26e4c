"""Values of a run's rasters: as stored, on the grid of the output, at single points, under coarse pixels.

Masked values are NaN.  Axes are (bands, rows, columns), float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..engine.errors import GeoreferenceWarning, RequestError
from ..engine.ground.grids import Window, is_separable, one_plane, relation, whole_shift
from ..engine.inputs.coregistration import moved
from ..engine.inputs.describe import describe
from ..engine.inputs.reading import InputReader, PartReader, Stored
from ..engine.inputs.scene import Part, Scene
from ..engine.optics.consistency import CellAxis
from ..engine.request import OpenPolicy

Values = NDArray[np.float32]

# The run may have trusted virtual rasters; even of those nothing is fetched.
_POLICY = OpenPolicy(vrt=True)
_ROWS_AT_ONCE = 512


def described(name: str, path: str | Path, policy: OpenPolicy = _POLICY) -> Scene:
    """A raster of any type.

    Raises:
        RequestError: it cannot be opened, or its metadata cannot be used.
    """
    with warnings.catch_warnings():
        # A page has no georeference to lose.
        warnings.simplefilter("ignore", GeoreferenceWarning)
        return describe(name, str(path), any_dtype=True, coded=True, policy=policy)


def input_scene(name: str, bands: Sequence[Mapping[str, Any]]) -> Scene:
    """An input of a run, from the files of its bands.

    Args:
        bands: ``path`` and ``band`` of each, as reports have it.

    Raises:
        RequestError: a file is gone, or cannot be used.
    """
    parts = []
    for path, group in groupby(bands, key=lambda band: str(band["path"])):
        scene = described(name, path)
        known = {band.index: band for band in scene.bands}
        wanted = [band["band"] for band in group]
        if not known.keys() >= set(wanted):
            raise RequestError(
                "its bands are no longer those of the run", where=path, fix="put the file of the run back"
            )
        parts.append(replace(scene.parts[0], bands=tuple(known[number] for number in wanted)))
    return replace(scene, parts=tuple(parts))


def laid(scene: Scene, corrected: Sequence[float] | None, shift: Sequence[float] | None, fine: GeoBox) -> Scene:
    """An input where the run took it to lie.

    Args:
        corrected: (row, column) px of the scene that the run took away; None for none.
        shift: (row, column) px of the finest input by which it was measured to lie too far down and right.
        fine: the grid of that input.
    """
    if corrected is not None:
        scene = moved(scene, (corrected[0], corrected[1]))
    if shift is None:
        return scene
    parts = []
    for part in scene.parts:
        mapping = relation(fine, part.grid)
        parts.append(replace(part, lies=(shift[0] * mapping.e, shift[1] * mapping.a)))
    return replace(scene, parts=tuple(parts))


def only(scene: Scene, positions: Sequence[int]) -> Scene:
    """The scene with some of its bands, numbered from 0, in this order; they may lie on several grids."""
    owners = [(part, band) for part in scene.parts for band in part.bands]
    chosen = [owners[position] for position in positions]
    parts = [replace(part, bands=tuple(band for _, band in group)) for part, group in groupby(chosen, lambda c: c[0])]
    return replace(scene, parts=tuple(parts))


def lies_along(scene: Scene, grid: GeoBox) -> bool:
    """Whether rows of a raster run along rows of a grid, in one CRS, and the two have ground in common."""
    return one_plane(scene.grid.crs, grid.crs) and all(_meets(part.grid, grid) for part in scene.parts)


def _meets(own: GeoBox, grid: GeoBox) -> bool:
    mapping = relation(grid, own)
    (height, width), (rows, columns) = grid.shape, own.shape
    down = mapping.f < rows and mapping.e * height + mapping.f > 0
    across = mapping.c < columns and mapping.a * width + mapping.c > 0
    return is_separable(mapping) and bool(down and across)


class Seen:
    """A raster on a grid; owns its file handles, so it belongs to one thread.

    Args:
        scene: the raster.
        grid: what it is seen on.
    """

    def __init__(self, scene: Scene, grid: GeoBox) -> None:
        self.grid = grid
        # Stored values are looked at as they are, without what is under a mask being filled first.
        self._stored = all(
            part.lies == (0.0, 0.0) and whole_shift(relation(grid, part.grid)) is not None for part in scene.parts
        )
        self._reader = InputReader(scene, grid, "cubic", _POLICY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    def read(self, window: Window) -> Values:
        """A window of the grid; interpolated where the pixels of the raster are others.

        Returns:
            (C, h, w), NaN where they are masked.

        Raises:
            RunError: a file cannot be read.
        """
        stored = self._reader.strip(window)
        if self._stored and all(
            (each.window.height, each.window.width) == (window.height, window.width) for each in stored
        ):
            return np.concatenate([_floats(each) for each in stored])
        patch = self._reader.patch(stored, window)
        return patch.values if patch.valid is None else np.where(patch.valid, patch.values, np.float32(np.nan))


def _floats(stored: Stored) -> Values:
    with np.errstate(over="ignore", invalid="ignore"):
        values = stored.raw.astype(np.float32)
    return values if stored.valid is None else np.where(stored.valid, values, np.float32(np.nan))


def at_points(scene: Scene, grid: GeoBox, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Values | None:
    """What a raster stores at the centres of pixels of a grid, (bands, rows, columns); NaN beside it.

    Args:
        rows, columns: ascending.

    Returns:
        None where the raster is turned against the grid.

    Raises:
        RunError: a file cannot be read.
    """
    found = []
    for part in scene.parts:
        values = _part_at(part, grid, rows, columns)
        if values is None:
            return None
        found.append(values)
    return np.concatenate(found)


def _part_at(part: Part, grid: GeoBox, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Values | None:
    mapping = relation(grid, part.grid)
    if not is_separable(mapping):
        return None
    height, width = part.grid.shape
    down = np.floor(mapping.e * (rows + 0.5) + mapping.f + 1e-6).astype(np.int64)
    across = np.floor(mapping.a * (columns + 0.5) + mapping.c + 1e-6).astype(np.int64)
    found = np.full((len(part.bands), len(rows), len(columns)), np.nan, np.float32)
    inside = np.flatnonzero((across >= 0) & (across < width))
    if not inside.size:
        return found
    first = int(across[inside[0]])
    span = int(across[inside[-1]]) + 1 - first
    reader = PartReader(part, part.grid, "cubic", _POLICY)
    try:
        for top in range(0, height, _ROWS_AT_ONCE):
            mine = np.flatnonzero((down >= top) & (down < min(top + _ROWS_AT_ONCE, height)))
            if mine.size:
                low, high = int(down[mine[0]]), int(down[mine[-1]])
                stored = reader.strip(Window(low, first, high + 1 - low, span))
                picked = _picked(stored, down[mine] - low, across[inside] - first)
                found[:, mine[:, None], inside[None]] = picked
    finally:
        reader.close()
    return found


def _picked(stored: Stored, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Values:
    where = np.s_[:, rows[:, None], columns[None]]
    valid = None if stored.valid is None else stored.valid[where]
    return _floats(Stored(stored.raw[where], valid, stored.window))


class Cells:
    """A fine raster and a coarse one, each pixel of which is a cell of the fine one.

    Args:
        fine, coarse: rasters of as many bands, neither turned against the other, the coarse one on one grid.
    """

    def __init__(self, fine: Scene, coarse: Scene) -> None:
        part = coarse.parts[0]
        mapping = relation(fine.grid, part.grid)
        (height, width), (rows, columns) = fine.grid.shape, part.grid.shape
        self._rows = CellAxis(mapping.e, mapping.f + part.lies[0], rows, height)
        self._columns = CellAxis(mapping.a, mapping.c + part.lies[1], columns, width)
        (top, bottom), (left, right) = self._rows.inside(0, height), self._columns.inside(0, width)
        self.window = Window(top, left, bottom - top, right - left)
        """The cells that lie wholly in the fine raster, in px of the coarse one; may be empty."""
        self._fine = Seen(fine, fine.grid)
        self._coarse = Seen(replace(coarse, parts=(replace(part, lies=(0.0, 0.0)),)), part.grid)

    @classmethod
    def can_be(cls, fine: Scene, coarse: Scene) -> bool:
        """Whether two rasters are as is asked for."""
        if len(coarse.parts) != 1 or len(fine.bands) != len(coarse.bands):
            return False
        mapping = relation(fine.grid, coarse.grid)
        return lies_along(coarse, fine.grid) and max(mapping.a, mapping.e) <= 1 + 1e-6

    def __enter__(self) -> Self:
        self._fine.__enter__()
        self._coarse.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fine.__exit__(kind, error, trace)
        self._coarse.__exit__(kind, error, trace)

    def read(self, cells: Window) -> tuple[Values, Values]:
        """Means of the fine raster over some cells, and what the coarse one has there; NaN where anything is masked."""
        (top, bottom), (left, right) = (
            (int(np.floor((first - axis.shift) / axis.slope)), int(np.ceil((stop - axis.shift) / axis.slope)))
            for axis, (first, stop) in ((self._rows, cells.rows), (self._columns, cells.columns))
        )
        height, width = self._fine.grid.shape
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
        fine = self._fine.read(Window(top, left, bottom - top, right - left))
        down = self._rows.down(cells.rows, top, bottom - top)
        across = self._columns.down(cells.columns, left, right - left)
        return across.along(down.along(fine, 1), 2), self._coarse.read(cells)
