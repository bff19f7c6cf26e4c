"""From trained weights to a model folder with its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ...models.folder import Architecture, Card, Input, QualityRow, write_folder
from ...models.salad_pan.network import SaladPanTiny
from ...models.salad_pan.tile import ARCHITECTURE, SPEC
from ..data.simulate import Batch
from ..recipe import Recipe
from .validate import Row, table

TITLES = {"ms": "cubic MS", "base": "its own classical base (MTF-GLP, local regression)"}


def export(
    recipe: Recipe, model: SaladPanTiny, held_out: Sequence[Batch], folder: Path, steps: Sequence[int] = (1, 2, 4)
) -> Path:
    """Write ``folder / name``: the weights as stored (16 bit), measured as stored.

    Args:
        recipe: gives name, version and statements.
        model: trained.
        held_out: validation batches.
        folder: of the run.
        steps: step counts to measure.

    Returns:
        The model folder.

    Raises:
        ModelError: a weight is not finite.
    """
    state = {name: value.half() for name, value in model.state_dict().items()}
    stored = SaladPanTiny(model.config).eval()
    stored.load_state_dict({name: value.float() for name, value in state.items()})
    rows = table(stored, held_out, steps)
    path = folder / recipe.name
    write_folder(path, card(recipe, model, rows), state, dtype=torch.float16)
    return path


def card(recipe: Recipe, model: SaladPanTiny, rows: dict[str, Row]) -> Card:
    """The model's card, with the measured table."""
    config: dict[str, Any] = asdict(model.config)
    config["base"] = list(config["base"])
    shared = ("task", "main", "align", "margin", "tile", "overlap", "batch", "latent")
    flags = ("needs_statistics", "stochastic", "generated", "consistency")
    return Card(
        name=recipe.name,
        version=recipe.version,
        architecture=Architecture(name=ARCHITECTURE, config=config),
        inputs=tuple(Input(**asdict(i)) for i in SPEC.inputs),
        options=tuple(sorted(SPEC.options)),
        licence=_statement(recipe, "licence"),
        training_data=_statement(recipe, "training_data"),
        citation=_statement(recipe, "citation"),
        quality=tuple(_quality_row(name, row) for name, row in rows.items()),
        **{name: getattr(SPEC, name) for name in (*shared, *flags)},
    )


def _quality_row(name: str, row: Row) -> QualityRow:
    who = TITLES.get(name, f"{name} step{'s' if name != '1' else ''}")
    protocol = f"{who}; pairs simulated as in training, mean over batches; Q in 16 px blocks"
    return QualityRow(scene="validation split of the recipe", protocol=protocol, values=row)


def _statement(recipe: Recipe, name: str) -> str:
    """A statement of the recipe's card on one line, or that none is made."""
    return " ".join(str(recipe.card.get(name, "not stated")).split())
