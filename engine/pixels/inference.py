"""One tile row: patches in, model, blended strip out."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract import ModelSpec, TileModel, UncertainModel, Where
from ..errors import RunError, ShortMemoryWarning
from ..events import Cancel, Progress, Stopwatch
from ..ground.grids import Window, ratio
from ..inputs.reading import InputReader, Patch, Strip, reflect_pad
from ..plan.plan import Plan
from .blending import place_tile
from .joining import BlendedRows

Array = NDArray[np.float32]
Validity = NDArray[np.bool_]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_NO_CONTRACT = "the model does not keep the contract: report it to its author"


def call(model: TileModel, batch: Mapping[str, torch.Tensor], where: Where, outputs: int) -> torch.Tensor:
    """The image of a batch, (B, C, H, W); where two outputs are wanted, its standard deviations as C more planes.

    Raises:
        RunError: the model gives no deviations, or of another shape than its image.
    """
    if outputs == 1:
        return model.predict(batch, where)
    if not isinstance(model, UncertainModel):
        raise RunError("the model gives no deviations", where="predict_with_uncertainty", fix=_NO_CONTRACT)
    image, deviation = model.predict_with_uncertainty(batch, where)
    if deviation.shape != image.shape:
        raise RunError(
            f"the model returned deviations of {tuple(deviation.shape)} for an image of {tuple(image.shape)}",
            where="predict_with_uncertainty",
            fix=_NO_CONTRACT,
        )
    return torch.cat([image.float(), deviation.float()], dim=1)


class TileRows:
    """Runs a model over tile rows of a plan.

    Args:
        readers: one for each input, in plan order.
    """

    def __init__(
        self,
        plan: Plan,
        spec: ModelSpec,
        model: TileModel,
        readers: list[InputReader],
        *,
        watch: Stopwatch,
        progress: Progress,
        cancel: Cancel,
    ) -> None:
        self._plan, self._spec, self._model, self._readers = plan, spec, model, readers
        self._watch, self._progress, self._cancel = watch, progress, cancel
        self._statistics = np.array(plan.statistics, np.float64)
        self._ratio = {scene.name: ratio(plan.base, scene.grid) for scene in plan.scenes}
        self.batch = plan.batch
        self.shrunk: list[int] = []

    def read(self, row: int) -> list[Strip]:
        """Stored values of every input for a tile row (safe to call from one other thread)."""
        with self._watch.stage("read"):
            return [reader.strip(self._strip_window(row)) for reader in self._readers]

    def _strip_window(self, row: int) -> Window:
        rows, columns, chosen = self._plan.tiles.rows, self._plan.tiles.columns, self._plan.columns
        first, stop = columns.starts[chosen[0]], columns.stop(chosen[-1])
        return Window(rows.starts[row], first, rows.stop(row) - rows.starts[row], stop - first)

    def blend(self, row: int, strips: list[Strip]) -> BlendedRows:
        """Infer every tile of a row and blend them, left to right, over the computed columns."""
        plan = self._plan
        area = self._strip_window(row)
        columns, computed = plan.tiles.columns, plan.computed
        strip: Array | None = None
        valid: Validity | None = None
        for group in self._groups():
            self._cancel.check()
            with self._watch.stage("prepare"):
                patches = {j: self._patches(row, j, strips) for j in group}
            outputs = self._infer(row, patches)
            with self._watch.stage("blend"):
                for j in group:
                    if strip is None:
                        bands = len(plan.output.bands) * len(plan.outputs)
                        strip = np.zeros((bands, area.height * plan.scale, computed.width * plan.scale), np.float32)
                    tile_valid = self._output_validity(patches[j])
                    valid = self._place_validity(valid, tile_valid, strip, j)
                    if j in outputs:
                        place_tile(
                            strip,
                            outputs[j],
                            columns,
                            j,
                            scale=plan.scale,
                            first=computed.column,
                            left=j > plan.columns[0],
                        )
            self._progress.advance(len(group))
        if strip is None:
            raise AssertionError("a tile row has tiles")
        return BlendedRows(area.row, strip, valid)

    def _groups(self) -> Iterator[list[int]]:
        """Wanted tile columns in batches that start at column 0 of the scene, whatever the extent."""
        wanted, size = self._plan.columns, self._plan.batch
        for first in range(wanted[0] // size * size, wanted[-1] + 1, size):
            yield [j for j in range(first, first + size) if j in wanted]

    def _patches(self, row: int, column: int, strips: list[Strip]) -> dict[str, Patch]:
        rows, columns = self._plan.tiles.rows, self._plan.tiles.columns
        top, left = rows.starts[row], columns.starts[column]
        window = Window(top, left, rows.stop(row) - top, columns.stop(column) - left)
        return {
            reader.scene.name: reader.patch(strip, window) for reader, strip in zip(self._readers, strips, strict=True)
        }

    def _output_validity(self, patches: Mapping[str, Patch]) -> Validity | None:
        """Validity of the output bands: a band's own, and that of every other input."""
        main = patches[self._plan.main].valid
        if main is not None and len(self._plan.output.bands) != len(main):
            main = np.asarray(main.all(axis=0, keepdims=True))
        valid = main
        for name, patch in patches.items():
            if name != self._plan.main and patch.valid is not None:
                other = np.asarray(patch.valid.all(axis=0, keepdims=True))
                valid = other if valid is None else valid & other
        return valid

    def _place_validity(self, strip: Validity | None, tile: Validity | None, values: Array, j: int) -> Validity | None:
        """Neighbours agree on validity, so each tile simply writes what it covers."""
        if strip is None and tile is None:
            return None
        plan = self._plan
        height, width = values.shape[1:]
        if strip is None:
            strip = np.ones((len(plan.output.bands), height // plan.scale, width // plan.scale), np.bool_)
        columns, first = plan.tiles.columns, plan.computed.column
        low, high = max(columns.up(j), first), min(columns.down(j), first + strip.shape[2])
        if high > low:
            start = columns.starts[j]
            part = True if tile is None else tile[:, : strip.shape[1], low - start : high - start]
            strip[:, :, low - first : high - first] = part
        return strip

    def _infer(self, row: int, patches: dict[int, dict[str, Patch]]) -> dict[int, Array]:
        """Outputs of the tiles that hold any valid pixel."""
        live = [j for j, tile in patches.items() if (v := self._output_validity(tile)) is None or v.any()]
        if not live:
            return {}
        with self._watch.stage("infer"):
            outputs: dict[int, Array] = {}
            slots = self._slots(live)
            while slots:
                chunk, slots = slots[: self.batch], slots[self.batch :]
                if not any(j is not None for j in chunk):
                    continue
                try:
                    outputs.update(self._predict(row, chunk, patches))
                except (torch.OutOfMemoryError, MemoryError):
                    if self.batch == 1:
                        raise RunError(
                            "there is not enough memory for one tile",
                            where=f"tile row {row}",
                            fix="pass a smaller --tile",
                        ) from None
                    slots = chunk + slots
                    self._shrink(row)
            return outputs

    def _slots(self, live: list[int]) -> list[int | None]:
        """The full batch in scene order; a slot is empty where its tile is not wanted."""
        first = live[0] // self._plan.batch * self._plan.batch
        return [j if j in live else None for j in range(first, first + self._plan.batch)]

    def _shrink(self, row: int) -> None:
        self.batch = max(self.batch // 2, 1)
        self.shrunk.append(row)
        text = f"memory ran short in tile row {row}; going on with batches of {self.batch}"
        warnings.warn(ShortMemoryWarning(text), stacklevel=2)

    def _predict(self, row: int, slots: list[int | None], patches: dict[int, dict[str, Patch]]) -> dict[int, Array]:
        plan = self._plan
        tile_hw = (plan.tiles.rows.tile, plan.tiles.columns.tile)
        batch = {reader.scene.name: self._stack(reader.scene.name, slots, patches, tile_hw) for reader in self._readers}
        starts = [plan.tiles.columns.starts[j] if j is not None else 0 for j in slots]
        top = plan.lattice[0] + plan.tiles.rows.starts[row]
        where = Where(
            seed=plan.seed,
            sample=0,
            origins=tuple((top, plan.lattice[1] + left) for left in starts),
            ratio=self._ratio,
            statistics=self._statistics,
            checkpoint=self._cancel.check,
        )
        predicted = self._finite(batch, where, row, slots, patches)
        levels = plan.levels.get(plan.main)
        if levels is not None:
            factors = torch.tensor(levels, dtype=torch.float32).repeat(len(plan.outputs))
            predicted = predicted * factors[None, :, None, None]
        return {j: tile for j, tile in zip(slots, predicted.numpy(), strict=True) if j is not None}

    def _stack(
        self, name: str, slots: list[int | None], patches: dict[int, dict[str, Patch]], tile_hw: tuple[int, int]
    ) -> torch.Tensor:
        tiles = [None if j is None else reflect_pad(patches[j][name].values, *tile_hw) for j in slots]
        empty = np.zeros(next(tile.shape for tile in tiles if tile is not None), np.float32)
        # One tile is handed over as it is: copying it would cost as much as reading it.
        full = [empty if tile is None else tile for tile in tiles]
        stacked = full[0][None] if len(full) == 1 else np.stack(full)
        levels = self._plan.levels.get(name)
        if levels is not None:
            stacked = stacked / np.array(levels, np.float32)[None, :, None, None]
        return torch.from_numpy(stacked).to(self._plan.runtime.device)

    def _finite(
        self,
        batch: dict[str, torch.Tensor],
        where: Where,
        row: int,
        slots: list[int | None],
        patches: dict[int, dict[str, Patch]],
    ) -> torch.Tensor:
        """Predict; a value that is not finite is tried once more in fp32, then stops the run."""
        precision = self._plan.runtime.precision
        predicted = self._call(batch, where, precision)
        if precision != "fp32" and not _all_finite(predicted):
            again = self._call(batch, where, "fp32")
            # Each output by itself: an image that is finite is the one that a run without deviations writes.
            halves = (torch.split(each, len(self._plan.output.bands), dim=1) for each in (predicted, again))
            kept = [first if _all_finite(first) else second for first, second in zip(*halves, strict=True)]
            predicted = torch.cat(kept, dim=1)
        if _all_finite(predicted):
            return predicted
        for i, j in enumerate(slots):
            if j is not None and self._broken(predicted[i], patches[j]):
                left = self._plan.tiles.columns.starts[j]
                raise RunError(
                    f"the model {self._spec.name} gave values that are not finite",
                    where=f"tile at row {self._plan.tiles.rows.starts[row]}, column {left}",
                    fix="check the input's values there, or choose another model",
                )
        return torch.nan_to_num(predicted)

    def _broken(self, predicted: torch.Tensor, patches: Mapping[str, Patch]) -> bool:
        outputs = torch.isfinite(predicted).reshape(-1, len(self._plan.output.bands), *predicted.shape[1:])
        bad = ~outputs.all(dim=0).numpy()
        valid = self._output_validity(patches)
        if valid is None:
            return bool(bad.any())
        scale = self._plan.scale
        fine = valid.repeat(scale, axis=1).repeat(scale, axis=2)
        return bool((bad[:, : fine.shape[1], : fine.shape[2]] & fine).any())

    def _call(self, batch: dict[str, torch.Tensor], where: Where, precision: str) -> torch.Tensor:
        device = torch.device(self._plan.runtime.device)
        kind = _AUTOCAST.get(precision)
        context = torch.autocast(device.type, kind) if kind is not None else contextlib.nullcontext()
        with torch.inference_mode(), context:
            predicted = call(self._model, batch, where, len(self._plan.outputs)).float().cpu()
        tiles, scale = self._plan.tiles, self._plan.scale
        size = (tiles.rows.tile * scale, tiles.columns.tile * scale)
        wanted = (len(where.origins), len(self._plan.output.bands) * len(self._plan.outputs), *size)
        if tuple(predicted.shape) != wanted:
            raise RunError(
                f"the model {self._spec.name} returned {tuple(predicted.shape)} for {wanted}",
                where="predict",
                fix=_NO_CONTRACT,
            )
        return predicted


def _all_finite(values: torch.Tensor) -> bool:
    """Whether every value is finite; a finite sum proves it in one pass over memory."""
    return math.isfinite(values.numpy().sum(dtype=np.float32)) or bool(torch.isfinite(values).all())
