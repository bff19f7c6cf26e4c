"""One tile row: strips of stored values in, blended rows out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..contract import ModelSpec, SteppingModel, TileModel
from ..errors import RunError
from ..events import Cancel, Progress, Stopwatch
from ..inputs.readers import Reader
from ..plan.plan import Plan
from ..types import Array
from .assembly import RowAssembler
from .batching import Batcher
from .joining import BlendedRows
from .prediction import Predictor
from .stepping import SteppingPredictor
from .tiles import Tile, TileCutter


class PredictsTiles(Protocol):
    """What turns tiles into planes."""

    batch: int
    shrunk: list[int]

    def predict(self, row: int, tiles: Mapping[int, Tile]) -> dict[int, Array]:
        """The planes of the tiles that hold a valid pixel, by tile column."""
        ...


class TileRows:
    """Runs a model over tile rows of a plan.

    Args:
        readers: one for each input, in the order of ``Plan.inputs``.
    """

    def __init__(
        self,
        plan: Plan,
        spec: ModelSpec,
        model: TileModel | SteppingModel,
        readers: Sequence[Reader],
        *,
        watch: Stopwatch,
        progress: Progress,
        cancel: Cancel,
    ) -> None:
        self._plan, self._readers = plan, readers
        self._watch, self._progress, self._cancel = watch, progress, cancel
        self._cutter = TileCutter(plan, readers)
        self._batcher = Batcher(plan, spec, cancel.check)
        self._predictor = _predictor(plan, spec, model, self._batcher)

    @property
    def facts(self) -> dict[str, Any]:
        """What the receipt of a row band notes: the batch in use, and the tile rows in which it shrank."""
        return {"batch": self._predictor.batch, "shrunk": list(self._predictor.shrunk)}

    def read(self, row: int) -> list[Any]:
        """Stored values of every input for a tile row (safe to call from one other thread)."""
        with self._watch.stage("read"):
            return [reader.strip(self._cutter.strip_window(row)) for reader in self._readers]

    def blend(self, row: int, strips: Sequence[Any]) -> BlendedRows:
        """Infer every tile of a row and blend them, left to right, over the computed columns."""
        assembler = RowAssembler(self._plan, self._cutter.strip_window(row))
        # Blended between steps, the tiles of a row are all open at once; otherwise those of one batch are.
        groups = [list(self._plan.inferred)] if self._plan.stepping else self._batcher.groups()
        for group in groups:
            self._cancel.check()
            with self._watch.stage("prepare"):
                tiles = {j: self._cutter.tile(row, j, strips) for j in group}
            with self._watch.stage("infer"):
                predicted = self._predictor.predict(row, tiles)
            with self._watch.stage("blend"):
                for j in group:
                    assembler.add(tiles[j], predicted.get(j))
            self._progress.advance(len(group))
        return assembler.rows()


def _predictor(plan: Plan, spec: ModelSpec, model: TileModel | SteppingModel, batcher: Batcher) -> PredictsTiles:
    if plan.stepping:
        if not isinstance(model, SteppingModel):
            raise RunError(f"the model {spec.name} shows no steps", where="begin, step, decode", fix=_NO_CONTRACT)
        return SteppingPredictor(plan, spec, model, batcher)
    if not isinstance(model, TileModel):
        raise RunError(f"the model {spec.name} predicts nothing", where="predict", fix=_NO_CONTRACT)
    return Predictor(plan, spec, model, batcher)


_NO_CONTRACT = "the model does not keep the contract: report it to its author"
