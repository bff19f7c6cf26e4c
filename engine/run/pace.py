"""How long a run will take, measured on one batch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from ..contract import Batch, ModelSpec, SteppingModel, TileModel, Where
from ..ground.grids import ratio
from ..pixels.prediction import named
from ..plan.plan import Plan
from ..plan.resources import Estimate


def with_pace(plan: Plan, spec: ModelSpec, model: TileModel | SteppingModel, needs: Estimate) -> Estimate:
    """The estimate with the time of inference, from one batch of a flat image run twice (the second one counts)."""
    torch.set_num_threads(plan.threads)
    batch = {scene.name: _flat(plan, len(scene.bands), spec.input(scene.name).finer) for scene in plan.inputs}
    batch |= {f"{guide.name}_valid": _flat(plan, 1, spec.input(guide.name).finer) for guide in plan.guides}
    where = Where(
        seed=plan.seed,
        sample=0,
        origins=((0, 0),) * plan.batch,
        ratio={scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes},
        statistics=np.array(plan.statistics, np.float64),
        wanted=frozenset(output.name for output in plan.predicted),
        facts=plan.facts,
        delivered={scene.name: scene.delivered for scene in plan.scenes},
        response=plan.told,
    )
    seconds = 0.0
    with torch.inference_mode():
        for _ in range(2):
            started = time.perf_counter()
            for part in named(_predict(model, batch, where), plan.predicted):
                part.cpu()
            seconds = time.perf_counter() - started
    return replace(needs, seconds=round(seconds * needs.tiles / plan.batch, 1))


def _flat(plan: Plan, bands: int, finer: int) -> torch.Tensor:
    """A batch of one value."""
    height, width = plan.tiles.rows.tile * finer, plan.tiles.columns.tile * finer
    return torch.full((plan.batch, bands, height, width), 0.3, device=plan.runtime.device)


def _predict(model: TileModel | SteppingModel, batch: Batch, where: Where) -> torch.Tensor | dict[str, torch.Tensor]:
    if isinstance(model, TileModel):
        found = model.predict(batch, where)
    else:
        state = model.begin(batch, where)
        for index in range(model.steps):
            state = model.step(state, index, batch, where)
        found = model.decode(state, batch, where)
    return found if isinstance(found, torch.Tensor) else dict(found)
