"""Runs of super-resolution models: enlarge, score, look at tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from seamline.engine.contract import ModelSource
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.quality.sensitivity import Sensitivity, tile_sensitivity
from seamline.engine.request import Request
from seamline.engine.run import run

from ..shared.scenes import read
from .scenes import Scene

METRICS = ("PSNR", "SSIM", "gradient_error", "spectrum_error")
FACTORS = (1, 2, 4)
"""Tile sides that are looked at, over the model's own."""

AS_IT_IS, PROJECTED = ", consistency off", ", consistency area"
"""End the names of rows whose results were left as the model gave them, and made consistent, not by its default."""

Scores = Mapping[str, float]


def enlarge(source: ModelSource, coarse: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Run a model by its default options, and those given, on one thread; returns the metrics of the report."""
    outcome = run(Request(inputs={"image": str(coarse)}, out=str(out), threads=1, overwrite=True, **options), source)
    metrics: dict[str, Any] = outcome.facts["metrics"]
    return metrics


def score(scene: Scene, out: Path, names: Sequence[str] = METRICS) -> Scores:
    """Metrics against the truth of a scene, by name."""
    request = EvaluationRequest(str(out), str(scene.truth), ratio=scene.scale, bits=scene.bits)
    metrics = evaluate(plan_evaluation(request)).metrics
    return {name: metrics[name] for name in names}


def coverage(source: ModelSource, scenes: Sequence[Scene], folder: Path) -> dict[str, float]:
    """By scene: share of the values whose truth lies within one standard deviation that the model tells."""
    found = {}
    for scene in scenes:
        paths = folder / "out.tif", folder / "deviation.tif", scene.truth
        enlarge(source, scene.coarse, paths[0], dtype="float32", also={"uncertainty": str(paths[1])})
        image, deviation, truth = (read(path) for path in paths)
        found[scene.name] = float((np.abs(image - truth) <= deviation).mean())
        print(f"{source.spec.name:>20} {scene.name:>20} within one deviation {found[scene.name]:.4f}", flush=True)
    return found


def scores(sources: Sequence[ModelSource], scenes: Sequence[Scene], folder: Path) -> dict[str, dict[str, Scores]]:
    """By model and scene; the answer is float32, so that no rounding is scored.

    Every model has a second row: of the result not made consistent with its input, where that is the default, else of
    the one that is.
    """
    found: dict[str, dict[str, Scores]] = {}
    for source in sources:
        bare = source.spec.consistency == "off"
        other, way = (PROJECTED, "area") if bare else (AS_IT_IS, "off")
        rows: dict[str, dict[str, Any]] = {source.spec.name: {}, f"{source.spec.name}{other}": {"consistency": way}}
        for (title, options), scene in product(rows.items(), scenes):
            enlarge(source, scene.coarse, folder / "out.tif", dtype="float32", **options)
            row = score(scene, folder / "out.tif")
            found.setdefault(title, {})[scene.name] = row
            values = " ".join(f"{name} {value:.4f}" for name, value in row.items())
            print(f"{title:>20} {scene.name:>20} {values}", flush=True)
    return found


@dataclass(frozen=True, slots=True)
class Seam:
    """Of a run's boundaries: score, and the control band."""

    score: float
    low: float
    high: float

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Seam | None:
        """From the metrics of a report; None where there is no boundary."""
        if metrics["seam_score"] is None:
            return None
        return cls(metrics["seam_score"], *metrics["seam_control_band"])


@dataclass(frozen=True, slots=True)
class Tiled:
    """A run of one tile size on a scene as it was delivered.

    Attributes:
        tile: side, input px.
        default: whether it is the model's own.
        seam: of the run; None where one tile holds the scene.
        plain: of interpolation with the same tiles, which leave no trace in it.
        residual: relative RMS by which the result, seen by the sensor, differs from the input; the worst band.
    """

    tile: int
    default: bool
    seam: Seam | None
    plain: Seam | None
    residual: float


def tile_runs(
    source: ModelSource, plain: ModelSource, image: Path, folder: Path, factors: Sequence[int] = FACTORS
) -> list[Tiled]:
    """The model's own tiles and larger ones; ``plain`` is exact at any tile size."""
    found = []
    for factor in factors:
        tile, overlap = factor * source.spec.tile, factor * source.spec.overlap
        options = {} if factor == 1 else {"tile": tile, "overlap": overlap}
        mine = enlarge(source, image, folder / "out.tif", **options)
        other = enlarge(plain, image, folder / "out.tif", tile=tile, overlap=overlap)
        row = Tiled(tile, factor == 1, Seam.of(mine), Seam.of(other), max(mine["consistency"]))
        found.append(row)
        print(f"{source.spec.name:>20} {image.stem:>20} {row}", flush=True)
    return found


def sensitivity(source: ModelSource, image: Path, folder: Path) -> Sensitivity:
    """What the model's own tiles change, DN by band."""
    return tile_sensitivity(
        Request(inputs={"image": str(image)}, out=str(folder / "out.tif"), threads=1, overwrite=True), source
    )
