"""The paper's ablations at small size: the same short training of the joint baseline and of three injections.

    python -m benchmarks.reference.ablation [--steps N] [--write DOCS]

SEAMLINE_DATA names the data folder.  Each is trained by the shipped model's recipe with fewer steps and scored on the
test ground; guidance moves the result away from what the same network says without the reference.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seamline.models import registry
from seamline.training.run import train

from ..shared.pages import published
from .runs import SCALE, Scores, fused, score
from .scenes import dated, unrelated, written

STEPS, VAE_STEPS, GUIDANCE = 250, 60, 1.2
PAGE, PART = "reference.md", "ablation"
RECIPE = Path(__file__).parents[2] / "training" / "recipes" / "ds_dit_tiny_x4.yaml"
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "one attention over all (M3)": {"kind": "joint"},
    "siamese, two linear maps (A)": {"injection": "independent"},
    "siamese, one linear map (B)": {"injection": "summed"},
    "siamese, weighed by patch (PLW)": {},
}
COLUMNS = ("without reference", "with reference", f"guidance {GUIDANCE}", "with an unrelated one")


def trained(changes: Mapping[str, str], steps: int, folder: Path) -> Path:
    """The model folder of a short training."""
    overrides: dict[str, Any] = {
        "output": str(folder),
        "precision": "no",  # what any processor can
        "vae.steps": VAE_STEPS,
        "flow.steps": steps,
        "flow.warmup": steps // 10,
        "flow.average": steps // 5,
        "data.held_out": 8,
        **{f"network.transformer.{name}": value for name, value in changes.items()},
    }
    return train(RECIPE, overrides)


def scored(model: Path, folder: Path, root: Path) -> Scores:
    """Mean PSNR over the test ground, by column."""
    source = registry.resolve(str(model), "superres")
    found: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for pair in dated(root):
        low, reference, truth = written(pair, folder / pair.name, SCALE)
        _, other, _ = written(unrelated(pair), folder / pair.name / "unrelated", SCALE)
        runs = ((None, {}), (reference, {}), (reference, {"guidance": GUIDANCE}), (other, {}))
        for name, (given, options) in zip(COLUMNS, runs, strict=True):
            found[name].append(score(fused(source, low, given, folder / "out.tif", **options), truth, SCALE)["PSNR"])
    return {name: float(np.mean(values)) for name, values in found.items()}


def lines_of(rows: Mapping[str, Scores], steps: int) -> Iterator[str]:
    """The measured part of the page."""
    yield from (f"{steps} steps each; mean PSNR over all pairs, dB.", "")
    yield from ("| network | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|")
    for name, row in rows.items():
        yield f"| {name} | " + " | ".join(f"{row[column]:.2f}" for column in COLUMNS) + " |"


def main() -> int:
    """Train, measure, print, write."""
    parser = argparse.ArgumentParser(description="Ablations of super-resolution with a reference.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each training: {STEPS}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root = os.environ.get("SEAMLINE_DATA")
    if not root:
        parser.error("set SEAMLINE_DATA to the data folder")
    rows: dict[str, Scores] = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        for number, (title, changes) in enumerate(VARIANTS.items()):
            folder = Path(name, str(number))
            rows[title] = scored(trained(changes, options.steps, folder / "run"), folder, Path(root))
            print(title, rows[title], flush=True)
    lines = list(lines_of(rows, options.steps))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
