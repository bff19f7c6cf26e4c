"""The published stages of training, as modules whose forward pass is a loss (arXiv 2605.02198, section 3.5).

Estimator alone; then, with the estimator frozen, the teacher; then, with the teacher frozen, the student.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ...models.slimdiffsr.config import Config
from ...models.slimdiffsr.network import SlimDiffSR
from ...models.slimdiffsr.teacher.backbone import LAYERS
from ...models.slimdiffsr.teacher.lora import is_adapter
from ...models.slimdiffsr.teacher.noise_level import total_variation
from ...models.slimdiffsr.teacher.teacher import OneStepTeacher
from ...models.slimdiffsr.teacher.uncertainty import uncertainty_loss
from ...models.terra_ldm.conditioning import Conditioning
from .features import MMD_WEIGHT, Distance, FeatureDistillation
from .restoration import Restoration

SMOOTHNESS = 1.0
"""Weight of the total variation of the noise levels.

The paper gives none.  With this one, cells that all differ by 0.1 from their neighbours cost as much as a mean error
of 0.02 of images in -1..1.
"""

TAUGHT = 0.2
"""Weight of the teacher's uncertainty beside the likelihood of the student's own errors."""

_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Pair:
    """Images and what is to be made of them.

    Attributes:
        low: (N, C, H, W) in -1..1, upsampled to the size of ``high``.
        high: (N, C, H, W) in -1..1.
        wavelength, gsd, kind: (N x C,) each, as ``Conditioning`` has them.
        seed: of the random draws of the training step.
    """

    low: torch.Tensor
    high: torch.Tensor
    wavelength: torch.Tensor
    gsd: torch.Tensor
    kind: torch.Tensor
    seed: int

    @property
    def given(self) -> Conditioning:
        """What is known of the bands."""
        return Conditioning(self.wavelength, self.gsd, self.kind)


class Stage(nn.Module):
    """A stage whose state dict holds what is trained, by ``keeps``; the foundations are not in its checkpoints."""

    def keeps(self, key: str) -> bool:
        """Whether an entry of the whole state dict belongs to what is trained."""
        raise NotImplementedError

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Of what is trained."""
        return {key: value for key, value in super().state_dict(*args, **kwargs).items() if self.keeps(key)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Of what is trained."""
        found = super().load_state_dict(state_dict, strict=False, assign=assign)
        missing = [key for key in found.missing_keys if self.keeps(key)]
        if strict and (missing or found.unexpected_keys):
            raise RuntimeError(f"missing {missing}, unexpected {found.unexpected_keys}")
        return found


class EstimatorStage(Stage):
    """Stage I: the uncertainty estimator alone."""

    def __init__(self, teacher: OneStepTeacher) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False)
        teacher.estimator.requires_grad_(True)

    def keeps(self, key: str) -> bool:
        """The estimator."""
        return key.startswith("teacher.estimator.")

    def forward(self, batch: Pair) -> torch.Tensor:
        """The loss of a batch."""
        found = self.teacher.estimator(self.teacher.encode(batch.low))
        return uncertainty_loss(found, self.teacher.encode(batch.high))


class TeacherStage(Stage):
    """Stage II: adapters and predictor of the noise level, the estimator frozen; the predictor sees the truth.

    An untrained pass does harm, the less the higher the noise level (alpha bar) is, so a predictor that learns from
    the first step on runs to its upper bound before the adapters have learned anything.  ``hold`` keeps it out for a
    first run of this stage (ours; the paper trains both at once).

    Args:
        teacher: its backbone has adapters.
        restoration: what restored images cost; its critic is trained along.
        smoothness: weight of the total variation of the noise levels.
        hold: leave the predictor as it is; a new one follows equation 9.
    """

    def __init__(
        self,
        teacher: OneStepTeacher,
        restoration: Restoration,
        smoothness: float = SMOOTHNESS,
        *,
        hold: bool = False,
    ) -> None:
        super().__init__()
        self.teacher, self.restoration, self.smoothness = teacher, restoration, smoothness
        for name, value in teacher.named_parameters():
            value.requires_grad_(is_adapter(name) or (name.startswith("levels.") and not hold))

    def keeps(self, key: str) -> bool:
        """Adapters, predictor and critic, and the estimator that they were trained with."""
        own = ("teacher.levels.", "teacher.estimator.")
        return is_adapter(key) or key.startswith(own) or _of_critic(key)

    def forward(self, batch: Pair) -> torch.Tensor:
        """The loss of a batch."""
        found = self.teacher(batch.low, batch.given, batch.high)
        loss: torch.Tensor = self.restoration(found.image, batch.high)
        return loss + self.smoothness * total_variation(found.level)


class StudentStage(Stage):
    """Stage III: all of the student, with the frozen teacher's features.

    Args:
        student: is trained whole.
        teacher: sees the truth, as in its own training.
        restoration: what restored images cost; its critic is trained along.
        distillation: of the features; None trains without the teacher (the paper's ablation).
        mmd: weight of the discrepancy; 0 leaves it out (the paper's ablation).
        weight: of the distillation beside the restoration.
    """

    def __init__(
        self,
        student: SlimDiffSR,
        teacher: OneStepTeacher,
        restoration: Restoration,
        distillation: FeatureDistillation | None,
        mmd: float = MMD_WEIGHT,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.student, self.restoration = student.requires_grad_(True), restoration
        self.distillation, self.mmd, self.weight = distillation, mmd, weight
        if student.config.deviation:
            student.deviation.requires_grad_(False)
        self.teacher = teacher.requires_grad_(False)

    def keeps(self, key: str) -> bool:
        """Student, feature adapters and critic."""
        return key.startswith(("student.", "distillation.")) or _of_critic(key)

    def forward(self, batch: Pair) -> torch.Tensor:
        """The loss of a batch."""
        found, features = self.student.with_features(batch.low)
        loss: torch.Tensor = self.restoration(found, batch.high)
        if self.distillation is None:
            return loss
        with torch.no_grad():
            taught = self.teacher.denoise(batch.low, batch.given, batch.high).features
        generator = torch.Generator().manual_seed(batch.seed)
        distance: Distance = self.distillation(features._asdict(), taught, generator)
        return loss + self.weight * distance.loss(self.mmd)


class DeviationStage(Stage):
    """The student's head for deviations, all else frozen: likelihood of the errors, and the teacher's uncertainty.

    The estimator speaks of latents.  What their variances mean for pixels is learned along, one weight a latent
    channel, from the errors of whole cells; the head is drawn to the variance that follows for each cell.

    Args:
        student: has the head.
        teacher: its estimator is trained; None leaves the likelihood alone.
    """

    def __init__(self, student: SlimDiffSR, teacher: OneStepTeacher | None) -> None:
        super().__init__()
        self.student = student.requires_grad_(False)
        student.deviation.requires_grad_(True)
        self.teacher = None if teacher is None else teacher.requires_grad_(False)
        if teacher is not None:
            self.weights = nn.Parameter(torch.full((teacher.backbone.latent,), -5.0))

    def keeps(self, key: str) -> bool:
        """The student, and the weights of latents."""
        return key.startswith("student.") or key == "weights"

    def forward(self, batch: Pair) -> torch.Tensor:
        """The loss of a batch."""
        found, log_variance = self.student.with_deviation(batch.low)
        squares = (found.detach().float() - batch.high).square()
        loss = likelihood(squares, log_variance)
        if self.teacher is None:
            return loss
        with torch.no_grad():
            spread: torch.Tensor = self.teacher.estimator(self.teacher.encode(batch.low)).log_variance
        variance = torch.einsum("k,nkhw->nhw", self.weights.exp(), spread.exp()).clamp(min=_LEAST_VARIANCE)
        cells = (*batch.low.shape[:2], *spread.shape[-2:])
        taught = variance.reshape(cells).log()
        mine, errors = (F.adaptive_avg_pool2d(each, cells[2:]) for each in (log_variance.exp(), squares))
        return loss + likelihood(errors, taught) + TAUGHT * (mine.log() - taught.detach()).abs().mean()


def likelihood(squares: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of squared errors under normal ones, mean, float32, but for a constant."""
    log_variance = log_variance.float()
    return 0.5 * (squares.float() * torch.exp(-log_variance) + log_variance).mean()


def student_widths(config: Config) -> dict[str, int]:
    """Channels of the student's features by name."""
    outer, inner, middle = config.channels
    return dict(zip(LAYERS, (outer, inner, middle, inner, outer), strict=True))


def _of_critic(key: str) -> bool:
    """Whether an entry belongs to a critic, less the frozen network that it may stand on."""
    return key.startswith("restoration.critic.") and not key.startswith("restoration.critic.network.")
