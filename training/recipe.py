"""A recipe says everything that decides what a training run makes; each system has its own on top of what all share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..models.folder import Name
from .settings import DataSettings, Statements


class Recipe(BaseModel):
    """A training run: what recipes of every system say.

    A system derives its own recipe from this one, with its stages, its network and a kind of ``data``; see ``systems``.
    Nothing is converted (a whole number will do for a real one), and what is not known is refused.

    Attributes:
        name, version: of the model folder.
        system: which trainer reads the recipe, such as ``"salad-pan-tiny"``.
        seed: of all draws.
        precision: of the arithmetic, in accelerate's words.
        output: folder of the run, relative to the working directory: checkpoints, tables, and the model folder.
        init: model folder whose weights to continue from, relative to the recipe; empty for none.
        data: patches.
        card: what the model folder says of licence, data and citation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name: Name
    version: str
    system: str
    seed: Annotated[int, Field(ge=0)]
    precision: Literal["no", "bf16", "fp16"]
    output: str
    init: str = ""
    data: DataSettings
    card: Statements = Statements()
