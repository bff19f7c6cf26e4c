"""The inputs of a run, described and checked against what the model takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

from ..contract import InputSpec, ModelSpec
from ..errors import ModelError, RequestError
from ..ground import grids
from ..ground.grids import Window
from ..ground.radiometry import EXACT_DTYPES
from .describe import describe
from .scene import Band, Scene
from .sentinel2 import find_product

if TYPE_CHECKING:
    from ..request import Request


def describe_inputs(request: Request, spec: ModelSpec) -> tuple[Scene, ...]:
    """Describe the inputs in the order of the specification.

    Raises:
        RequestError: an input cannot be read, or cannot be laid on the others.
        ModelError: the model takes no such input.
    """
    if request.dtype is not None and request.dtype not in EXACT_DTYPES:
        raise RequestError(
            f"the data type {request.dtype} is not supported",
            where="--dtype",
            fix=f"choose one of {', '.join(EXACT_DTYPES)}",
        )
    scenes = []
    for wanted in spec.inputs:
        scene = describe(
            wanted.name,
            request.inputs[wanted.name],
            bands=request.bands if wanted.name == spec.main else (),
            any_dtype=request.dtype is not None,
            policy=request.policy,
        )
        if wanted.name == spec.main:
            scene = _with_reflectance(scene, request)
        if wanted.bands is not None and len(scene.bands) != wanted.bands:
            raise ModelError(
                f"{spec.name} takes {wanted.bands} band(s) as {wanted.name}, but it has {len(scene.bands)}",
                where=scene.source,
                fix="choose bands with --bands" if wanted.name == spec.main else "give a file with that many bands",
            )
        _check_depth(scene, wanted, spec)
        if len(spec.inputs) > 1 and scene.grid.affine.is_identity:
            raise RequestError(
                "it has no georeference, so it cannot be laid on the other input",
                where=scene.source,
                fix="assign one with gdal_edit.py -a_ullr",
            )
        scenes.append(scene)
    return tuple(scenes)


def _with_reflectance(scene: Scene, request: Request) -> Scene:
    """The scene with the offset and factor that the user states in place of those of its file."""
    offset, factor = request.offset, request.scale_factor
    if offset is None and factor is None:
        return scene
    if offset is not None and not math.isfinite(offset):
        raise RequestError(f"{offset} is no number", where="--offset", fix="give DN, such as -1000")
    if factor is not None and not 0 < factor < math.inf:
        raise RequestError(f"{factor} is no factor", where="--scale-factor", fix="give one above 0, such as 0.0001")
    if find_product(scene.source) is not None:
        raise RequestError(
            "the metadata of a Sentinel-2 product state its offsets and its quantification value",
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
    for wanted in spec.inputs:
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


def _check_depth(scene: Scene, wanted: InputSpec, spec: ModelSpec) -> None:
    """Refuse stored values that cannot be those of the sensor that the model was made for."""
    kind = np.dtype(scene.dtype)
    if wanted.bits is not None and kind.kind in "iu" and 8 * kind.itemsize < wanted.bits:
        raise ModelError(
            f"its values have {8 * kind.itemsize} bits, and {spec.name} takes the {wanted.bits}-bit values of a sensor",
            where=scene.source,
            fix="give the data as the sensor's operator delivers them, or choose another --model",
        )
