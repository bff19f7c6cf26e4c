"""The quality of a model on the open pair: at reduced resolution against MS itself, or at full without a truth."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Literal

from .. import api
from ..engine.events import Cancel, Listener
from ..engine.quality.evaluation import Evaluation, evaluate
from ..engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from ..engine.quality.metrics import METRICS
from ..engine.quality.protocol import Protocol, Relay, evaluate_model
from ..engine.request import Request
from ..models import registry

Resolution = Literal["reduced", "full"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found.

    Attributes:
        title: model, options and resolution.
        metrics: by name; None where a value is infinite.
    """

    title: str
    metrics: Mapping[str, float | None]


def measure(request: Request, model: str, resolution: Resolution, listener: Listener, cancel: Cancel) -> Evaluation:
    """Fuse a pair, or a part of it, and score what comes out.

    Args:
        request: of the run; its output is a temporary one.  At reduced resolution its window does not count: the whole
            pair is degraded.

    Raises:
        SeamlineError: as for ``run`` and ``evaluate``.
    """
    ms, pan = request.inputs["ms"], request.inputs["pan"]
    if resolution == "reduced":
        source = registry.resolve(model, "pansharpen")
        whole = replace(request, window=None)
        return evaluate_model(Protocol(ms, pan), source, whole, listener=listener, cancel=cancel)
    with tempfile.TemporaryDirectory(prefix="seamline-", ignore_cleanup_errors=True) as folder:
        fused = str(Path(folder, "fused.tif"))
        api.run_request(replace(request, out=fused), "pansharpen", model, listener=Relay(listener), cancel=cancel)
        plan = plan_evaluation(EvaluationRequest(fused, pan=pan, ms=ms), request.policy)
        return evaluate(plan, listener=listener, cancel=cancel, policy=request.policy)


def table(measured: Measured) -> str:
    """The metrics as HTML."""
    rows = "".join(_row(name, value) for name, value in measured.metrics.items())
    heads = "".join(f"<th>{each}</th>" for each in ("metric", "value", "better", "against", "says"))
    return f"<h3>{escape(measured.title)}</h3><table class=metrics><tr>{heads}</tr>{rows}</table>"


def _row(name: str, value: float | None) -> str:
    known = METRICS.get(name)
    shown = "∞" if value is None else f"{value:.4f}"
    unit = f" {known.unit}" if known is not None and known.unit else ""
    better, against, says = ("", "", "") if known is None else (known.direction, known.against, known.meaning)
    cells = (name, shown + unit, better, against, says)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
