"""The model's word on a batch: precision, shapes, values that are not finite, memory that runs short."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ..contract import ModelSpec, Prediction, TileModel
from ..errors import RunError, ShortMemoryWarning
from ..plan.plan import Output, Plan
from ..types import Array
from .batching import Batcher, Slots, TileBatch
from .tiles import Tile

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_NO_CONTRACT = "the model does not keep the contract: report it to its author"


def named(prediction: Prediction, outputs: Sequence[Output]) -> list[torch.Tensor]:
    """What a model gave for each output, in order, (B, planes, h, w) each.

    Raises:
        RunError: an output is missing.
    """
    if isinstance(prediction, torch.Tensor):
        prediction = {outputs[0].name: prediction}
    for output in outputs:
        if output.name not in prediction:
            given = ", ".join(prediction) or "nothing"
            raise RunError(f"the model gives no {output.name}, but {given}", where="predict", fix=_NO_CONTRACT)
    return [prediction[output.name] for output in outputs]


class Caller:
    """Calls a model under the precision of the run, and holds it to its contract.

    Args:
        plan: of the run.
        name: of the model, for errors.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan, self._name = plan, name

    def __call__(self, compute: Callable[[], Prediction], tiles: int, precision: str) -> torch.Tensor:
        """All outputs one below the other, (tiles, planes, H, W), float32 on the processor.

        Raises:
            RunError: an output is missing or has another shape than was planned.
        """
        with torch.inference_mode(), autocast(self._plan, precision):
            parts = named(compute(), self._plan.predicted)
        grid, scale = self._plan.tiles, self._plan.scale
        for part, output in zip(parts, self._plan.predicted, strict=True):
            planned = (tiles, output.channels, scale.line(grid.rows.tile), scale.line(grid.columns.tile))
            if tuple(part.shape) != planned:
                raise RunError(
                    f"the model {self._name} returned {output.name} of {tuple(part.shape)} for {planned}",
                    where="predict",
                    fix=_NO_CONTRACT,
                )
        whole = parts[0] if len(parts) == 1 else torch.cat([part.float() for part in parts], dim=1)
        return whole.float().cpu()


def autocast(plan: Plan, precision: str) -> contextlib.AbstractContextManager[object]:
    """The arithmetic of a run's network."""
    kind = _AUTOCAST.get(precision)
    device = torch.device(plan.runtime.device)
    return contextlib.nullcontext() if kind is None else torch.autocast(device.type, kind)


