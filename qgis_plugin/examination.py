"""Asks the engine's own doctor, and makes a page of what it finds.  This module needs the standard library alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .engine_process import PROTOCOL, EngineError, EngineProcess, Event
from .engine_words import worded
from .text import tr


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, what was seen, and what to do."""

    what: str
    ok: bool
    detail: str
    fix: str = ""

    @property
    def sentence(self) -> str:
        """For a log."""
        mark = tr("well") if self.ok else tr("BAD")
        return f"{mark}  {self.what}: {self.detail}" + (f"; {self.fix}" if self.fix else "")


def examine(
    python: str,
    launcher: str,
    *,
    on_finding: Callable[[Finding], None],
    on_log: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> list[Finding] | None:
    """Let the engine examine itself; an engine that cannot even do that is one more finding.

    Args:
        python: of the engine.
        launcher: script that starts this version's command line.
        on_finding: takes each finding as it comes.
        on_log: takes each other line.
        is_cancelled: asked several times a second.

    Returns:
        All findings; None after a cancel.
    """
    found: list[Finding] = []
    ended: list[Event] = []

    def add(finding: Finding) -> None:
        found.append(finding)
        on_finding(finding)

    def on_event(event: Event) -> None:
        if event["event"] == "finding":
            what, detail, fix = (worded(str(event.get(key) or ""), {}) for key in ("what", "detail", "fix"))
            add(Finding(what, event.get("ok") is True, detail, fix))
        elif event["event"] == "done":
            ended.append(event)

    try:
        done = EngineProcess([python, launcher, "doctor", *PROTOCOL]).run(
            on_event=on_event, on_log=on_log, is_cancelled=is_cancelled
        )
    except EngineError as error:
        # A doctor that found something bad came to its end all the same, with another exit code.
        if not ended:
            add(Finding(tr("engine"), False, "; ".join(part for part in (error.what, error.where) if part), error.fix))
        return found
    return None if done is None else found


def page(findings: Sequence[Finding], facts: Sequence[tuple[str, str]]) -> str:
    """An HTML page of the findings, the bad ones first.

    Args:
        findings: of the doctor.
        facts: title and value of what QGIS knows, such as its own version.
    """
    bad = [finding for finding in findings if not finding.ok]
    verdict = tr("{count} of {total} need attention").format(count=len(bad), total=len(findings))
    if not bad:
        verdict = tr("All is well: {total} findings").format(total=len(findings))
    rows = "".join(_row(finding) for finding in sorted(findings, key=lambda finding: finding.ok))
    about = "".join(f"<tr><td>{escape(title)}</td><td>{escape(value)}</td></tr>" for title, value in facts)
    title = escape(tr("Seamline's engine"))
    heads = "".join(f"<th>{escape(text)}</th>" for text in ("", tr("looked at"), tr("seen"), tr("what to do")))
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin-bottom:1.5em}"
        "td,th{border-bottom:1px solid #ccc;padding:.3em .8em;text-align:left;vertical-align:top}"
        ".bad td{background:#fde8e8}</style></head>"
        f"<body><h1>{title}</h1><p>{escape(verdict)}</p><table><tr>{heads}</tr>{rows}</table>"
        f"<table>{about}</table></body></html>\n"
    )


def _row(finding: Finding) -> str:
    cells: tuple[Any, ...] = (tr("well") if finding.ok else tr("BAD"), finding.what, finding.detail, finding.fix)
    return f'<tr class="{"ok" if finding.ok else "bad"}">' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"
