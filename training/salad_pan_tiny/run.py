"""Train the small SALAD-Pan model: the band autoencoder, then the denoising UNet with the decoder."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from accelerate import Accelerator

from ...models.salad_pan.tile import ARCHITECTURE, SPEC
from ..data.patches import Patches
from ..data.simulate import JUDGING, LEARNING
from ..data.sources import fits
from ..trainer import Run, Stage, System
from .recipe import TinyRecipe
from .stages import VaeStage, calibrate, prepare
from .trainer import FusionData, FusionTrainer

CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""


class TinyTrainer(FusionTrainer[TinyRecipe]):
    """Trains the small SALAD-Pan model; a ``Trainer``."""

    def __init__(self, run: Run[TinyRecipe]) -> None:
        super().__init__(run, ARCHITECTURE, SPEC)

    def data(self) -> FusionData[Patches]:
        """Simulated pairs of the train and the val split; judged as protocol ``fr`` draws them."""
        recipe = self.recipe
        train = Patches(self.run.sources("train"), recipe.data, recipe.seed)
        settings = replace(recipe.data, patch=recipe.data.held_out_patch)
        usable = [source for source in self.run.sources("val") if fits(source, settings.patch)]
        streams = (Patches(usable, settings, recipe.seed + 2, drawing) for drawing in (LEARNING, JUDGING))
        return FusionData(train, *([stream(k) for k in range(recipe.data.held_out)] for stream in streams))

    def stages(self, data: FusionData[Patches], accelerator: Accelerator) -> Generator[Stage, None, None]:  # noqa: ARG002
        """Autoencoder, unless the run continues from weights, and diffusion."""
        recipe = self.recipe
        if not recipe.init:
            yield Stage("vae", VaeStage(self.model), recipe.vae, data.train, workers=recipe.data.workers)
            batches = (data.train(CALIBRATION_FROM + k) for k in range(8))
            calibrate(self.model.vae, (prepare(batch).residual for batch in batches))
        yield from self.diffusion(replace(data.train, seed=recipe.seed + 1), data)


SYSTEM = System(TinyRecipe, TinyTrainer)
