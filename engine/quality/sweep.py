"""Quality against cost: a protocol run at each of several settings of a model.

Points are every combination of the values that are named.  All are planned and loaded before the first run, so that
what cannot be is refused at once.  A run that does not count warms up; rounds of all points follow, one after another,
so that what else the machine does in the meantime falls on all of them.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..errors import RequestError
from ..events import Cancel, Listener, Progress, Silence, warnings_to
from ..request import Request
from .cost import Cost
from .evaluation import Evaluation
from .metrics import AS_RELEASED, METRICS

OPTIONS = ("steps", "tile", "overlap", "guidance")
"""What can be swept: fields of a request."""
MOST_POINTS = 64
_DIGITS = 5
COSTS = ("processor_s", "wall_s", "memory_bytes")
"""What a point costs, by the names that reports use: s of processor and on the clock for a megapixel of output, and
bytes of memory by the plan."""

Settings = Mapping[str, Any]
"""Values, whole numbers or not, by the names of options."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An option, and the values that it takes."""

    option: str
    values: tuple[int | float, ...]


class Bench(Protocol):
    """A protocol that is ready to run a model again and again."""

    def check(self, request: Request, cancel: Cancel) -> int:
        """Plan a run and load its model; bytes of memory that it will need by the plan.

        Raises:
            SeamlineError: it cannot be run.
        """
        ...

    def measure(self, request: Request, listener: Listener, cancel: Cancel) -> Evaluation:
        """Run the model and score what comes out, with its cost."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of values, measured.

    Attributes:
        settings: values by option.
        memory_bytes: of a run, by its plan.
        evaluation: of the first run.
        costs: of every run.
    """

    settings: Settings
    memory_bytes: int
    evaluation: Evaluation
    costs: tuple[Cost, ...]

    @property
    def cost(self) -> dict[str, float]:
        """By the names of ``COSTS``; seconds are medians over the runs."""
        seconds = {
            name: statistics.median(getattr(each, name) / (each.pixels / 1e6) for each in self.costs)
            for name in ("processor_s", "wall_s")
        }
        return {**seconds, "memory_bytes": self.memory_bytes}

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "settings": dict(self.settings),
            "metrics": self.evaluation.plain(),
            "cost": self.cost,
            "runs": len(self.costs),
        }


@dataclass(slots=True)
class _Once:
    """Passes each warning on once; what single runs say of their progress is nobody's business."""

    listener: Listener
    said: set[str] = field(default_factory=set)

    def emit(self, event: str, **fields: Any) -> None:
        """Warnings alone."""
        if event == "warning" and fields["what"] not in self.said:
            self.said.add(fields["what"])
            self.listener.emit(event, **fields)


def combinations(axes: Sequence[Axis], request: Request, options: frozenset[str]) -> list[Settings]:
    """Every combination of the values, the last axis fastest.

    Args:
        axes: options and their values.
        request: without what is swept.
        options: that the model uses.

    Raises:
        RequestError: an option cannot be swept, is not used by the model or given twice; a value that no run can mean;
            fewer than two points, or too many.
    """
    for axis in axes:
        if axis.option not in OPTIONS:
            raise RequestError(
                f"{axis.option} is no option that can be swept",
                where="--sweep",
                fix=f"choose of {', '.join(OPTIONS)}",
            )
        if axis.option in ("steps", "guidance") and axis.option not in options:
            raise RequestError(
                f"the model takes no {axis.option}", where="--sweep", fix="sweep what it takes, or another model"
            )
        if getattr(request, axis.option) is not None or [each.option for each in axes].count(axis.option) > 1:
            raise RequestError(f"{axis.option} is given twice", where="--sweep", fix="name all its values in one place")
        if len(set(axis.values)) != len(axis.values):
            raise RequestError(f"a value of {axis.option} is named twice", where="--sweep", fix="name each value once")
    count = math.prod(len(axis.values) for axis in axes)
    if not 2 <= count <= MOST_POINTS:
        raise RequestError(
            f"{count} point(s) are not 2 to {MOST_POINTS}",
            where="--sweep",
            fix="name more values" if count < 2 else "name fewer values: every combination of them is run",
        )
    names = [axis.option for axis in axes]
    found: list[Settings] = [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes))
    ]
    for settings in found:
        replace(request, **settings)
    return found


def sweep(
    settings: Sequence[Settings],
    request: Request,
    bench: Bench,
    *,
    repeats: int = 1,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Iterator[tuple[int, list[Point]]]:
    """Measure a protocol at every point; after each run its number, from 0, and all points that are measured by then.

    Args:
        settings: from :func:`combinations`.
        request: seed and the other options of all runs.
        bench: the protocol.
        repeats: runs of each point.
        listener: hears each warning once, and how many runs are done.

    Raises:
        SeamlineError: as for ``run`` and ``evaluate``; before the first run where a point cannot be run.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    ears = _Once(listener)
    requests = [replace(request, **each) for each in settings]
    with warnings_to(ears):
        memory = [bench.check(each, cancel) for each in requests]
        progress = Progress(listener, 1 + repeats * len(requests))
        bench.measure(requests[0], ears, cancel)
        progress.advance()
    found: dict[int, Point] = {}
    for _ in range(repeats):
        for number, each in enumerate(requests):
            with warnings_to(ears):
                result = bench.measure(each, ears, cancel)
            if result.cost is None:
                raise ValueError("a bench tells what its runs cost")
            before = found.get(number)
            known = (result, (result.cost,)) if before is None else (before.evaluation, (*before.costs, result.cost))
            found[number] = Point(settings[number], memory[number], *known)
            progress.advance()
            yield number, [found[place] for place in sorted(found)]


def shortfall(name: str, value: float) -> float | None:
    """How far a metric is from its best, less is better; None where it has no best."""
    known = METRICS.get(name.removesuffix(AS_RELEASED))
    if known is None:
        # They bring networks along.
        from .perceptual import METRICS as PERCEPTUAL

        return value if PERCEPTUAL[name].better == "lower" else -value
    if known.best is None:
        return None
    return abs(known.best - value) if math.isfinite(known.best) else -value


def front(pairs: Sequence[tuple[float, float]]) -> list[int]:
    """Numbers, from 0, of the (cost, shortfall) that no other one betters: the Pareto front, both less is better."""
    return [
        number
        for number, own in enumerate(pairs)
        if not any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in pairs)
    ]


def fronts(points: Sequence[Point]) -> dict[str, dict[str, list[int]]]:
    """The front of each metric that has a best and that all points have, against each cost.

    Metrics that are one number as reports show them are one: other tiles add up in another order.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for name in points[0].evaluation.metrics:
        values = [point.evaluation.metrics.get(name) for point in points]
        short = [None if value is None else shortfall(name, float(f"{value:.{_DIGITS}g}")) for value in values]
        known = [each for each in short if each is not None]
        if len(known) == len(points):
            found[name] = {
                cost: front([(point.cost[cost], each) for point, each in zip(points, known, strict=True)])
                for cost in COSTS
            }
    return found
