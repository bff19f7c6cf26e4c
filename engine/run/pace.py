"""How long a run will take, measured on one batch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from ..contract import Batch, SteppingModel, TileModel, Where
from ..ground.grids import ratio
from ..pixels.prediction import named
from ..plan.plan import Plan
from ..plan.resources import Estimate


def with_pace(plan: Plan, model: TileModel | SteppingModel, needs: Estimate) -> Estimate:
    """The estimate with the time of inference, from one batch of a flat image run twice (the second one counts)."""
    torch.set_num_threads(plan.threads)
    device, size = plan.runtime.device, (plan.tiles.rows.tile, plan.tiles.columns.tile)
    batch = {scene.name: torch.full((plan.batch, len(scene.bands), *size), 0.3, device=device) for scene in plan.inputs}
    batch |= {f"{guide.name}_valid": torch.ones((plan.batch, 1, *size), device=device) for guide in plan.guides}
    where = Where(
        seed=plan.seed,
        sample=0,
        origins=((0, 0),) * plan.batch,
        ratio={scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes},
        statistics=np.array(plan.statistics, np.float64),
        wanted=frozenset(output.name for output in plan.outputs),
    )
    seconds = 0.0
    with torch.inference_mode():
        for _ in range(2):
            started = time.perf_counter()
            for part in named(_predict(model, batch, where), plan.outputs):
                part.cpu()
            seconds = time.perf_counter() - started
    return replace(needs, seconds=round(seconds * needs.tiles / plan.batch, 1))


def _predict(model: TileModel | SteppingModel, batch: Batch, where: Where) -> torch.Tensor | dict[str, torch.Tensor]:
    if isinstance(model, TileModel):
        found = model.predict(batch, where)
    else:
        state = model.begin(batch, where)
        for index in range(model.steps):
            state = model.step(state, index, batch, where)
        found = model.decode(state, batch, where)
    return found if isinstance(found, torch.Tensor) else dict(found)
