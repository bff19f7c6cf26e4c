"""The recipe of the published-size SALAD-Pan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import model_validator

from ...engine.errors import RequestError
from ...models.salad_pan.published.config import FACTOR, Config
from ..recipe import Recipe
from ..settings import LEFT_OUT, Count, DataSettings, PairSettings, Positive, StageSettings, Weight


@dataclass(frozen=True, slots=True)
class SensorData(DataSettings):
    """Pairs of several sensors; they are read from open files, which processes cannot share.

    Attributes:
        sources, workers: there are none.
        pairs: where from.
        unrolled: bands of a batch, over all its images.
        images: pairs of a batch; 0 for as many as ``unrolled`` bands make.
        resolution: side to which patches are resized bilinearly, px; 0 for as they are.
    """

    sources: tuple[()] = ()
    workers: Literal[0] = 0
    pairs: tuple[PairSettings, ...] = ()
    unrolled: Positive = 12
    images: Count = 0
    resolution: Count = 0

    @property
    def side(self) -> int:
        """Of the images that the network sees, px."""
        return self.resolution or self.patch


@dataclass(frozen=True, slots=True)
class ReconstructionWeights:
    """Terms of the loss of the published autoencoder, in the unit range; ``losses`` defines them.

    Attributes:
        charbonnier, ssim, mse, mae, psnr: as the authors' code has them.
        kl: of the posterior against a standard normal one, mean over the values of the latents.  The paper's figure
            shows such a term, the code has none.
    """

    charbonnier: Weight = 1.2
    ssim: Weight = 1.75
    mse: Weight = 1.0
    mae: Weight = 1.0
    psnr: Weight = 0.05
    kl: Weight = 0.0


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Terms of the loss of the published adapters; ``losses`` defines them.

    Attributes:
        latent: absolute error of the clean latents.
        ssim, psnr, angle, ergas: of the decoded image, unit range.
    """

    latent: Weight = 1.0
    ssim: Weight = 0.475
    psnr: Weight = 0.025
    angle: Weight = 0.5
    ergas: Weight = 0.01


@dataclass(frozen=True, slots=True)
class SaladSettings:
    """What the stages start from and how they are judged; paths as in ``PairSettings``.

    Attributes:
        base: folder of Stable Diffusion 1.5 with ``unet/``; the second stage needs it.
        vae: folder with the autoencoder's settings and weights.  The first stage starts from it, three-channel or not,
            and from seeded weights where it is empty; the second needs it unless the first has just made it.
        text: prompts embedded, as for ``seamline models convert``; empty for the CLIP encoder in ``base``.
        scaling: when the scaling of the latents is measured; ``"before"`` the first stage trains, as published, it
            describes weights that no longer exist afterwards.
        noise: whether the bands of an image share their noise, as published; ``"band"`` gives each its own.
        steps: network evaluations of a sampled result when it is measured.
        reconstruction, fusion: terms of the two losses.
    """

    base: str = ""
    vae: str = ""
    text: str = ""
    scaling: Literal["after", "before"] = "after"
    noise: Literal["shared", "band"] = "shared"
    steps: Positive = 20
    reconstruction: ReconstructionWeights = ReconstructionWeights()
    fusion: FusionWeights = FusionWeights()


@dataclass(frozen=True, slots=True)
class Shape(Config):
    """Shape of the network, by default the published one; the scaling of its latents is measured."""

    scaling_factor: float = 1.0


class PublishedRecipe(Recipe):
    """A training of the published-size SALAD-Pan; a stage without steps is left out.

    Attributes:
        network: its shape.
        data: pairs of one or more sensors.
        vae: the autoencoder of one band.
        diffusion: the adapters.
        salad: what they start from and how they are judged.
        init: ``salad`` names what the stages start from.
    """

    network: Shape = Shape()
    data: SensorData
    vae: StageSettings = LEFT_OUT
    diffusion: StageSettings = LEFT_OUT
    salad: SaladSettings = SaladSettings()
    init: Literal[""] = ""

    def shape(self, scaling: float) -> Config:
        """The network's shape, with the scaling of its latents."""
        return Config(**asdict(self.network) | {"scaling_factor": scaling})

    @model_validator(mode="after")
    def _patches_halve(self) -> Self:
        step = FACTOR * 2 ** (len(self.network.base) - 1)
        if self.data.side % step:
            raise RequestError(
                f"patches of {self.data.side} px do not halve as often as the network does",
                where="data.resolution" if self.data.resolution else "data.patch",
                fix=f"set a multiple of {step}",
            )
        return self

    @model_validator(mode="after")
    def _stages_have_what_they_need(self) -> Self:
        if not self.diffusion.steps:
            if not self.vae.steps:
                raise RequestError(
                    "both stages have no steps", where="vae.steps", fix="set vae.steps or diffusion.steps"
                )
            return self
        if not self.salad.base:
            raise RequestError(
                "the second stage needs the UNet of Stable Diffusion 1.5", where="salad.base", fix="name its folder"
            )
        if not (self.salad.vae or self.vae.steps):
            raise RequestError(
                "the second stage needs a trained autoencoder",
                where="salad.vae",
                fix="name the vae/ of the first stage",
            )
        return self
