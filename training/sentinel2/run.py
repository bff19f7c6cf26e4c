"""Train the model that brings the 20 m bands of Sentinel-2 to 10 m, on from the small pan-sharpening model."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from accelerate import Accelerator
from pydantic import Field

from ...models.sentinel2.tile import ARCHITECTURE, SPEC
from ..data.sources import Split, load_sources
from ..salad_pan_tiny.recipe import FusionRecipe
from ..salad_pan_tiny.trainer import FusionData, FusionTrainer
from ..trainer import Run, Stage, System
from .data import BandPatches, BandSettings, Ground, grounds


class Sentinel2Recipe(FusionRecipe):
    """A training of the model for Sentinel-2.

    Attributes:
        init: the pan-sharpening model that it goes on from.
        data: scenes with bands of two sizes.
    """

    init: Annotated[str, Field(min_length=1)]
    data: BandSettings


class Sentinel2Trainer(FusionTrainer[Sentinel2Recipe]):
    """Trains as the small SALAD-Pan model is trained, from other batches; a ``Trainer``."""

    def __init__(self, run: Run[Sentinel2Recipe]) -> None:
        super().__init__(run, ARCHITECTURE, SPEC)

    def data(self) -> FusionData[BandPatches]:
        """Degraded scenes of the train and the val split; Sentinel-2 is one instrument, so it is judged on these."""
        settings, seed = self.recipe.data, self.recipe.seed
        train = BandPatches(self._grounds("train"), settings.patch, seed)
        stream = BandPatches(self._grounds("val"), settings.held_out_patch, seed + 2)
        held_out = [stream(k) for k in range(settings.held_out)]
        return FusionData(train, held_out, held_out)

    def stages(self, data: FusionData[BandPatches], accelerator: Accelerator) -> Generator[Stage, None, None]:  # noqa: ARG002
        """Diffusion alone."""
        yield from self.diffusion(replace(data.train, seed=self.recipe.seed + 1), data)

    def _grounds(self, split: Split) -> list[Ground]:
        root = os.environ.get("SEAMLINE_DATA")
        fine = load_sources(Path(root) if root else None, self.recipe.data.fine, split, self.recipe.seed)
        return grounds(fine, self.run.sources(split))


SYSTEM = System(Sentinel2Recipe, Sentinel2Trainer)
