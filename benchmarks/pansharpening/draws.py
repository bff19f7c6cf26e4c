"""Protocol fr: full resolution with a known truth, on the test splits of every source of three bands or more.

    SEAMLINE_DATA=FOLDER python -m benchmarks.pansharpening.draws [--models A,B,C] [--draws N] [--pairs FOLDER]
        [--before FOLDER] [--write DOCS]

``--pairs`` keeps the drawn pairs as ``SET-SEED/pan.tif`` and ``ms.tif``; ``--before`` names a folder of images that
another version of the program fused of them, ``SET-SEED.tif``.  The exit status is 1 where the judged model misses.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.transform import from_origin

from seamline.engine.contract import ModelSource
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.quality.known_truth import Draw, KnownTruth, write_draws
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.training.settings import SourceSettings

from ..shared.pages import published
from ..shared.scenes import write_scene
from .full import BEFORE, CLASSICS, MODELS, SUBJECT
from .runs import source_of
from .scenes import cut

METRICS = ("Q2n", "SAM", "ERGAS", "gradient_error", "lattice")
RATIO, DRAWS, SHARE, RIM = 4, 20, 0.8, 8
PAGE, PART = "pansharpening-full.md", "draws"

SETS = {
    "naip": SourceSettings("naip", contains=("20200831",)),
    "naip_more": SourceSettings("naip_more", contains=("2018",)),
    "naip_1m": SourceSettings("naip_1m"),
    "ngi_aerial": SourceSettings("aerial_crosssensor", contains=("ngi_aerial",)),
    "aerial_ngi": SourceSettings("aerial_ngi"),
    "aerial_neon": SourceSettings("aerial_neon"),
    "hr_rgb": SourceSettings("hr_rgb"),
    "planet": SourceSettings("planet"),
    "sentinel2_aquileia": SourceSettings("sentinel2_aquileia", bands=(2, 3, 4, 5, 6, 7, 8, 9, 11, 12)),
    "landsat8_corumba": SourceSettings("change_corumba"),
}
"""Test splits of other ground than was learned from; one image of each."""


@dataclass(frozen=True)
class Drawn:
    """What a method made of a drawn pair: its scores by the names of ``METRICS``."""

    set: str
    seed: int
    method: str
    scores: Mapping[str, float]


def score(fused: Path, truth: Path) -> dict[str, float]:
    """Against the truth."""
    request = EvaluationRequest(str(fused), reference=str(truth), ratio=RATIO, rim=RIM)
    metrics = evaluate(plan_evaluation(request)).metrics
    return {name: metrics[name] for name in METRICS if name in metrics}


def fuse(source: ModelSource, draw: Draw, out: Path) -> dict[str, float]:
    """Fuse a drawn pair by default options, and score it."""
    inputs = {"ms": str(draw.ms), "pan": str(draw.pan)}
    run(Request(inputs=inputs, out=str(out), dtype="float32", overwrite=True), source)
    return score(out, draw.truth)


def pairs_of(name: str, draws: int, root: Path, pairs: Path) -> Iterator[Draw]:
    """The drawn pairs of a set, each in the folder ``SET-SEED``."""
    image = pairs / f"{name}.tif"
    write_scene(image, cut(root, SETS[name]), from_origin(500000, 5000000, 1, 1), "EPSG:32631")
    for seed in range(draws):
        own = pairs / f"{name}-{seed}"
        own.mkdir(exist_ok=True)
        yield from write_draws(KnownTruth(str(image), RATIO, 1, seed), own)


def drawn(
    name: str, sources: Sequence[ModelSource], draws: int, root: Path, pairs: Path, before: Path | None
) -> Iterator[Drawn]:
    """Every method on every draw of a set."""
    for seed, draw in enumerate(pairs_of(name, draws, root, pairs)):
        own = pairs / f"{name}-{seed}"
        for source in sources:
            yield Drawn(name, seed, source.spec.name, fuse(source, draw, own / f"{source.spec.name}.tif"))
        if before is not None:
            yield Drawn(name, seed, BEFORE, score(before / f"{name}-{seed}.tif", draw.truth))


def lines_of(found: Sequence[Drawn]) -> Iterator[str]:
    """The measured part of the page."""
    methods = list(dict.fromkeys(each.method for each in found))
    sets = list(dict.fromkeys(each.set for each in found))
    draws = len({each.seed for each in found})
    yield f"{draws} instruments on each of {len(sets)} images; means over all of them."
    yield ""
    yield f"| method | {' | '.join(METRICS)} |"
    yield "|---" * (len(METRICS) + 1) + "|"
    for method in methods:
        yield f"| {method} | " + " | ".join(f"{_mean(found, method, m):.4f}" for m in METRICS) + " |"
    yield ""
    yield "ERGAS by image:"
    yield ""
    yield f"| method | {' | '.join(sets)} |"
    yield "|---" * (len(sets) + 1) + "|"
    for method in methods:
        values = [_mean([d for d in found if d.set == name], method, "ERGAS") for name in sets]
        yield f"| {method} | " + " | ".join(f"{value:.3f}" for value in values) + " |"
    yield ""
    yield from verdicts(found)


def verdicts(found: Sequence[Drawn]) -> Iterator[str]:
    """What is claimed of the judged model, and whether it holds."""
    rivals = [m for m in dict.fromkeys(each.method for each in found) if m in (*CLASSICS, BEFORE)]
    for metric in ("Q2n", "SAM", "ERGAS"):
        own = _mean(found, SUBJECT, metric)
        values = {rival: _mean(found, rival, metric) for rival in rivals}
        best = max(values, key=values.__getitem__) if metric == "Q2n" else min(values, key=values.__getitem__)
        good = own > values[best] if metric == "Q2n" else own < values[best]
        yield f"- mean {metric}: {own:.4f}; the best rival, {best}, {values[best]:.4f}: {'held' if good else 'MISSED'}"
    table = {(each.set, each.seed, each.method): each.scores["ERGAS"] for each in found}
    places = [(each.set, each.seed) for each in found if each.method == SUBJECT]
    won = np.mean([all(table[*place, SUBJECT] < table[*place, rival] for rival in rivals) for place in places])
    verdict = "held" if won >= SHARE else "MISSED"
    yield f"- best of all in ERGAS in {won:.0%} of the draws, bound {SHARE:.0%}: {verdict}"


def _mean(found: Sequence[Drawn], method: str, metric: str) -> float:
    values = [each.scores[metric] for each in found if each.method == method and metric in each.scores]
    return float(np.mean(values)) if values else float("nan")


def main() -> int:
    """Draw, measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Pan-sharpening at full resolution with a known truth.")
    parser.add_argument("--models", default=",".join(MODELS), metavar="A,B,C", help="names and model folders")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"instruments an image: {DRAWS}")
    parser.add_argument("--sets", default=",".join(SETS), metavar="A,B,C")
    parser.add_argument("--pairs", type=Path, metavar="FOLDER", help="where the pairs are kept")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="what another version fused, SET-SEED.tif")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root = Path(os.environ["SEAMLINE_DATA"])
    sources = [source_of(name) for name in options.models.split(",")]
    found: list[Drawn] = []
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        pairs = options.pairs or Path(name)
        for each in options.sets.split(","):
            found += drawn(each, sources, options.draws, root, pairs, options.before)
            print(each, {s.spec.name: round(_mean(found, s.spec.name, "ERGAS"), 4) for s in sources}, flush=True)
    lines = list(lines_of(found))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
