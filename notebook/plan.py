"""The plan of a run, as a notebook shows it before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from ..engine.inputs.scene import Scene
from ..engine.plan.plan import Output, Plan
from ..engine.plan.resources import Estimate
from ..report.sections import TASKS
from .grid import pixel_of, size_of_grid
from .sheet import Sheet, Shown, Table
from .words import filled, listed, model_name, number, shift_of, size_of, time_of

_SIGHTS = {
    "mtf": "enforced, seen through the instrument's MTF",
    "area": "enforced, as area means",
    "off": "not enforced",
}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RunPlan(Shown):
    """What a run would do; nothing has been computed or written.

    Attributes:
        plan: as the engine made it; ``plan.identity`` is that of the run.
        needs: memory, disk, bytes of the output, seconds.
        out: path of the first output; None where it would be in memory alone.
        sources: what the user calls each input.
        warnings: sentences.
    """

    plan: Plan
    needs: Estimate
    out: str | None
    sources: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def sheet(self) -> Sheet:
        """Inputs, tiles, costs and outputs."""
        plan, needs = self.plan, self.needs
        facts = filled(
            [
                ("model", model_name(plan.model)),
                ("device", f"{plan.runtime.device}, {plan.runtime.precision}"),
                ("denoising steps", plan.runtime.steps),
                ("tiles", f"{needs.tiles} of {plan.tiles.rows.tile} × {plan.tiles.columns.tile} px, {_overlap(plan)}"),
                ("row bands", len(plan.row_bands)),
                ("consistency", _SIGHTS[plan.consistency] if plan.sights else ""),
                ("instrument", _instrument(plan)),
                ("shift taken away", "" if plan.shift is None else f"{shift_of(*plan.shift)}, px of {plan.main}"),
                ("seed", plan.seed),
                ("identity", plan.identity[:12]),
            ]
        )
        cost = filled(
            [
                ("time of the network", "" if needs.seconds is None else f"about {time_of(needs.seconds)}"),
                ("memory", f"up to {size_of(needs.memory_bytes)}"),
                ("disk on the way", f"up to {size_of(needs.disk_bytes)}"),
                ("output, uncompressed", size_of(needs.output_bytes)),
            ]
        )
        inputs = tuple(_input(scene, self.sources.get(scene.name, scene.source)) for scene in plan.inputs)
        outputs = tuple(self._output(output) for output in plan.kept)
        return Sheet(
            f"Plan: {TASKS[plan.task]} by {model_name(plan.model)}",
            "nothing has been computed or written yet",
            self.warnings,
            (
                Table(inputs, ("input", "size", "pixel", "bands", "type", "source")),
                Table(outputs, ("output", "size", "pixel", "bands", "type", "goes to")),
                Table(facts, title="how"),
                Table(cost, title="estimated cost"),
            ),
        )

    def _output(self, output: Output) -> tuple[str, ...]:
        place = "in memory" if self.out is None else output.file or self.out
        return (*_raster(output.name, output), place)


def _raster(name: str, output: Output) -> tuple[str, ...]:
    return name, size_of_grid(output.grid), pixel_of(output.grid), str(len(output.bands)), output.dtype


def _input(scene: Scene, source: str) -> tuple[str, ...]:
    named = [band.name for band in scene.bands]
    bands = f"{len(named)}: {listed(named)}" if all(named) and len(named) <= 8 else str(len(named))
    if (of := scene.delivery) is not None:
        source = f"{source} ({listed([each for each in (of.kind, of.sensor) if each])})"
    return scene.name, size_of_grid(scene.grid), pixel_of(scene.grid), bands, scene.dtype, source


def _overlap(plan: Plan) -> str:
    """How far neighbouring tiles overlap, at least."""
    axes = (plan.tiles.rows, plan.tiles.columns)
    steps = [axis.tile - (after - before) for axis in axes for before, after in pairwise(axis.starts)]
    return f"overlapping by {min(steps)} px" if steps else "no overlap needed"


def _instrument(plan: Plan) -> str:
    found = plan.instrument
    if found is None:
        return ""
    return f"MTF gain {number(found.gain)} at Nyquist; MS lies off by {shift_of(*found.shift)}, px of PAN"
