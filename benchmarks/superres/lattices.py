"""Whether super-resolution leaves a lattice: the shipped models of all scales beside interpolation and the truth.

    SEAMLINE_DATA=FOLDER python -m benchmarks.superres.lattices [--write DOCS]

Runs by default options on the scenes of ``benchmarks.superres``, measured as ``seamline evaluate`` measures.  The exit
status is 1 where a mean lies above the bound of good images.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np

from seamline.engine.quality.metrics import METRICS
from seamline.models.registry import resolve

from ..shared.pages import published
from .page import CLASSIC, PAGES, WIDTH, Names
from .runs import enlarge, score
from .scenes import KINDS, REAL, Scene, degraded_scenes, real_scenes

METRIC = "lattice"
PAGE, PART = "quality.md", "superres-lattice"
TRUTH = "truth"

_ABOUT = (
    "Made by `python -m benchmarks.superres.lattices --write docs/results`, from the scenes above and those of [the "
    "other scales](superres-scales.md), by default options.  Means over scenes; in brackets the highest, and how many "
    "lie above {most:g}.  By two a lattice has a single frequency and a scene few windows, so that a scene scores by "
    "chance too, as the truth does."
)


@dataclass(frozen=True, slots=True)
class Row:
    """Scenes of a scale and a group.

    Attributes:
        scale: fine px per coarse px.
        group: of the scenes.
        scores: lattice of every scene, by what made the image.
    """

    scale: int
    group: str
    scores: Mapping[str, Sequence[float]]


def measured(root: Path, scale: int, folder: Path) -> Iterator[Row]:
    """The groups of a scale; ``root`` is the data folder."""
    sources = {name: resolve(name, "superres", scale=scale) for name in (CLASSIC, Names(scale).subject)}
    groups = {kind: degraded_scenes(root, folder, kind, scale) for kind in KINDS} | {
        REAL: real_scenes(root, folder, scale)
    }
    out = folder / "out.tif"

    def lattice(scene: Scene, name: str) -> float:
        if name == TRUTH:
            return score(scene, scene.truth, (METRIC,))[METRIC]
        enlarge(sources[name], scene.coarse, out, dtype="float32")
        return score(scene, out, (METRIC,))[METRIC]

    for group, scenes in groups.items():
        if scenes:
            row = Row(scale, group, {name: [lattice(scene, name) for scene in scenes] for name in (TRUTH, *sources)})
            print(row, flush=True)
            yield row


def section(rows: Sequence[Row]) -> Iterator[str]:
    """The part of the page, line by line."""
    most = bound()
    yield from wrap(_ABOUT.format(most=most), WIDTH)
    yield ""
    yield f"| lattice | {TRUTH} | {CLASSIC} | the model that ships |"
    yield "|---|---|---|---|"
    for row in rows:
        cells = (_cell(row.scores[name]) for name in (TRUTH, CLASSIC, Names(row.scale).subject))
        yield f"| by {row.scale}, {row.group} | " + " | ".join(cells) + " |"
    yield ""
    for row in rows:
        subject = Names(row.scale).subject
        mean = float(np.mean(row.scores[subject]))
        kept = "ok" if mean <= most else "MISSED"
        yield f"- {subject}, {row.group}, mean lattice {mean:.3f}, at most {most:g}: {kept}"


def bound() -> float:
    """What good images have at most."""
    most = METRICS[METRIC].at_most
    assert most is not None
    return most


def _cell(values: Sequence[float]) -> str:
    above = sum(value > bound() for value in values)
    return f"{np.mean(values):.3f} ({max(values):.3f}; {above} of {len(values)})"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Lattices of super-resolution, beside interpolation and the truth.")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root, rows = Path(os.environ["SEAMLINE_DATA"]), []
    for scale in sorted(PAGES):
        with tempfile.TemporaryDirectory(prefix="seamline-") as name:
            rows += measured(root, scale, Path(name))
    return published(list(section(rows)), options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
