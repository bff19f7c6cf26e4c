"""What the page says, as HTML: every text of a file, a model or the engine is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ..models.registry import ModelInfo
from .tasks import KINDS
from .work import State

_KEPT = {"run": " What is finished is kept: start it again with “go on with the unfinished run”."}


def problem(sentence: str) -> str:
    """What went wrong."""
    return f"<p class=problem role=alert>{escape(sentence)}</p>"


def status(kind: str, state: State) -> str:
    """How far a piece of work has come, with its warnings."""
    said = ""
    match state.stage:
        case "working":
            said = _progress(state)
        case "failed":
            said = problem(state.sentence)
        case "cancelled":
            said = f"<p>Cancelled.{_KEPT.get(kind, '')}</p>"
    return said + "".join(f"<p class=warned>{escape(each)}</p>" for each in state.warnings)


def _progress(state: State) -> str:
    title = escape(state.title[:1].upper() + state.title[1:])
    if not state.total:
        return f"<p>{title}: looking at the scene …</p><progress></progress>"
    minutes, seconds = divmod(round(state.eta_s), 60)
    left = f"{state.done} of {state.total} {escape(state.unit)}, {minutes}:{seconds:02d} left"
    return f"<p>{title}: {left}</p><progress max={state.total} value={state.done}></progress>"


def about_model(info: ModelInfo) -> str:
    """What a user should know of a model before running it."""
    spec = info.spec
    kind = (
        "learned: its pixels are plausible, not observed"
        if spec.generated
        else "computed from the pixels of the inputs"
    )
    if not KINDS[spec.task].is_image:
        kind = "learned: its classes are likely, not observed"
    size = f"{spec.scale} times as many pixels along each axis" if spec.scale > 1 else ""
    bands = spec.input(spec.main).bands
    lines = [f"<b>{escape(spec.name)}</b> {escape(spec.version.partition('+')[0])}: {escape(kind)}"]
    lines += [escape(line) for line in (size, f"takes {bands} bands" if bands else "") if line]
    lines.append(f"Licence: {escape(info.licence)}")
    more = {"Trained on": info.training_data, "From": info.citation}
    details = "".join(f"<p><b>{name}:</b> {escape(text)}</p>" for name, text in more.items() if text != "none")
    rows = "".join(_quality(row) for row in info.quality)
    details += f"<table class=metrics><tr><th>scene<th>protocol<th>measured</tr>{rows}</table>" if rows else ""
    folded = (
        f"<details><summary>Training data, source, measured quality</summary>{details}</details>" if details else ""
    )
    return f"<p>{'. '.join(lines)}.</p>{folded}"


def _quality(row: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in row["values"].items())
    cells = (str(row["scene"]), str(row["protocol"]), values)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def finished(out: Path, address: str) -> str:
    """Where a run's output is, and its report."""
    where = escape(str(out))
    link = escape(address, quote=True)
    return (
        f"<p>Written: <code>{where}</code></p>"
        f"<p><a href='{link}' target=_blank>Open the report in a tab of its own</a></p>"
        f"<iframe class=report title='Report of the run' src='{link}'></iframe>"
    )


def plain(text: str) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"
