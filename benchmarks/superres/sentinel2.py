"""Bands of 20 m on the 10 m grid of Sentinel-2, by Wald's protocol on test splits: the model against interpolation.

    SEAMLINE_DATA=FOLDER python -m benchmarks.superres.sentinel2 [--model NAME] [--write DOCS]

Bands of 20 m are seen at 40 m and bands of 10 m at 20 m, by the modulation transfer function of an unknown sensor; the
20 m bands that were delivered are the truth.  The exit status is 1 where the model misses a claim.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import ModelSource, Runtime, TileModel
from seamline.engine.optics.degrade import degrade_ms
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.registry import resolve
from seamline.models.salad_pan.network import Config, SaladPanTiny
from seamline.models.sentinel2.tile import SPEC, load
from seamline.training.data.sources import load_sources
from seamline.training.settings import SourceSettings

from ..shared.pages import published
from ..shared.scenes import write_scene

SCENES = ("sentinel2_native_T33UUB", "sentinel2_native_T49JGM")
GAIN, CRS, PAGE, PART = 0.3, "EPSG:32633", "sentinel2.md", "measured"
METRICS = ("ERGAS", "SAM", "Q2n", "gradient_error")
SUBJECT, CLASSIC, CUBIC = "sentinel2-tiny", "mixtures, injected", "identity"


@dataclass(frozen=True)
class Injected:
    """The fusion that the network starts from, without the network: hypersharpening by synthesised bands."""

    spec = SPEC
    identity = "mixtures-injected@1"

    def load(self, runtime: Runtime) -> TileModel:
        """A network that adds nothing."""
        config = Config(latent=4, vae_width=8, base=(8, 8), branch=8, embedding=8)
        values = {"latent": 4, "vae_width": 8, "base": [8, 8], "branch": 8, "embedding": 8}
        return load(values, SaladPanTiny(config).state_dict(), runtime)


def pair(root: Path, name: str, folder: Path) -> tuple[str, Path]:
    """The input at 20 and 40 m, as files with a comma between, and the truth; written below ``folder``."""
    fine, coarse = (
        load_sources(root, [SourceSettings(name, contains=(bands,))], "test", 0)[0].images[0]
        for bands in ("b10", "b20")
    )
    height, width = (n // 4 * 4 for n in coarse.shape[1:])
    truth = coarse[:, :height, :width]
    sharp = degrade_ms(fine[:, : 2 * height, : 2 * width], (GAIN,) * len(fine), 2)
    seen = degrade_ms(truth, (GAIN,) * len(truth), 2)
    paths = [folder / f"{name}-{part}.tif" for part in ("20m", "40m", "truth")]
    for path, values, px in zip(paths, (sharp, seen, truth), (20, 40, 20), strict=True):
        write_scene(path, np.asarray(values, np.float32), from_origin(500000, 5000000, px, px), CRS)
    return f"{paths[0]},{paths[1]}", paths[2]


def score(out: Path, truth: Path) -> Mapping[str, float]:
    """The coarse bands of a result, which come last, against the truth."""
    with rasterio.open(out) as file, rasterio.open(truth) as other:
        values, transform = file.read()[-other.count :], file.transform
    own = out.with_name(f"coarse-{out.name}")
    write_scene(own, values, transform, CRS)
    metrics = evaluate(plan_evaluation(EvaluationRequest(str(own), reference=str(truth), ratio=2, rim=8))).metrics
    return {name: metrics[name] for name in METRICS if name in metrics}


def measure(sources: Sequence[ModelSource], root: Path, folder: Path) -> dict[str, dict[str, Mapping[str, float]]]:
    """By model and scene."""
    found: dict[str, dict[str, Mapping[str, float]]] = {}
    for name in SCENES:
        image, truth = pair(root, name, folder)
        for source in sources:
            out = folder / "out.tif"
            run(Request(inputs={"image": image}, out=str(out), dtype="float32", overwrite=True), source)
            method = CLASSIC if isinstance(source, Injected) else source.spec.name
            found.setdefault(method, {})[name] = score(out, truth)
            print(name, method, found[method][name], flush=True)
    return found


def lines_of(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """The measured part of the page."""
    for name in SCENES:
        yield from (f"### {name}", "", f"| method | {' | '.join(METRICS)} |", "|---" * (len(METRICS) + 1) + "|")
        for method, rows in found.items():
            yield (
                f"| {method} | " + " | ".join(f"{rows[name][m]:.4f}" if m in rows[name] else "" for m in METRICS) + " |"
            )
        yield ""
    for metric in ("ERGAS", "SAM", "Q2n"):
        means = {method: float(np.mean([row[metric] for row in rows.values()])) for method, rows in found.items()}
        own, others = means[SUBJECT], [value for method, value in means.items() if method != SUBJECT]
        best = max(others) if metric == "Q2n" else min(others)
        good = own > best if metric == "Q2n" else own < best
        yield f"- mean {metric} {own:.4f}, best other {best:.4f}: {'held' if good else 'MISSED'}"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Sentinel-2's 20 m bands at 10 m, against interpolation.")
    parser.add_argument("--model", default=SUBJECT, help="name or model folder")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    torch.manual_seed(0)
    sources = [resolve(CUBIC, "superres"), Injected(), resolve(options.model, "superres")]
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        lines = list(lines_of(measure(sources, Path(os.environ["SEAMLINE_DATA"]), Path(name))))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
