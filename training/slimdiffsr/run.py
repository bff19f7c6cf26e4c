"""Train SlimDiffSR at small size: uncertainty estimator, teacher, student, in the published order.

A stage whose steps are zero is left out.  Without the first two the student learns from the images alone, which is the
paper's ablation without distillation; without looks and critic as well it is the plain network that a student has to
be compared with.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from ...models.folder import QualityRow, write_folder
from ...models.slimdiffsr.network import SlimDiffSR
from ..data.sources import Split, alike, fits
from ..degradation.mixed import Mixed
from ..deviations import calibrate, coverage
from ..distill.features import FeatureDistillation
from ..distill.restoration import ERROR_ALONE
from ..distill.stages import DeviationStage, EstimatorStage, Pair, StudentStage, TeacherStage, student_widths
from ..settings import StageSettings
from ..stored import halves, rounded
from ..trainer import Quality, Run, Stage, System, TrainData
from .data import SlimPatches
from .export import student_card
from .recipe import SlimRecipe
from .start import seeded, start_perceptual, start_restoration, start_student, start_teacher
from .validate import Row, relative_errors, scores, teacher_scores

log = logging.getLogger(__name__)
SlimData = TrainData[SlimPatches, Pair]


class SlimTrainer:
    """Trains SlimDiffSR; a ``Trainer``."""

    def __init__(self, run: Run[SlimRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        self.teacher = start_teacher(run)
        self.student = start_student(run)

    @property
    def result(self) -> Path:
        """The student's model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> SlimData:
        """Degraded images of the train split; of the val split, all kinds of images alike."""
        settings, seed = self.recipe.data, self.recipe.seed
        train = self._patches("train", settings.patch, seed)
        stream = self._patches("val", settings.held_out_patch, seed + 2)
        return TrainData(train, [stream(k) for k in range(settings.held_out)])

    def _patches(self, split: Split, side: int, seed: int) -> SlimPatches:
        """The stream of a split."""
        recipe = self.recipe
        usable = [source for source in self.run.sources(split) if fits(source, side)]
        sources = usable if split == "train" else alike(usable)
        degradation = Mixed(recipe.slim.degradation)
        settings = replace(recipe.data, patch=side)
        return SlimPatches(sources, settings, degradation, recipe.slim.scale, recipe.network.image, seed)

    def stages(self, data: SlimData, accelerator: Accelerator) -> Generator[Stage, None, None]:
        """Teacher, student, and the student's deviations."""
        if self.recipe.slim.taught:
            yield from self._teacher_stages(data, accelerator.device)
        yield from self._student_stages(data, accelerator.device)
        yield from self._deviation_stage(data, accelerator.device)

    def _teacher_stages(self, data: SlimData, device: torch.device) -> Iterator[Stage]:
        """Estimator, then adapters with the predictor held, then both."""
        slim = self.recipe.slim

        def observe(weights: dict[str, torch.Tensor]) -> Row:
            averaged = start_teacher(self.run)
            own = {key.removeprefix("teacher."): v for key, v in weights.items() if key.startswith("teacher.")}
            averaged.load_state_dict(self.teacher.state_dict() | own)
            return teacher_scores(averaged.eval(), data.held_out, device)

        yield from self._stage("estimator", 0, EstimatorStage(self.teacher), slim.estimator, data, observe)
        for name, settings, hold in (("adapters", slim.adapters, True), ("teacher", slim.teacher, False)):
            stage = TeacherStage(self.teacher, start_restoration(self.run, slim.weights), hold=hold)
            yield from self._stage(name, 1 + (not hold), stage, settings, data, observe)
        self.teacher.eval().requires_grad_(False)

    def _student_stages(self, data: SlimData, device: torch.device) -> Iterator[Stage]:
        """The student: by its error, then with or without the teacher's features, then by error and detail."""
        slim, run, student, teacher = self.recipe.slim, self.run, self.student, self.teacher

        def observe(weights: dict[str, torch.Tensor]) -> Row:
            return scores(self._averaged(weights), data.held_out, device)

        plain = StudentStage(student, teacher, start_restoration(run, ERROR_ALONE), None)
        yield from self._stage("plain", 5, plain, slim.plain, data, observe)
        if slim.student.steps:
            before = {name: value.clone() for name, value in student.state_dict().items()}
            restoration = start_restoration(run, slim.weights)
            stage = StudentStage(student, teacher, restoration, self._distillation(), slim.mmd, slim.features)
            yield from self._stage("student", 3, stage, slim.student, data, observe)
            student.load_state_dict(interpolated(before, student.state_dict(), slim.blend[0]))
            detail = StudentStage(student, teacher, start_restoration(run, slim.detail_weights), None)
            yield from self._stage("detail", 6, detail, slim.detail, data, observe)
            student.load_state_dict(interpolated(before, student.state_dict(), slim.blend[1]))
        student.eval().requires_grad_(False)

    def _deviation_stage(self, data: SlimData, device: torch.device) -> Iterator[Stage]:
        """The student's head for deviations, calibrated on the validation split."""
        slim, student = self.recipe.slim, self.student
        if not slim.deviation.steps:
            return

        def observe(weights: dict[str, torch.Tensor]) -> Row:
            return {"coverage": coverage(relative_errors(self._averaged(weights), data.held_out, device))}

        stage = DeviationStage(student, self.teacher if slim.taught else None)
        yield from self._stage("deviation", 4, stage, slim.deviation, data, observe)
        student.eval().requires_grad_(False)
        calibrate(student.deviation.widen, lambda: relative_errors(student, data.held_out))

    def measure(self, data: SlimData) -> Quality:
        """Errors of the image and of its detail, and what its deviations cover."""
        stored = rounded(SlimDiffSR(self.recipe.network), self.student)
        values = scores(stored, data.held_out)
        if self.recipe.network.deviation:
            values["coverage of one standard deviation"] = coverage(relative_errors(stored, data.held_out))
        protocol = "degraded as in training; mean over batches; unit range"
        return (QualityRow(scene="validation split of the recipe", protocol=protocol, values=values),)

    def export(self, quality: Quality) -> None:
        """Write the student's model folder."""
        looks = start_perceptual(self.run).label if self.recipe.slim.weights.perceptual else ""
        write_folder(self.result, student_card(self.recipe, quality, looks), halves(self.student), dtype=torch.float16)

    def _stage(
        self,
        name: str,
        order: int,
        module: nn.Module,
        settings: StageSettings,
        data: SlimData,
        observe: Callable[[dict[str, torch.Tensor]], Row],
    ) -> Iterator[Stage]:
        """A stage with draws of its own, if it has steps; its table lies in ``NAME.json``."""
        if not settings.steps:
            return

        def noted(step: int, weights: dict[str, torch.Tensor]) -> Row:
            row = observe(weights)
            log.info("%s, validation at step %d: %s", name, step, row)
            file = self.run.folder / f"{name}.json"
            file.write_text(json.dumps({"step": step, **row}, indent=2), encoding="utf-8")
            return row

        batches = replace(data.train, seed=self.recipe.seed + 10 * (order + 1))
        yield Stage(name, module, settings, batches, noted, self.recipe.data.workers)

    def _distillation(self) -> FeatureDistillation | None:
        """What pulls the student's features to the teacher's, where there is a teacher."""
        if not self.recipe.slim.taught:
            return None
        widths = student_widths(self.recipe.network), self.teacher.widths(self.recipe.network.image)
        return seeded(self.recipe.seed, lambda: FeatureDistillation(*widths))

    def _averaged(self, weights: dict[str, torch.Tensor]) -> SlimDiffSR:
        averaged = SlimDiffSR(self.recipe.network).eval()
        own = {key.removeprefix("student."): v for key, v in weights.items() if key.startswith("student.")}
        averaged.load_state_dict(own)
        return averaged


def interpolated(
    plain: Mapping[str, torch.Tensor], trained: Mapping[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Weights between two networks of which one was trained on from the other; at 1 the trained ones, bit for bit."""
    return {name: value if share == 1.0 else plain[name].lerp(value, share) for name, value in trained.items()}


SYSTEM = System(SlimRecipe, SlimTrainer)
