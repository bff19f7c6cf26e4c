"""Train the published-size SALAD-Pan: the autoencoder of one band, then the adapters.

A stage whose steps are zero is left out.  The first gives ``OUTPUT/vae/`` as diffusers saves an autoencoder, which
``seamline models convert`` takes as well; the second gives a model folder for each sensor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState

from ...engine.errors import RequestError
from ...models.salad_pan.published.config import Config
from ..loop import Observe
from ..stored import halves
from ..trainer import Quality, Run, Stage, System
from .data import PairSource, SensorBatch, SensorTurns, held_out_batches, load_pairs
from .export import Row, SensorUse, export, model_name, quality_rows, sensor_scores
from .losses import psnr, ssim
from .recipe import PublishedRecipe
from .stages import AdapterStage, ReconstructionStage, measure_scaling, unrolled, wearing
from .start import embedded, sentences, start_network, start_vae, trained_vae

log = logging.getLogger(__name__)
CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""
CALIBRATION = 32


@dataclass(frozen=True, slots=True, eq=False)
class PairData:
    """Pairs to train on, by sensor, and those that are held out."""

    sources: Mapping[str, Sequence[PairSource]]
    held_out: list[SensorBatch]


class PublishedTrainer:
    """Trains the published-size SALAD-Pan; a ``Trainer``.

    Where the second stage is left out there is no model to measure, and the autoencoder is what is left.
    """

    def __init__(self, run: Run[PublishedRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        self.uses: list[SensorUse] = []
        self.adapters: AdapterStage | None = None

    @property
    def result(self) -> Path:
        """The model folder of the first sensor, or the autoencoder's where the second stage is left out."""
        folder = self.run.folder
        return folder / model_name(self.recipe, self.uses[0].name) if self.uses else folder / "vae"

    def data(self) -> PairData:
        """The pairs of every sensor; scenes are degraded once, by the main process."""
        with PartialState().main_process_first():
            sources = load_pairs(self.recipe.data, self.run.beside, self.run.folder, self.run.check)
        held_out = held_out_batches(sources, self.recipe.data)
        if not held_out:
            raise RequestError("no pair is held out", where="data.held_out", fix="set 1 or more, and check the masks")
        return PairData(sources, held_out)

    def stages(self, data: PairData, accelerator: Accelerator) -> Generator[Stage, None, None]:
        """Autoencoder and adapters."""
        recipe, start = self.recipe, self.recipe.salad.vae
        if recipe.vae.steps:
            vae = start_vae(recipe.shape(1.0), self.run.locate(start) if start else None, recipe.seed)
            yield from self._autoencoder(vae, data, accelerator)
        else:
            vae = trained_vae(recipe.shape(1.0), self.run.locate(start))
        if recipe.diffusion.steps:
            yield from self._adapters(vae, data, accelerator)

    def _autoencoder(self, vae: Any, data: PairData, accelerator: Accelerator) -> Generator[Stage, None, None]:
        """Stage I; writes ``vae/`` and ``vae.json`` (its errors on held-out pairs)."""
        folder, salad = self.run.folder, self.recipe.salad
        turns = SensorTurns(data.sources, self.recipe.data, self.recipe.seed)
        stage = ReconstructionStage(vae, salad.reconstruction).to(accelerator.device)
        # The weights that the scaling describes if it is measured before training.
        scaling = measure_scaling(vae, _calibration(turns)) if salad.scaling == "before" else None

        def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
            with wearing(stage, weights):
                row = reconstruction(vae, data.held_out)
            log.info("validation at step %d: %s", step, row)
            return row

        yield Stage("vae", stage, self.recipe.vae, turns, observe)
        stage.to(accelerator.device).eval().requires_grad_(False)
        vae.register_to_config(scaling_factor=scaling or measure_scaling(vae, _calibration(turns)))
        if accelerator.is_main_process:
            vae.save_pretrained(folder / "vae")
            row = reconstruction(vae, data.held_out) | {"scaling_factor": vae.config.scaling_factor}
            (folder / "vae.json").write_text(json.dumps(row, indent=2), encoding="utf-8")
        accelerator.wait_for_everyone()

    def _adapters(self, vae: Any, data: PairData, accelerator: Accelerator) -> Generator[Stage, None, None]:
        """Stage II."""
        recipe, salad = self.recipe, self.recipe.salad
        config = recipe.shape(float(vae.config.scaling_factor))
        self.uses = _uses(data.sources, self.run.locate(salad.text or salad.base), config)
        text = {use.name: torch.stack([use.text[prompt] for prompt in use.prompts]) for use in self.uses}
        network = start_network(config, vae, self.run.locate(salad.base), recipe.seed)
        self.adapters = stage = AdapterStage(network, text, salad.fusion, salad.noise)
        # Other draws than those of the first stage.
        turns = SensorTurns(data.sources, recipe.data, recipe.seed + 1)
        yield Stage("adapters", stage, recipe.diffusion, turns, self._observe(stage, data.held_out))
        stage.to(accelerator.device)

    def _observe(self, stage: AdapterStage, held_out: Sequence[SensorBatch]) -> Observe:
        """What writes ``validation.json``, of one batch a sensor, after every checkpoint of the second stage."""
        steps = self.recipe.salad.steps
        glance = list({batch.sensor: batch for batch in reversed(held_out)}.values())

        def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
            with wearing(stage, weights):
                rows = sensor_scores(stage, glance, steps)
            file = self.run.folder / "validation.json"
            file.write_text(json.dumps({"step": step, "rows": rows}, indent=2), encoding="utf-8")
            log.info("validation at step %d: %s", step, rows)
            sampled = f"{steps} steps"
            return {f"{name} {sensor}": v for sensor, own in rows.items() for name, v in own[sampled].items()}

        return observe

    def measure(self, data: PairData) -> Quality:
        """Q2n, SAM and ERGAS of sampled results by sensor, beside those of upsampled MS."""
        if self.adapters is None:
            return ()
        network = self.adapters.network
        network.load_state_dict({name: value.float() for name, value in halves(network).items()})
        rows = sensor_scores(self.adapters, data.held_out, self.recipe.salad.steps)
        return quality_rows(rows, self.recipe.data.side)

    def export(self, quality: Quality) -> None:
        """Write a model folder a sensor; the autoencoder has been written after its stage."""
        if self.adapters is not None:
            export(self.recipe, self.adapters, self.uses, quality, self.run.folder)


