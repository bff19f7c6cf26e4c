"""Train the small model for super-resolution with a reference: the band autoencoder, then the transformer."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch
from accelerate import Accelerator

from ...models.ds_dit.small import LATENT, DsDitSmall
from ...models.ds_dit.tile import ARCHITECTURE, card
from ...models.folder import QualityRow, load_folder, load_strictly, write_folder
from ...models.salad_pan.vae import FACTOR
from ..data.sources import Split, fits
from ..degradation.mixed import Mixed
from ..deviations import calibrate, coverage
from ..salad_pan_tiny.losses import inner
from ..salad_pan_tiny.run import CALIBRATION_FROM
from ..salad_pan_tiny.stages import bands_noise
from ..salad_pan_tiny.stages import calibrate as calibrate_latents
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, System, TrainData
from .data import Batch, DatedPatches, ReferenceSettings
from .recipe import ReferenceRecipe
from .stacks import load_stack
from .stages import FlowStage, VaeStage, prepare

log = logging.getLogger(__name__)
_MOSTLY = 0.5
GLANCE = 24
"""As many validation batches are looked at while training."""

Scores = dict[str, float]
Data = TrainData[DatedPatches, Batch]


class ReferenceTrainer:
    """Trains the small model; a ``Trainer``."""

    def __init__(self, run: Run[ReferenceRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.recipe.seed)
            self.model = DsDitSmall(run.recipe.network)
        self._goes_on = bool(run.recipe.init) and self._start()

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> Data:
        """Dated pairs of the train and the val split."""
        settings, seed = self.recipe.data, self.recipe.seed
        train = self._patches("train", settings, seed)
        smaller = replace(settings, patch=settings.held_out_patch)
        held_out = self._patches("val", smaller, seed + 2)
        return TrainData(train, [held_out(k) for k in range(settings.held_out)])

    def stages(self, data: Data, accelerator: Accelerator) -> Generator[Stage, None, None]:  # noqa: ARG002
        """Autoencoder, unless the run goes on from weights of this architecture, and transformer."""
        recipe = self.recipe
        if not self._goes_on:
            yield Stage("vae", VaeStage(self.model), recipe.vae, data.train, workers=recipe.data.workers)
            batches = (data.train(CALIBRATION_FROM + k) for k in range(8))
            calibrate_latents(self.model.vae, (prepare(batch).residual for batch in batches))
        stage = FlowStage(self.model, recipe.weights)
        stream = replace(data.train, seed=recipe.seed + 1)
        yield Stage("flow", stage, recipe.flow, stream, self._observe(data.held_out[:GLANCE]), recipe.data.workers)
        self.model.eval()
        calibrate(self.model.vae.widen, lambda: relative_errors(self.model, data.held_out))

    def measure(self, data: Data) -> Quality:
        """PSNR with and without the reference beside interpolation, and the coverage of one deviation."""
        stored = rounded(DsDitSmall(self.recipe.network), self.model)
        covered = {"coverage of one deviation": coverage(relative_errors(stored, data.held_out))}
        rows = {**table(stored, data.held_out), "1 step; deviations": covered}
        return tuple(
            QualityRow(scene="validation split of the recipe", protocol=name, values=values)
            for name, values in rows.items()
        )

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        recipe = self.recipe
        said = {"name": recipe.name, "version": recipe.version, **recipe.card.lines()}
        about = card(recipe.network, recipe.scale, quality=quality, **said)
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)

    def _patches(self, split: Split, settings: ReferenceSettings, seed: int) -> DatedPatches:
        root = os.environ.get("SEAMLINE_DATA")
        stacks = [load_stack(Path(root), each, split) for each in settings.stacks] if root else []
        known = [each for each in stacks if each is not None and min(each.valid.shape[1:]) >= settings.patch]
        sources = [source for source in self.run.sources(split) if fits(source, settings.patch)]
        return DatedPatches(known, sources, settings, Mixed(self.recipe.degradation), self.recipe.scale, seed)

    def _start(self) -> bool:
        """Load what the recipe goes on from; whether it is a whole model of this architecture."""
        about, state = load_folder(self.run.locate(self.recipe.init))
        values = {name: value.float() for name, value in state.items()}
        if about.card.architecture.name == ARCHITECTURE:
            load_strictly(self.model, values, where=self.recipe.init)
            return True
        own = {name.removeprefix("vae."): value for name, value in values.items() if name.startswith("vae.")}
        load_strictly(self.model.vae, own, where=self.recipe.init)
        return False

    def _observe(self, held_out: list[Batch]) -> Callable[[int, dict[str, torch.Tensor]], None]:
        """What writes ``validation.json`` after every checkpoint."""

        def observe(step: int, weights: dict[str, torch.Tensor]) -> None:
            averaged = DsDitSmall(self.recipe.network).eval()
            averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
            rows = table(averaged, held_out)
            (self.run.folder / "validation.json").write_text(json.dumps({"step": step, "rows": rows}, indent=2))
            log.info("validation at step %d: %s", step, rows)

        return observe


@torch.no_grad()
def table(model: DsDitSmall, batches: Sequence[Batch]) -> dict[str, Scores]:
    """Mean PSNR, dB of the unit range, and error where ground was changed by hand, over all batches.

    Returns:
        Rows ``"bicubic"``, ``"injected"`` (all of the fitted detail), ``"1 step"`` and ``"1 step, no reference"``.
    """
    found: dict[str, list[float]] = {}
    wrong: dict[str, list[float]] = {}
    for batch in batches:
        changed = batch.changed.expand_as(batch.target) > _MOSTLY
        bare = replace(batch, valid=torch.zeros_like(batch.valid))
        ready = prepare(batch)
        given = ready.seen.given
        injected = given.base + given.scale * given.spectral[:, 1:2]
        images = {"bicubic": given.base, "injected": injected, "1 step": fused(model, batch)[0]}
        images["1 step, no reference"] = fused(model, bare)[0]
        for name, image in images.items():
            square = (image.reshape(batch.target.shape) - batch.target).double().square()
            error = inner(square).mean(dim=(1, 2, 3))
            found.setdefault(name, []).extend((-10.0 * error.clamp(min=1e-12).log10()).tolist())
            wrong.setdefault(name, []).extend(square[changed].tolist())
    rows = {name: {"PSNR": fmean(values)} for name, values in found.items()}
    for name, values in wrong.items():
        if values:
            rows[name]["RMSE on changed ground"] = math.sqrt(fmean(values))
    return rows


@torch.no_grad()
def relative_errors(model: DsDitSmall, batches: Sequence[Batch]) -> torch.Tensor:
    """Absolute errors over the deviations that a run of one step tells, of all pixels that count, one-dimensional."""
    parts = []
    for batch in batches:
        image, deviation = fused(model, batch)
        error = (image - batch.target.reshape(image.shape)).abs()
        parts.append((inner(error) / inner(deviation)).flatten())
    return torch.cat(parts)


def fused(model: DsDitSmall, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and deviations of one step, (N, 1, H, W) each."""
    seen = prepare(batch).seen
    count, _, height, width = seen.known.shape
    like = torch.empty(count, LATENT, height // FACTOR, width // FACTOR)
    noise = bands_noise(like, seen.given.bands, torch.Generator().manual_seed(batch.seed))
    found = model(seen, noise, 1)[0]
    return found.image, found.deviation


SYSTEM = System(ReferenceRecipe, ReferenceTrainer)
