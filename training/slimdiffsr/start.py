"""What SlimDiffSR's stages start from: teacher, student, looks and critic; first weights follow from the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from ...models.folder import load_folder, load_strictly
from ...models.slimdiffsr.network import SlimDiffSR
from ...models.slimdiffsr.teacher.lora import Ranks
from ...models.slimdiffsr.teacher.noise_level import LEAST, MOST, FixedLevel, NoiseLevelPredictor
from ...models.slimdiffsr.teacher.teacher import OneStepTeacher
from ...models.slimdiffsr.teacher.terra import TerraBackbone
from ...models.slimdiffsr.teacher.uncertainty import UncertaintyEstimator
from ...models.terra_ldm.network import load_base
from ..distill.discriminator import PatchCritic
from ..distill.perceptual import BaseFeatures, Lpips, Perceptual
from ..distill.restoration import Restoration, Weights
from ..trainer import Run
from .recipe import SlimRecipe

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class NoDistance:
    """A distance of images that nobody asked for; a ``Perceptual``."""

    label = "nothing"

    def __call__(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """0."""
        return torch.zeros((), device=found.device)


def seeded(seed: int, build: Callable[[], ModuleT]) -> ModuleT:
    """A module whose first weights follow from a seed; the global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def start_teacher(run: Run[SlimRecipe]) -> OneStepTeacher:
    """The base model with fresh adapters, an estimator of uncertainty, and what sets the noise level."""
    slim, seed = run.recipe.slim, run.recipe.seed

    def build() -> OneStepTeacher:
        backbone = TerraBackbone(load_base(run.locate(slim.base)))
        backbone.adapt(Ranks(), torch.Generator().manual_seed(seed))
        latent = backbone.latent
        estimator = UncertaintyEstimator(latent)
        if slim.levels == "fixed":
            return OneStepTeacher(backbone, estimator, FixedLevel((LEAST + MOST) / 2), slim.times)
        levels = NoiseLevelPredictor(latent, uncertainty=slim.levels == "uncertainty")
        return OneStepTeacher(backbone, estimator, levels, slim.times)

    return seeded(seed, build)


def start_student(run: Run[SlimRecipe]) -> SlimDiffSR:
    """The student to start from: the weights that the recipe names, or seeded, returning the upsampled image."""
    recipe = run.recipe
    student = seeded(recipe.seed, lambda: SlimDiffSR(recipe.network))
    if recipe.init:
        state = load_folder(run.locate(recipe.init))[1]
        load_strictly(student, {name: value.float() for name, value in state.items()}, where=recipe.init)
    elif recipe.network.codec == "shuffle":
        nn.init.zeros_(student.merge_conv2.weight)
        nn.init.zeros_(student.merge_conv2.bias)  # type: ignore[arg-type]
    return student


def start_perceptual(run: Run[SlimRecipe]) -> Perceptual:
    """LPIPS where its weights are named, else features of the base model."""
    slim = run.recipe.slim
    return Lpips(run.locate(slim.lpips)) if slim.lpips else BaseFeatures(load_base(run.locate(slim.base)))


def start_restoration(run: Run[SlimRecipe], weights: Weights) -> Restoration:
    """The loss of restored images, with a fresh critic where it is weighed."""
    recipe = run.recipe
    critic = seeded(recipe.seed, lambda: PatchCritic(recipe.network.image, recipe.slim.critic_width))
    return Restoration(
        start_perceptual(run) if weights.perceptual else NoDistance(), critic if weights.adversarial else None, weights
    )
