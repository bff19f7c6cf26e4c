"""Pan-sharpening models against the classics: quality, cost by denoising steps, agreement across tiles.

    SEAMLINE_DATA=FOLDER python -m benchmarks.pansharpening [--models A,B,C] [--pairs FOLDER] [--before FOLDER]
        [--write DOCS]

A model is a name, a model folder, or "exp" for interpolation alone.  ``--pairs`` keeps the pairs, as GROUP/SCENE with
ms.tif and pan.tif; ``--before`` names a folder of what another version of the program fused of them, GROUP/SCENE.tif.
The shipped model is judged: the exit status is 1 where it misses a claim, and the page says which.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..shared.pages import replace_part
from .page import BEFORE, BEST, CLASSICS, PHASES, SUBJECT, Measured, best_of, page, summary
from .runs import (
    METRICS,
    Scores,
    adapted_scores,
    cost_by_steps,
    reduced_scores,
    score,
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


def measure(models: Sequence[str], root: Path, folder: Path, before: Path | None) -> Measured:
    """Run the models on all scenes.

    Args:
        models: names and folders.
        root: the data folder.
        folder: where pairs and fused images are written.
        before: what another version fused.
    """
    sources = [source_of(name) for name in models]
    subject = next(source for source in sources if source.spec.name == SUBJECT)
    area, toolbox = PHASES
    scenes = {
        area: real_scenes(root, folder / area),
        toolbox: real_scenes(root, folder / toolbox, "dlpan"),
        "reference scenes": quality_scenes(root),
        "simulated pairs": simulated_scenes(root, folder / "simulated pairs"),
    }
    judged = [scene for group, members in scenes.items() if group != toolbox for scene in members]
    timed = scenes["simulated pairs"][-1]
    groups = {group: reduced_scores(sources, members, folder) for group, members in scenes.items()}
    groups["reference scenes"] |= expected(root)
    if before is not None:
        for group, members in scenes.items():
            groups[group][BEFORE] = {each.name: score(each, before / group / f"{each.name}.tif") for each in members}
    return Measured(
        groups,
        scores_by_steps(subject, judged, STEPS, folder),
        cost_by_steps(subject, timed, STEPS, folder),
        timed.name,
        {group: adapted_scores(SUBJECT, members, folder) for group, members in scenes.items() if group != toolbox},
        {pair: list(tile_agreement(subject, *real_pair(root, pair), folder / pair)) for pair in TILED},
        {pair: sensitivity(subject, *real_pair(root, pair), folder) for pair in TILED},
    )


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Pan-sharpening models against the classics.")
    parser.add_argument("--models", default=",".join(DEFAULT), metavar="A,B,C", help="names and model folders")
    parser.add_argument("--pairs", type=Path, metavar="FOLDER", help="where the pairs are kept")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="what another version fused, GROUP/SCENE.tif")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    models = options.models.split(",")
    if SUBJECT not in models or not set(CLASSICS) & set(models):
        parser.error(f"{SUBJECT} and at least one of {', '.join(CLASSICS)} must be among the models")
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        found = measure(models, Path(os.environ["SEAMLINE_DATA"]), options.pairs or Path(name), options.before)
    text = "\n".join(page(models, found)) + "\n"
    print(text)
    if options.write:
        (options.write / "pansharpening-quality.md").write_text(text, encoding="utf-8")
        replace_part(options.write / "quality.md", "pansharpening", summary(found))
    return 1 if "MISSED" in text else 0


if __name__ == "__main__":
    raise SystemExit(main())
