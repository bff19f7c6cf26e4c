"""The card of a student."""

from __future__ import annotations

from ...models.folder import Card
from ...models.slimdiffsr.tile import Use, card
from ..trainer import Quality
from .recipe import SlimRecipe

BATCH = 4
"""Tiles at a time, where they are as small as the patches: one alone leaves a GPU idle."""


def student_card(recipe: SlimRecipe, quality: Quality, looks: str) -> Card:
    """The card of a student, with the measured table.

    Args:
        recipe: gives name, version and statements.
        quality: measured.
        looks: what measured how different images look.
    """
    told, scale = recipe.card.lines(), recipe.slim.scale
    about = card(
        recipe.network,
        Use(scale, recipe.data.patch // scale, recipe.slim.bands, "none"),
        name=recipe.name,
        version=recipe.version,
        licence=told["licence"],
        training_data=told["training_data"],
        citation=f"{told['citation']}. {used(recipe, looks)}",
        tile=recipe.slim.tile or None,
        margin=recipe.slim.margin or None,
        batch=1 if recipe.slim.tile else BATCH,
    )
    return about.model_copy(update={"quality": quality})


def used(recipe: SlimRecipe, looks: str) -> str:
    """What the student was trained with, in a sentence."""
    slim = recipe.slim
    if not slim.student.steps:
        return "Trained with L1."
    parts, weights = ["L1"], slim.weights
    if weights.perceptual:
        parts.append(f"{weights.perceptual:g} x {looks}")
    if weights.adversarial:
        parts.append(f"{weights.adversarial:g} x patch critic")
    if weights.slopes or weights.spectrum:
        parts.append(f"{weights.slopes:g} x slopes and {weights.spectrum:g} x power spectrum")
    if slim.detail.steps:
        detail = slim.detail_weights
        parts.append(f"then L1 with {detail.slopes:g} x slopes and {detail.spectrum:g} x power spectrum alone")
    if slim.taught:
        parts.append("features of a one-step teacher on terra-ldm-tiny")
    return f"Trained with {', '.join(parts)}."
