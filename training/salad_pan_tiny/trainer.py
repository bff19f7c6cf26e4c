"""What trainings of the small fusion network share, whatever pairs it learns from."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

from ...engine.contract import ModelSpec
from ...models.folder import load_folder, load_strictly, write_folder
from ...models.salad_pan.network import SaladPanTiny
from ..data.simulate import Batch
from ..deviations import calibrate, coverage
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, TrainData
from .export import card, coverage_row, quality_rows
from .recipe import FusionRecipe
from .stages import DiffusionStage
from .validate import as_text, relative_errors, table

log = logging.getLogger(__name__)
GLANCE = 16
"""As many validation batches are looked at while training."""
VALIDATION_STEPS = (1, 2, 4)

RecipeT = TypeVar("RecipeT", bound=FusionRecipe)
StreamT = TypeVar("StreamT", bound=Callable[[int], Batch])


@dataclass(frozen=True, slots=True, eq=False)
class FusionData(TrainData[StreamT, Batch]):
    """What is learned from and held out.

    Attributes:
        judged: held-out batches on which deviations are calibrated.
    """

    judged: list[Batch]


class FusionTrainer(Generic[RecipeT]):
    """Trains the denoising UNet with the decoder; who derives from it says from what.

    Args:
        run: with the recipe.
        architecture, spec: of the card, but for name and version.
    """

    def __init__(self, run: Run[RecipeT], architecture: str, spec: ModelSpec) -> None:
        self.run, self.recipe = run, run.recipe
        self.model = _start(run)
        self._architecture, self._spec = architecture, spec

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def diffusion(self, stream: StreamT, data: FusionData[StreamT]) -> Iterator[Stage]:
        """The stage, and the calibration after it."""
        observe = self._observe(data.held_out[:GLANCE])
        stage = DiffusionStage(self.model)
        yield Stage("diffusion", stage, self.recipe.diffusion, stream, observe, self.recipe.data.workers)
        self.model.eval()
        calibrate(self.model.vae.widen, lambda: relative_errors(self.model, data.judged))

    def measure(self, data: FusionData[StreamT]) -> Quality:
        """ERGAS, SAM and Q beside those of plain MS and of the classical fusion."""
        stored = rounded(SaladPanTiny(self.model.config), self.model)
        covered = coverage(relative_errors(stored, data.judged))
        return (*quality_rows(table(stored, data.held_out, VALIDATION_STEPS)), coverage_row(covered))

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        about = card(self.recipe, self.model, quality, self._architecture, self._spec)
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)

    def _observe(self, held_out: list[Batch]) -> Callable[[int, dict[str, torch.Tensor]], None]:
        """What writes ``validation.json`` after every checkpoint."""

        def observe(step: int, weights: dict[str, torch.Tensor]) -> None:
            averaged = SaladPanTiny(self.model.config).eval()
            averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
            rows = table(averaged, held_out, VALIDATION_STEPS)
            file = self.run.folder / "validation.json"
            file.write_text(json.dumps({"step": step, "rows": rows}, indent=2), encoding="utf-8")
            log.info("validation at step %d\n%s", step, as_text(rows))

        return observe


def _start(run: Run[RecipeT]) -> SaladPanTiny:
    """The network to start from: seeded, or the weights that the recipe names."""
    recipe = run.recipe
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = SaladPanTiny(recipe.network)
    if recipe.init:
        state = load_folder(run.locate(recipe.init))[1]
        load_strictly(model, {name: value.float() for name, value in state.items()}, where=recipe.init)
    return model
