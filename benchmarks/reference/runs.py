"""Runs of super-resolution with a reference, what formulas make of the same inputs, and how all are scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from seamline.engine.contract import ModelSource
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.ds_dit.pictures import pictured

from ..shared.scenes import read, write_scene

SCALE, BITS = 4, 14
METRICS = ("PSNR", "SSIM", "gradient_error")

Scores = dict[str, float]


def fused(source: ModelSource, low: Path, reference: Path | None, out: Path, **options: Any) -> Path:
    """Run the model by its defaults; float32, so that no rounding is scored."""
    inputs = {"image": str(low)} | ({} if reference is None else {"reference": str(reference)})
    run(Request(inputs=inputs, out=str(out), dtype="float32", threads=1, overwrite=True, **options), source)
    return out


def score(image: Path, truth: Path, scale: int) -> Scores:
    """Against the truth."""
    metrics = evaluate(plan_evaluation(EvaluationRequest(str(image), str(truth), ratio=scale, bits=BITS))).metrics
    return {name: float(metrics[name]) for name in METRICS}


def formulas(low: Path, reference: Path, truth: Path, folder: Path, scale: int) -> dict[str, Path]:
    """What interpolation and two injections make of LR and reference: files by name."""
    given, fine, target = (torch.from_numpy(read(path).astype(np.float32))[None] for path in (low, reference, truth))
    peaks = fine.amax(dim=(2, 3), keepdim=True)
    up = F.interpolate(given, scale_factor=float(scale), mode="bicubic", align_corners=False)
    seen = pictured(up / peaks, fine / peaks, torch.ones_like(fine[:, :1]), float(scale)).given
    fitted = (seen.scale * seen.spectral[:, 1:2]).reshape(up.shape) * peaks
    blurred = F.avg_pool2d(fine, scale)
    again = F.interpolate(blurred, scale_factor=float(scale), mode="bicubic", align_corners=False)
    detail = fine - again
    gains = ((target - up) * detail).sum(dim=(2, 3), keepdim=True) / detail.square().sum(dim=(2, 3), keepdim=True)
    found = {}
    for name, image in {"bicubic": up, "injected": up + fitted, "oracle": up + gains * detail}.items():
        found[name] = folder / f"{name}.tif"
        _like(found[name], truth, image[0].numpy())
    return found


def _like(path: Path, like: Path, values: NDArray[np.float32]) -> None:
    with rasterio.open(like) as file:
        write_scene(path, values, file.transform, str(file.crs))


def area_under_curve(trust: NDArray[Any], changed: NDArray[np.bool_]) -> float:
    """How often a px that has changed is trusted less than one that has not; a half is chance."""
    values = trust.ravel()
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    # Equal values share their mean rank.
    unique, start, count = np.unique(values[order], return_index=True, return_counts=True)
    ranks[order] = np.repeat(start + (count - 1) / 2, count) if len(unique) < len(values) else np.arange(len(values))
    same = ~changed.ravel()
    kept, lost = int(same.sum()), int((~same).sum())
    return float((ranks[same].sum() - kept * (kept - 1) / 2) / (kept * lost))
