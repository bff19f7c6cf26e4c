"""A finished run: what it wrote, how it went, and what it measured of its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.run import Outcome
from ..report import sections
from ..report.run import find_run
from .sheet import Sheet, Shown, Table
from .words import filled, model_name, number, share, shift_of, size_of, time_of


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Shown, Outcome):
    """What a run made, and its report.

    Attributes:
        out: the COG of the first output; None for a shard that left others to do.  The others lie beside it.
        report: the report beside it.
        facts: the report's content.
    """

    @classmethod
    def of(cls, outcome: Outcome) -> RunResult:
        """That of an outcome of the engine."""
        return cls(outcome.out, outcome.report, outcome.facts)

    @classmethod
    def found(cls, run_or_out: Path) -> RunResult:
        """The run of an output that is there.

        Raises:
            RequestError: the run is not finished, nothing is known of it, or its report cannot be used.
        """
        run = find_run(run_or_out)
        return cls(run.out, run.report, dict(run.facts))

    @property
    def sheet(self) -> Sheet:
        """Outputs, checks, times, and what was measured of the instrument."""
        if self.out is None:
            return self._shard()
        facts, metrics = self.facts, self.facts["metrics"]
        heading = sections.heading(facts, self.out)
        names = [str(band.get("name") or "") for band in facts.get("main_bands", [])]
        times = sections.timings(facts.get("seconds", {}))
        return Sheet(
            f"{heading['task']}: {heading['name']}",
            heading["note"],
            tuple(heading["warnings"]),
            (
                Table(_facts(facts, times["total"])),
                Table(_layers(facts), ("output", "file", "bytes", "says")),
                Table(_checks(metrics), ("check", "value", "", "says"), "checks of the output"),
                Table(_shares(sections.consistency(metrics, names)), title="difference from the input", folded=True),
                Table(_shares(sections.added(facts, names)), title="share of the detail that was added", folded=True),
                Table(_instrument(sections.instrument(facts, names)), title="measured instrument", folded=True),
                Table(_scores(facts), ("metric", "value", "says"), "scores", folded=True),
                Table(_times(times), title=f"time: {time_of(times['total'])} in all", folded=True),
            ),
        )

    def _shard(self) -> Sheet:
        done, left = len(self.facts["bands"]), len(self.facts["left"])
        says = f"{left} row bands are left to other shards" if left else "all row bands are there: merge them"
        return Sheet(f"A shard of a run: {done} row bands computed", says)


def _facts(facts: Mapping[str, Any], total: float) -> tuple[tuple[str, str], ...]:
    width, height = facts.get("size") or (0, 0)
    options = facts.get("options") or {}
    return filled(
        [
            ("model", model_name(str(facts["model"]))),
            *((f"input {name}", source) for name, source in (facts.get("inputs") or {}).items()),
            ("size", f"{width} × {height} px"),
            ("tiles", f"{facts.get('tiles')} of {facts.get('tile')} px"),
            ("device", options.get("device")),
            ("took", f"{time_of(total)}, at most {size_of(facts.get('peak_memory_bytes') or 0)} of memory"),
        ]
    )


def _layers(facts: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    layers = facts.get("layers") or {}
    return tuple((name, Path(each["path"]).name, size_of(each["bytes"]), each["note"]) for name, each in layers.items())


def _checks(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for each in sections.verdicts(metrics):
        told = share if each.get("share") else number
        good = {True: "✓", False: "look", None: ""}[each.get("good")]
        rows.append((each["title"], told(each["value"]), good, each["says"].format(*map(told, each["numbers"]))))
    return tuple(rows)


def _shares(rows: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(each["name"]), share(each["value"])) for each in rows)


def _instrument(found: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    if found is None:
        return ()
    noise = ", ".join(f"{band['name']} {number(band['noise'])}" for band in found["bands"])
    return (
        ("MTF gain at Nyquist", number(found["gain"])),
        ("shift of MS, px of PAN", shift_of(*found["shift"])),
        ("noise at most, stored units", noise),
        ("share of PAN that the bands explain", number(found["explained"])),
        ("MS pixels that it rests on", str(found["cells"])),
    )


def _scores(facts: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = sections.scores({name: value for name, value in facts["metrics"].items() if not isinstance(value, list)})
    return tuple((each["name"], number(each["value"]), each["meaning"]) for each in rows)


def _times(times: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((each["name"], time_of(each["value"])) for each in times["rows"])
