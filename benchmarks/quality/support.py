"""Support maps against truth: errors have to lie in what a run calls added, not in what it calls determined.

    SEAMLINE_DATA=FOLDER python -m benchmarks.quality.support [--tasks A,B,C] [--write DOCS]

Scenes are cut from test splits and degraded; a shipped model of each task makes them fine again with its default
options.  Its error, result less truth, is taken apart as the result is.  The exit status is 1 where a task misses.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seamline.engine.contract import ModelSource
from seamline.engine.ground.grids import Window
from seamline.engine.pixels.support import SupportMaker
from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.models.registry import resolve

from ..pansharpening.scenes import simulated_scenes
from ..reference.scenes import dated, written
from ..shared.pages import published
from ..shared.scenes import read
from ..superres.scenes import degraded_scenes

BOUND = 1 / 3
"""Most energy of the error that may lie in what is called determined, over that in what is called added."""
MOST = 0.1
"""Part of the ground that is looked at: where most was added."""
PAIRS, KIND = 4, "sensor-true"
PAGE, PART = "concepts/trust.md", "support"

Scenes = Iterator[tuple[str, Mapping[str, Path], Path]]
"""(name, inputs, truth)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a scene has shown.

    Attributes:
        scene: its name.
        ratio: energy of the error in what is determined over that in what was added.
        added: share of the energy of the detail that was added.
        plain: likewise, of the plain method's result.
        most: share of the error's energy in the part of the ground where most was added.
    """

    scene: str
    ratio: float
    added: float
    plain: float
    most: float


@dataclass(frozen=True, slots=True)
class Task:
    """A task.

    Attributes:
        title: of its table.
        model: that ships for it.
        plain: the method that is to add little, or a known part.
        scenes: by the data folder and a folder to write into.
    """

    title: str
    model: ModelSource
    plain: ModelSource
    scenes: Callable[[Path, Path], Scenes]


def _superres(scale: int) -> Task:
    def scenes(root: Path, folder: Path) -> Scenes:
        for each in degraded_scenes(root, folder, KIND, scale):
            yield each.name, {"image": each.coarse}, each.truth

    model, plain = (resolve(name, "superres", scale=scale) for name in (f"slimdiffsr-tiny-x{scale}", "bicubic"))
    return Task(f"super-resolution by {scale}", model, plain, scenes)


def _pansharpen() -> Task:
    def scenes(root: Path, folder: Path) -> Scenes:
        for each in simulated_scenes(root, folder):
            yield each.name, {"ms": each.ms, "pan": each.pan}, each.truth

    model, plain = (resolve(name, "pansharpen") for name in ("salad-pan-tiny", "mtf-glp-fs"))
    return Task("pan-sharpening", model, plain, scenes)


def _reference() -> Task:
    def scenes(root: Path, folder: Path) -> Scenes:
        for pair in islice(dated(root), PAIRS):
            low, reference, truth = written(pair, folder / pair.name, 4)
            yield pair.name, {"image": low, "reference": reference}, truth

    model, plain = resolve("ds-dit-tiny-x4", "superres"), resolve("bicubic", "superres", scale=4)
    return Task("super-resolution by 4 with a reference", model, plain, scenes)


TASKS: Mapping[str, Callable[[], Task]] = {
    "pansharpen": _pansharpen,
    "x2": lambda: _superres(2),
    "x4": lambda: _superres(4),
    "x8": lambda: _superres(8),
    "reference": _reference,
}


def looked_at(source: ModelSource, inputs: Mapping[str, Path], folder: Path) -> tuple[Request, float]:
    """Run a model with its support; with the share of the detail that it added."""
    known = {each.name for each in source.spec.inputs}
    request = Request(
        inputs={name: str(path) for name, path in inputs.items() if name in known},
        out=str(folder / "out.tif"),
        also={"support": str(folder / "support.tif")},
        dtype="float32",
        threads=1,
        overwrite=True,
    )
    facts = run(request, source).facts["layers"]["support"]
    return request, float(np.mean(facts["added"]))


def measured(task: Task, scene: str, inputs: Mapping[str, Path], truth: Path, folder: Path) -> Found:
    """One scene of a task."""
    _, plain = looked_at(task.plain, inputs, folder)
    request, share = looked_at(task.model, inputs, folder)
    plan, _ = plan_run(request, task.model)
    assert plan.support is not None
    error = read(folder / "out.tif") - read(truth)
    whole = Window(0, 0, *error.shape[1:])
    added = SupportMaker(plan, plan.support)(error, None, whole, (slice(None), slice(None))).planes[1:]
    squares = {name: np.square(part, dtype=np.float64).sum() for name, part in (("in", error - added), ("out", added))}
    where = np.square(read(folder / "support.tif")[1:], dtype=np.float64).sum(axis=0)
    energy = np.square(error, dtype=np.float64).sum(axis=0)
    found = Found(scene, float(squares["in"] / squares["out"]), share, plain, _in_the_most(where, energy))
    print(f"{task.title:>40} {scene:>20} {found.ratio:.3f} {share:.3f} {plain:.3f} {found.most:.3f}", flush=True)
    return found


def _in_the_most(where: NDArray[np.float64], energy: NDArray[np.float64]) -> float:
    least = np.quantile(where, 1 - MOST)
    return float(energy[where >= least].sum() / energy.sum())


def lines_of(found: Mapping[str, list[Found]], plain: Mapping[str, str]) -> Iterator[str]:
    """The measured part of the page.

    Args:
        found: by the title of the task.
        plain: name of the plain method, likewise.
    """
    columns = (
        "task",
        "scenes",
        "error in determined / added",
        "largest",
        "added",
        "by the plain method",
        "errors there",
    )
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for title, scenes in found.items():
        ratios, mean = (
            [each.ratio for each in scenes],
            lambda name, own=scenes: np.mean([getattr(e, name) for e in own]),
        )
        yield (
            f"| {title} | {len(scenes)} | {np.mean(ratios):.3f} | {max(ratios):.3f} | {mean('added'):.1%} | "
            f"{mean('plain'):.1%} ({plain[title]}) | {mean('most'):.0%} |"
        )
    yield ""
    yield "Energies, all bands together. *Largest* is the scene that is worst; *added* the share of the detail of the"
    yield "result that was added, by the shipped model and by the plain method; *errors there* the share of errors in"
    yield f"the {MOST:.0%} of the ground where most was added."
    yield ""
    for title, scenes in found.items():
        worst = max(scenes, key=lambda each: each.ratio)
        verdict = "held" if worst.ratio <= BOUND else "MISSED"
        yield f"- {title}: at most {worst.ratio:.3f} ({worst.scene}), bound {BOUND:.3f}: {verdict}"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Support maps against truth.")
    parser.add_argument("--tasks", default=",".join(TASKS), metavar="A,B,C", help=f"of {', '.join(TASKS)}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root = Path(os.environ["SEAMLINE_DATA"])
    found: dict[str, list[Found]] = {}
    plain: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        for each in options.tasks.split(","):
            task, folder = TASKS[each](), Path(name) / each
            folder.mkdir()
            plain[task.title] = task.plain.spec.name
            found[task.title] = [
                measured(task, scene, inputs, truth, folder) for scene, inputs, truth in task.scenes(root, folder)
            ]
    return published(list(lines_of(found, plain)), options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
