"""The recipe of the base model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import AfterValidator

from ...engine.errors import ModelError, RequestError
from ...models.terra_ldm.network import Config
from ..recipe import Recipe
from ..settings import LEFT_OUT, DataSettings, Positive, StageSettings


@dataclass(frozen=True, slots=True)
class BandSettings(DataSettings):
    """Single bands of imagery.

    Attributes:
        unrolled: bands of a batch of patches at full size.
    """

    unrolled: Positive = 12


def _possible(config: Config) -> Config:
    """Refuse widths that no network has."""
    try:
        return Config.of(asdict(config))
    except ModelError as error:
        raise RequestError(error.what, fix="give positive whole numbers, and a depth of at most 3") from error


class TerraRecipe(Recipe):
    """A training of the base model; a stage without steps is left out.

    Attributes:
        network: its widths.
        data: single bands.
        vae: the band autoencoder; left out where ``init`` names a folder, whose autoencoder is taken then.
        diffusion: the UNet.
    """

    network: Annotated[Config, AfterValidator(_possible)]
    data: BandSettings
    vae: StageSettings = LEFT_OUT
    diffusion: StageSettings = LEFT_OUT
