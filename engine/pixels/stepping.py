"""Models that show their steps: all tiles of a row take a step, are blended, and take the next one.

Neighbours that agree after every step grow into one image, where tiles that meet only at the end can disagree about
what stands at their border (Bar-Tal et al., MultiDiffusion, ICML 2023).  Here the states of a tile row are handed over
at the ramps that pixels have, in cells.  What a tile holds in the end depends on its whole row, so the whole row is
inferred whatever the extent; rows are independent, so that row bands, shards and resumed runs stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..contract import ModelSpec, SteppingModel
from ..ground.tiles import Axis
from ..plan.plan import Plan
from ..types import Array
from .batching import Batcher, TileBatch
from .blending import ramp_weights
from .prediction import Caller, FiniteCheck, autocast, by_column, main_levels, stored
from .tiles import Tile


class SteppingPredictor:
    """Predicts the tiles of a whole row, step by step.

    Attributes:
        batch: tiles a batch.
        shrunk: always empty: a step cannot be taken again with smaller batches.
    """

    def __init__(self, plan: Plan, spec: ModelSpec, model: SteppingModel, batcher: Batcher) -> None:
        self._plan, self._spec, self._model, self._batcher = plan, spec, model, batcher
        self._call, self._checks = Caller(plan, spec.name), FiniteCheck(plan, spec.name)
        self._levels = main_levels(plan)
        self.batch = plan.batch
        self.shrunk: list[int] = []

    def predict(self, row: int, tiles: Mapping[int, Tile]) -> dict[int, Array]:
        """The planes of every tile of a row, (planes, H, W) in stored units, by tile column.

        Raises:
            RunError: the model does not keep its contract.
        """
        batches = [self._batcher.batch(row, self._batcher.slots(group), tiles) for group in self._batcher.groups()]
        states = self._steps(batches)
        found: dict[int, Array] = {}
        for batch, state in zip(batches, states, strict=True):

            def compute(precision: str, batch: TileBatch = batch, state: torch.Tensor = state) -> torch.Tensor:
                decode = self._model.decode
                return self._call(lambda: decode(state, batch.inputs, batch.where), len(batch.slots), precision)

            found.update(by_column(batch.slots, stored(self._checks(compute, batch, tiles), self._levels)))
        return found

    def _steps(self, batches: list[TileBatch]) -> list[torch.Tensor]:
        model = self._model
        with torch.inference_mode(), autocast(self._plan, self._plan.runtime.precision):
            states = [model.begin(batch.inputs, batch.where) for batch in batches]
            for index in range(model.steps):
                states = [
                    model.step(state, index, batch.inputs, batch.where)
                    for state, batch in zip(states, batches, strict=True)
                ]
                blend_states(
                    {
                        j: (states[k], i)
                        for k, batch in enumerate(batches)
                        for i, j in enumerate(batch.slots)
                        if j is not None
                    },
                    self._plan.tiles.columns,
                    self._spec.latent,
                )
        return states


def blend_states(states: Mapping[int, tuple[torch.Tensor, int]], axis: Axis, cell: int) -> None:
    """Hand the state of each tile over to its right neighbour's, in place; both hold the same afterwards.

    Args:
        states: for each tile column, a tensor (B, C, h, w) in cells, and the tile's place in it.
        axis: the column axis, base-grid px; tiles begin at whole cells.
        cell: base-grid px of a cell.
    """
    for j in sorted(states):
        if j + 1 not in states:
            continue
        (left, i), (right, k) = states[j], states[j + 1]
        shift = (axis.starts[j + 1] - axis.starts[j]) // cell
        shared = left.shape[3] - shift
        first = (axis.up(j + 1) - axis.starts[j + 1]) // cell
        weights = torch.zeros(shared, dtype=torch.float32)
        width = max(axis.ramp // cell, 0)
        weights[first : first + width] = torch.from_numpy(ramp_weights(width)) if width else 0.0
        weights[first + width :] = 1.0
        before, after = left[i, :, :, shift:], right[k, :, :, :shared]
        blended = before + weights.to(before) * (after - before)
        before.copy_(blended)
        after.copy_(blended)
