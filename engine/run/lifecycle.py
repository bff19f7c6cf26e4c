"""One run from request to COG: describe, plan, check, compute, finish, report."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..context import RunContext
from ..contract import ModelSource
from ..errors import (
    AllNodataWarning,
    ConsistencyWarning,
    LeftoverWarning,
    ModelError,
    RequestError,
    RunError,
    UnusedOptionWarning,
)
from ..events import Cancel, Listener, Silence, warnings_to
from ..inputs.coregistration import REFERENCE
from ..output.finish import finish_cog
from ..output.report import facts_of, summary, tags_of
from ..output.workspace import Workspace
from ..plan.plan import Plan
from ..plan.resources import Estimate, check_resources, estimate
from ..request import OpenPolicy, Request
from .agreement import LoadedOnce, agreed_plan, check_destination, measured_plan
from .artefacts import artefacts
from .executors import Executor, InProcess
from .job import Job, run_job, shard_row_bands
from .stages import Stage, run_stages
from .vectors import vector_stages


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made.

    Attributes:
        out: the COG of the first output; None for a shard that left others to do.  The others lie beside it.
        report: the report beside it.
        facts: the report's content.
    """

    out: Path | None
    report: Path | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of a run that this call does: number ``index`` (from 1) of ``count``."""

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise RequestError(
                f"shard {self.index}/{self.count} does not exist", where="--shard", fix="give i/n with 1 <= i <= n"
            )

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole run."""
        return self.count == 1


def plan_run(request: Request, source: ModelSource, cancel: Cancel | None = None) -> tuple[Plan, Estimate]:
    """Plan a run and estimate its needs; writes nothing.

    Raises:
        RequestError: the request is wrong.
    """
    plan = measured_plan(request, source, LoadedOnce(source), (cancel or Cancel()).check)
    return plan, estimate(plan)


def run(
    request: Request,
    source: ModelSource,
    *,
    shard: Shard | None = None,
    executor: Executor | None = None,
    stages: Sequence[Stage] = (),
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a request to its COG, or one shard of it to its row bands.

    Args:
        executor: computes the row bands; None for this process.
        stages: follow the COGs; a shard has none, ``merge`` runs them.

    Raises:
        SeamlineError: of the class that names the exit code; the destination is untouched, finished row bands stay.
    """
    shard = shard or Shard()
    context = RunContext(listener=listener or Silence(), cancel=cancel or Cancel(), policy=request.policy)
    out, started = Path(request.out), time.perf_counter()
    workspace = Workspace.beside(out)
    with warnings_to(context.listener):
        check_destination(request, out)
        _warn_unused(request, source)
        with workspace.held(shared=not shard.is_whole):
            model = LoadedOnce(source)
            resumed = workspace.exists and (request.resume or not shard.is_whole)
            plan = agreed_plan(request, source, model, workspace, resumed=resumed, context=context)
            needs = check_resources(plan, out, request.memory)
            if executor is None:
                # A model that is not what its card says is refused before anything is made.
                with context.watch.stage("load"):
                    model(plan.runtime)
            job = _begin(source, plan, workspace, shard, resumed=resumed)
            _warn_of(request, plan)
            names = list(job.numbers)
            context.listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(names))
            try:
                (executor or InProcess(lambda: model(plan.runtime))).run(job, context)
            except ModelError:
                if shard.is_whole and not resumed:
                    # Nothing can come of this run: it leaves none behind that would have to be gone on with.
                    workspace.clear()
                raise
            if not shard.is_whole:
                left = workspace.row_bands(plan).unfinished(plan.row_bands)
                return Outcome(None, None, {"bands": names, "left": left})
            return _finish(plan, workspace, out, stages, context, started)


def _begin(source: ModelSource, plan: Plan, workspace: Workspace, shard: Shard, *, resumed: bool) -> Job:
    """Make the workspace ready, and the job of what is left to do in it."""
    if not resumed:
        if shard.is_whole:
            # Only now, so that a refusal leaves an older unfinished run as it is; never for a shard, whose siblings may
            # just have begun.
            workspace.clear()
        workspace.create(plan)
    row_bands = workspace.row_bands(plan)
    if resumed:
        # Of what was finished before, only what is still as it was is kept.
        row_bands.damaged(plan.row_bands)
    left = set(row_bands.unfinished(plan.row_bands))
    own = shard_row_bands(list(plan.row_bands), shard.index - 1, shard.count)
    numbers = tuple(band for band in own if band in left)
    return Job(plan, source, row_bands, numbers, plan.runtime.device)


def run_planned(
    plan: Plan,
    source: ModelSource,
    out: Path,
    *,
    policy: OpenPolicy,
    memory: int | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a plan as it stands, from its first tile and in this process, to a COG at ``out``.

    Raises:
        SeamlineError: as for ``run``.
    """
    context = RunContext(listener=listener or Silence(), cancel=cancel or Cancel(), policy=policy)
    workspace, started = Workspace.beside(out), time.perf_counter()
    with warnings_to(context.listener), workspace.held(shared=False):
        needs = check_resources(plan, out, memory)
        workspace.clear()
        workspace.create(plan)
        context.listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(plan.row_bands))
        job = Job(plan, source, workspace.row_bands(plan), tuple(plan.row_bands), plan.runtime.device)
        run_job(job, job.load(), context)
        return _finish(plan, workspace, out, (), context, started)


