"""What the engine's events say in the Processing log and on its progress bar."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from .engine_process import Event
from .engine_words import worded
from .metrics_page import class_metrics
from .text import tr

_PAUSE_S = 3.0  # between two lines of progress in the log; the bar moves with every tile


class Reporter:
    """Translates events to a ``QgsProcessingFeedback``; keys and events that it does not know are passed over.

    Args:
        titles: of parameters, by what the engine calls them.
        quiet: leave the progress bar and the result alone, as a step after the run itself does.
    """

    def __init__(self, feedback: Any, *, titles: Optional[Mapping[str, str]] = None, quiet: bool = False) -> None:
        self._feedback, self._titles, self._quiet = feedback, titles or {}, quiet
        self._unit, self._said_at = "", 0.0

    def event(self, event: Event) -> None:
        """Show one event.  Errors are not shown here: they end the algorithm."""
        show = getattr(self, "_" + event["event"], None)
        if show is not None:
            show(event)

    def log(self, line: str) -> None:
        """Show one line that is not an event."""
        self._feedback.pushConsoleInfo(line)

    def _start(self, event: Event) -> None:
        self._unit, self._said_at = str(event.get("unit") or ""), 0.0
        plan = event.get("plan")
        if isinstance(plan, dict):
            for line in estimate_lines(plan):
                self._feedback.pushInfo(line)
        doing = {
            "computing features": tr("Looking at the labelled places"),
            "computing features of turned copies": tr("Looking at them turned and mirrored"),
            "fitting": tr("Learning the classes"),
        }
        if event.get("doing") in doing and not self._quiet:
            self._feedback.pushInfo(doing[event["doing"]])

    def _progress(self, event: Event) -> None:
        done, total, eta_s = (event.get(key) for key in ("done", "total", "eta_s"))
        if self._quiet or not (_is_number(done) and _is_number(total)) or total <= 0:
            return
        self._feedback.setProgress(min(100.0, max(0.0, 100.0 * done / total)))
        now = time.monotonic()
        if now - self._said_at < _PAUSE_S and done < total:
            return
        self._said_at = now
        words = {"steps": tr("Step {done} of {total}"), "strips": tr("Strip {done} of {total}")}
        text = words.get(self._unit, tr("Tile {done} of {total}")).format(done=done, total=total)
        if _is_number(eta_s) and done < total:
            text += tr(", about {time} left").format(time=duration(eta_s))
        self._feedback.setProgressText(text)

    def _warning(self, event: Event) -> None:
        parts = (worded(str(event.get(key) or ""), self._titles) for key in ("what", "where", "fix"))
        self._feedback.pushWarning("; ".join(part for part in parts if part))

    def _done(self, event: Event) -> None:
        if self._quiet:
            return
        self._feedback.setProgress(100.0)
        for line in metric_lines(event.get("metrics")):
            self._feedback.pushInfo(line)
        if event.get("report"):
            self._feedback.pushInfo(tr("Report: {path}").format(path=event["report"]))


def estimate_lines(plan: dict) -> list[str]:
    """The estimate of a plan, as a person reads it; what the engine did not say is left out."""
    needs, output = plan.get("estimate") or {}, plan.get("output") or {}
    parts = []
    for key, text in (
        ("memory_bytes", tr("{size} of memory")),
        ("output_bytes", tr("an output of up to {size}")),
        ("disk_bytes", tr("{size} of disk while it runs")),
    ):
        if _is_number(needs.get(key)):
            parts.append(text.format(size=storage(needs[key])))
    lines = [tr("Estimate: {parts}").format(parts=", ".join(parts))] if parts else []
    size = output.get("size")
    if isinstance(size, list) and len(size) == 2:
        text = tr("Plan: {width} x {height} px, {bands} bands, {tiles} tiles of {tile} px, model {model}, on {device}")
        model = str(plan.get("model", "")).partition("+")[0]
        facts = {"bands": output.get("bands"), "tiles": plan.get("tiles"), "tile": plan.get("tile"), "model": model}
        facts["device"] = plan.get("device", "cpu")
        lines.append(text.format(width=size[0], height=size[1], **facts))
    return lines


def metric_lines(metrics: Any) -> list[str]:
    """What a run or an evaluation measured; of a run's own, what its report explains in full."""
    measured = metrics if isinstance(metrics, dict) else {}
    lines = []
    score, usual = measured.get("seam_score"), measured.get("seam_control_band")
    if _is_number(score) and isinstance(usual, list):
        text = tr("Seam score: {score}; lines elsewhere in the image have {low} to {high}")
        lines.append(text.format(score=f"{score:.2f}", low=f"{usual[0]:.2f}", high=f"{usual[1]:.2f}"))
    shares = [share for share in measured.get("consistency") or [] if _is_number(share)]
    if shares:
        text = tr("Consistency: seen as the input sees, the output is within {share} % of it, band by band {shares}")
        listed = ", ".join(f"{100 * share:.2g}" for share in shares)
        lines.append(text.format(share=f"{100 * max(shares):.2g}", shares=listed))
    own = ("seam_", "overlap_", "consistency_sight")
    classes = class_metrics(measured)
    known = {name: value for name, value in measured.items() if value is not None and not isinstance(value, dict)}
    rest = {name: value for name, value in known.items() if name != "consistency" and not name.startswith(own)}
    lines += [f"{name}: {_rounded(value)}" for name, value in rest.items()]
    return lines + [f"{title}: {_listed(each)}" for title, each in classes.items()]


def duration(seconds: float) -> str:
    """Such as ``40 s``, ``3 min`` or ``2 h 5 min``."""
    if seconds < 90:
        return tr("{seconds} s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return tr("{minutes} min").format(minutes=minutes)
    return tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def storage(count: float) -> str:
    """Bytes in MiB, or in GiB with a digit."""
    mib = count / 2**20
    return f"{mib / 1024:.1f} GiB" if mib >= 1000 else f"{max(1, round(mib))} MiB"


def _listed(metrics: dict) -> str:
    """The metrics of one class."""
    return ", ".join(f"{name} {_rounded(value)}" for name, value in metrics.items() if value is not None)


def _rounded(value: Any) -> str:
    """A number, or one a band, to four digits."""
    if isinstance(value, list):
        return ", ".join(_rounded(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value: Optional[Any]) -> bool:
    return isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
