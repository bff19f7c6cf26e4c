"""Runs of pan-sharpening models: fuse, score, adapt, cost by steps, agreement across tiles."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import rasterio
import torch

from seamline.api import run_request
from seamline.engine.contract import InputSpec, ModelSource, ModelSpec, Runtime, Where
from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import whole_ratio
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.quality.sensitivity import shifted, tile_sensitivity
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run, run, run_planned
from seamline.models.registry import resolve

from ..shared.agreement import share_within
from .scenes import Scene

METRICS = ("Q2n", "SAM", "ERGAS")
INTERPOLATED = "interpolated MS"
TILES = (192, 256, 512)
ROUNDS = 3
ADAPT_STEPS = 60

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Interpolated:
    """MS sampled onto the pixels of PAN by Lanczos, as the classical models get it: what fusion has to improve on."""

    identity: str = "interpolated@1"

    @property
    def spec(self) -> ModelSpec:
        """Takes any pair."""
        inputs = (InputSpec(name="pan", bands=1), InputSpec(name="ms", kernel="lanczos"))
        return ModelSpec(name=INTERPOLATED, version="1", task="pansharpen", inputs=inputs, main="ms")

    def load(self, runtime: Runtime) -> Interpolated:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """MS as it comes."""
        return batch["ms"]


def source_of(name: str) -> ModelSource:
    """A model by name or folder; "exp" is interpolation alone."""
    return Interpolated() if name == "exp" else resolve(name, "pansharpen")


def fuse(source: ModelSource, scene: Scene, out: Path, steps: int | None = None) -> float:
    """Fuse a scene by the model's default options on one thread, answered as float32.

    Returns:
        CPU seconds, planning and writing included.
    """
    inputs = {"ms": str(scene.ms), "pan": str(scene.pan)}
    request = Request(inputs=inputs, out=str(out), dtype="float32", steps=steps, threads=1, overwrite=True)
    started = time.process_time()
    run(request, source)
    return time.process_time() - started


def score(scene: Scene, fused: Path) -> Scores:
    """Against the truth of a scene."""
    truth = str(scene.truth)
    request = EvaluationRequest(str(fused), truth, ratio=scene.ratio, bits=scene.bits, rim=scene.rim)
    metrics = evaluate(plan_evaluation(request)).metrics
    return {name: metrics[name] for name in METRICS}


def reduced_scores(
    sources: Sequence[ModelSource], scenes: Sequence[Scene], folder: Path
) -> dict[str, dict[str, Scores]]:
    """By model and scene, at the resolution at which the truth is known."""
    found: dict[str, dict[str, Scores]] = {}
    for source in sources:
        for scene in scenes:
            fuse(source, scene, folder / "fused.tif")
            found.setdefault(source.spec.name, {})[scene.name] = score(scene, folder / "fused.tif")
            _say(source.spec.name, scene.name, found[source.spec.name][scene.name])
    return found


def scores_by_steps(
    source: ModelSource, scenes: Sequence[Scene], counts: Sequence[int], folder: Path
) -> dict[int, Scores]:
    """Means over scenes by number of denoising steps."""
    means = {}
    for steps in counts:
        rows = []
        for scene in scenes:
            fuse(source, scene, folder / "fused.tif", steps)
            rows.append(score(scene, folder / "fused.tif"))
        means[steps] = {name: float(np.mean([row[name] for row in rows])) for name in METRICS}
        _say(f"{steps} steps", "mean", means[steps])
    return means


def cost_by_steps(source: ModelSource, scene: Scene, counts: Sequence[int], folder: Path) -> dict[int, float]:
    """Median CPU seconds per megapixel of PAN, the step counts taken in turn so that all see the same machine."""
    with rasterio.open(scene.pan) as pan:
        megapixels = pan.width * pan.height / 1e6
    costs: dict[int, list[float]] = {steps: [] for steps in counts}
    for _ in range(ROUNDS):
        for steps in counts:
            seconds = fuse(source, scene, folder / "fused.tif", steps)
            costs[steps].append(seconds / megapixels)
    return {steps: median(values) for steps, values in costs.items()}


@dataclass(frozen=True)
class Adapted:
    """A model adapted to a scene.

    Attributes:
        scores: of the fused scene.
        kept: step whose weights were kept; 0 for the shipped ones.
        cost: CPU seconds of adapting and fusing over those of fusing alone.
    """

    scores: Scores
    kept: int
    cost: float


def adapted_scores(model: str, scenes: Sequence[Scene], folder: Path) -> dict[str, Adapted | None]:
    """By scene at reduced resolution, adapted to that very scene; None where it is too small to adapt to."""
    found: dict[str, Adapted | None] = {}
    for scene in scenes:
        seconds = [fuse(resolve(model, "pansharpen"), scene, folder / "fused.tif")]
        started = time.process_time()
        inputs = {"ms": str(scene.ms), "pan": str(scene.pan)}
        out = str(folder / "fused.tif")
        request = Request(inputs=inputs, out=out, dtype="float32", threads=1, overwrite=True)
        try:
            outcome = run_request(request, "pansharpen", model, adapt=ADAPT_STEPS)
        except RequestError:
            found[scene.name] = None
            continue
        seconds.append(time.process_time() - started)
        kept = int(outcome.facts["adaptation"]["kept_step"])
        found[scene.name] = Adapted(score(scene, folder / "fused.tif"), kept, seconds[1] / seconds[0])
        _say(f"{model}, adapted", scene.name, score(scene, folder / "fused.tif"))
    return found


@dataclass(frozen=True)
class Agreement:
    """Of a run with the run of the largest tiles.

    Attributes:
        tile: side, px.
        moved: whether the grid was moved by half a tile.
        share: of all values, within 1 DN.
        seam: score of the run, and the control band; None where there is no boundary.
    """

    tile: int
    moved: bool
    share: float
    seam: tuple[float, float, float] | None


def tile_agreement(source: ModelSource, ms: Path, pan: Path, folder: Path) -> Iterator[Agreement]:
    """Run a pair at full resolution with several tile grids and compare with the first grid of the largest tiles."""
    folder.mkdir()
    outputs: dict[tuple[int, bool], tuple[Path, tuple[float, float, float] | None]] = {}
    for tile in TILES:
        request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(folder / "out.tif"), tile=tile, threads=1)
        plan, _ = plan_run(request, source)
        align = math.lcm(source.spec.align, *(whole_ratio(plan.base, scene.grid) for scene in plan.scenes))
        moved = replace(plan.tiles, rows=shifted(plan.tiles.rows, align), columns=shifted(plan.tiles.columns, align))
        for grid in (plan.tiles, moved):
            out = folder / f"{tile}-{grid is moved}.tif"
            found = run_planned(replace(plan, tiles=grid), source, out, policy=OpenPolicy()).facts["metrics"]
            seam = None if found["seam_score"] is None else (found["seam_score"], *found["seam_control_band"])
            outputs[tile, grid is moved] = out, seam
    against = outputs[TILES[-1], False][0]
    for (tile, is_moved), (out, seam) in outputs.items():
        yield Agreement(tile, is_moved, share_within(out, against), seam)


def sensitivity(source: ModelSource, ms: Path, pan: Path, folder: Path) -> tuple[float, ...]:
    """RMS of what the smallest tiles change against a run without tiles, DN by band, at full resolution."""
    inputs = {"ms": str(ms), "pan": str(pan)}
    request = Request(inputs=inputs, out=str(folder / "out.tif"), tile=TILES[0], threads=1, overwrite=True)
    untiled = tile_sensitivity(request, source).untiled
    if untiled is None:
        raise ValueError(f"{pan} is too large to be run without tiles")
    return untiled


def _say(model: str, scene: str, scores: Scores) -> None:
    print(f"{model:>20} {scene:>20} " + " ".join(f"{name} {value:.4f}" for name, value in scores.items()), flush=True)
