"""The page of the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from seamline.models.registry import ModelInfo

from .runs import METHODS, OURS, Averaged, Cell, Measured, averaged
from .tasks import TASKS, Task

PAGE, PART = "results/satdifuser.md", "measured"
_SCORE = {"segment": "IoU", "classify": "accuracy"}


def lines_of(found: Sequence[Measured], backbone: ModelInfo) -> Iterator[str]:
    """The measured part of the page.

    Args:
        found: in any order.
        backbone: that ours read.
    """
    minutes = sorted({each.cell.minutes for each in found})
    yield f"Backbone: {backbone.spec.name}, version {backbone.spec.version}. Minutes of a training: " + ", ".join(
        f"{value:g}" for value in minutes
    )
    yield ""
    cells = averaged(found)
    for task in TASKS.values():
        whole = [each for each in cells if each.cell.task == task.name and each.cell.share == 1]
        if whole:
            yield from _table(task, whole)
    yield from _curves(cells)
    yield from _verdicts(cells)


def _table(task: Task, cells: Sequence[Averaged]) -> Iterator[str]:
    score = _SCORE[task.kind]
    tests = [each.title for each in task.tests]
    yield f"### Trained on {task.title}"
    yield ""
    heads = [f"{score}, {test} | F1, {test}" for test in tests]
    yield f"| method | {' | '.join(heads)} | parameters | seeds | steps, kept | processor, s | features, s |"
    yield "|---|" + "---|" * (2 * len(tests) + 5)
    for name, method in METHODS.items():
        for each in (each for each in cells if each.cell.method == name):
            values = [f"{_told(each, test, score)} | {_told(each, test, 'F1')}" for test in tests]
            steps, kept = (fmean(run.steps[i] for run in each.runs) for i in (0, 1))
            spent, features = (fmean(run.seconds[i] for run in each.runs) for i in (0, 1))
            yield (
                f"| {method.title} | {' | '.join(values)} | {each.runs[0].parameters:,} | {len(each.runs)} | "
                f"{steps:.0f}, {kept:.0f} | {spent:.0f} | {features:.0f} |"
            )
    yield ""


def _told(each: Averaged, test: str, name: str) -> str:
    """The mean of the seeds, and how far they lie apart."""
    mean = f"{each.score(test, name):.3f}"
    return f"{mean} ± {each.spread(test, name):.3f}" if len(each.runs) > 1 else mean


def _curves(cells: Sequence[Averaged]) -> Iterator[str]:
    shares = sorted({each.cell.share for each in cells}, reverse=True)
    if len(shares) < 2:
        return
    yield "### Fewer labels"
    yield ""
    yield "Mean over the test sets of a task, and over seeds, of IoU or accuracy."
    yield ""
    yield "| task | method | " + " | ".join(f"{share:.0%} of the labels" for share in shares) + " |"
    yield "|---|---|" + "---|" * len(shares)
    for task in TASKS.values():
        for name, method in METHODS.items():
            own = {each.cell.share: mean_score(each) for each in cells if _is(each.cell, task.name, name)}
            if len(own) > 1:
                values = [f"{own[share]:.3f}" if share in own else "" for share in shares]
                yield f"| {task.title} | {method.title} | {' | '.join(values)} |"
    yield ""


def _is(cell: Cell, task: str, method: str) -> bool:
    return (cell.task, cell.method) == (task, method)


def _verdicts(cells: Sequence[Averaged]) -> Iterator[str]:
    yield "### Claims"
    yield ""
    yield "The best of ours is above every rival, on every test set, by the mean of the seeds:"
    yield ""
    for task in TASKS.values():
        whole = [each for each in cells if each.cell.task == task.name and each.cell.share == 1]
        ours = [each for each in whole if each.cell.method in OURS]
        rivals = [each for each in whole if each.cell.method not in OURS]
        if not ours or not rivals:
            continue
        score = _SCORE[task.kind]
        for test in (each.title for each in task.tests):
            best, rival = (max(group, key=lambda each: each.score(test, score)) for group in (ours, rivals))
            values = best.score(test, score), rival.score(test, score)
            verdict = "held" if values[0] > values[1] else "MISSED"
            yield (
                f"- {task.title}, {test}: {METHODS[best.cell.method].title} {values[0]:.3f}, "
                f"{METHODS[rival.cell.method].title} {values[1]:.3f}: {verdict}"
            )


def mean_score(each: Averaged) -> float:
    """Mean over the test sets of a cell."""
    score = _SCORE[TASKS[each.cell.task].kind]
    return fmean(each.score(test.title, score) for test in TASKS[each.cell.task].tests)
