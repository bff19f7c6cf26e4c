"""The plan of a run: everything that decides its pixels, fixed before the first tile.

A plan is made from descriptions alone, can be printed, saved and compared, and its hash is the run's identity.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from odc.geo.geobox import GeoBox

from . import grids
from .consistency import consistency_reach
from .contract import ModelSpec, Precision, Runtime, Sight
from .coregistration import Misregistration, Shift, moved
from .errors import RequestError
from .grids import Window
from .inputs import check_ratios, describe_inputs, meet
from .scene import Band, Policy, Scene
from .sensors import UNKNOWN, find_sensor
from .serial import digest, to_jsonable
from .tiles import TileGrid, even_axis

OutputMask = Literal["none", "nodata", "dataset", "alpha"]
_LIBRARIES = ("torch", "numpy", "rasterio")
# What rounds to infinity in float32 starts here.
_FLOAT32_LIMIT = (2 - 2**-24) * 2.0**127


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None means "as the model says".

    Attributes:
        inputs: path (or comma-separated paths) for each input name of the model.
        out: the COG to write.
        tile, overlap: base-grid px.
        extent: (xmin, ymin, xmax, ymax) in the CRS of the first finest input.
        window: (column, row, width, height) in px of the first finest input.
        bands: numbers, from 1, or names of bands of the main input.
        offset, scale_factor: of the main input: reflectance = (DN + offset) * scale_factor; None for what its file
            says.  They become tags of the output and change no DN.
        consistency: ``"on"`` for the sensor's MTF where ``sensor`` or the model names one, else the area mean.  What is
            asked for is enforced in whole; a model's default through an MTF leaves part of the finest, which is noise.
        sensor: of the main input, as ``sensors.find_sensor`` takes it.
        coregister: the main input is moved by its measured shift against the finest one.
        dtype: of the output; None for that of the main input.
        compress: of the output.
        memory: bytes the run may use; None for what is free.
        uncertainty: a second COG to write, in the folder of ``out``: the standard deviation of every pixel.
    """

    inputs: Mapping[str, str]
    out: str
    tile: int | None = None
    overlap: int | None = None
    batch: int | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    device: str = "cpu"
    precision: Precision = "fp32"
    attention: Literal["sdpa", "xformers"] = "sdpa"
    threads: int | None = None
    consistency: Literal["on", "off", "area", "mtf"] | None = None
    sensor: str | None = None
    coregister: bool = False
    extent: tuple[float, float, float, float] | None = None
    window: tuple[int, int, int, int] | None = None
    bands: tuple[int | str, ...] = ()
    offset: float | None = None
    scale_factor: float | None = None
    dtype: str | None = None
    compress: Literal["zstd", "deflate", "lzw", "none"] = "zstd"
    memory: int | None = None
    overwrite: bool = False
    resume: bool = False
    uncertainty: str | None = None
    policy: Policy = field(default_factory=Policy)


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
    def bands(self) -> range:
        """Indices of the row bands that the window needs."""
        return self.tiles.bands(*self.window.rows)

    @property
    def computed(self) -> Window:
        """The base-grid rectangle that must be blended: the window and the halo around it."""
        return self.window.padded(self.tiles.halo, *self.base.shape)

    @property
    def columns(self) -> range:
        """Indices of the tile columns that the window needs."""
        return self.tiles.columns.counting(*self.computed.columns)

    def rows_of(self, band: int) -> tuple[int, int]:
        """First base row and one past the last that row band ``band`` contributes to the window."""
        first, stop = self.tiles.band(band)
        return max(first, self.window.row), min(stop, self.window.rows[1])


def _without_paths(data: Any) -> Any:
    if isinstance(data, dict):
        hidden = {"path", "source", "compress", "misregistration", "uncertainty"}
        return {key: _without_paths(item) for key, item in data.items() if key not in hidden}
    return [_without_paths(item) for item in data] if isinstance(data, list) else data


def make_plan(request: Request, spec: ModelSpec, identity: str, *, shift: Shift | None = None) -> Plan:
    """Plan a run from the descriptions of its inputs.

    Args:
        shift: (row, column) px that the main input's georeference puts it too far down and right; None for none known.

    Raises:
        RequestError: the inputs, the options and the model do not fit each other.
    """
    if request.uncertainty is not None and not spec.uncertainty:
        raise RequestError(
            f"the model {spec.name} cannot say how uncertain its pixels are",
            where="--uncertainty",
            cure="leave it out, or choose a model whose card says uncertainty",
        )
    scenes = describe_inputs(request, spec)
    if shift is not None:
        scenes = tuple(moved(scene, shift) if scene.name == spec.main else scene for scene in scenes)
    by_name = {scene.name: scene for scene in scenes}
    fine, main = scenes[0], by_name[spec.main]
    inside = Window(0, 0, *fine.grid.shape)
    align = spec.align
    for other in scenes[1:]:
        inside = meet(
            inside, grids.footprint(fine.grid, other.grid, fine_name=fine.source, coarse_name=other.source), fine
        )
        align = math.lcm(align, grids.whole_ratio(fine.grid, other.grid))
    base = grids.crop(fine.grid, inside)
    check_ratios(spec, base, by_name)
    consistency = _consistency(request, spec, main)
    gains = _gains(request, main) if consistency == "mtf" else ()
    strict = request.consistency in ("on", "area", "mtf")
    tiles = _tile_grid(request, spec, base, align, _halo(consistency, strict, spec, base, main))
    window = _window(request, fine, inside, base)
    return Plan(
        task=spec.task,
        model=identity,
        scenes=scenes,
        shift=shift,
        misregistration=None,
        base=base,
        lattice=grids.lattice_origin(base),
        tiles=tiles,
        window=window,
        scale=spec.scale,
        output=_output(request, spec, scenes, grids.magnified(grids.crop(base, window), spec.scale)),
        main=spec.main,
        batch=_positive(request.batch if request.batch is not None else spec.batch, "--batch-size"),
        seed=_seed(request.seed),
        runtime=Runtime(request.device, request.precision, request.attention, request.steps, request.guidance),
        threads=_positive(request.threads if request.threads is not None else min(os.cpu_count() or 1, 4), "--threads"),
        consistency=consistency,
        strict=strict,
        gains=gains,
        generated=spec.generated,
        levels={},
        statistics=(),
        versions={name: _version(name) for name in _LIBRARIES},
        uncertainty=None if request.uncertainty is None else Path(request.uncertainty).name,
    )


