"""What the engine's events say in the Processing log and on its progress bar."""

from __future__ import annotations

from typing import Any

from .engine_process import Event
from .text import tr


class Reporter:
    """Translates events to a ``QgsProcessingFeedback``; keys and events that it does not know are passed over."""

    def __init__(self, feedback: Any) -> None:
        self._feedback = feedback

    def event(self, event: Event) -> None:
        """Show one event.  Errors are not shown here: they end the algorithm."""
        show = getattr(self, "_" + event["event"], None)
        if show is not None:
            show(event)

    def log(self, line: str) -> None:
        """Show one line that is not an event."""
        self._feedback.pushConsoleInfo(line)

    def _start(self, event: Event) -> None:
        plan = event.get("plan")
        if isinstance(plan, dict):
            shown = [f"{key}: {value}" for key, value in plan.items() if isinstance(value, (str, int, float))]
            self._feedback.pushInfo("\n".join([tr("Plan of the run"), *shown]))

    def _progress(self, event: Event) -> None:
        done, total, eta_s = (event.get(key) for key in ("done", "total", "eta_s"))
        if not (_is_number(done) and _is_number(total)) or total <= 0:
            return
        self._feedback.setProgress(min(100.0, max(0.0, 100.0 * done / total)))
        text = tr("Tile {done} of {total}").format(done=done, total=total)
        if _is_number(eta_s):
            text += tr(", about {seconds} s left").format(seconds=round(eta_s))
        self._feedback.setProgressText(text)

    def _warning(self, event: Event) -> None:
        parts = (str(event.get(key) or "") for key in ("what", "where", "cure"))
        self._feedback.pushWarning("; ".join(part for part in parts if part))

    def _done(self, event: Event) -> None:
        self._feedback.setProgress(100.0)
        metrics = event.get("metrics")
        if isinstance(metrics, dict):
            for name, value in metrics.items():
                if value is not None:
                    self._feedback.pushInfo(f"{name}: {_rounded(value)}")
        if event.get("report"):
            self._feedback.pushInfo(tr("Report: {path}").format(path=event["report"]))


def _rounded(value: Any) -> str:
    """A number, or one a band, to four digits."""
    if isinstance(value, list):
        return ", ".join(_rounded(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
