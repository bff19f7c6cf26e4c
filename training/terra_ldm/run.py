"""Train the base model: the band autoencoder, then the UNet on its latents."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from ...models.folder import Architecture, Card, QualityRow, load_folder, write_folder
from ...models.terra_ldm.network import ARCHITECTURE, Config, TerraLdmTiny, load_base
from ...models.terra_ldm.tile import SPEC
from ..data.sources import Split
from ..loop import Observe
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, System, TrainData
from .data import BandBatch, BandPatches
from .recipe import TerraRecipe
from .stages import BaseDiffusionStage, BaseVaeStage, calibrate_base
from .validate import Row, spectrum_row, time_row, vae_row

log = logging.getLogger(__name__)
GLANCE = 4
"""As many validation batches are looked at while training."""
CALIBRATION_FROM = 10**9
CALIBRATION = 24


class TerraTrainer:
    """Trains the base model; a ``Trainer``."""

    def __init__(self, run: Run[TerraRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        self.model = _start(run)
        self.clock = _Clock(run.folder / "cost.json")

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> TrainData[BandPatches, BandBatch]:
        """Single bands of the train and the val split."""
        return TrainData(band_patches(self.run, "train", self.recipe.seed), validation_bands(self.run))

    def stages(
        self,
        data: TrainData[BandPatches, BandBatch],
        accelerator: Accelerator,  # noqa: ARG002
    ) -> Generator[Stage, None, None]:
        """Autoencoder, unless the run continues from one, and UNet."""
        recipe, model, workers = self.recipe, self.model, self.recipe.data.workers
        glance = data.held_out[:GLANCE]
        try:
            if recipe.vae.steps and not recipe.init:
                yield Stage("vae", BaseVaeStage(model), recipe.vae, data.train, self._observe_vae(glance), workers)
                calibrate_base(model.vae, [data.train(CALIBRATION_FROM + k) for k in range(CALIBRATION)])
            if recipe.diffusion.steps:
                later, observe = replace(data.train, seed=recipe.seed + 1), self._observe_unet(glance)
                yield Stage("unet", BaseDiffusionStage(model), recipe.diffusion, later, observe, workers)
        finally:
            # A cancelled run has cost its time too.
            self.clock.save()

    def _observe_vae(self, glance: Sequence[BandBatch]) -> Observe:
        def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
            row = vae_row(_copy(self.model, weights, "vae.", "vae.").vae, glance)
            _note(self.run.folder / "vae.json", step, {"vae": row})
            self.clock.save()
            return row

        return observe

    def _observe_unet(self, glance: Sequence[BandBatch]) -> Observe:
        def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
            row = time_row(_copy(self.model, weights, "model.", ""), glance)
            _note(self.run.folder / "unet.json", step, {"time": row})
            self.clock.save()
            return {f"velocity error at {time}": value for time, value in row.items()}

        return observe

    def measure(self, data: TrainData[BandPatches, BandBatch]) -> Quality:
        """What the autoencoder keeps, what the UNet knows, how samples look, and what the training has cost."""
        stored = rounded(TerraLdmTiny(self.model.config), self.model)
        init = self.recipe.init
        cost = Cost(self.clock.hours, hours_spent(self.run.locate(init)) if init else 0.0)
        values: dict[str, Row] = {
            "autoencoder, val split": vae_row(stored.vae, data.held_out),
            "error of the velocity by time, val split": time_row(stored, data.held_out),
            "error of the radial power spectrum, dB, 20 steps, val split": spectrum_row(stored, data.held_out[:GLANCE]),
            _COST: cost.row,
        }
        return tuple(QualityRow(scene=self.recipe.system, protocol=what, values=row) for what, row in values.items())

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        about = _card(self.recipe, self.model.config, quality)
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)


def band_patches(run: Run[TerraRecipe], split: Split, seed: int) -> BandPatches:
    """The stream of a split."""
    settings = run.recipe.data
    return BandPatches(run.sources(split), settings.patch, settings.unrolled, seed)


def validation_bands(run: Run[TerraRecipe]) -> list[BandBatch]:
    """The fixed batches of the val split."""
    settings = run.recipe.data
    stream = replace(band_patches(run, "val", run.recipe.seed + 2), patch=settings.held_out_patch)
    return [stream(k) for k in range(settings.held_out)]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU hours of a run, and of all runs before it whose weights it went on from."""

    run: float
    before: float = 0.0

    @property
    def row(self) -> Row:
        """For the card."""
        return {"CPU hours of this run": self.run, _TOTAL: self.run + self.before}


_COST, _TOTAL = "cost", "CPU hours in all"


def hours_spent(folder: Path) -> float:
    """CPU hours that the weights of a model folder took, as its card says; 0 where it says nothing."""
    rows = load_folder(folder)[0].card.quality
    return sum(row.values.get(_TOTAL, 0.0) for row in rows if row.protocol == _COST)


def _card(recipe: TerraRecipe, config: Config, quality: Quality) -> Card:
    return Card.of(
        replace(SPEC, name=recipe.name, version=recipe.version),
        architecture=Architecture(name=ARCHITECTURE, config=asdict(config) | {"unet": list(config.unet)}),
        quality=quality,
        **recipe.card.lines(),
    )


class _Clock:
    """CPU time of a run over its interruptions."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = float(json.loads(file.read_text(encoding="utf-8"))["cpu_hours"]) if file.exists() else 0.0

    @property
    def hours(self) -> float:
        """So far."""
        return self.before + time.process_time() / 3600

    def save(self) -> None:
        """Remember them."""
        self.file.write_text(json.dumps({"cpu_hours": self.hours}), encoding="utf-8")


def _start(run: Run[TerraRecipe]) -> TerraLdmTiny:
    """The network to start from: seeded, or the weights that the recipe names."""
    recipe = run.recipe
    if recipe.init:
        return load_base(run.locate(recipe.init)).train().requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return TerraLdmTiny(recipe.network)


def _copy(model: TerraLdmTiny, weights: dict[str, torch.Tensor], old: str, new: str) -> TerraLdmTiny:
    """A model with averaged weights, whose names begin with ``new`` instead of ``old``."""
    averaged = TerraLdmTiny(model.config).eval()
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    averaged.load_state_dict(state | {new + name.removeprefix(old): value for name, value in weights.items()})
    return averaged


def _note(file: Path, step: int, rows: dict[str, Row]) -> None:
    """Add a line to a run's table."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"step": step, **rows}) + "\n")
    log.info("validation at step %d: %s", step, json.dumps(rows))


SYSTEM = System(TerraRecipe, TerraTrainer)
