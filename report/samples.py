"""Spectra of the output and its inputs at points of a grid, which the page shows where somebody clicks.

Every value is one that a file stores: of the output's pixel at a point, and of the pixel of an input that holds the
centre of that pixel.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..engine.inputs.scene import Scene
from .rasters import Values, at_points

_MOST_BYTES = 2_800_000
_MASKED = 65535


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Spectra on one grid of points.

    Attributes:
        step: from one point to the next, px of the output; odd, so that each lies in the middle of a px.
        rows, columns: of points.
        spectra: what each raster has there, by the title that the page gives it.
    """

    step: int
    rows: int
    columns: int
    spectra: Mapping[str, Spectra]


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Values of one raster.

    Attributes:
        bands: names.
        values: (bands, rows, columns), NaN where masked.
    """

    bands: tuple[str, ...]
    values: Values

    def plain(self) -> dict[str, Any]:
        """How the values are packed."""
        return {"bands": list(self.bands), "type": "uint16" if self._is_whole else "float32"}

    @property
    def _is_whole(self) -> bool:
        known = self.values[np.isfinite(self.values)]
        return bool((known == np.rint(known)).all() and (known >= 0).all() and (known < _MASKED).all())

    def packed(self) -> bytes:
        """Deflated, little-endian: whole numbers as differences along rows, 65535 where masked; else as they are."""
        if not self._is_whole:
            return zlib.compress(self.values.astype("<f4").tobytes(), 9)
        whole: NDArray[np.uint16] = np.where(np.isfinite(self.values), self.values, _MASKED).astype(np.uint16)
        differences = np.diff(whole, axis=2, prepend=np.uint16(0))
        return zlib.compress(differences.astype("<u2").tobytes(), 9)


def take(grid: GeoBox, scenes: Mapping[str, Scene]) -> Samples:
    """Spectra at the points of a grid that is as fine as a page can hold.

    Args:
        grid: of the output.
        scenes: rasters by their titles; one that is turned against the grid is left out.

    Raises:
        RunError: a file cannot be read.
    """
    height, width = (int(length) for length in grid.shape)
    step = _step(height, width, sum(_bytes_of(scene) for scene in scenes.values()))
    rows, columns = (np.arange(step // 2, length, step) for length in (height, width))
    spectra = {}
    for title, scene in scenes.items():
        values = at_points(scene, grid, rows, columns)
        if values is not None:
            names = tuple(band.name or f"band {i}" for i, band in enumerate(scene.bands, 1))
            spectra[title] = Spectra(names, values)
    return Samples(step, len(rows), len(columns), spectra)


def _bytes_of(scene: Scene) -> int:
    """Of a spectrum, before it is packed."""
    return len(scene.bands) * (2 if np.dtype(scene.dtype).kind in "iu" else 4)


def _step(height: int, width: int, each: int) -> int:
    """The least odd distance of points at which all spectra fit, of so many bytes each."""
    step = 1
    while -(-height // step) * -(-width // step) * each > _MOST_BYTES:
        step += 2
    return step
