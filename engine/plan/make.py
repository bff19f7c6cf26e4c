"""The plan of a run: everything that decides its pixels, fixed before the first tile.

A plan is made from descriptions alone, can be printed, saved and compared, and its hash is the run's identity.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from affine import Affine
from odc.geo.geobox import GeoBox

from ..contract import UNCERTAINTY, ModelSpec, OutputSpec, Runtime, Sight
from ..errors import RequestError
from ..facts import UNMEASURED, Response
from ..ground import grids
from ..ground.grids import Window
from ..ground.scale import Scale
from ..ground.tiles import TileGrid, even_axis
from ..inputs.check import Inputs, check_ratios, describe_inputs, meet
from ..inputs.coregistration import REFERENCE, Shift, brought, moved
from ..inputs.facts import facts_of, times_of
from ..inputs.guide_check import check_guide
from ..inputs.scene import Scene
from ..optics.consistency import consistency_reach
from ..optics.instrument import Instrument
from ..optics.mtf import UNKNOWN_GAIN, filter_gain
from ..optics.sensors import Sensor, find_sensor
from ..request import SHORTHANDS, Request
from .outputs import OutputMaker
from .plan import Plan
from .response import delivered_sensor, response_of
from .support import SUPPORT, is_told, with_support
from .vector_files import VectorFiles, score_output

_LIBRARIES = ("torch", "numpy", "rasterio")


def make_plan(
    request: Request,
    spec: ModelSpec,
    identity: str,
    inputs: Inputs | None = None,
    *,
    shift: Shift | None = None,
    instrument: Instrument | None = None,
) -> Plan:
    """Plan a run from the descriptions of its inputs.

    Args:
        inputs: as ``describe_inputs`` gives them; None to describe them here.
        shift: (row, column) px that the main input's georeference puts it too far down and right; None for none known.
        instrument: of the main input, as measured and believed.

    Raises:
        RequestError: the inputs, the options and the model do not fit each other.
    """
    wanted, vectors = _wanted(request, spec), VectorFiles.of(request, spec)
    inputs = inputs or describe_inputs(request, spec)
    scenes, guides = inputs.scenes, inputs.guides
    if shift is not None and len(spec.grids) > 1:
        scenes = tuple(moved(scene, shift) if scene.name == spec.main else scene for scene in scenes)
    elif shift is not None:
        # Alone, the main input stays where it is, and the reference comes to it.
        guides = tuple(brought(guide, scenes[0], shift) if guide.name == REFERENCE else guide for guide in guides)
    by_name = {scene.name: scene for scene in scenes}
    fine, main = scenes[0], by_name[spec.main]
    inside, align = _common(scenes, spec)
    base = grids.crop(fine.grid, inside)
    check_ratios(spec, base, by_name)
    for guide in guides:
        check_guide(fine.grid, main, guide, spec.input(guide.name))
    sensor = _sensor(request, main, pair=len(spec.grids) > 1)
    # Only beside a finer input is there a response to speak of.
    response = response_of(main, sensor, instrument) if len(spec.grids) > 1 else None
    if instrument is not None:
        main = _laid(main, instrument, grids.ratio(base, main.grid))
        scenes = tuple(main if scene.name == main.name else scene for scene in scenes)
    consistency = _consistency(request, spec, main, instrument, delivered=request.sensor is None and sensor is not None)
    strict = request.consistency in ("on", "area", "mtf")
    scale = Scale(spec.scale, spec.patch)
    window = scale.snapped(_window(request, fine, inside, base), *base.shape)
    makes = OutputMaker(request, scenes, main, _output_grid(base, window, scale))
    plan = Plan(
        task=spec.task,
        model=identity,
        scenes=scenes,
        guides=guides,
        shift=shift,
        misregistration=None,
        instrument=instrument,
        response=response,
        base=base,
        lattice=grids.lattice_origin(base),
        tiles=_tile_grid(request, spec, base, align, _halo(consistency, strict, spec, base, main)),
        window=window,
        scale=scale,
        outputs=tuple(makes(each, request.also.get(each.name), kept=_is_kept(request, spec, each)) for each in wanted),
        vectors=vectors,
        main=spec.main,
        batch=request.batch if request.batch is not None else spec.batch,
        work_bytes=spec.work_bytes,
        seed=request.seed,
        runtime=runtime_of(request),
        threads=request.threads if request.threads is not None else min(os.cpu_count() or 1, 4),
        stepping=_stepping(request, spec),
        consistency=consistency,
        strict=strict,
        gains=_gains(sensor, response, main, pair=len(spec.grids) > 1) if consistency == "mtf" else (),
        generated=spec.generated,
        levels=_bit_levels(spec, inputs),
        statistics=(),
        facts=facts_of(main) if spec.needs_facts else None,
        versions=library_versions(),
        stac=request.stac and _is_dated(main),
    )
    if not is_told(request, spec):
        return plan
    gains = () if request.consistency == "area" else _gains(sensor, response, main, pair=len(spec.grids) > 1)
    return with_support(plan, spec, makes(SUPPORT, request.also[SUPPORT.name]), gains)


def runtime_of(request: Request) -> Runtime:
    """How the model of a run is loaded."""
    return Runtime(
        device=request.device,
        precision=request.precision,
        attention=request.attention,
        steps=request.steps,
        guidance=request.guidance,
    )


def _is_dated(main: Scene) -> bool:
    """Whether it is known when a scene was taken.

    Raises:
        RequestError: it is not, and a STAC item says so of every scene.
    """
    if not times_of(main.tags):
        raise RequestError(
            "nothing says when it was taken, as a STAC item does",
            where=main.source,
            fix="leave --stac out, or set it with gdal_edit.py -mo ACQUISITIONDATETIME=2023-06-01T10:05:59Z",
        )
    return True


def _stepping(request: Request, spec: ModelSpec) -> bool:
    """Whether tiles are blended between steps."""
    if request.blend is None:
        return spec.stepping
    wanted = request.blend == "latent"
    if wanted != spec.stepping and "blend" not in spec.options:
        raise RequestError(
            f"the model {spec.name} blends its tiles {'between its steps' if spec.stepping else 'at the end'} alone",
            where=f"--blend {request.blend}",
            fix="leave --blend out, or choose another model",
        )
    return wanted


def _wanted(request: Request, spec: ModelSpec) -> tuple[OutputSpec, ...]:
    """The first output, the others that are asked for, and what the patches need besides."""
    for name in request.also:
        if name not in (*spec.extras, SUPPORT.name):
            known = ", ".join(spec.extras)
            raise RequestError(
                f"the model {spec.name} cannot say how uncertain its pixels are"
                if name == UNCERTAINTY.name
                else f"the model {spec.name} has no further output {name!r}",
                where=f"--{name}" if name in SHORTHANDS else f"--also {name}=...",
                fix=f"leave it out, or choose one of {known}" if known else "leave it out, or choose another model",
            )
    further = [each for each in spec.outputs[1:] if each.name in request.also]
    score = None if request.patches is None else score_output(spec)
    if score is not None and score not in further:
        further.append(score)
    return spec.outputs[0], *further


def _is_kept(request: Request, spec: ModelSpec, output: OutputSpec) -> bool:
    return output == spec.outputs[0] or output.name in request.also


def _common(scenes: tuple[Scene, ...], spec: ModelSpec) -> tuple[Window, int]:
    """The part of the finest input that all others cover, and what tile origins are multiples of, both in its px."""
    fine = scenes[0]
    inside, align = Window(0, 0, *fine.grid.shape), spec.align
    for other in scenes[1:]:
        inside = meet(
            inside, grids.footprint(fine.grid, other.grid, fine_name=fine.source, coarse_name=other.source), fine
        )
        align = math.lcm(align, grids.whole_ratio(fine.grid, other.grid))
    return inside, align


def _bit_levels(spec: ModelSpec, inputs: Inputs) -> dict[str, tuple[float, ...]]:
    """What stands for 1 where that is the largest value of a sensor."""
    return {
        scene.name: (2.0**each.bits - 1,) * len(scene.bands)
        for scene in inputs.scenes + inputs.guides
        if (each := spec.input(scene.name)).range == "bits" and each.bits is not None
    }


def _sensor(request: Request, main: Scene, *, pair: bool) -> Sensor | None:
    """The sensor whose table counts: that of the user, or of a product that stands alone; beside PAN it is measured."""
    if request.sensor is not None:
        return find_sensor(request.sensor)
    return None if pair else delivered_sensor(main)


def _consistency(
    request: Request, spec: ModelSpec, main: Scene, instrument: Instrument | None, *, delivered: bool
) -> Sight:
    """What is made equal to the main input.

    Args:
        delivered: whether the sensor is known by the product alone; then nobody has asked for its filter by name.
    """
    measurable = spec.patch == 1 and (spec.scale > 1 or len(spec.grids) > 1 or len(main.parts) > 1)
    if not measurable or request.consistency == "off":
        return "off"
    known = request.sensor is not None or spec.consistency == "mtf" or _is_gaussian(instrument)
    by_sensor: Sight = "mtf" if known else "area"
    if request.consistency == "on":
        return "mtf" if delivered else by_sensor
    # A named sensor says how the default is to be enforced, not that it is.
    default: Sight = "off" if spec.consistency == "off" else by_sensor
    if default == "mtf" and len(spec.grids) > 1 and request.sensor is None and instrument is None:
        # A blur that nobody measured is not undone.
        default = "off"
    return request.consistency or default


def _is_gaussian(instrument: Instrument | None) -> bool:
    """Whether a modulation transfer function of one number is known to be near the measured one."""
    return instrument is not None and not instrument.sharpened


def _gains(sensor: Sensor | None, response: Response | None, main: Scene, *, pair: bool) -> tuple[float, ...]:
    """Of the filters through which the output is seen, one a band."""
    if sensor is not None:
        return sensor.gains(len(main.bands), [band.name for band in main.bands])
    if response is None and not pair:
        # Of a single image nothing can be measured: what its networks learned from stands.
        return (UNKNOWN_GAIN,) * len(main.bands)
    return (filter_gain((response or UNMEASURED).gain),) * len(main.bands)


def _laid(main: Scene, instrument: Instrument, per_cell: Shift) -> Scene:
    """The main input with its parts where they were measured to lie.

    Args:
        per_cell: px of the finest input per px of the main one's finest part.
    """
    parts = []
    for part in main.parts:
        larger = grids.ratio(main.grid, part.grid)
        down, across = (s / (p * n) for s, p, n in zip(instrument.shift, per_cell, larger, strict=True))
        parts.append(replace(part, lies=(down, across)))
    return replace(main, parts=tuple(parts))


def _halo(consistency: Sight, strict: bool, spec: ModelSpec, base: GeoBox, main: Scene) -> int:
    """Rows beyond a row band that its consistency needs: to measure it, or also to enforce it."""
    if spec.patch > 1:
        return 0
    # In output px, brought back to the base grid.
    per_cell = max(max(grids.ratio(base, part.grid)) for part in main.parts)
    if consistency != "off":
        return math.ceil(consistency_reach(consistency, per_cell * spec.scale, strict=strict) / spec.scale)
    return math.ceil(per_cell) + 1 if len(spec.grids) > 1 or len(main.parts) > 1 else 0


def _tile_grid(request: Request, spec: ModelSpec, base: GeoBox, align: int, halo: int) -> TileGrid:
    least = 2 * align if spec.patch > 1 else align
    tile = request.tile if request.tile is not None else max(-(-spec.tile // align) * align, least)
    overlap = request.overlap if request.overlap is not None else min(spec.overlap, tile // 2)
    # A size that the user asks for stays.
    fitted = spec.exact and request.tile is None
    rows, columns = (
        even_axis(length, tile=tile, overlap=overlap, align=align, margin=spec.margin, patch=spec.patch, fitted=fitted)
        for length in base.shape
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


def _output_grid(base: GeoBox, window: Window, scale: Scale) -> GeoBox:
    """The grid of the outputs: none where the input has none, as an affine of pixels alone would look like one."""
    grid = scale.grid(grids.crop(base, window))
    return GeoBox(grid.shape, Affine.identity(), None) if base.affine.is_identity else grid


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide bits."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a source build without metadata
        return "unknown"
