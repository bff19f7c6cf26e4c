"""How near the output comes to a reference on its grid: the metrics of an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import RequestError
from ..engine.events import Cancel, Listener, Silence
from ..engine.ground.grids import check_same_crs, ratio, relation, whole_shift
from ..engine.inputs.labels import LabelRequest
from ..engine.quality.class_map import evaluate_class_map, plan_class_map
from ..engine.quality.evaluation import evaluate
from ..engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from .gathering import Rasters
from .layers import palette_of


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison.

    Attributes:
        name: of the reference.
        metrics: by the names that reports use; None for one that is infinite.
    """

    name: str
    metrics: dict[str, float | None]


def compared(rasters: Rasters, out: Path, reference: Path, listener: Listener, cancel: Cancel) -> Compared:
    """Score the output.

    Raises:
        RequestError: the reference lies on another grid, or is of other bands or classes.
        RunError: a file cannot be read.
        Cancelled: between two strips.
    """
    _check_grid(rasters, reference)
    if palette_of(rasters.out, ()) is not None:
        plan = plan_class_map(str(out), LabelRequest(path=str(reference)))
        scores = evaluate_class_map(plan, listener=Silence(), cancel=cancel).scores
        return Compared(reference.name, {k: v for k, v in scores.plain().items() if not isinstance(v, dict)})
    main = rasters.main
    finer = 1.0 if main is None else math.sqrt(math.prod(ratio(rasters.out.grid, main.grid)))
    request = EvaluationRequest(str(out), str(reference), ratio=finer if finer > 1 + 1e-6 else None)
    listener.emit("start", doing="evaluating", unit="strips", fused=str(out))
    return Compared(reference.name, evaluate(plan_evaluation(request), listener=listener, cancel=cancel).plain())


def _check_grid(rasters: Rasters, reference: Path) -> None:
    own, other = rasters.out.grid, rasters.reference.grid if rasters.reference is not None else rasters.out.grid
    check_same_crs(own, other, fine_name=rasters.out.source, coarse_name=str(reference))
    if whole_shift(relation(own, other)) is None:
        raise RequestError(
            "its pixels do not lie on those of the output",
            where=str(reference),
            fix="bring it onto the output's grid with gdalwarp",
        )