def _calibration(turns: SensorTurns) -> Iterable[SensorBatch]:
    return (turns(CALIBRATION_FROM + k) for k in range(CALIBRATION))


@torch.no_grad()
def reconstruction(vae: Any, batches: Sequence[SensorBatch]) -> Row:
    """Mean PSNR (dB) and structural similarity of bands through the posterior's mode and back, unit range."""
    device = next(vae.parameters()).device
    rows = []
    for batch in batches:
        bands = unrolled(batch.target).to(device)
        found = vae.decode(vae.encode(2.0 * bands - 1.0).latent_dist.mode()).sample.div(2.0).add(0.5).clamp(0.0, 1.0)
        rows.append(torch.stack((psnr(found, bands), ssim(found, bands))).double().cpu())
    return dict(zip(("PSNR", "SSIM"), torch.stack(rows).mean(dim=0).tolist(), strict=True))


def _uses(sources: Mapping[str, Sequence[PairSource]], text: Path, config: Config) -> list[SensorUse]:
    """What is said of each sensor, to the network and in its folder."""
    wanted = {name: sentences(own[0].sensor, own[0].bands) for name, own in sources.items()}
    found = embedded(wanted, text, config.text)
    return [SensorUse(name, own[0].bands, wanted[name], found[name], own[0].peak) for name, own in sources.items()]


SYSTEM = System(PublishedRecipe, PublishedTrainer)
