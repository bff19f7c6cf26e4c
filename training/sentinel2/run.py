"""Train the model that brings the 20 m bands of Sentinel-2 to 10 m, on from the small pan-sharpening model."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from ...models.folder import Architecture, Card, write_folder
from ...models.sentinel2.tile import ARCHITECTURE, SPEC
from ..data.simulate import Batch
from ..data.sources import Split, load_sources
from ..salad_pan_tiny.recipe import TinyRecipe
from ..salad_pan_tiny.run import TinyTrainer
from ..stored import halves
from ..trainer import Quality, Run, System, TrainData
from .data import BandPatches, BandSettings, grounds


class Sentinel2Recipe(TinyRecipe):
    """A training of the model for Sentinel-2; ``init`` names the pan-sharpening model that it goes on from.

    Attributes:
        data: scenes with bands of two sizes.
    """

    data: BandSettings  # type: ignore[assignment]


class Sentinel2Trainer(TinyTrainer):
    """Trains as the small SALAD-Pan model is trained, from other batches."""

    def __init__(self, run: Run[Sentinel2Recipe]) -> None:
        super().__init__(run)  # type: ignore[arg-type]
        self.settings = run.recipe.data

    def data(self) -> TrainData[Any, Batch]:
        """Degraded scenes of the train and the val split."""
        seed = self.recipe.seed
        train = BandPatches(self._grounds("train"), self.settings.patch, seed)
        stream = BandPatches(self._grounds("val"), self.settings.held_out_patch, seed + 2)
        return TrainData(train, [stream(k) for k in range(self.settings.held_out)])

    def judged(self, data: TrainData[Any, Batch]) -> list[Batch]:
        """The held-out batches: Sentinel-2 is one instrument."""
        return data.held_out

    def export(self, quality: Quality) -> None:
        """Write the model folder."""
        config = asdict(self.model.config) | {"base": list(self.model.config.base)}
        about = Card.of(
            replace(SPEC, name=self.recipe.name, version=self.recipe.version),
            architecture=Architecture(name=ARCHITECTURE, config=config),
            quality=quality,
            **self.recipe.card.lines(),
        )
        write_folder(self.result, about, halves(self.model), dtype=torch.float16)

    def _grounds(self, split: Split) -> list[Any]:
        root = os.environ.get("SEAMLINE_DATA")
        fine = load_sources(Path(root) if root else None, self.settings.fine, split, self.recipe.seed)
        return grounds(fine, self.run.sources(split))


SYSTEM = System(Sentinel2Recipe, Sentinel2Trainer)
