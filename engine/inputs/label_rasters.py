"""Labels held by a raster of class numbers, on any grid: each cell asks the one that holds its centre."""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from pyproj.exceptions import ProjError

from ..errors import GeoreferenceWarning, RequestError
from ..ground.grids import Window
from ..ground.relation import Relation, between
from ..request import OpenPolicy
from .dataset_files import kind_of
from .describe import describe
from .files import open_raster
from .label_classes import UNLABELLED, Classes, make_classes, spell
from .reading import PartReader
from .scene import CLASS_NAMES, Scene
from .vectors import FORMATS, Box

_MOST_CELLS = 2**24
"""Cells of the label raster that are held at once."""
_STRIP = 256
_MOST_VALUES = 2**16


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """Values of a label raster at the centres of the cells of a window, (h, w) each."""

    values: NDArray[Any]
    valid: NDArray[np.bool_]


class _Raster:
    """A label raster, asked at the cells of any grid.

    Args:
        scene: of one band.
        grid: where it lies; without a CRS, it is in that of any grid.
    """

    def __init__(self, scene: Scene, grid: GeoBox, policy: OpenPolicy) -> None:
        self.scene, self.grid, self._policy = scene, grid, policy

    def relation(self, to: GeoBox) -> Relation:
        """Where the cells of a grid lie on the raster."""
        own = GeoBox(self.grid.shape, self.grid.affine, to.crs) if self.grid.crs is None else self.grid
        if own.crs is not None and to.crs is None:
            raise RequestError(
                "it has a CRS and the image has none, so it cannot be laid on the image",
                where=self.scene.source,
                fix="assign the image its CRS with gdal_edit.py -a_srs",
            )
        return between(to, own, base_name="the image", other_name=self.scene.source)

    def sampled(self, relation: Relation, window: Window) -> _Samples:
        """Values at the cells of a window, read in pieces that fit into memory."""
        part = self.scene.parts[0]
        reader = PartReader(part, part.grid, "cubic", self._policy)
        samples = _Samples(
            np.zeros((window.height, window.width), np.dtype(self.scene.dtype)),
            np.zeros((window.height, window.width), np.bool_),
        )
        try:
            waiting = [window]
            while waiting:
                this = waiting.pop()
                # A kernel of radius 1 has taps on both sides, so one of them is the cell that holds the centre.
                touched = relation.touched(this, 1)
                if touched is None:
                    continue
                if touched.height * touched.width > _MOST_CELLS and max(this.height, this.width) > 1:
                    waiting += _halves(this)
                else:
                    row, column = this.row - window.row, this.column - window.column
                    here = slice(row, row + this.height), slice(column, column + this.width)
                    samples.values[here], samples.valid[here] = _looked_up(reader, relation, this, touched)
        finally:
            reader.close()
        return samples


class RasterLabels:
    """Classes of a raster.

    Args:
        values, numbers: (n,) stored values, ascending, and the class number of each; ``UNLABELLED`` for one that is
            ignored.
        counts: cells of each class.
    """

    def __init__(
        self,
        raster: _Raster,
        classes: Classes,
        values: NDArray[Any],
        numbers: NDArray[np.uint8],
        counts: tuple[int, ...],
    ) -> None:
        self.classes, self.counts = classes, counts
        self._raster, self._values, self._numbers = raster, values, numbers

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of their numbers."""
        return self.classes.names

    def rasterise(self, grid: GeoBox) -> NDArray[np.uint8]:
        """The class number of each cell, (h, w)."""
        samples = self._raster.sampled(self._raster.relation(grid), _whole(grid))
        places = np.minimum(np.searchsorted(self._values, samples.values), len(self._values) - 1)
        # Values that lie on no image are of no class.
        numbers = np.where(self._values[places] == samples.values, self._numbers[places], np.uint8(UNLABELLED))
        return np.where(samples.valid, numbers, np.uint8(self.classes.fill))

    def boxes(self, crs: CRS | None) -> NDArray[np.float64]:
        """(1, 4) bounds of the raster; NaN where it lies nowhere in the CRS."""
        bounds = self.bounds(crs)
        return np.full((1, 4), np.nan) if bounds is None else np.array([bounds], np.float64)

    def bounds(self, crs: CRS | None) -> Box | None:
        """The bounds of the raster; None where it lies nowhere in the CRS."""
        grid = self._raster.grid
        xmin, ymin, xmax, ymax = map(float, grid.boundingbox.bbox)
        if grid.crs is not None and crs is not None and grid.crs != crs:
            try:
                there = Transformer.from_crs(grid.crs.proj, crs.proj, always_xy=True)
                xmin, ymin, xmax, ymax = there.transform_bounds(xmin, ymin, xmax, ymax)
            except ProjError:
                return None
        return (xmin, ymin, xmax, ymax) if all(map(math.isfinite, (xmin, ymin, xmax, ymax))) else None


def open_label_raster(
    path: str, rest: str | None, ignore: int | None, policy: OpenPolicy, grids: Sequence[GeoBox]
) -> RasterLabels:
    """Read which classes a label raster holds on the grids; see ``labels.open_labels``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        try:
            scene = describe("labels", path, any_dtype=True, coded=True, policy=policy)
        except RequestError as error:
            if kind_of(path) != "other":
                raise
            raise RequestError(
                "it is neither a vector file nor a raster of an allowed format",
                where=path,
                fix=f"give a {FORMATS}, or a raster such as GeoTIFF",
            ) from error
    if len(scene.bands) != 1:
        raise RequestError(
            f"it has {len(scene.bands)} bands, and labels have one",
            where=path,
            fix="give a raster of class numbers, or a vector file",
        )
    raster = _Raster(scene, _place(scene, grids), policy)
    counted: Counter[Any] = Counter()
    for grid in grids or (raster.grid,):
        _count(counted, raster, grid)
    if grids and not counted:
        raise _elsewhere(raster)
    values = np.array(sorted(counted), np.dtype(scene.dtype))
    texts = _texts(values, stored_names(scene, policy), path)
    ignored = ["" if value == ignore else text for value, text in zip(values.tolist(), texts, strict=True)]
    classes = make_classes(filter(None, ignored), rest=rest, where=path)
    numbers = classes.numbers(ignored)
    totals = np.zeros(UNLABELLED + 1, np.int64)
    np.add.at(totals, numbers, [counted[value] for value in values.tolist()])
    return RasterLabels(raster, classes, values, numbers, tuple(totals[: len(classes.names)].tolist()))


