"""One method on one task: trained within the time, and told the test splits."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any

from seamline.engine.events import Silence
from seamline.engine.quality.classes import ClassScores
from seamline.training.satdifuser.fit import FitSettings
from seamline.training.satdifuser.model import Design, Maker, Ours
from seamline.training.satdifuser.train import Job, Training

from .rivals import RandomBackbone, RawPixels, Scratch
from .tasks import TASKS, Task, test_source

SCRATCH = 450_000
"""Parameters of networks from scratch at most: as many as fuser and head of ours have, within a tenth."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method.

    Attributes:
        title: for the page.
        maker: what stands in the place of backbone, fuser and head.
        fuser: of those that have one.
    """

    title: str
    maker: Maker
    fuser: str = "global"


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "gw": Method("global weights", Ours()),
        "lw": Method("local weights", Ours(), "local"),
        "moe": Method("mixture of experts", Ours(), "experts"),
        "random": Method("global weights, random backbone", RandomBackbone()),
        "pixels": Method("global weights, raw pixels", RawPixels()),
        "scratch": Method("from scratch (U-Net, ResNet)", Scratch(SCRATCH)),
    }
)
OURS = ("gw", "lw", "moe")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be measured: a task, a method, the share of the labels and the time that it gets."""

    task: str
    method: str
    share: float
    minutes: float
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell and what came of it.

    Attributes:
        cell: it is.
        scores: IoU of buildings or accuracy, and F1, by test set.
        parameters: that were trained.
        steps: of the fit, and the one whose weights were kept.
        seconds: of the processor, in all and for features.
    """

    cell: Cell
    scores: dict[str, dict[str, float]]
    parameters: int
    steps: tuple[int, int]
    seconds: tuple[float, float]


def measure(
    cell: Cell, root: Path, designs: Mapping[str, Design], copies: int = 8, fit: FitSettings | None = None
) -> Measured:
    """Train and test.

    Args:
        root: the data folder.
        designs: what ours is for ``"segment"`` and ``"classify"``; methods replace the fuser.
        copies: most copies of a tile, each turned in another way.
        fit: steps and rates, where they are not those of the program.
    """
    task, method = TASKS[cell.task], METHODS[cell.method]
    design = Design(**(asdict(designs[task.kind]) | {"fuser": method.fuser}))
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        job = Job(
            task=task.kind,
            source=task.source(root),
            out=Path(folder) / "model",
            design=design,
            minutes=cell.minutes,
            patch=task.patch,
            share=cell.share,
            seed=cell.seed,
            cache=Path(folder) / "features",
            copies=copies,
            fit=fit or FitSettings(),
            device="cpu",
            # Of the processor, so that what else the machine does takes nothing away.
            clock=time.process_time,
        )
        started = time.process_time()
        training = Training(job, Silence(), lambda: None, method.maker)
        training.prepare()
        training.learn()
        spent = time.process_time() - started
        scores = {each.title: _row(training, task, each, root) for each in task.tests}
    found = training.fitted
    return Measured(
        cell,
        scores,
        sum(p.numel() for p in training.network.parameters()),
        (found.steps, found.kept),
        (spent, training.found.seconds),
    )


def _row(training: Training, task: Task, each: Any, root: Path) -> dict[str, float]:
    found = training.examine(test_source(each, root))
    assert isinstance(found, ClassScores)
    if task.kind == "classify":
        return {"accuracy": found.accuracy, "F1": found.macro_f1}
    building = next(i for i, name in enumerate(found.names) if name != "background")
    return {"IoU": float(found.iou[building]), "F1": float(found.f1[building])}


@dataclass(frozen=True, slots=True)
class Averaged:
    """What the trainings of a cell by several seeds came to.

    Attributes:
        cell: with the lowest seed.
        runs: of each seed.
    """

    cell: Cell
    runs: tuple[Measured, ...]

    def score(self, test: str, name: str) -> float:
        """Mean over the seeds."""
        return fmean(each.scores[test][name] for each in self.runs)

    def spread(self, test: str, name: str) -> float:
        """Standard deviation over the seeds; 0 of a single one."""
        values = [each.scores[test][name] for each in self.runs]
        return stdev(values) if len(values) > 1 else 0.0


def averaged(found: Iterable[Measured]) -> list[Averaged]:
    """Cells whose seeds are put together, in the order of their first ones."""
    groups: dict[Cell, list[Measured]] = {}
    for each in sorted(found, key=lambda each: each.cell.seed):
        groups.setdefault(replace(each.cell, seed=0), []).append(each)
    return [Averaged(runs[0].cell, tuple(runs)) for runs in groups.values()]


class Ledger:
    """Results in a file, a line each, so that a broken benchmark goes on where it was.

    Args:
        file: of the results.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self._found = [_measured(json.loads(line)) for line in lines]

    def __iter__(self) -> Iterator[Measured]:
        return iter(self._found)

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """Cells that are not there yet."""
        known = {each.cell for each in self._found}
        return [cell for cell in cells if cell not in known]

    def add(self, measured: Measured) -> None:
        """Keep a result."""
        self._found.append(measured)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(measured)) + "\n")


def _measured(plain: Mapping[str, Any]) -> Measured:
    return Measured(
        Cell(**plain["cell"]), plain["scores"], plain["parameters"], tuple(plain["steps"]), tuple(plain["seconds"])
    )
