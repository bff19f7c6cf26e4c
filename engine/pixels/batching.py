"""Full batches of tiles: a batch begins at a multiple of its size, counted from column 0 of the scene.

What a tile's neighbours in its batch are can change its last bits on some processors, so batches depend on the scene's
tile grid alone: an extent leaves slots empty, and never moves a tile to another slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..contract import ModelSpec, Where
from ..ground.grids import ratio
from ..inputs.reading import reflect_pad
from ..plan.plan import Plan
from .tiles import Tile

Slots = tuple[int | None, ...]
"""Tile columns of a batch; None where the slot is empty."""


@dataclass(frozen=True, slots=True, eq=False)
class TileBatch:
    """What a model is given at a time.

    Attributes:
        row: of the tiles.
        slots: their columns.
        inputs: tensors by name, as the contract has them.
        where: the tiles' places, and what the model may know of the scene.
    """

    row: int
    slots: Slots
    inputs: Mapping[str, torch.Tensor]
    where: Where


class Batcher:
    """Makes the batches of a plan.

    Args:
        checkpoint: raises ``Cancelled`` when the user cancelled; models call it between their steps.
    """

    def __init__(self, plan: Plan, spec: ModelSpec, checkpoint: Callable[[], None]) -> None:
        self._plan, self._checkpoint = plan, checkpoint
        self._statistics = np.array(plan.statistics, np.float64)
        self._ratio = {scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes}
        self._delivered = {scene.name: scene.delivered for scene in plan.scenes}
        self._finer = {each.name: each.finer for each in spec.inputs}
        self._guides = frozenset(guide.name for guide in plan.guides)
        self._wanted = frozenset(output.name for output in plan.predicted)
        self._names = [each.name for each in spec.inputs if each.name in {scene.name for scene in plan.inputs}]

    def groups(self) -> Iterator[list[int]]:
        """The inferred tile columns, cut where a batch of the planned size ends."""
        wanted, size = self._plan.inferred, self._plan.batch
        for first in range(wanted[0] // size * size, wanted[-1] + 1, size):
            yield [j for j in range(first, first + size) if j in wanted]

    def slots(self, live: Sequence[int]) -> Slots:
        """The full batch of one group; a slot is empty where its tile is not wanted or shows nothing."""
        first = live[0] // self._plan.batch * self._plan.batch
        return tuple(j if j in live else None for j in range(first, first + self._plan.batch))

    def batch(self, row: int, slots: Slots, tiles: Mapping[int, Tile]) -> TileBatch:
        """The tensors of a batch, and where its tiles lie."""
        plan = self._plan
        inputs = {name: self._stack(name, slots, tiles) for name in self._names}
        for name in self._guides:
            inputs[f"{name}_valid"] = self._stack_validity(name, slots, tiles)
        starts = [plan.tiles.columns.starts[j] if j is not None else 0 for j in slots]
        top = plan.lattice[0] + plan.tiles.rows.starts[row]
        where = Where(
            seed=plan.seed,
            sample=0,
            origins=tuple((top, plan.lattice[1] + left) for left in starts),
            ratio=self._ratio,
            statistics=self._statistics,
            wanted=self._wanted,
            checkpoint=self._checkpoint,
            facts=plan.facts,
            delivered=self._delivered,
            response=plan.told,
        )
        return TileBatch(row, slots, inputs, where)

    def _stack(self, name: str, slots: Slots, tiles: Mapping[int, Tile]) -> torch.Tensor:
        plan = self._plan
        size = self._size(name)
        shown = [None if j is None else reflect_pad(tiles[j].patches[name].values, *size) for j in slots]
        empty = np.zeros(next(values.shape for values in shown if values is not None), np.float32)
        # One tile is handed over as it is: copying it would cost as much as reading it.
        full = [empty if values is None else values for values in shown]
        stacked = full[0][None] if len(full) == 1 else np.stack(full)
        levels = plan.levels.get(name)
        if levels is not None:
            stacked = stacked / np.array(levels, np.float32)[None, :, None, None]
        return torch.from_numpy(stacked).to(plan.runtime.device)

    def _size(self, name: str) -> tuple[int, int]:
        """(rows, columns) of an input's tensors."""
        tiles, finer = self._plan.tiles, self._finer[name]
        return tiles.rows.tile * finer, tiles.columns.tile * finer

    def _stack_validity(self, name: str, slots: Slots, tiles: Mapping[int, Tile]) -> torch.Tensor:
        """(B, 1, h, w): 1 where all bands of a guide are valid; what is padded is not."""
        plan = self._plan
        stacked = np.zeros((len(slots), 1, *self._size(name)), np.float32)
        for slot, j in enumerate(slots):
            if j is not None:
                patch = tiles[j].patches[name]
                height, width = patch.values.shape[1:]
                stacked[slot, 0, :height, :width] = True if patch.valid is None else patch.valid.all(axis=0)
        return torch.from_numpy(stacked).to(plan.runtime.device)
