"""The plan of a run: everything that decides its pixels, fixed before the first tile.

A plan can be printed, saved and compared, and its hash is the run's identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from ..contract import Blend, Category, Overview, Runtime, Sight
from ..facts import Response, SceneFacts
from ..ground.grids import Window
from ..ground.scale import Scale
from ..ground.tiles import TileGrid
from ..inputs.coregistration import Misregistration, Shift
from ..inputs.scene import Band, Scene
from ..optics.consistency import Consistency, Laid
from ..optics.instrument import Instrument
from ..optics.support import Support
from ..serial import digest, to_jsonable
from .vector_files import VectorFiles

OutputMask = Literal["none", "nodata", "dataset", "alpha"]
# They say where pixels come from and how they are stored, not what they are.
_NOT_PIXELS = frozenset(
    {"path", "source", "compress", "misregistration", "instrument", "tags", "stamps", "file", "note", "vectors", "stac"}
    | {"delivery", "support"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One raster that a run writes.

    Attributes:
        name: of the model's output.
        file: its name, in the folder of the first output; None for the first one, which goes where the user says, and
            for what is not kept.
        kept: whether it is put in place; what is not serves the vector files alone.
        grid: shape, affine, CRS.
        dtype: of every band.
        bands: names, units, colours, scales and offsets, one a band.
        nodata: value of masked cells, where ``mask`` is "nodata".
        mask: how validity is stored.
        point: whether pixels are called points.
        compress: COG compression.
        channels: planes that the model gives and that are blended; 0 where the engine makes it of the first one.
        blend: how planes become bands.
        overview: how four pixels become one.
        in_main_range: whether the model gives its planes in the range of the main input.
        consistent: whether the run's consistency corrects it.
        categories: the classes of a class map.
        note: what its values are; empty for an image.
    """

    name: str
    file: str | None
    kept: bool
    grid: GeoBox
    dtype: str
    bands: tuple[Band, ...]
    nodata: float | None
    mask: OutputMask
    point: bool
    compress: str
    channels: int
    blend: Blend
    overview: Overview
    in_main_range: bool
    consistent: bool
    categories: tuple[Category, ...]
    note: str

    @property
    def planes(self) -> int:
        """Bands that a row band stores: the validity comes last where the mask is a plane of its own."""
        return len(self.bands) + (self.mask in ("dataset", "alpha"))

    @property
    def raw_bytes(self) -> int:
        """Bytes before compression and overviews."""
        height, width = self.grid.shape
        return int(height) * int(width) * self.planes * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a run's pixels.

    Attributes:
        task, model: the model's task and identity.
        scenes: the inputs that make the grid, in the order of the model's specification; where they were coregistered,
            the main input's grid is the corrected one.
        guides: the inputs that only help, in that order; one that was not given is not among them.
        shift: (row, column) px of the main input that the correction took away; None without one.
        misregistration: as measured before any correction; it decides no pixel.
        instrument: of the main input, as measured against the finest one; None where nothing could be told, and where
            the user named a sensor.
        response: how the main input was seen, by its instrument or by its sensor; None where neither is known.
        base: the base grid: the finest input inside the footprint of the others.
        lattice: world-lattice (row, column) of the base grid's first pixel.
        tiles: the tile grid of the whole base grid.
        window: the part of the base grid that is wanted.
        scale: of the output grid over the base grid.
        outputs: what is written, for the window; the first one is the model's own.
        vectors: what is made of the first one afterwards; decides no pixel.
        main: name of the input whose bands the output keeps.
        batch: tiles a batch.
        work_bytes: memory that the network works with, for each base-grid px of a batch.
        seed: of the noise.
        runtime: device, precision, attention, steps.
        threads: intra-op threads of one process.
        stepping: whether tiles are blended between the model's steps, so that every tile of a row is computed.
        consistency: what of the output is made equal to the main input.
        strict: whether in whole, also what an MTF hardly lets through.
        gains: of the main input's MTF, one a band, where consistency is that of the sensor.
        generated: whether the pixels come from a learned model.
        levels: what stands for 1 in each band, for each input whose range is not that of stored values.
        statistics: the model's sums over the sample blocks.
        facts: of the main input's whole scene, where the model is told them.
        versions: of the libraries that compute.
        stac: whether a STAC item is written afterwards; decides no pixel.
        support: by what the image is taken apart; None where nobody wants that.  Decides no pixel of the image.
    """

    task: str
    model: str
    scenes: tuple[Scene, ...]
    guides: tuple[Scene, ...]
    shift: Shift | None
    misregistration: Misregistration | None
    instrument: Instrument | None
    response: Response | None
    base: GeoBox
    lattice: tuple[int, int]
    tiles: TileGrid
    window: Window
    scale: Scale
    outputs: tuple[Output, ...]
    vectors: VectorFiles
    main: str
    batch: int
    work_bytes: int
    seed: int
    runtime: Runtime
    threads: int
    stepping: bool
    consistency: Sight
    strict: bool
    gains: tuple[float, ...]
    generated: bool
    levels: dict[str, tuple[float, ...]]
    statistics: tuple[float, ...]
    facts: SceneFacts | None
    versions: dict[str, str]
    stac: bool = False
    support: Support | None = None

    @property
    def identity(self) -> str:
        """Hash of all that decides the first output; paths, compression and what else is wanted do not."""
        alone = replace(self, outputs=self.outputs[:1])
        if self.support is not None:
            # Its row bands end elsewhere, with the same pixels in them.
            alone = replace(alone, tiles=replace(self.tiles, halo=self.support.alone))
        decisive = pixels_only(to_jsonable(alone))
        if self.facts is None:
            # Runs of models that are told nothing keep the identity that they had before there were facts.
            del decisive["facts"]
        return digest(decisive)

    @property
    def output(self) -> Output:
        """The first output."""
        return self.outputs[0]

    @property
    def kept(self) -> tuple[Output, ...]:
        """The outputs that are put in place: the first ones."""
        return tuple(output for output in self.outputs if output.kept)

    @property
    def predicted(self) -> tuple[Output, ...]:
        """The outputs that the model gives."""
        return tuple(output for output in self.outputs if output.channels)

    def destinations(self, out: Path) -> tuple[Path, ...]:
        """Where each of the outputs that are kept goes if the first one goes to ``out``."""
        return tuple(out if each.file is None else out.with_name(each.file) for each in self.kept)

    @property
    def scene(self) -> Scene:
        """The main input."""
        return next(scene for scene in self.scenes if scene.name == self.main)

    @property
    def inputs(self) -> tuple[Scene, ...]:
        """All inputs, guides last."""
        return self.scenes + self.guides

    @property
    def per_band(self) -> bool:
        """Whether each band of the main input has a plane of the first output, and so a validity of its own."""
        return self.output.blend == "mean" and self.output.channels == len(self.scene.bands)

    @property
    def row_bands(self) -> range:
        """Indices of the row bands that the window needs."""
        return self.tiles.row_bands(*self.window.rows)

    @property
    def stored_row_bands(self) -> list[int]:
        """Row bands that hold rows of the window."""
        return [band for band in self.row_bands if self.rows_of(band)[1] > self.rows_of(band)[0]]

    @property
    def computed(self) -> Window:
        """The base-grid rectangle that must be blended: the window and the halo around it."""
        return self.window.padded(self.tiles.halo, *self.base.shape)

    @property
    def columns(self) -> range:
        """Indices of the tile columns that the window needs."""
        return self.tiles.columns.counting(*self.computed.columns)

    @property
    def inferred(self) -> range:
        """Indices of the tile columns that are inferred: blended between steps, a tile depends on its whole row."""
        return range(self.tiles.columns.count) if self.stepping else self.columns

    @property
    def sights(self) -> tuple[Consistency, ...]:
        """How the output and each part of the main input relate; none where nothing is to be compared."""
        if self.scale.patch > 1:
            return ()
        return Consistency.between(self.scale.grid(self.base), self.laid, self.gains, strict=self.strict)

    @property
    def laid(self) -> tuple[Laid, ...]:
        """The parts of the main input, where they really lie."""
        return tuple(Laid(part.grid, part.lies, len(part.bands)) for part in self.scene.parts)

    @property
    def told(self) -> Response | None:
        """The response as the model is told it: its noise in the range of the main input."""
        levels = self.levels.get(self.main)
        if self.response is None or levels is None:
            return self.response
        noise = tuple(deviation / level for deviation, level in zip(self.response.noise, levels, strict=False))
        return replace(self.response, noise=noise)

    @property
    def channels(self) -> int:
        """Planes of all outputs together, as they are blended."""
        return sum(output.channels for output in self.outputs)

    def slices(self) -> Iterator[tuple[Output, slice]]:
        """Each output that the model gives, with its planes among those of all."""
        first = 0
        for output in self.predicted:
            yield output, slice(first, first + output.channels)
            first += output.channels

    def rows_of(self, band: int) -> tuple[int, int]:
        """First base row and one past the last that row band ``band`` contributes to the window."""
        first, stop = self.tiles.row_band(band)
        return max(first, self.window.row), min(stop, self.window.rows[1])


def pixels_only(data: Any) -> Any:
    """JSON values of a plan, or of a part of it, without what says where pixels come from and how they are stored."""
    if isinstance(data, dict):
        return {key: pixels_only(item) for key, item in data.items() if key not in _NOT_PIXELS}
    return [pixels_only(item) for item in data] if isinstance(data, list) else data
