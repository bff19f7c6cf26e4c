"""The inputs of a run, described and checked against what the model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from odc.geo.geobox import GeoBox

from ..contract import InputSpec, ModelSpec
from ..errors import ModelError, RequestError
from ..ground import grids
from ..ground.grids import Window
from ..request import Request
from .describe import describe, holds
from .guide_check import with_bands_of
from .scene import Band, Scene


@dataclass(frozen=True, slots=True)
class Inputs:
    """The described inputs of a run, each in the order of the model's specification.

    Attributes:
        scenes: those that make the base grid, all of them.
        guides: those that only help, as far as they were given.
    """

    scenes: tuple[Scene, ...]
    guides: tuple[Scene, ...]


def describe_inputs(request: Request, spec: ModelSpec) -> Inputs:
    """Describe the inputs.

    Raises:
        RequestError: an input is missing, cannot be read, or cannot be laid on the others.
        ModelError: the model takes no such input.
    """
    _check_names(request, spec)
    scenes = {wanted.name: _described(request, spec, wanted) for wanted in spec.inputs if wanted.name in request.inputs}
    for wanted in spec.inputs:
        if wanted.as_main and wanted.name in scenes:
            again = partial(_described, request, spec, wanted)
            scenes[wanted.name] = with_bands_of(scenes[spec.main], scenes[wanted.name], spec, again)
    return Inputs(
        tuple(scenes[wanted.name] for wanted in spec.grids),
        tuple(scenes[w.name] for w in spec.inputs if w.role == "guide" and w.name in scenes),
    )


def _check_names(request: Request, spec: ModelSpec) -> None:
    known = [wanted.name for wanted in spec.inputs]
    for name in request.inputs:
        if name not in known:
            raise ModelError(
                f"{spec.name} takes no input {name!r}, but {', '.join(known)}",
                where=request.inputs[name],
                fix=f"leave {name} out, or choose another --model",
            )
    for wanted in spec.grids:
        if wanted.name not in request.inputs:
            raise RequestError(f"{spec.name} needs an input {wanted.name}", where=wanted.name, fix="give its path")


def _described(request: Request, spec: ModelSpec, wanted: InputSpec, bands: tuple[str, ...] = ()) -> Scene:
    scene = describe(
        wanted.name,
        request.inputs[wanted.name],
        bands=request.bands if wanted.name == spec.main else bands,
        any_dtype=request.dtype is not None or wanted.role == "guide",
        coded=_is_pixelwise(spec) or (wanted.role == "guide" and not wanted.as_main),
        policy=request.policy,
    )
    if wanted.name == spec.main:
        scene = _with_reflectance(scene, request)
    if request.nodata is not None and wanted.role == "grid":
        scene = _with_nodata(scene, float(request.nodata), is_main=wanted.name == spec.main)
    if wanted.bands is not None and len(scene.bands) != wanted.bands:
        raise ModelError(
            f"{spec.name} takes {wanted.bands} band(s) as {wanted.name}, but it has {len(scene.bands)}",
            where=scene.source,
            fix="choose bands with --bands" if wanted.name == spec.main else "give a file with that many bands",
        )
    _check_depth(scene, wanted, spec)
    if (len(spec.grids) > 1 or wanted.role == "guide") and scene.grid.affine.is_identity:
        raise RequestError(
            "it has no georeference, so it cannot be laid on the other input",
            where=scene.source,
            fix="assign one with gdal_edit.py -a_ullr",
        )
    return scene


def _is_pixelwise(spec: ModelSpec) -> bool:
    """Whether a model looks at one pixel at a time, so that numbers of classes stay what they are."""
    alone = len(spec.grids) == 1 and spec.scale == spec.patch == 1
    return alone and not (spec.margin or spec.generated or spec.needs_statistics)


def _with_reflectance(scene: Scene, request: Request) -> Scene:
    """The scene with the offset and factor that the user states in place of those of its file."""
    offset, factor = request.offset, request.scale_factor
    if offset is None and factor is None:
        return scene
    if scene.delivery is not None and scene.delivery.states_scale:
        raise RequestError(
            f"the metadata of a {scene.delivery.kind} product state its offsets and scales",
            where="--offset or --scale-factor",
            fix="leave them out, or give the images as a stack",
        )
    parts = (replace(p, bands=tuple(_restated(band, offset, factor) for band in p.bands)) for p in scene.parts)
    return replace(scene, parts=tuple(parts))


def _restated(band: Band, offset: float | None, factor: float | None) -> Band:
    scale = band.scale if factor is None else factor
    # Files say value = DN * scale + offset.
    own = band.offset / band.scale if band.scale else 0.0
    added = own if offset is None else offset
    return replace(band, scale=scale, offset=added * scale)


def _with_nodata(scene: Scene, value: float, *, is_main: bool) -> Scene:
    """The scene with the value that the user states in place of those of its files, where its data type has it."""
    if not holds(scene.dtype, value):
        if not is_main:
            return scene
        raise RequestError(
            f"{value:g} is no value of its data type {scene.dtype}",
            where=scene.source,
            fix="pass a --nodata that its pixels can have",
        )
    parts = (
        replace(
            part,
            bands=tuple(replace(band, nodata=value) for band in part.bands),
            mask="nodata" if part.mask == "none" else part.mask,
        )
        for part in scene.parts
    )
    return replace(scene, parts=tuple(parts))


def meet(a: Window, b: Window, fine: Scene) -> Window:
    """What two windows have in common, px of ``fine``.

    Raises:
        RequestError: nothing.
    """
    top, left = max(a.row, b.row), max(a.column, b.column)
    bottom, right = min(a.rows[1], b.rows[1]), min(a.columns[1], b.columns[1])
    if bottom <= top or right <= left:
        raise RequestError("the inputs have no ground in common", where=fine.source, fix="check their georeference")
    return Window(top, left, bottom - top, right - left)


def check_ratios(spec: ModelSpec, base: GeoBox, scenes: Mapping[str, Scene]) -> None:
    """Refuse inputs that are too coarse or too fine for the model.

    Raises:
        ModelError: a ratio is out of the model's range.
    """
    for wanted in spec.grids:
        scene = scenes[wanted.name]
        rows, columns = grids.ratio(base, scene.grid)
        if (
            wanted.ratio is not None
            and not wanted.ratio[0] <= min(rows, columns) <= max(rows, columns) <= wanted.ratio[1]
        ):
            raise ModelError(
                f"its pixels are {columns:.3g} x {rows:.3g} px of the finest input; {spec.name} takes "
                f"{wanted.ratio[0]:g} to {wanted.ratio[1]:g}",
                where=scene.source,
                fix="choose another --model: classical ones take any ratio",
            )


_BYTE = 8


def _check_depth(scene: Scene, wanted: InputSpec, spec: ModelSpec) -> None:
    """Refuse stored values that cannot be those of the sensor that the model was made for."""
    kind = np.dtype(scene.dtype)
    if wanted.bits is None or kind.kind not in "iu":
        return
    if wanted.bits <= _BYTE < 8 * kind.itemsize:
        raise ModelError(
            f"its values have {8 * kind.itemsize} bits, and {spec.name} knows images of {wanted.bits} bits alone",
            where=scene.source,
            fix="convert it as the images were that the model learned from, with gdal_translate -ot Byte -scale, or "
            "choose another --model",
        )
    if 8 * kind.itemsize < wanted.bits:
        raise ModelError(
            f"its values have {8 * kind.itemsize} bits, and {spec.name} takes the {wanted.bits}-bit values of a sensor",
            where=scene.source,
            fix="give the data as the sensor's operator delivers them, or choose another --model",
        )
