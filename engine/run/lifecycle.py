"""One run from request to COG: describe, plan, check, compute, finish, report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
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
from ..events import Cancel, Listener, Remembering, Silence, warnings_to
from ..inputs.coregistration import REFERENCE
from ..output.finish import make_cogs, put_in_place, report_of
from ..output.report import facts_of, summary, tags_of
from ..output.row_bands import write_json
from ..output.workspace import Workspace
from ..plan.plan import Plan
from ..plan.resources import Estimate, check_resources, estimate
from ..request import OpenPolicy, Request
from .agreement import agreed_plan, check_apart, check_destination, measured_plan
from .artefacts import artefacts
from .executors import Executor, InProcess
from .item import item_stages
from .job import Job, even_parts, run_job
from .loaded import LoadedOnce
from .stages import Stage, run_stages
from .unchanged import check_as_read
from .upload import check_upload, upload_stages
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


def plan_run(
    request: Request, source: ModelSource, cancel: Cancel | None = None, *, loaded: LoadedOnce | None = None
) -> tuple[Plan, Estimate]:
    """Plan a run and estimate its needs; writes nothing.

    Args:
        loaded: as for ``run``.

    Raises:
        RequestError: the request is wrong.
    """
    plan = measured_plan(request, source, loaded or LoadedOnce(), (cancel or Cancel()).check)
    return plan, estimate(plan)


def run(
    request: Request,
    source: ModelSource,
    *,
    shard: Shard | None = None,
    executor: Executor | None = None,
    stages: Sequence[Stage] = (),
    about: Mapping[str, Any] | None = None,
    loaded: LoadedOnce | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a request to its COG, or one shard of it to its row bands.

    Args:
        executor: computes the row bands; None for this process.
        stages: follow the COGs; a shard has none, ``merge`` runs them.
        about: further facts for the report.
        loaded: keeps the model for the next run.

    Raises:
        SeamlineError: of the class that names the exit code; the destination is untouched, finished row bands stay.
    """
    shard, model = shard or Shard(), loaded or LoadedOnce()
    if request.upload is not None and not shard.is_whole:
        raise RequestError(
            "what merge puts together stays on this machine",
            where="--shard",
            fix="give an OUT on this machine, and copy it",
        )
    wanted = (*stages, *upload_stages(request))
    ears = Remembering(listener or Silence())
    context = RunContext(listener=ears, cancel=cancel or Cancel(), policy=request.policy)
    out, started = Path(request.out), time.perf_counter()
    workspace = Workspace.beside(out)
    with warnings_to(context.listener):
        check_destination(request, out)
        check_upload(request)
        _warn_unused(request, source)
        with workspace.held(shared=not shard.is_whole):
            resumed = workspace.exists and (request.resume or not shard.is_whole)
            plan = agreed_plan(request, source, model, workspace, resumed=resumed, context=context)
            check_apart(plan, out)
            needs = check_resources(plan, out, request.memory)
            if executor is None:
                # A model that is not what its card says is refused before anything is made.
                with context.watch.stage("load"):
                    model(source, plan.runtime)
            job = _begin(source, plan, workspace, shard, resumed=resumed)
            _warn_of(request, plan)
            names = list(job.numbers)
            context.listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(names))
            try:
                (executor or InProcess(lambda: model(source, plan.runtime))).run(job, context)
            except (ModelError, RequestError) as error:
                nothing_yet = len(job.row_bands.unfinished(plan.row_bands)) == len(plan.row_bands)
                if shard.is_whole and not resumed and (nothing_yet or isinstance(error, ModelError)):
                    # Nothing can come of this run: it leaves none behind that would have to be gone on with.
                    workspace.clear()
                raise
            check_as_read(job, context.policy)
            if not shard.is_whole:
                left = workspace.row_bands(plan).unfinished(plan.row_bands)
                return Outcome(None, None, {"bands": names, "left": left})
            return _finish(plan, workspace, out, _Wanted(wanted, about or {}, ears, started), context)


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
    parts = even_parts(plan.tiles, list(plan.row_bands), shard.count)
    # More shards than row bands: the last ones have nothing to do.
    own = parts[shard.index - 1] if shard.index <= len(parts) else []
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
    ears = Remembering(listener or Silence())
    context = RunContext(listener=ears, cancel=cancel or Cancel(), policy=policy)
    workspace, started = Workspace.beside(out), time.perf_counter()
    with warnings_to(context.listener), workspace.held(shared=False):
        needs = check_resources(plan, out, memory)
        workspace.clear()
        workspace.create(plan)
        context.listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(plan.row_bands))
        job = Job(plan, source, workspace.row_bands(plan), tuple(plan.row_bands), plan.runtime.device)
        run_job(job, job.load(), context)
        check_as_read(job, context.policy)
        return _finish(plan, workspace, out, _Wanted((), {}, ears, started), context)


