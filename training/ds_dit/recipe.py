"""The recipe of the small model for super-resolution with a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ...models.ds_dit.small import SmallConfig
from ..degradation.settings import DegradationSettings
from ..recipe import Recipe
from ..settings import StageSettings
from .data import ReferenceSettings


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the losses beside the image's.

    Attributes:
        latent: distance of the latents.
        trust: how far the trust is from what the reference is worth.
    """

    latent: float = 0.1
    trust: float = 0.2


class ReferenceRecipe(Recipe):
    """A training of the small model.

    Attributes:
        init: a model folder of this architecture to go on from, or of ``salad_pan_tiny``, of which the autoencoder is
            taken; empty for none.
        scale: px of the result per px of LR, a multiple of 4.
        network: its widths.
        data: dated pairs.
        degradation: what makes LR.
        vae: the band autoencoder; left out where ``init`` names a model of this architecture.
        flow: the transformer, and the decoder further.
        weights: of the losses.
    """

    scale: Annotated[int, Field(ge=4, le=16, multiple_of=4)] = 4
    network: SmallConfig = SmallConfig()
    data: ReferenceSettings
    degradation: DegradationSettings = DegradationSettings()
    vae: StageSettings
    flow: StageSettings
    weights: Weights = Weights()
