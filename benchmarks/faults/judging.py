"""Hold what was seen of a trial to the law."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..shared.law import MOST_BYTES, Breach, Verdict
from .execution import Observed, Step

_KNOWN = frozenset({0, 1, 2, 3, 130, 141})
_FAILED = frozenset({1, 2, 3})
_SENTENCE = re.compile(r'^(error|Error): .|"event": "error"', re.MULTILINE)
_TRACE = re.compile(r"Traceback|Exception ignored|a worker process failed")
_KILLED = frozenset({-2, -9, -15})
"""What signals of the trials end a process with."""


def judge(observed: Observed) -> Verdict:
    """The verdict on a trial."""
    trial, first = observed.trial, observed.steps[0]
    breaches = [breach for step in observed.steps for breach in _of_step(step)]
    if observed.requests:
        breaches.append(Breach("requests", f"{observed.requests} were made"))
    last = observed.steps[-1]
    if last.role in ("with --overwrite", "with its folder away") and last.ended.code:
        breaches.append(Breach("no way out", _said(last)))
    breaches += _broken_promises(observed)
    outcome = ", ".join(f"{step.role} {step.ended.code}" for step in observed.steps if step is not first)
    return Verdict(
        trial.number, trial.family, f"{trial.job}, {trial.fault}", f"{first.ended.code}; {outcome}", tuple(breaches)
    )


def _of_step(step: Step) -> Iterator[Breach]:
    ended = step.ended
    if step.content is not None and step.right is not None and step.content not in step.right:
        yield Breach("wrong pixels", f"{step.role}: the output is another one")
    if ended.hung:
        yield Breach("hangs", _said(step))
    elif _TRACE.search(ended.said) or ended.code not in _KNOWN | _KILLED:
        yield Breach("tracebacks", _said(step))
    elif ended.code in _FAILED and not _SENTENCE.search(ended.said):
        yield Breach("tracebacks", f"no sentence; {_said(step)}")
    if ended.peak_bytes > MOST_BYTES:
        yield Breach("over 1 GB", f"{step.role}: {ended.peak_bytes / 1e6:.0f} MB")


def _broken_promises(observed: Observed) -> Iterator[Breach]:
    """A run that was refused and told to resume, and cannot."""
    for before, after in zip(observed.steps, observed.steps[1:], strict=False):
        advice = before.ended.last.rpartition(";")[2]
        told = "--resume" in advice and "without --resume" not in advice and before.ended.code in (1, 2)
        if told and after.role == "with --resume" and after.ended.code and before.role != "another one":
            yield Breach("no way out", f"it was told: {advice.strip()}; then: {_said(after)}")


def _said(step: Step) -> str:
    return f"{step.role} ended with {step.ended.code}: {step.ended.last[:300]}"