def merge(
    out: Path,
    *,
    stages: Sequence[Stage] = (),
    about: Mapping[str, Any] | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Put the row bands of all shards together; the inputs are not needed any more.

    Args:
        stages, about: as for ``run``.

    Raises:
        RequestError: there is no run, row bands are missing, or a shard is still at work.
    """
    ears, started = Remembering(listener or Silence()), time.perf_counter()
    context = RunContext(listener=ears, cancel=cancel or Cancel())
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
        return _finish(plan, workspace, out, _Wanted(stages, about or {}, ears, started), context)


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
    if request.sensor is not None and plan.consistency != "mtf" and plan.support is None and len(plan.scenes) == 1:
        warnings.warn(UnusedOptionWarning("--sensor does nothing without --consistency on"), stacklevel=3)
    if plan.consistency != "off" and not plan.sights:
        text = "--consistency on does nothing here: the inputs are turned against each other"
        warnings.warn(ConsistencyWarning(text), stacklevel=3)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a run makes beside its outputs.

    Attributes:
        stages: follow the COGs.
        about: further facts for the report.
        ears: have heard the warnings.
        started: when the call began, s.
    """

    stages: Sequence[Stage]
    about: Mapping[str, Any]
    ears: Remembering
    started: float


def _finish(plan: Plan, workspace: Workspace, out: Path, wanted: _Wanted, context: RunContext) -> Outcome:
    row_bands = workspace.row_bands(plan)
    receipts = [receipt for band in plan.row_bands if (receipt := row_bands.receipt(band)) is not None]
    found = make_cogs(plan, row_bands, out, tags_of(plan, out), context=context)
    with context.watch.stage("artefacts"):
        seen = artefacts(plan, found[0].path, context.policy, context.cancel.check)
    _warn_if_empty(plan, receipts)

    def told(stages: Mapping[str, Any]) -> dict[str, Any]:
        spent = time.perf_counter() - wanted.started
        facts = facts_of(plan, out, receipts, found, wanted.ears.warned, context.watch, spent)
        facts["metrics"]["artefacts"] = seen
        return {**facts, "stages": dict(stages), **wanted.about}

    # Before the outputs are put in place: a report that cannot be written leaves an older output as it is.
    report, facts = workspace.folder / "report.json", told({})
    _write_report(report, facts)
    found = put_in_place(plan, found, report, out)
    stages = (*vector_stages(plan), *item_stages(plan), *wanted.stages)
    if stages:
        facts = told(run_stages(stages, plan, found, context))
        _write_report(report_of(out), facts)
    try:
        workspace.clear()
    except RunError as error:
        # The result is in place; only its scaffold is not gone.
        warnings.warn(LeftoverWarning(str(error)), stacklevel=3)
    context.listener.emit(
        "done",
        outputs=facts["outputs"],
        vectors=list(plan.vectors.paths.values()),
        report=str(report_of(out)),
        metrics=facts["metrics"],
    )
    return Outcome(out, report_of(out), facts)


def _warn_if_empty(plan: Plan, receipts: Sequence[Mapping[str, Any]]) -> None:
    height, width = plan.output.grid.shape
    masked = sum(receipt["counts"][plan.output.name]["masked"] for receipt in receipts)
    if masked == height * width * len(plan.output.bands):
        warnings.warn(AllNodataWarning("the inputs hold no valid pixel here: the output is all nodata"), stacklevel=3)


def _write_report(path: Path, facts: Mapping[str, Any]) -> None:
    try:
        write_json(path, facts, indent=1)
    except OSError as error:
        raise RunError(
            f"the report cannot be written ({error.strerror})",
            where=str(path),
            fix="make room on the disk, or the folder writable, then run again with --resume",
        ) from error
