"""The recipe of the yardstick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...models.yardstick.network import DEPTH, WIDTH
from ..recipe import Recipe
from ..settings import NoStage, Positive, SimulationSettings, StageSettings


@dataclass(frozen=True, slots=True)
class Widths:
    """Shape of the network: channels of the feature maps, and residual blocks."""

    width: Positive = WIDTH
    depth: Positive = DEPTH


class YardstickRecipe(Recipe):
    """A training of the yardstick.

    Attributes:
        network: its shape.
        data: simulated pairs.
        diffusion: its one stage, under the name that the second stage has elsewhere.
        vae: it has no such stage.
        init: it starts anew.
    """

    network: Widths
    data: SimulationSettings
    diffusion: StageSettings
    vae: NoStage = NoStage()
    init: Literal[""] = ""
