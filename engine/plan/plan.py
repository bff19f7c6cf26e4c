"""The plan of a run: everything that decides its pixels, fixed before the first tile.

A plan can be printed, saved and compared, and its hash is the run's identity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from ..contract import Runtime, Sight
from ..ground.grids import Window, magnified
from ..ground.tiles import TileGrid
from ..inputs.coregistration import Misregistration, Shift
from ..inputs.scene import Band, Scene
from ..optics.consistency import Consistency
from ..serial import digest, to_jsonable

OutputMask = Literal["none", "nodata", "dataset", "alpha"]


@dataclass(frozen=True, slots=True)
class Output:
    """The raster that a run writes.

    Attributes:
        grid: shape, affine, CRS.
        dtype: of every band.
        bands: names, units, colours, scales and offsets, one a band.
        nodata: value of masked cells, where ``mask`` is "nodata".
        mask: how validity is stored.
        point: whether pixels are called points.
        compress: COG compression.
    """

    grid: GeoBox
    dtype: str
    bands: tuple[Band, ...]
    nodata: float | None
    mask: OutputMask
    point: bool
    compress: str

    @property
    def planes(self) -> int:
        """Bands that a row band stores: the validity comes last where the mask is a plane of its own."""
        return len(self.bands) + (self.mask in ("dataset", "alpha"))


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a run's pixels.

    Attributes:
        task, model: the model's task and identity.
        scenes: the inputs, in the order of the model's specification; where they were coregistered, the main input's
            grid is the corrected one.
        shift: (row, column) px of the main input that the correction took away; None without one.
        misregistration: as measured before any correction; it decides no pixel.
        base: the base grid: the finest input inside the footprint of the others.
        lattice: world-lattice (row, column) of the base grid's first pixel.
        tiles: the tile grid of the whole base grid.
        window: the part of the base grid that is wanted.
        scale: output px per base px.
        output: what is written, for the window.
        main: name of the input whose bands the output keeps.
        batch: tiles a batch.
        seed: of the noise.
        runtime: device, precision, attention, steps.
        threads: intra-op threads of one process.
        consistency: what of the output is made equal to the main input.
        strict: whether in whole, also what an MTF hardly lets through.
        gains: of the main input's MTF, one a band, where consistency is that of the sensor.
        generated: whether the pixels come from a learned model.
        levels: robust maximum of each band, for each input in the unit range.
        statistics: the model's sums over the sample blocks.
        versions: of the libraries that compute.
        uncertainty: file name, beside the output, of the standard deviations; None where they are not wanted.
    """

    task: str
    model: str
    scenes: tuple[Scene, ...]
    shift: Shift | None
    misregistration: Misregistration | None
    base: GeoBox
    lattice: tuple[int, int]
    tiles: TileGrid
    window: Window
    scale: int
    output: Output
    main: str
    batch: int
    seed: int
    runtime: Runtime
    threads: int
    consistency: Sight
    strict: bool
    gains: tuple[float, ...]
    generated: bool
    levels: dict[str, tuple[float, ...]]
    statistics: tuple[float, ...]
    versions: dict[str, str]
    uncertainty: str | None = None

    @property
    def identity(self) -> str:
        """Hash of all that decides the image; paths, compression and whether deviations are wanted do not."""
        return digest(_without_paths(to_jsonable(self)))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The image, then its standard deviations where they are wanted: the same grid and as many bands."""
        return (self.output,) if self.uncertainty is None else (self.output, _deviations(self.output))

    def destinations(self, out: Path) -> tuple[Path, ...]:
        """Where each of the outputs goes if the image goes to ``out``."""
        return (out,) if self.uncertainty is None else (out, out.with_name(self.uncertainty))

    @property
    def scene(self) -> Scene:
        """The main input."""
        return next(scene for scene in self.scenes if scene.name == self.main)

    @property
    def row_bands(self) -> range:
        """Indices of the row bands that the window needs."""
        return self.tiles.row_bands(*self.window.rows)

    @property
    def computed(self) -> Window:
        """The base-grid rectangle that must be blended: the window and the halo around it."""
        return self.window.padded(self.tiles.halo, *self.base.shape)

    @property
    def columns(self) -> range:
        """Indices of the tile columns that the window needs."""
        return self.tiles.columns.counting(*self.computed.columns)

    @property
    def sights(self) -> tuple[Consistency, ...]:
        """How the output and each part of the main input relate; none where nothing is to be compared."""
        parts = [(part.grid, len(part.bands)) for part in self.scene.parts]
        return Consistency.between(magnified(self.base, self.scale), parts, self.gains, strict=self.strict)

    def rows_of(self, band: int) -> tuple[int, int]:
        """First base row and one past the last that row band ``band`` contributes to the window."""
        first, stop = self.tiles.row_band(band)
        return max(first, self.window.row), min(stop, self.window.rows[1])


def _without_paths(data: Any) -> Any:
    if isinstance(data, dict):
        hidden = {"path", "source", "compress", "misregistration", "uncertainty"}
        return {key: _without_paths(item) for key, item in data.items() if key not in hidden}
    return [_without_paths(item) for item in data] if isinstance(data, list) else data


def _deviations(image: Output) -> Output:
    """The raster of standard deviations: stored units of the image, NaN where the image is masked."""
    bands = tuple(
        replace(band, name=f"standard deviation of {band.name or f'band {i}'}", colour="", offset=0.0, nodata=None)
        for i, band in enumerate(image.bands, 1)
    )
    return replace(image, dtype="float32", bands=bands, nodata=math.nan, mask="nodata")


def stored_row_bands(plan: Plan) -> list[int]:
    """Row bands that hold rows of the window."""
    return [band for band in plan.row_bands if plan.rows_of(band)[1] > plan.rows_of(band)[0]]


def raw_bytes(output: Output) -> int:
    """Bytes of the output before compression and overviews."""
    height, width = output.grid.shape
    return int(height) * int(width) * output.planes * np.dtype(output.dtype).itemsize
