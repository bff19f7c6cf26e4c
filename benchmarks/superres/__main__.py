"""Super-resolution models against interpolation and a taught twin: fidelity, detail, tiles.

    SEAMLINE_DATA=FOLDER python -m benchmarks.superres [--scale N] [--models A,B,C] [--write DOCS]

A model is a name or a model folder.  The shipped model of the scale is judged: the exit status is 1 where it misses a
claim, and the page says which.  The scale of 4 stands in ``quality.md``, the others in ``superres-scales.md``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seamline.engine.contract import ModelSource
from seamline.models.registry import resolve

from ..shared.pages import published
from .page import CLASSIC, PAGES, Measured, Names, section
from .runs import coverage, scores, sensitivity, tile_runs
from .scenes import KINDS, REAL, degraded_scenes, real_scenes, whole_scenes


def measure(sources: Sequence[ModelSource], root: Path, names: Names) -> Measured:
    """Run the models on all scenes; ``root`` is the data folder."""
    subject, classic = (next(s for s in sources if s.spec.name == name) for name in (names.subject, CLASSIC))
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        scenes = {kind: degraded_scenes(root, folder, kind, names.scale) for kind in KINDS}
        if real := real_scenes(root, folder, names.scale):
            scenes[REAL] = real
        whole = whole_scenes(root, folder, names.scale)
        knowing = [source for source in sources if source.spec.name == names.knowing]
        return Measured(
            names,
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
    parser.add_argument("--scale", type=int, default=4, choices=sorted(PAGES))
    parser.add_argument("--models", metavar="A,B,C", help="names and model folders; the shipped one and interpolation")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    names = Names(options.scale)
    models = (options.models or f"{CLASSIC},{names.subject}").split(",")
    sources = [resolve(name, "superres", scale=names.scale) for name in models]
    if not {names.subject, CLASSIC} <= {source.spec.name for source in sources}:
        parser.error(f"{names.subject} and {CLASSIC} must be among the models")
    lines = list(section(models, measure(sources, Path(os.environ["SEAMLINE_DATA"]), names)))
    return published(lines, options.write and options.write / PAGES[names.scale], names.part)


if __name__ == "__main__":
    raise SystemExit(main())
