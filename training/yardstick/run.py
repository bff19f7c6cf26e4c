"""Train the yardstick: a plain network with an absolute loss, on the same simulated pairs as the small SALAD-Pan."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from ...models.folder import Architecture, Card, QualityRow, write_folder
from ...models.yardstick.network import Yardstick
from ...models.yardstick.tile import ARCHITECTURE, SPEC
from ..data.patches import Patches
from ..data.simulate import Batch
from ..data.sources import Split, fits
from ..salad_pan_tiny.given import given_of
from ..salad_pan_tiny.losses import inner
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, System, TrainData
from .recipe import YardstickRecipe

log = logging.getLogger(__name__)
Row = dict[str, float]


class YardstickStage(nn.Module):
    """The network as a module whose forward pass is the loss of a batch."""

    def __init__(self, model: Yardstick) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> torch.Tensor:
        """Mean absolute error, unit range."""
        base = given_of(batch).base.reshape(batch.ms.shape)
        return absolute_error(self.model(batch.pan, batch.ms, base), batch.target)


def absolute_error(fused: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of (B, C, H, W) without the rim, where the replicated border is wrong."""
    return (inner(fused) - inner(target)).abs().mean()


@torch.no_grad()
def errors(model: Yardstick, batches: Sequence[Batch]) -> Row:
    """Absolute errors over batches, unit range: of upsampled MS, of the fusion that is corrected, of the network."""
    rows = []
    for batch in batches:
        base = given_of(batch).base.reshape(batch.ms.shape)
        images = (batch.ms, base, model(batch.pan, batch.ms, base))
        rows.append(torch.stack([absolute_error(image, batch.target) for image in images]).double())
    means = torch.stack(rows).mean(dim=0).tolist()
    return dict(zip(("upsampled MS", "fusion", "network"), means, strict=True))


class YardstickTrainer:
    """Trains the yardstick; a ``Trainer``."""

    def __init__(self, run: Run[YardstickRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            self.model = Yardstick(self.recipe.network.width, self.recipe.network.depth)

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> TrainData[Patches, Batch]:
        """Simulated pairs of the train and the val split."""
        settings, seed = self.recipe.data, self.recipe.seed
        stream = self._patches("val", settings.held_out_patch, seed + 2)
        return TrainData(self._patches("train", settings.patch, seed), [stream(k) for k in range(settings.held_out)])

    def _patches(self, split: Split, side: int, seed: int) -> Patches:
        """The stream of a split."""
        usable = [source for source in self.run.sources(split) if fits(source, side)]
        return Patches(usable, replace(self.recipe.data, patch=side), seed)

    def stages(
        self,
        data: TrainData[Patches, Batch],
        accelerator: Accelerator,  # noqa: ARG002
    ) -> Generator[Stage, None, None]:
        """The one stage."""

        def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
            averaged = Yardstick(self.model.width, self.model.depth)
            averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
            row = errors(averaged.eval(), data.held_out)
            log.info("validation at step %d: %s", step, row)
            return row

        settings, workers = self.recipe.diffusion, self.recipe.data.workers
        yield Stage("yardstick", YardstickStage(self.model), settings, data.train, observe, workers)

    def measure(self, data: TrainData[Patches, Batch]) -> Quality:
        """Absolute errors on the val split."""
        row = QualityRow(
            scene="validation split of the recipe",
            protocol="mean absolute error, unit range; pairs simulated as in training",
            values=errors(rounded(Yardstick(self.model.width, self.model.depth), self.model), data.held_out),
        )
        return (row,)

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        about = _card(self.recipe, self.model, quality)
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)


def _card(recipe: YardstickRecipe, model: Yardstick, quality: Quality) -> Card:
    return Card.of(
        replace(SPEC, name=recipe.name, version=recipe.version),
        architecture=Architecture(name=ARCHITECTURE, config={"width": model.width, "depth": model.depth}),
        quality=quality,
        **recipe.card.lines(),
    )


SYSTEM = System(YardstickRecipe, YardstickTrainer)
