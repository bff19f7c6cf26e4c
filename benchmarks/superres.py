"""Super-resolution models against interpolation and a plain twin: fidelity, detail, tiles.

    SEAMLINE_DATA=FOLDER python benchmarks/superres.py [--models A,B,C] [--write DOCS]

A model is a name or a model folder.  The shipped model is judged: the exit status is 1 where it misses a claim, and
the page says which.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pages import replace_part
from superres_page import CLASSIC, KNOWING, SUBJECT, Measured, section
from superres_runs import coverage, scores, sensitivity, tile_runs
from superres_scenes import KINDS, REAL, SCALE, degraded_scenes, real_scenes, whole_scenes

from seamline.engine.contract import ModelSource
from seamline.models.registry import resolve


def measure(sources: Sequence[ModelSource], root: Path) -> Measured:
    """Run the models on all scenes; ``root`` is the data folder."""
    subject, classic = (next(s for s in sources if s.spec.name == name) for name in (SUBJECT, CLASSIC))
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        scenes = {kind: degraded_scenes(root, folder, kind) for kind in KINDS} | {REAL: real_scenes(root, folder)}
        whole = whole_scenes(root, folder)
        knowing = [source for source in sources if source.spec.name == KNOWING]
        return Measured(
            {group: scores(sources, members, folder) for group, members in scenes.items()},
            {scene: tile_runs(subject, classic, path, folder) for scene, path in whole.items()},
            {scene: sensitivity(subject, path, folder) for scene, path in whole.items()},
            {
                scene: (tile_runs(source, classic, path, folder, (1,))[0], sensitivity(source, path, folder))
                for source in knowing
                for scene, path in whole.items()
            },
            {group: coverage(subject, members, folder) for group, members in scenes.items()},
        )


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Super-resolution models against interpolation.")
    parser.add_argument("--models", default=f"{CLASSIC},{SUBJECT}", metavar="A,B,C", help="names and model folders")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    models = options.models.split(",")
    sources = [resolve(name, "superres", scale=SCALE) for name in models]
    if not {SUBJECT, CLASSIC} <= {source.spec.name for source in sources}:
        parser.error(f"{SUBJECT} and {CLASSIC} must be among the models")
    lines = list(section(models, measure(sources, Path(os.environ["SEAMLINE_DATA"]))))
    print("\n".join(lines))
    if options.write:
        replace_part(options.write / "quality.md", "superres", lines)
    return 1 if any(line.endswith("MISSED") for line in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
