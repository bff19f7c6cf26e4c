"""The plan of a run: everything that decides its pixels, fixed before the first tile.

A plan is made from descriptions alone, can be printed, saved and compared, and its hash is the run's identity.
"""

from __future__ import annotations

import math
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from odc.geo.geobox import GeoBox

from ..contract import ModelSpec, Runtime, Sight
from ..errors import RequestError
from ..ground import grids
from ..ground.grids import Window
from ..ground.tiles import TileGrid, even_axis
from ..inputs.check import check_ratios, describe_inputs, meet
from ..inputs.coregistration import Shift, moved
from ..inputs.scene import Band, Scene
from ..optics.consistency import consistency_reach
from ..optics.sensors import UNKNOWN, find_sensor
from ..request import Request
from .plan import Output, OutputMask, Plan

_LIBRARIES = ("torch", "numpy", "rasterio")
# What rounds to infinity in float32 starts here.
_FLOAT32_LIMIT = (2 - 2**-24) * 2.0**127


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
            fix="leave it out, or choose a model whose card says uncertainty",
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
        runtime=Runtime(
            device=request.device,
            precision=request.precision,
            attention=request.attention,
            steps=request.steps,
            guidance=request.guidance,
        ),
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
        raise RequestError("both were given", where="--extent and --window", fix="give one of them")
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


def _holds(dtype: str, nodata: float) -> bool:
    if dtype == "float32":
        return math.isnan(nodata) or abs(nodata) < _FLOAT32_LIMIT
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return not math.isnan(nodata) and nodata.is_integer() and low <= nodata <= high


def _positive(value: int, where: str) -> int:
    if value < 1:
        raise RequestError(f"{value} is not a positive number", where=where, fix="give 1 or more")
    return value


def _seed(value: int) -> int:
    if not 0 <= value < 2**64:
        raise RequestError(f"{value} is not a seed", where="--seed", fix="give a number from 0 to 2**64 - 1")
    return value


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a source build without metadata
        return "unknown"
