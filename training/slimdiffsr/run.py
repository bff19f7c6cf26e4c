"""Train SlimDiffSR at small size by a recipe: uncertainty estimator, teacher, student, in the published order.

A stage whose steps are zero is left out.  Without the first two the student learns from the images alone, which is the
paper's ablation without distillation; without looks and critic as well it is the plain network that a student has to
be compared with.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from ...engine.errors import RequestError
from ...models.folder import QualityRow, load_folder, load_strictly, write_folder
from ...models.slimdiffsr.config import Config
from ...models.slimdiffsr.network import SlimDiffSR
from ...models.slimdiffsr.teacher.lora import Ranks
from ...models.slimdiffsr.teacher.noise_level import LEAST, MOST, FixedLevel, NoiseLevelPredictor
from ...models.slimdiffsr.teacher.teacher import OneStepTeacher
from ...models.slimdiffsr.teacher.terra import TerraBackbone
from ...models.slimdiffsr.teacher.uncertainty import UncertaintyEstimator
from ...models.slimdiffsr.tile import Use, card
from ...models.terra_ldm.network import TerraLdmTiny, load_base
from ..data.paths import locate
from ..data.sources import Split, fits, load_sources
from ..degradation.mixed import Mixed
from ..distill.discriminator import PatchCritic
from ..distill.features import FeatureDistillation
from ..distill.perceptual import BaseFeatures, Lpips, Perceptual
from ..distill.restoration import Restoration, Weights
from ..distill.stages import DeviationStage, EstimatorStage, Pair, StudentStage, TeacherStage, student_widths
from ..loop import Loop
from ..recipe import Recipe, RestorationWeights, StageSettings
from .data import SlimPatches
from .validate import Row, coverage, deviation_factor, scores, teacher_scores

log = logging.getLogger(__name__)
SYSTEM = "slimdiffsr"

BATCH = 4
"""Tiles at a time: they are small, so that one alone leaves a GPU idle."""


def train_slim(recipe: Recipe, beside: Path, check: Callable[[], None]) -> Path:
    """Train the stages whose steps are not zero, or go on where they stopped.

    Args:
        recipe: of system ``slimdiffsr``.
        beside: folder that relative paths of the recipe begin at.
        check: called before every step; may raise ``Cancelled``.

    Returns:
        The student's model folder.

    Raises:
        RequestError: the recipe or the data do not fit.
        ModelError: a folder that the recipe names is not what it should be, or a trained weight is not finite.
    """
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, beside, folder, check)
    taught = bool(recipe.slim.teacher.steps)
    if taught:
        run.train_teacher()
    student = run.train_student(taught)
    run.train_deviation(student, taught)
    if run.accelerator.is_main_process:
        return export(recipe, student, run.held_out, folder, run.used(taught))
    return folder / recipe.name


class _Run:
    """What the stages of one recipe share."""

    def __init__(self, recipe: Recipe, beside: Path, folder: Path, check: Callable[[], None]) -> None:
        self.recipe, self.beside, self.folder, self.check = recipe, beside, folder, check
        self.config = student_config(recipe)
        self.patches = slim_patches(recipe, "train", recipe.data.patch, recipe.seed)
        stream = slim_patches(recipe, "val", recipe.data.held_out_patch, recipe.seed + 2)
        self.held_out = [stream(k) for k in range(recipe.data.held_out)]
        self.accelerator = Accelerator(mixed_precision=recipe.precision)
        self.teacher = self._teacher()

    def train_teacher(self) -> None:
        """Estimator, then adapters with the predictor held, then both."""
        slim = self.recipe.slim
        self._stage(EstimatorStage(self.teacher), slim.estimator, "estimator", 0, self._observe_teacher)
        for name, settings, hold in (("adapters", slim.adapters, True), ("teacher", slim.teacher, False)):
            stage = TeacherStage(self.teacher, self._restoration(slim.weights), hold=hold)
            self._stage(stage, settings, name, 1 + (not hold), self._observe_teacher)
        self.teacher.eval().requires_grad_(False)

    def train_student(self, taught: bool) -> SlimDiffSR:
        """The student: by its error, then with or without the teacher's features, then by error and detail."""
        student = start_student(self.recipe, self.config, self.beside)

        def observe(weights: dict[str, torch.Tensor]) -> Row:
            return scores(self._averaged(weights), self.held_out, self.accelerator.device)

        slim = self.recipe.slim
        plain = StudentStage(student, self.teacher, self._restoration(RestorationWeights(0.0, 0.0)), None)
        self._stage(plain, slim.plain, "plain", 5, observe)
        if not slim.student.steps:
            return student.eval().requires_grad_(False)
        before = {name: value.clone() for name, value in student.state_dict().items()}
        distillation = None
        if taught:
            widths = student_widths(self.config), self.teacher.widths(self.config.image)
            distillation = self._seeded(lambda: FeatureDistillation(*widths))
        restoration = self._restoration(slim.weights)
        stage = StudentStage(student, self.teacher, restoration, distillation, slim.mmd, slim.features)
        self._stage(stage, slim.student, "student", 3, observe)
        student.load_state_dict(interpolated(before, student.state_dict(), slim.blend[0]))
        detail = StudentStage(student, self.teacher, self._restoration(slim.detail_weights), None)
        self._stage(detail, slim.detail, "detail", 6, observe)
        student.load_state_dict(interpolated(before, student.state_dict(), slim.blend[1]))
        return student.eval().requires_grad_(False)

    def train_deviation(self, student: SlimDiffSR, taught: bool) -> None:
        """The student's head for deviations, calibrated on the validation split."""
        if not self.recipe.slim.deviation.steps:
            return

        def observe(weights: dict[str, torch.Tensor]) -> Row:
            return {"coverage": coverage(self._averaged(weights), self.held_out, self.accelerator.device)}

        stage = DeviationStage(student, self.teacher if taught else None)
        self._stage(stage, self.recipe.slim.deviation, "deviation", 4, observe)
        student.eval().requires_grad_(False)
        student.deviation.widen(deviation_factor(student, self.held_out))

    def used(self, taught: bool) -> str:
        """What the student was trained with, for its card."""
        weights = self.recipe.slim.weights
        parts = ["L1"]
        if not self.recipe.slim.student.steps:
            return "Trained with L1."
        if weights.perceptual:
            parts.append(f"{weights.perceptual:g} x {self._perceptual().label}")
        if weights.adversarial:
            parts.append(f"{weights.adversarial:g} x patch critic")
        if weights.slopes or weights.spectrum:
            parts.append(f"{weights.slopes:g} x slopes and {weights.spectrum:g} x power spectrum")
        if self.recipe.slim.detail.steps:
            detail = self.recipe.slim.detail_weights
            parts.append(f"then L1 with {detail.slopes:g} x slopes and {detail.spectrum:g} x power spectrum alone")
        if taught:
            parts.append("features of a one-step teacher on terra-ldm-tiny")
        return f"Trained with {', '.join(parts)}."

    def _stage(
        self,
        stage: nn.Module,
        settings: StageSettings,
        name: str,
        order: int,
        observe: Callable[[dict[str, torch.Tensor]], Row],
    ) -> None:
        """Train a stage and leave its averaged weights in it; its table lies in ``NAME.json``."""
        if not settings.steps:
            return

        def noted(step: int, weights: dict[str, torch.Tensor]) -> Row:
            row = observe(weights)
            log.info("%s, validation at step %d: %s", name, step, row)
            (self.folder / f"{name}.json").write_text(json.dumps({"step": step, **row}, indent=2), encoding="utf-8")
            return row

        # Every stage has draws of its own.
        batches = replace(self.patches, seed=self.recipe.seed + 10 * (order + 1))
        workers = self.recipe.data.workers
        loop = Loop(settings, batches, self.folder / f"{name}.pt", noted, self.check, workers)
        stage.cpu().load_state_dict(loop.run(stage, self.accelerator))

    def _averaged(self, weights: dict[str, torch.Tensor]) -> SlimDiffSR:
        averaged = SlimDiffSR(self.config).eval()
        own = {key.removeprefix("student."): v for key, v in weights.items() if key.startswith("student.")}
        averaged.load_state_dict(own)
        return averaged

    def _observe_teacher(self, weights: dict[str, torch.Tensor]) -> Row:
        averaged = self._teacher()
        own = {key.removeprefix("teacher."): v for key, v in weights.items() if key.startswith("teacher.")}
        averaged.load_state_dict(self.teacher.state_dict() | own)
        return teacher_scores(averaged.eval(), self.held_out, self.accelerator.device)

    def _teacher(self) -> OneStepTeacher:
        slim = self.recipe.slim

        def build() -> OneStepTeacher:
            backbone = TerraBackbone(self._base())
            backbone.adapt(Ranks(), torch.Generator().manual_seed(self.recipe.seed))
            latent = backbone.latent
            estimator = UncertaintyEstimator(latent)
            if slim.levels == "fixed":
                return OneStepTeacher(backbone, estimator, FixedLevel((LEAST + MOST) / 2), slim.times)
            levels = NoiseLevelPredictor(latent, uncertainty=slim.levels == "uncertainty")
            return OneStepTeacher(backbone, estimator, levels, slim.times)

        return self._seeded(build)

    def _base(self) -> TerraLdmTiny:
        return load_base(locate(self.recipe.slim.base, self.beside))

    def _perceptual(self) -> Perceptual:
        slim = self.recipe.slim
        return Lpips(locate(slim.lpips, self.beside)) if slim.lpips else BaseFeatures(self._base())

    def _restoration(self, weights: RestorationWeights) -> Restoration:
        critic = self._seeded(lambda: PatchCritic(self.config.image, self.recipe.slim.critic_width))
        return Restoration(
            self._perceptual() if weights.perceptual else nothing,
            critic if weights.adversarial else None,
            Weights(weights.perceptual, weights.adversarial, weights.slopes, weights.spectrum),
        )

    def _seeded(self, build: Callable[[], nn.Module]) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            return build()


