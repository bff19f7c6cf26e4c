"""How long a run will take, measured on one batch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from ..contract import ModelSource, Where
from ..ground.grids import ratio
from ..pixels.inference import call
from ..plan.plan import Plan
from ..plan.resources import Estimate


def with_pace(plan: Plan, source: ModelSource, needs: Estimate) -> Estimate:
    """The estimate with the time of inference, from one batch of a flat image run twice (the second one counts)."""
    model = source.load(plan.runtime)
    torch.set_num_threads(plan.threads)
    size = (plan.tiles.rows.tile, plan.tiles.columns.tile)
    batch = {
        scene.name: torch.full((plan.batch, len(scene.bands), *size), 0.3, device=plan.runtime.device)
        for scene in plan.scenes
    }
    ratios = {scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes}
    statistics = np.array(plan.statistics, np.float64)
    where = Where(plan.seed, 0, ((0, 0),) * plan.batch, ratios, statistics)
    seconds = 0.0
    with torch.inference_mode():
        for _ in range(2):
            started = time.perf_counter()
            call(model, batch, where, len(plan.outputs)).cpu()
            seconds = time.perf_counter() - started
    return replace(needs, seconds=round(seconds * needs.tiles / plan.batch, 1))
