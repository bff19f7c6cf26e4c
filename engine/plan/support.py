"""The support of an image, planned: whether it can be had, through what the image is looked at, and its raster."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace

from ..contract import ModelSpec, OutputSpec
from ..errors import InstrumentWarning, RequestError
from ..facts import UNMEASURED
from ..ground import grids
from ..inputs.instrument import views_of
from ..inputs.scene import Band
from ..optics.instrument import weights_in_pan
from ..optics.support import Support, support_reach
from ..request import OpenPolicy, Request
from .plan import Output, Plan

SUPPORT = OutputSpec(
    name="support",
    dtype="float32",
    difference=True,
    label="added to {band}",
    note="What {image} holds beyond what its input determines: first the share of it in the local detail, 0 to 1, then "
    "how much of each band, in its stored units.",
)
"""What was added to each pixel of an image: the engine tells it, whatever the model."""

_SHARE = Band("", 1, "share of the detail that was added", "", "", 1.0, 0.0, None)
_FINER = 1 + 1e-6


def is_told(request: Request, spec: ModelSpec) -> bool:
    """Whether the engine is to tell the support; a model may have an output of that name itself."""
    return SUPPORT.name in request.also and SUPPORT.name not in spec.extras


def with_support(plan: Plan, spec: ModelSpec, layer: Output, gains: tuple[float, ...]) -> Plan:
    """The plan of a run that also tells what was added to its image; the bands' weights in PAN are measured later.

    Args:
        plan: without it.
        layer: the raster, as if it were one of the model's.
        gains: of the modulation transfer function through which each band was seen; empty for area means.

    Raises:
        RequestError: the model writes no image, or one that is no finer than its input, or turned against it.
    """
    per_cell = _per_cell(plan, spec)
    alone, finer = plan.tiles.halo, plan.scale.finer
    support = Support(gains=gains, weights=(), alone=alone)
    halo = alone + math.ceil(support_reach(support.sight, per_cell) / finer)
    layer = replace(layer, bands=(_SHARE, *layer.bands), channels=0, in_main_range=False)
    tiles = replace(plan.tiles, halo=halo)
    return replace(plan, tiles=tiles, outputs=(*plan.outputs, layer), support=support)


def _per_cell(plan: Plan, spec: ModelSpec) -> float:
    """Output px per input px, the most of all parts and axes, once it is known that something can be told."""
    main = plan.scene
    if not (plan.per_band and plan.output.consistent):
        raise RequestError(
            f"the model {spec.name} writes no image that its input could determine",
            where="--support",
            fix="leave it out, or choose another model",
        )
    fine = plan.scale.grid(plan.base)
    if any(not grids.is_separable(grids.relation(fine, part.grid)) for part in main.parts):
        raise RequestError(
            "its grid is turned against that of the output, so nothing tells what it determines",
            where=main.source,
            fix="warp it with gdalwarp, or leave --support out",
        )
    per_cell = max(max(grids.ratio(fine, part.grid)) for part in main.parts)
    if per_cell < _FINER:
        raise RequestError(
            "the output is no finer than the input, which determines all of it",
            where="--support",
            fix="leave it out, or choose another model",
        )
    return per_cell


def weighed(plan: Plan, policy: OpenPolicy, check: Callable[[], None]) -> Plan:
    """The plan with the weights of the bands in PAN, where the support of a pair is wanted.

    Args:
        check: called once a block; raises ``Cancelled``.
    """
    fine, main, support = plan.scenes[0], plan.scene, plan.support
    if support is None or fine.name == main.name or len(fine.bands) != 1:
        return plan
    gain = (plan.response or UNMEASURED).gain
    shift = (0.0, 0.0) if plan.instrument is None else plan.instrument.shift
    weights = weights_in_pan(views_of(fine, main.as_delivered, policy, check), gain, shift)
    if not weights:
        text = (
            f"{main.source}: what its bands have in {fine.source} cannot be measured (a small, flat, saturated or "
            "masked scene, or other ground); so the support counts all that PAN adds as added"
        )
        warnings.warn(InstrumentWarning(text), stacklevel=3)
    return replace(plan, support=replace(support, weights=weights))
