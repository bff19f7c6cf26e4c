"""The card of the small SALAD-Pan model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ...engine.contract import ModelSpec
from ...models.folder import Architecture, Card, QualityRow
from ...models.salad_pan.network import SaladPanTiny
from ..trainer import Quality
from .recipe import FusionRecipe
from .validate import Row

TITLES = {"ms": "cubic MS", "base": "its own classical base (MTF-GLP, local regression)"}


def card(recipe: FusionRecipe, model: SaladPanTiny, quality: Quality, architecture: str, spec: ModelSpec) -> Card:
    """The model's card, with the measured table."""
    config: dict[str, Any] = asdict(model.config)
    config["base"] = list(config["base"])
    return Card.of(
        replace(spec, name=recipe.name, version=recipe.version),
        architecture=Architecture(name=architecture, config=config),
        quality=quality,
        **recipe.card.lines(),
    )


def quality_rows(rows: Mapping[str, Row]) -> Quality:
    """The measured table as a card has it."""
    return tuple(quality_row(name, row) for name, row in rows.items())


def coverage_row(share: float) -> QualityRow:
    """How many truths lie within one standard deviation."""
    return _row("1 step; pairs drawn as those on which deviations are calibrated", {"coverage of one deviation": share})


def quality_row(name: str, row: Row) -> QualityRow:
    """One line of it: a number of steps, or what stands beside them."""
    who = TITLES.get(name, f"{name} step{'s' if name != '1' else ''}")
    return _row(f"{who}; pairs simulated as in training, mean over batches; Q in 16 px blocks", row)


def _row(protocol: str, values: Row) -> QualityRow:
    return QualityRow(scene="validation split of the recipe", protocol=protocol, values=values)
