"""What no fault and no input may lead to, how often it did, and the table that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Law = Literal["wrong pixels", "tracebacks", "hangs", "over 1 GB", "requests", "no way out"]
LAWS: tuple[Law, ...] = get_args(Law)
MOST_BYTES = 10**9


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that did not hold, and what was seen."""

    law: Law
    seen: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one trial.

    Attributes:
        number: of the trial, by which it can be repeated alone.
        family: of trials that are counted together.
        told: what was done.
        outcome: in a word, such as ``"refused"``.
        breaches: none where every law held.
    """

    number: int
    family: str
    told: str
    outcome: str
    breaches: tuple[Breach, ...]


def lines_of(verdicts: Sequence[Verdict], unit: str) -> Iterator[str]:
    """The measured part of a page: a line a family, then a line a law."""
    yield f"| family | {unit} | {' | '.join(LAWS)} |"
    yield "|---" * (2 + len(LAWS)) + "|"
    families = sorted({verdict.family for verdict in verdicts})
    for family in families:
        yield _row(family, [verdict for verdict in verdicts if verdict.family == family])
    yield _row("all", verdicts)
    found = _counts(verdicts)
    yield ""
    for law in LAWS:
        yield f"- {law}: {found[law]} of {len(verdicts)}: {'MISSED' if found[law] else 'held'}"


def told_of(verdict: Verdict) -> Iterator[str]:
    """What a person wants to know of a trial that broke a law."""
    yield f"{verdict.number} {verdict.family}: {verdict.told[:300]} [{verdict.outcome}]"
    for breach in verdict.breaches:
        yield f"    {breach.law}: {breach.seen}"


def _row(family: str, verdicts: Sequence[Verdict]) -> str:
    found = _counts(verdicts)
    return f"| {family} | {len(verdicts)} | {' | '.join(str(found[law]) for law in LAWS)} |"


def _counts(verdicts: Sequence[Verdict]) -> Counter[Law]:
    """Trials by the laws that they broke."""
    return Counter(law for verdict in verdicts for law in {breach.law for breach in verdict.breaches})
