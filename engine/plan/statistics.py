"""Scene-wide figures, from sample blocks anchored to the scene: the same for every extent, shard and run.

Pixels are read at full resolution, never from overviews, so that building overviews changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..contract import MeasuringModel, ModelSpec, SteppingModel, TileModel, Where
from ..errors import RequestError, UnusedGuideWarning
from ..ground.grids import Window, ratio
from ..inputs.readers import Reader, opened
from ..inputs.reading import Patch
from ..request import OpenPolicy
from .plan import Plan

_BLOCK, _MOST_PER_AXIS = 256, 8
_LEVEL, _STRIDE = 0.999, 3


def sample_blocks(height: int, width: int) -> list[Window]:
    """Blocks of 256 px spread evenly over the scene; all of them where the scene is small.

    The blocks of an axis do not overlap and the outermost reach the rims.
    """
    return [
        Window(row, column, min(_BLOCK, height - row), min(_BLOCK, width - column))
        for row in _starts(height)
        for column in _starts(width)
    ]


def _starts(length: int) -> list[int]:
    blocks = -(-length // _BLOCK)
    chosen = (
        range(blocks) if blocks <= _MOST_PER_AXIS else np.linspace(0, blocks - 1, _MOST_PER_AXIS).round().astype(int)
    )
    return [int(i) * _BLOCK for i in chosen]


def measured(
    plan: Plan,
    spec: ModelSpec,
    load: Callable[[], TileModel | SteppingModel],
    policy: OpenPolicy,
    check: Callable[[], None],
) -> Plan:
    """The plan with the figures that the model needs; the plan itself where it needs none."""
    if not spec.needs_statistics:
        return plan
    with opened(plan.inputs, plan.base, spec, policy) as readers:
        with_levels = _levels(plan, spec, readers, check)
        model = load()
        return _sums(with_levels, spec, model, readers, check) if isinstance(model, MeasuringModel) else with_levels


def _sums(
    plan: Plan, spec: ModelSpec, model: MeasuringModel, readers: Sequence[Reader], check: Callable[[], None]
) -> Plan:
    # The sums are part of the plan, whoever makes it.
    torch.set_num_threads(plan.threads)
    height, width = plan.base.shape
    total: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None
    for block in sample_blocks(height, width):
        check()
        rim = block.padded(spec.margin, height, width)
        patches = {reader.scene.name: reader.patch(reader.strip(rim), rim) for reader in readers}
        valid = np.zeros((rim.height, rim.width), np.bool_)
        top, left = block.row - rim.row, block.column - rim.column
        valid[top : top + block.height, left : left + block.width] = True
        for scene in plan.scenes:
            known = patches[scene.name].valid
            if known is not None:
                valid &= known.all(axis=0)
        if not valid.any():
            continue
        where = Where(
            seed=plan.seed,
            sample=0,
            origins=((plan.lattice[0] + rim.row, plan.lattice[1] + rim.column),),
            ratio={scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes},
            checkpoint=check,
            facts=plan.facts,
            delivered={scene.name: scene.delivered for scene in plan.scenes},
            response=plan.told,
        )
        batch = {
            name: torch.from_numpy(_in_range(patch.values, plan.levels.get(name)))[None]
            for name, patch in patches.items()
        }
        with torch.inference_mode():
            part = model.measure(batch, torch.from_numpy(valid)[None, None], where)
        if not np.isfinite(part).all():
            raise _too_large(readers, rim)
        total = part if total is None else total + part
    return replace(plan, statistics=() if total is None else tuple(float(value) for value in total))


def _too_large(readers: Sequence[Reader], window: Window) -> RequestError:
    """What is said of values that no sum can hold: the farthest from 0, and where it stands."""
    found: tuple[float, str] = 0.0, ""
    for reader in readers:
        for stored in reader.strip(window):
            values = stored.raw[np.isfinite(stored.raw)]
            extreme = float(values[np.abs(values.astype(np.float64)).argmax()]) if values.size else 0.0
            found = max(found, (extreme, reader.scene.source), key=lambda each: abs(each[0]))
    return RequestError(
        f"values such as {found[0]:.4g} are no measurements; they look like a nodata value that is not declared",
        where=found[1],
        fix=f"pass --nodata {found[0]:.9g}, or declare it with gdal_edit.py -a_nodata {found[0]:.9g}",
    )


def _in_range(
    values: np.ndarray[tuple[int], np.dtype[np.float32]], levels: tuple[float, ...] | None
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Stored values as the model sees them."""
    return values if levels is None else values / np.array(levels, np.float32)[:, None, None]


def _levels(plan: Plan, spec: ModelSpec, readers: Sequence[Reader], check: Callable[[], None]) -> Plan:
    levels = dict(plan.levels)
    for reader in readers:
        if spec.input(reader.scene.name).range != "unit":
            continue
        samples: list[list[np.ndarray[tuple[int], np.dtype[np.float32]]]] = [[] for _ in reader.scene.bands]
        for block in sample_blocks(*plan.base.shape):
            check()
            patch = reader.patch(reader.strip(block), block)
            for i, values in enumerate(samples):
                values.append(_valid_samples(patch, i))
        if reader.scene in plan.guides and not any(part.size for values in samples for part in values):
            text = f"{reader.scene.source}: it has no valid pixel where the image lies, so nothing is taken from it"
            warnings.warn(UnusedGuideWarning(text), stacklevel=2)
        levels[reader.scene.name] = tuple(_level(np.concatenate(values)) for values in samples)
    return replace(plan, levels=levels)


def _valid_samples(patch: Patch, band: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    values = patch.values[band, ::_STRIDE, ::_STRIDE]
    return values.ravel() if patch.valid is None else values[patch.valid[band, ::_STRIDE, ::_STRIDE]]


def _level(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """The value that 99.9 % of the samples do not exceed; 1 where there is nothing to go by."""
    level = float(np.quantile(values, _LEVEL)) if values.size else 0.0
    return level if level > 0 else 1.0
