"""Train the small SALAD-Pan model: the band autoencoder, then the denoising UNet with the decoder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from ...models.folder import load_folder, load_strictly, write_folder
from ...models.salad_pan.network import SaladPanTiny
from ..data.patches import Patches
from ..data.simulate import JUDGING, LEARNING, Batch, Drawing
from ..data.sources import fits
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, System, TrainData
from .export import card, coverage_row, quality_rows
from .recipe import TinyRecipe
from .stages import DiffusionStage, VaeStage, calibrate
from .validate import ONE_SIGMA, as_text, coverage, relative_errors, sampled, table

log = logging.getLogger(__name__)
GLANCE = 16
"""As many validation batches are looked at while training."""
CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""
VALIDATION_STEPS = (1, 2, 4)
ROUNDS = 3


class TinyTrainer:
    """Trains the small SALAD-Pan model; a ``Trainer``."""

    def __init__(self, run: Run[TinyRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        self.model = _start(run)

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> TrainData[Patches, Batch]:
        """Simulated pairs of the train and the val split."""
        recipe = self.recipe
        train = Patches(self.run.sources("train"), recipe.data, recipe.seed)
        return TrainData(train, self._held_out(LEARNING))

    def _held_out(self, drawing: Drawing) -> list[Batch]:
        recipe = self.recipe
        settings = replace(recipe.data, patch=recipe.data.held_out_patch)
        usable = [source for source in self.run.sources("val") if fits(source, settings.patch)]
        stream = Patches(usable, settings, recipe.seed + 2, drawing)
        return [stream(k) for k in range(recipe.data.held_out)]

    def judged(self, data: TrainData[Patches, Batch]) -> list[Batch]:  # noqa: ARG002
        """What deviations are calibrated on: pairs of the val split, drawn as protocol ``fr`` draws them."""
        return self._held_out(JUDGING)

    def stages(self, data: TrainData[Patches, Batch], accelerator: Accelerator) -> Generator[Stage, None, None]:  # noqa: ARG002
        """Autoencoder, unless the run continues from weights, and diffusion."""
        recipe, workers = self.recipe, self.recipe.data.workers
        if not recipe.init:
            yield Stage("vae", VaeStage(self.model), recipe.vae, data.train, workers=workers)
            calibrate(self.model, [data.train(CALIBRATION_FROM + k) for k in range(8)])
        later = replace(data.train, seed=recipe.seed + 1)
        observe = self._observe(data.held_out[:GLANCE])
        yield Stage("diffusion", DiffusionStage(self.model), recipe.diffusion, later, observe, workers)
        self.model.eval()
        # One factor is right to first order only, as deviations have bounds.
        judged = self.judged(data)
        for _ in range(ROUNDS):
            self.model.vae.widen(float(torch.quantile(sampled(relative_errors(self.model, judged)), ONE_SIGMA)))

    def measure(self, data: TrainData[Patches, Batch]) -> Quality:
        """ERGAS, SAM and Q beside those of plain MS and of the classical fusion."""
        stored = rounded(SaladPanTiny(self.model.config), self.model)
        covered = coverage(stored, self.judged(data))
        return (*quality_rows(table(stored, data.held_out, VALIDATION_STEPS)), coverage_row(covered))

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        about = card(self.recipe, self.model, quality)
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)

    def _observe(self, held_out: list[Batch]) -> Callable[[int, dict[str, torch.Tensor]], None]:
        """What writes ``validation.json`` after every checkpoint of the second stage."""

        def observe(step: int, weights: dict[str, torch.Tensor]) -> None:
            averaged = SaladPanTiny(self.model.config).eval()
            averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
            rows = table(averaged, held_out, VALIDATION_STEPS)
            file = self.run.folder / "validation.json"
            file.write_text(json.dumps({"step": step, "rows": rows}, indent=2), encoding="utf-8")
            log.info("validation at step %d\n%s", step, as_text(rows))

        return observe


def _start(run: Run[TinyRecipe]) -> SaladPanTiny:
    """The network to start from: seeded, or the weights that the recipe names."""
    recipe = run.recipe
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = SaladPanTiny(recipe.network)
    if recipe.init:
        state = load_folder(run.locate(recipe.init))[1]
        load_strictly(model, {name: value.float() for name, value in state.items()}, where=recipe.init)
    return model


SYSTEM = System(TinyRecipe, TinyTrainer)