def _consistency(request: Request, spec: ModelSpec, main: Scene) -> Sight:
    measurable = spec.scale > 1 or len(spec.inputs) > 1 or len(main.parts) > 1
    if not measurable or request.consistency == "off":
        return "off"
    by_sensor: Sight = "mtf" if request.sensor is not None or spec.consistency == "mtf" else "area"
    if request.consistency == "on":
        return by_sensor
    # A named sensor says how the default is to be enforced, not that it is.
    default: Sight = "off" if spec.consistency == "off" else by_sensor
    return request.consistency or default


def _gains(request: Request, main: Scene) -> tuple[float, ...]:
    sensor = find_sensor(request.sensor) if request.sensor is not None else UNKNOWN
    return sensor.gains(len(main.bands), [band.name for band in main.bands])


def _halo(consistency: Sight, strict: bool, spec: ModelSpec, base: GeoBox, main: Scene) -> int:
    """Rows beyond a row band that its consistency needs: to measure it, or also to enforce it."""
    # In output px, brought back to the base grid.
    per_cell = max(max(grids.ratio(base, part.grid)) for part in main.parts)
    if consistency != "off":
        return math.ceil(consistency_reach(consistency, per_cell * spec.scale, strict=strict) / spec.scale)
    return math.ceil(per_cell) + 1 if len(spec.inputs) > 1 or len(main.parts) > 1 else 0


def _tile_grid(request: Request, spec: ModelSpec, base: GeoBox, align: int, halo: int) -> TileGrid:
    tile = request.tile if request.tile is not None else -(-spec.tile // align) * align
    overlap = request.overlap if request.overlap is not None else min(spec.overlap, tile // 2)
    rows, columns = (
        even_axis(length, tile=tile, overlap=overlap, align=align, margin=spec.margin) for length in base.shape
    )
    return TileGrid(rows, columns, halo)


def _window(request: Request, fine: Scene, inside: Window, base: GeoBox) -> Window:
    if request.extent is not None and request.window is not None:
        raise RequestError("both were given", where="--extent and --window", cure="give one of them")
    if request.extent is not None:
        return grids.extent_window(base, request.extent)
    if request.window is not None:
        column, row, width, height = request.window
        grids.pixel_window(fine.grid, row, column, height, width)
        return grids.pixel_window(base, row - inside.row, column - inside.column, height, width)
    return Window(0, 0, *base.shape)


def _output(request: Request, spec: ModelSpec, scenes: tuple[Scene, ...], grid: GeoBox) -> Output:
    main = next(scene for scene in scenes if scene.name == spec.main)
    dtype = request.dtype or main.dtype
    nodata = next((band.nodata for band in main.bands if band.nodata is not None), None)
    turned = any(not grids.is_separable(grids.relation(grid, scene.grid)) for scene in scenes)
    mask: OutputMask = "none"
    # Readers take an alpha band for a mask in these types only, unless the input has it so.
    if main.mask == "alpha" and dtype in (main.dtype, "uint8", "uint16"):
        mask, nodata = "alpha", None
    elif nodata is not None and _holds(dtype, nodata):
        mask = "nodata"
    elif any(scene.has_invalid for scene in scenes) or turned:
        mask, nodata = ("nodata", math.nan) if dtype == "float32" else ("dataset", None)
    else:
        nodata = None
    bands = main.bands
    if spec.bands is not None and spec.bands != len(bands):
        bands = tuple(Band("", i + 1, "", "", "", 1.0, 0.0, None) for i in range(spec.bands))
    return Output(grid, dtype, bands, nodata, mask, main.point, request.compress)


def _deviations(image: Output) -> Output:
    """The raster of standard deviations: stored units of the image, NaN where the image is masked."""
    bands = tuple(
        replace(band, name=f"standard deviation of {band.name or f'band {i}'}", colour="", offset=0.0, nodata=None)
        for i, band in enumerate(image.bands, 1)
    )
    return replace(image, dtype="float32", bands=bands, nodata=math.nan, mask="nodata")


def _holds(dtype: str, nodata: float) -> bool:
    if dtype == "float32":
        return math.isnan(nodata) or abs(nodata) < _FLOAT32_LIMIT
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return not math.isnan(nodata) and nodata.is_integer() and low <= nodata <= high


def _positive(value: int, where: str) -> int:
    if value < 1:
        raise RequestError(f"{value} is not a positive number", where=where, cure="give 1 or more")
    return value


def _seed(value: int) -> int:
    if not 0 <= value < 2**64:
        raise RequestError(f"{value} is not a seed", where="--seed", cure="give a number from 0 to 2**64 - 1")
    return value


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a source build without metadata
        return "unknown"
