"""The page of the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seamline.models.registry import ModelInfo

from .runs import METHODS, OURS, Cell, Measured
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
    for task in TASKS.values():
        whole = [each for each in found if each.cell.task == task.name and each.cell.share == 1]
        if whole:
            yield from _table(task, whole)
    yield from _curves(found)
    yield from _verdicts(found)


def _table(task: Task, found: Sequence[Measured]) -> Iterator[str]:
    score = _SCORE[task.kind]
    tests = [each.title for each in task.tests]
    yield f"### Trained on {task.title}"
    yield ""
    heads = [f"{score}, {test} | F1, {test}" for test in tests]
    yield f"| method | {' | '.join(heads)} | parameters | steps, kept | processor, s | features, s |"
    yield "|---|" + "---|" * (2 * len(tests) + 4)
    for name, method in METHODS.items():
        for each in (each for each in found if each.cell.method == name):
            values = [f"{each.scores[test][score]:.3f} | {each.scores[test]['F1']:.3f}" for test in tests]
            yield (
                f"| {method.title} | {' | '.join(values)} | {each.parameters:,} | {each.steps[0]}, {each.steps[1]} | "
                f"{each.seconds[0]:.0f} | {each.seconds[1]:.0f} |"
            )
    yield ""


def _curves(found: Sequence[Measured]) -> Iterator[str]:
    shares = sorted({each.cell.share for each in found}, reverse=True)
    if len(shares) < 2:
        return
    yield "### Fewer labels"
    yield ""
    yield "Mean over the test sets of a task of IoU or accuracy."
    yield ""
    yield "| task | method | " + " | ".join(f"{share:.0%} of the labels" for share in shares) + " |"
    yield "|---|---|" + "---|" * len(shares)
    cells = {each.cell: each for each in found}
    for task in TASKS.values():
        for name, method in METHODS.items():
            own = {cell.share: mean_score(each) for cell, each in cells.items() if _is(cell, task.name, name)}
            if len(own) > 1:
                values = [f"{own[share]:.3f}" if share in own else "" for share in shares]
                yield f"| {task.title} | {method.title} | {' | '.join(values)} |"
    yield ""


def _is(cell: Cell, task: str, method: str) -> bool:
    return (cell.task, cell.method) == (task, method)


def _verdicts(found: Sequence[Measured]) -> Iterator[str]:
    yield "### Claims"
    yield ""
    yield "The best of ours is above every rival, on every test set:"
    yield ""
    for task in TASKS.values():
        whole = [each for each in found if each.cell.task == task.name and each.cell.share == 1]
        ours = [each for each in whole if each.cell.method in OURS]
        rivals = [each for each in whole if each.cell.method not in OURS]
        if not ours or not rivals:
            continue
        for test in (each.title for each in task.tests):
            score = _SCORE[task.kind]
            best = max(ours, key=lambda each: each.scores[test][score])
            rival = max(rivals, key=lambda each: each.scores[test][score])
            values = best.scores[test][score], rival.scores[test][score]
            verdict = "held" if values[0] > values[1] else "MISSED"
            yield (
                f"- {task.title}, {test}: {METHODS[best.cell.method].title} {values[0]:.3f}, "
                f"{METHODS[rival.cell.method].title} {values[1]:.3f}: {verdict}"
            )


def mean_score(measured: Measured) -> float:
    """Mean over the test sets of a cell."""
    score = _SCORE[TASKS[measured.cell.task].kind]
    values = [row[score] for row in measured.scores.values()]
    return sum(values) / len(values)