def stored_names(scene: Scene, policy: OpenPolicy) -> tuple[str, ...]:
    """The names of the classes of a class map that this program wrote, by value; none of any other raster."""
    with open_raster(scene.bands[0].path, policy) as file:
        tag = file.tags().get(CLASS_NAMES, "")
    try:
        names = json.loads(tag or "[]")
    except (ValueError, RecursionError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _texts(values: NDArray[Any], names: Sequence[str], path: str) -> list[str]:
    spelled = spell(values, what="the raster", where=path)
    by_value = {str(value): name for value, name in enumerate(names)}
    return [by_value.get(text, text) for text in spelled if text is not None]


def _place(scene: Scene, grids: Sequence[GeoBox]) -> GeoBox:
    """Where a label raster lies; one without a georeference is taken to lie on the only image, if it is of its size."""
    grid = scene.grid
    if grid.crs is not None:
        return grid
    alike = len(grids) == 1 and grids[0].shape == grid.shape
    if grid.affine.is_identity and alike:
        grid = grids[0]
        sentence = f"{scene.source}: no georeference; its cells are taken to be those of the image"
    else:
        sentence = f"{scene.source}: no CRS; its coordinates are taken to be in that of the images"
    warnings.warn(GeoreferenceWarning(sentence), stacklevel=4)
    return grid


def _count(counted: Counter[Any], raster: _Raster, grid: GeoBox) -> None:
    """Add the cells of each value on a grid."""
    relation, (height, width) = raster.relation(grid), grid.shape
    for first in range(0, height, _STRIP):
        samples = raster.sampled(relation, Window(first, 0, min(_STRIP, height - first), int(width)))
        values, counts = np.unique(samples.values[samples.valid], return_counts=True)
        counted.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        if len(counted) > _MOST_VALUES:
            return


def _elsewhere(raster: _Raster) -> RequestError:
    what, fix = "no label lies on an image", "check the CRS of both, or give labels of that ground"
    if raster.grid.crs is None:
        what = "it has no CRS, and by its coordinates no label lies on an image"
        fix = "assign the CRS that it is in with gdal_edit.py -a_srs"
    return RequestError(what, where=raster.scene.source, fix=fix)


def _looked_up(
    reader: PartReader, relation: Relation, window: Window, touched: Window
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    stored = reader.strip(touched)
    # The reader may take more than it was asked for.
    rows, columns = relation.coordinates(window)
    height, width = stored.raw.shape[1:]
    with np.errstate(invalid="ignore"):
        row, column = np.floor(rows) - stored.window.row, np.floor(columns) - stored.window.column
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    row, column = (np.where(inside, places, 0).astype(np.int64) for places in (row, column))
    known = inside if stored.valid is None else inside & stored.valid[0][row, column]
    return stored.raw[0][row, column], known


def _halves(window: Window) -> list[Window]:
    if window.height >= window.width:
        half = window.height // 2
        return [
            Window(window.row, window.column, half, window.width),
            Window(window.row + half, window.column, window.height - half, window.width),
        ]
    half = window.width // 2
    return [
        Window(window.row, window.column, window.height, half),
        Window(window.row, window.column + half, window.height, window.width - half),
    ]


def _whole(grid: GeoBox) -> Window:
    return Window(0, 0, int(grid.shape[0]), int(grid.shape[1]))
