"""How good a student of SlimDiffSR and its teacher are on held-out batches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from ...models.slimdiffsr.network import SlimDiffSR
from ...models.slimdiffsr.teacher.teacher import OneStepTeacher
from ..distill.stages import Pair
from ..loop import move
from ..terra_ldm.spectrum import radial_spectrum, spectrum_error

Row = dict[str, float]


@torch.no_grad()
def scores(student: SlimDiffSR, batches: Sequence[Pair], device: torch.device | str = "cpu") -> Row:
    """Of the student and of the upsampled image it gets, as ``image_scores`` has them."""
    student = student.to(device)
    found = [student(batch.low.to(device)).float().cpu() for batch in batches]
    truths = [batch.high for batch in batches]
    mine = image_scores(found, truths)
    upsampled = image_scores([batch.low for batch in batches], truths)
    return mine | {f"{name}, upsampled": value for name, value in upsampled.items()}


@torch.no_grad()
def teacher_scores(teacher: OneStepTeacher, batches: Sequence[Pair], device: torch.device | str = "cpu") -> Row:
    """Of the teacher that sees the truth, as published, and of the one that sees what is expected of it."""
    teacher = teacher.to(device)
    moved = [move(batch, torch.device(device)) for batch in batches]
    truths = [batch.high for batch in batches]
    told = image_scores([teacher(b.low, b.given, b.high).image.float().cpu() for b in moved], truths)
    blind = image_scores([teacher(b.low, b.given).image.float().cpu() for b in moved], truths)
    return told | {f"{name}, blind": value for name, value in blind.items()}


@torch.no_grad()
def relative_errors(student: SlimDiffSR, batches: Sequence[Pair], device: torch.device | str = "cpu") -> torch.Tensor:
    """Absolute errors over the deviations that are told, of all pixels, one-dimensional."""
    student = student.to(device)
    found = []
    for batch in batches:
        image, log_variance = student.with_deviation(batch.low.to(device))
        error = (image.float().cpu() - batch.high).abs()
        found.append((error / torch.exp(0.5 * log_variance.cpu())).flatten())
    return torch.cat(found)


def image_scores(images: Sequence[torch.Tensor], truths: Sequence[torch.Tensor]) -> Row:
    """Means over batches of images (N, C, H, W) in -1..1 against the truth.

    PSNR in dB over the unit range; error of gradient magnitudes over the sum of the truth's; error of the radial power
    spectrum in dB.
    """
    rows = []
    for found, truth in zip(images, truths, strict=True):
        error = float(((found - truth) / 2).square().mean())
        slopes, wanted = gradients(found), gradients(truth)
        spectra = [radial_spectrum(x.reshape(-1, 1, *x.shape[-2:]) / 2) for x in (found, truth)]
        slope_error = float((slopes - wanted).abs().sum() / wanted.sum())
        rows.append((-10 * math.log10(max(error, 1e-12)), slope_error, spectrum_error(*spectra)))
    return dict(zip(("PSNR", "gradient error", "spectrum error"), np.mean(rows, axis=0).tolist(), strict=True))


def gradients(image: torch.Tensor) -> torch.Tensor:
    """Magnitudes of the differences to the next row and column: (N, C, H - 1, W - 1)."""
    down, across = image.diff(dim=2)[..., :-1], image.diff(dim=3)[..., :-1, :]
    return torch.hypot(down, across)