def merge(
    out: Path,
    *,
    stages: Sequence[Stage] = (),
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Put the row bands of all shards together; the inputs are not needed any more.

    Raises:
        RequestError: there is no run, row bands are missing, or a shard is still at work.
    """
    context = RunContext(listener=listener or Silence(), cancel=cancel or Cancel())
    workspace = Workspace.beside(out)
    if not workspace.exists:
        workspace.plan()
    with warnings_to(context.listener), workspace.held(shared=False):
        plan = workspace.plan()
        row_bands = workspace.row_bands(plan)
        # What other processes wrote, perhaps long ago, is held to what they said they wrote.
        damaged = row_bands.damaged(plan.row_bands)
        if damaged:
            raise RunError(
                f"{len(damaged)} row bands are not what was written (the first is {damaged[0]})",
                where=str(workspace.folder),
                fix="check the disk, run their shards again, then merge again",
            )
        missing = row_bands.unfinished(plan.row_bands)
        if missing:
            raise RequestError(
                f"{len(missing)} of {len(plan.row_bands)} row bands are not finished (the first is {missing[0]})",
                where=str(workspace.folder),
                fix="run the missing shards, then merge again",
            )
        return _finish(plan, workspace, out, stages, context, time.perf_counter())


def _warn_unused(request: Request, source: ModelSource) -> None:
    given = {
        "steps": request.steps is not None,
        "guidance": request.guidance is not None,
        "attention": request.attention != "sdpa",
    }
    unused = [option for option, is_given in given.items() if is_given and option not in source.spec.options]
    if request.coregister and len(source.spec.grids) != 2 and REFERENCE not in request.inputs:
        unused.append("coregister")
    for option in unused:
        text = f"--{option} does nothing with the model {source.spec.name}"
        warnings.warn(UnusedOptionWarning(text), stacklevel=3)


def _warn_of(request: Request, plan: Plan) -> None:
    if request.sensor is not None and plan.consistency != "mtf" and len(plan.scenes) == 1:
        warnings.warn(UnusedOptionWarning("--sensor does nothing without --consistency on"), stacklevel=3)
    if plan.consistency != "off" and not plan.sights:
        text = "--consistency on does nothing here: the inputs are turned against each other"
        warnings.warn(ConsistencyWarning(text), stacklevel=3)


def _finish(
    plan: Plan, workspace: Workspace, out: Path, stages: Sequence[Stage], context: RunContext, started: float
) -> Outcome:
    row_bands = workspace.row_bands(plan)
    receipts = [receipt for band in plan.row_bands if (receipt := row_bands.receipt(band)) is not None]
    found = finish_cog(plan, row_bands, out, tags_of(plan, out), context=context)
    made = run_stages((*vector_stages(plan), *stages), plan, found, context)
    with context.watch.stage("artefacts"):
        seen = artefacts(plan, out, context.policy, context.cancel.check)
    facts = facts_of(plan, out, receipts, found, context.watch, time.perf_counter() - started) | {"stages": made}
    facts["metrics"]["artefacts"] = seen
    height, width = plan.output.grid.shape
    cells = height * width * len(plan.output.bands)
    if facts["counts"]["masked"] == cells:
        warnings.warn(AllNodataWarning("the inputs hold no valid pixel here: the output is all nodata"), stacklevel=3)
    report = out.with_name(out.stem + ".report.json")
    report.write_text(json.dumps(facts, indent=1))
    try:
        workspace.clear()
    except RunError as error:
        # The result is in place; only its scaffold is not gone.
        warnings.warn(LeftoverWarning(str(error)), stacklevel=3)
    vectors = list(plan.vectors.paths.values())
    context.listener.emit(
        "done", outputs=facts["outputs"], vectors=vectors, report=str(report), metrics=facts["metrics"]
    )
    return Outcome(out, report, facts)
