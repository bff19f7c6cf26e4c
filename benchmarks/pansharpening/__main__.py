"""Pan-sharpening models against the classics: quality, cost by denoising steps, agreement across tiles.

    SEAMLINE_DATA=FOLDER python -m benchmarks.pansharpening [--models A,B,C] [--write DOCS]

A model is a name, a model folder, or "exp" for interpolation alone.  The shipped model is judged: the exit status is 1
where it misses a claim, and the page says which.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..shared.pages import replace_part
from .page import BEST, CLASSICS, SUBJECT, Measured, best_of, page, summary
from .runs import (
    METRICS,
    Scores,
    adapted_scores,
    cost_by_steps,
    full_scores,
    reduced_scores,
    scores_by_steps,
    sensitivity,
    source_of,
    tile_agreement,
)
from .scenes import QUALITY, quality_scenes, real_pair, real_scenes, simulated_scenes

DEFAULT = ("exp", *CLASSICS, SUBJECT)
STEPS = (1, 2, 4, 8, 20)
REFERENCES = {"rr_fused_bdsd-pc.tif": "BDSD-PC, reference", "rr_fused_mtf-glp-fs.tif": "MTF-GLP-FS, reference"}
TILED = ("spacenet6_wv2_1", "landsat8_istanbul")


def expected(root: Path) -> dict[str, dict[str, Scores]]:
    """Rows of the toolbox's fused images on the reference scenes; the best is taken metric by metric."""
    content = json.loads((root / "quality" / "expected.json").read_text(encoding="utf-8"))
    rows: dict[str, dict[str, Scores]] = {}
    for scene in QUALITY:
        reduced = {name: values for name, values in content[scene].items() if name.startswith("rr_")}
        for name, title in REFERENCES.items():
            rows.setdefault(title, {})[scene] = {metric: reduced[name][metric] for metric in METRICS}
        rows.setdefault(BEST, {})[scene] = {
            metric: best_of(metric, [values[metric] for values in reduced.values()]) for metric in METRICS
        }
    return rows


def measure(models: Sequence[str], root: Path) -> Measured:
    """Run the models on all scenes; ``root`` is the data folder."""
    sources = [source_of(name) for name in models]
    subject = next(source for source in sources if source.spec.name == SUBJECT)
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        scenes = {
            "real pairs": real_scenes(root, folder),
            "reference scenes": quality_scenes(root),
            "simulated pairs": simulated_scenes(root, folder),
        }
        every, timed = [scene for members in scenes.values() for scene in members], scenes["simulated pairs"][-1]
        groups = {group: reduced_scores(sources, members, folder) for group, members in scenes.items()}
        return Measured(
            groups | {"reference scenes": groups["reference scenes"] | expected(root)},
            full_scores(sources, root, folder),
            scores_by_steps(subject, every, STEPS, folder),
            cost_by_steps(subject, timed, STEPS, folder),
            timed.name,
            {group: adapted_scores(SUBJECT, members, folder) for group, members in scenes.items()},
            {pair: list(tile_agreement(subject, *real_pair(root, pair), folder / pair)) for pair in TILED},
            {pair: sensitivity(subject, *real_pair(root, pair), folder) for pair in TILED},
        )


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Pan-sharpening models against the classics.")
    parser.add_argument("--models", default=",".join(DEFAULT), metavar="A,B,C", help="names and model folders")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    models = options.models.split(",")
    if SUBJECT not in models or not set(CLASSICS) & set(models):
        parser.error(f"{SUBJECT} and at least one of {', '.join(CLASSICS)} must be among the models")
    found = measure(models, Path(os.environ["SEAMLINE_DATA"]))
    text = "\n".join(page(models, found)) + "\n"
    print(text)
    if options.write:
        (options.write / "pansharpening-quality.md").write_text(text, encoding="utf-8")
        replace_part(options.write / "quality.md", "pansharpening", summary(found))
    return 1 if "MISSED" in text else 0


if __name__ == "__main__":
    raise SystemExit(main())
