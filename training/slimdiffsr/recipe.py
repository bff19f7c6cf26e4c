"""The recipe of SlimDiffSR."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...engine.errors import RequestError
from ...models.slimdiffsr.config import Config
from ..degradation.settings import DegradationSettings
from ..distill.restoration import ERROR_ALONE, Weights
from ..recipe import Recipe
from ..settings import LEFT_OUT, Count, DataSettings, NoStage, Positive, StageSettings, Weight

Share = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class ImageSettings(DataSettings):
    """Images of several bands.

    Attributes:
        images: of a batch.
    """

    images: Positive = 8


@dataclass(frozen=True, slots=True)
class SlimSettings:
    """Stages, losses and foundations; paths are relative to the recipe and may begin with an environment variable.

    Attributes:
        base: model folder of the base model, for the teacher and for looks.
        scale: output px per input px.
        bands: what is done with bands of another count than the student has channels; see ``models.slimdiffsr.bands``.
        degradation: what makes the coarse images.
        estimator, adapters, teacher: stages of the teacher: its uncertainty estimator alone; its adapters with the
            predictor of the noise level held; both.
        plain: the student by the mean absolute error alone, before it meets the teacher; ours.
        student: the student.
        blend: share of the student in the mean of its weights with those of ``plain``, after ``student`` and once more
            after ``detail``; it trades error for detail (network interpolation: Wang et al., "ESRGAN", ECCVW 2018), and
            1 leaves it as it is.
        detail: the blended student by its error and ``detail_weights`` alone, without teacher and critic; ours.
        deviation: its head for the standard deviation of every pixel, the rest of it frozen; the last stage.
        weights: terms of the loss.
        detail_weights: those of the stage ``detail``.
        features: weight of the distillation beside the loss of the image; the paper names none, so 1.
        mmd: weight of the discrepancy of feature distributions, within the distillation.
        times: one timestep an image, or a map.
        levels: what the teacher's noise level follows from: latents and their uncertainty, as published; latents alone;
            or ``"fixed"``, midway between its bounds (the paper's ablations).
        lpips: folder with the weights of LPIPS; empty for features of the base model in its place.
        critic_width: channels of the critic's first convolution.
        tile, margin: of the model folder, input px; 0 for those that follow from the patch.
    """

    base: str = ""
    scale: Positive = 4
    bands: Literal["groups", "single"] = "groups"
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    estimator: StageSettings = LEFT_OUT
    adapters: StageSettings = LEFT_OUT
    teacher: StageSettings = LEFT_OUT
    plain: StageSettings = LEFT_OUT
    student: StageSettings = LEFT_OUT
    blend: tuple[Share, Share] = (1.0, 1.0)
    detail: StageSettings = LEFT_OUT
    deviation: StageSettings = LEFT_OUT
    weights: Weights = field(default_factory=Weights)
    detail_weights: Weights = ERROR_ALONE
    features: Weight = 1.0
    mmd: Weight = 0.1
    times: Literal["scalar", "map"] = "scalar"
    levels: Literal["uncertainty", "latents", "fixed"] = "uncertainty"
    lpips: str = ""
    critic_width: Positive = 32
    tile: Count = 0
    margin: Count = 0

    @property
    def taught(self) -> bool:
        """Whether there is a teacher."""
        return bool(self.teacher.steps)


class SlimRecipe(Recipe):
    """A training of SlimDiffSR; a stage without steps is left out, and with ``init`` the student starts from weights.

    Attributes:
        network: shape of the student.
        data: sharp images.
        slim: stages, losses and foundations.
        vae, diffusion: it has no such stages.
    """

    network: Config
    data: ImageSettings
    slim: SlimSettings = SlimSettings()
    vae: NoStage = NoStage()
    diffusion: NoStage = NoStage()

    @model_validator(mode="after")
    def _deviations_have_a_head(self) -> Self:
        if self.slim.deviation.steps and not self.network.deviation:
            raise RequestError(
                "the student has no head for deviations", where="network.deviation", fix="set network.deviation"
            )
        return self
