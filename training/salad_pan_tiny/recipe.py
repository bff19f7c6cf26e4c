"""The recipe of the small SALAD-Pan model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import AfterValidator

from ...engine.errors import RequestError
from ...models.salad_pan.network import Config
from ..recipe import Recipe
from ..settings import SimulationSettings, StageSettings


def _positive(config: Config) -> Config:
    """Refuse widths that no network has."""
    for name, widths in asdict(config).items():
        if min(widths if isinstance(widths, tuple) else (widths,)) < 1:
            raise RequestError(f"{name} cannot be {widths}", where=name, fix="give positive whole numbers")
    return config


class FusionRecipe(Recipe):
    """A training of the small fusion network.

    Attributes:
        network: its widths.
        diffusion: the denoising UNet, and the decoder further.
    """

    network: Annotated[Config, AfterValidator(_positive)]
    diffusion: StageSettings


class TinyRecipe(FusionRecipe):
    """A training of the small SALAD-Pan model.

    Attributes:
        data: simulated pairs.
        vae: the band autoencoder; left out where ``init`` names weights to continue from.
    """

    data: SimulationSettings
    vae: StageSettings