class Predictor:
    """Predicts tiles, batch by batch.

    Attributes:
        batch: tiles a batch; smaller than planned once memory ran short.
        shrunk: the tile rows in which it did.
    """

    def __init__(self, plan: Plan, spec: ModelSpec, model: TileModel, batcher: Batcher) -> None:
        self._plan, self._model, self._batcher = plan, model, batcher
        self._call, self._checks = Caller(plan, spec.name), FiniteCheck(plan, spec.name)
        self._levels = main_levels(plan)
        self.batch = plan.batch
        self.shrunk: list[int] = []

    def predict(self, row: int, tiles: Mapping[int, Tile]) -> dict[int, Array]:
        """The planes of the tiles that hold a valid pixel, (planes, H, W) in stored units, by tile column.

        Raises:
            RunError: there is not enough memory for one tile, or the model does not keep its contract.
        """
        live = [j for j, tile in tiles.items() if tile.is_live]
        found: dict[int, Array] = {}
        left = self._batcher.slots(live) if live else ()
        while left:
            slots, left = left[: self.batch], left[self.batch :]
            if not any(j is not None for j in slots):
                continue
            try:
                found.update(self._predict(row, slots, tiles))
            except (torch.OutOfMemoryError, MemoryError):
                left = slots + left
                self._shrink(row)
        return found

    def _shrink(self, row: int) -> None:
        if self.batch == 1:
            raise RunError(
                "there is not enough memory for one tile", where=f"tile row {row}", fix="pass a smaller --tile"
            ) from None
        self.batch = max(self.batch // 2, 1)
        self.shrunk.append(row)
        text = f"memory ran short in tile row {row}; going on with batches of {self.batch}"
        warnings.warn(ShortMemoryWarning(text), stacklevel=2)

    def _predict(self, row: int, slots: Slots, tiles: Mapping[int, Tile]) -> dict[int, Array]:
        batch = self._batcher.batch(row, slots, tiles)

        def compute(precision: str) -> torch.Tensor:
            return self._call(lambda: self._model.predict(batch.inputs, batch.where), len(slots), precision)

        return by_column(slots, stored(self._checks(compute, batch, tiles), self._levels))


def by_column(slots: Slots, predicted: torch.Tensor) -> dict[int, Array]:
    """The tiles of a batch by their columns."""
    return {j: tile for j, tile in zip(slots, predicted.numpy(), strict=True) if j is not None}


def main_levels(plan: Plan) -> torch.Tensor | None:
    """What a plane is multiplied by to come to stored units; None where all are stored units already."""
    levels = plan.levels.get(plan.main)
    if levels is None:
        return None
    return torch.cat(
        [
            torch.tensor(levels, dtype=torch.float32) if each.in_main_range else torch.ones(each.channels)
            for each in plan.predicted
        ]
    )


def stored(predicted: torch.Tensor, levels: torch.Tensor | None) -> torch.Tensor:
    """Planes in stored units."""
    return predicted if levels is None else predicted * levels[None, :, None, None]


class FiniteCheck:
    """Values that are not finite are tried once more in fp32, then stop the run where they matter.

    Args:
        name: of the model, for errors.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan, self._name = plan, name

    def __call__(
        self, compute: Callable[[str], torch.Tensor], batch: TileBatch, tiles: Mapping[int, Tile]
    ) -> torch.Tensor:
        """What ``compute`` gives in the precision of the run, made finite under masks.

        Raises:
            RunError: a value at a valid pixel is not finite in fp32 either.
        """
        precision = self._plan.runtime.precision
        predicted = compute(precision)
        if precision != "fp32" and not _all_finite(predicted):
            again = compute("fp32")
            # Each output by itself: one that is finite is the one that a run without the others writes.
            counts = [output.channels for output in self._plan.predicted]
            parts = zip(torch.split(predicted, counts, dim=1), torch.split(again, counts, dim=1), strict=True)
            predicted = torch.cat([first if _all_finite(first) else second for first, second in parts], dim=1)
        if _all_finite(predicted):
            return predicted
        for i, j in enumerate(batch.slots):
            if j is not None and self._matters(predicted[i], tiles[j]):
                grid = self._plan.tiles
                raise RunError(
                    f"the model {self._name} gave values that are not finite",
                    where=f"tile at row {grid.rows.starts[batch.row]}, column {grid.columns.starts[j]}",
                    fix="check the input's values there, or choose another model",
                )
        return torch.nan_to_num(predicted)

    def _matters(self, predicted: torch.Tensor, tile: Tile) -> bool:
        """Whether a value that is not finite lies at a valid pixel of its plane."""
        for _, planes in self._plan.slices():
            bad = ~torch.isfinite(predicted[planes]).numpy()
            if tile.valid is None:
                if bad.any():
                    return True
                continue
            valid = (
                tile.valid if len(tile.valid) in (1, len(bad)) else np.asarray(tile.valid.any(axis=0, keepdims=True))
            )
            shown = self._plan.scale.validity(valid)
            if (bad[:, : shown.shape[1], : shown.shape[2]] & shown).any():
                return True
        return False


def _all_finite(values: torch.Tensor) -> bool:
    """Whether every value is finite; a finite sum proves it in one pass over memory."""
    return math.isfinite(values.numpy().sum(dtype=np.float32)) or bool(torch.isfinite(values).all())