def interpolated(
    plain: Mapping[str, torch.Tensor], trained: Mapping[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Weights between two networks of which one was trained on from the other; at 1 the trained ones, bit for bit."""
    return {name: value if share == 1.0 else plain[name].lerp(value, share) for name, value in trained.items()}


def nothing(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """A distance of images that nobody asked for."""
    return torch.zeros((), device=found.device)


def slim_patches(recipe: Recipe, split: Split, side: int, seed: int) -> SlimPatches:
    """The stream of a split, from the data folder in the environment."""
    root = os.environ.get("SEAMLINE_DATA")
    sources = load_sources(Path(root) if root else None, recipe.data.sources, split, recipe.seed)
    usable = [source for source in sources if fits(source, side)]
    settings = replace(recipe.data, patch=side, images=recipe.data.images or 8)
    degradation = Mixed(recipe.slim.degradation)
    return SlimPatches(usable, settings, degradation, recipe.slim.scale, student_config(recipe).image, seed)


def student_config(recipe: Recipe) -> Config:
    """Shape of the student.

    Raises:
        RequestError: the recipe's widths cannot be.
    """
    try:
        config = Config.of(recipe.network)
    except (TypeError, ValueError) as error:
        raise RequestError(f"the student cannot be built ({error})", where="network", fix="see Config") from error
    if recipe.slim.deviation.steps and not config.deviation:
        raise RequestError("the student has no head for deviations", where="network", fix="set network.deviation")
    return config


def start_student(recipe: Recipe, config: Config, beside: Path) -> SlimDiffSR:
    """The student to start from: the weights that the recipe names, or seeded, returning the upsampled image."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        student = SlimDiffSR(config)
    if recipe.init:
        state = load_folder(locate(recipe.init, beside))[1]
        load_strictly(student, {name: value.float() for name, value in state.items()}, where=recipe.init)
    elif config.codec == "shuffle":
        nn.init.zeros_(student.merge_conv2.weight)
        nn.init.zeros_(student.merge_conv2.bias)  # type: ignore[arg-type]
    return student


def export(recipe: Recipe, student: SlimDiffSR, held_out: Sequence[Pair], folder: Path, used: str) -> Path:
    """Write ``folder / name``: the weights as stored (16 bit), measured as stored.

    Raises:
        ModelError: a weight is not finite.
    """
    state = {name: value.half() for name, value in student.state_dict().items()}
    stored = SlimDiffSR(student.config).eval()
    stored.load_state_dict({name: value.float() for name, value in state.items()})
    scale = recipe.slim.scale
    told = {name: " ".join(str(recipe.card.get(name, "not stated")).split()) for name in _STATEMENTS}
    about = card(
        student.config,
        Use(scale, recipe.data.patch // scale, recipe.slim.bands, "none"),
        name=recipe.name,
        version=recipe.version,
        licence=told["licence"],
        training_data=told["training_data"],
        citation=f"{told['citation']}. {used}",
        batch=BATCH,
    )
    protocol = "degraded as in training; mean over batches; unit range"
    values = scores(stored, held_out)
    if student.config.deviation:
        values["coverage of one standard deviation"] = coverage(stored, held_out)
    row = QualityRow(scene="validation split of the recipe", protocol=protocol, values=values)
    path = folder / recipe.name
    write_folder(path, about.model_copy(update={"quality": (row,)}), state, dtype=torch.float16)
    return path


_STATEMENTS = ("licence", "training_data", "citation")
