"""One run from request to COG: describe, plan, check, compute, finish, report."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..contract import ModelSource
from ..errors import AllNodataWarning, ConsistencyWarning, RequestError, UnusedOptionWarning
from ..events import Cancel, Listener, Silence, Stopwatch, warnings_to
from ..inputs.archives import exists
from ..inputs.coregistration import correction, measure, warn_if_shifted
from ..output.finish import finish_cog
from ..output.report import facts_of, summary, tags_of
from ..output.workspace import Workspace
from ..plan.make import make_plan
from ..plan.plan import Plan
from ..plan.resources import Estimate, check_resources, estimate
from ..plan.statistics import measured
from ..request import OpenPolicy, Request
from ..serial import to_jsonable
from .execution import Job, run_row_bands, shard_row_bands
from .processes import run_in_processes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made.

    Attributes:
        out: the COG; None for a shard that left others to do.  That of its standard deviations lies beside it.
        report: the report beside it.
        facts: the report's content.
    """

    out: Path | None
    report: Path | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a run that this call does: shard ``index`` (from 1) of ``count``, by ``workers`` processes."""

    index: int = 1
    count: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise RequestError(
                f"shard {self.index}/{self.count} does not exist", where="--shard", fix="give i/n with 1 <= i <= n"
            )
        if self.workers < 1:
            raise RequestError(f"{self.workers} workers cannot work", where="--workers", fix="give 1 or more")


def plan_run(request: Request, source: ModelSource, cancel: Cancel | None = None) -> tuple[Plan, Estimate]:
    """Plan a run and estimate its needs; writes nothing.

    Raises:
        RequestError: the request is wrong.
    """
    plan = _measured_plan(request, source, (cancel or Cancel()).check)
    return plan, estimate(plan)


def _measured_plan(request: Request, source: ModelSource, check: Callable[[], None]) -> Plan:
    """A plan with what is measured once on the scene: the shift between its inputs, and the model's figures."""
    plan = make_plan(request, source.spec, source.identity)
    found = None
    if len(plan.scenes) == 2:
        fine, main = plan.scenes[0], plan.scene
        found = measure(fine, main, request.policy, check)
        if request.coregister:
            shift = correction(found, fine, main)
            plan = make_plan(request, source.spec, source.identity, shift=shift)
        elif found is not None:
            warn_if_shifted(found, fine, main)
    plan = replace(plan, misregistration=found)
    return measured(plan, source.spec, lambda: source.load(plan.runtime), request.policy, check)


def run(
    request: Request,
    source: ModelSource,
    *,
    share: Share | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a request to its COG, or one shard of it to its row bands.

    Raises:
        SeamlineError: of the class that names the exit code; the destination is untouched, finished row bands stay.
    """
    share, listener, cancel = share or Share(), listener or Silence(), cancel or Cancel()
    out, workspace, watch = Path(request.out), Workspace.beside(Path(request.out)), Stopwatch()
    started = time.perf_counter()
    with warnings_to(listener):
        check_destination(request, out)
        _warn_unused(request, source)
        resumed = workspace.exists and (request.resume or share.count > 1)
        plan = _agreed_plan(request, source, workspace, resumed, watch, cancel)
        needs = check_resources(plan, out, request.memory)
        if not resumed and share.count == 1:
            # Only now, so that a refusal leaves an older unfinished run as it is; never for a shard, whose siblings
            # may just have made the folder.
            workspace.remove()
        if not workspace.exists:
            workspace.create(plan)
        bands = workspace.unfinished(plan.row_bands)
        mine = [
            band for band in shard_row_bands(list(plan.row_bands), share.index - 1, share.count) if band in set(bands)
        ]
        if request.sensor is not None and plan.consistency != "mtf":
            warnings.warn(UnusedOptionWarning("--sensor does nothing without --consistency on"), stacklevel=2)
        if plan.consistency != "off" and not plan.sights:
            text = "--consistency on does nothing here: the inputs are turned against each other"
            warnings.warn(ConsistencyWarning(text), stacklevel=2)
        listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(mine))
        job = Job(plan, source, workspace, tuple(mine), request.policy)
        if share.workers > 1 and len(mine) > 1:
            run_in_processes(job, share.workers, listener=listener, cancel=cancel, watch=watch)
        else:
            run_row_bands(job, listener=listener, cancel=cancel, watch=watch)
        if share.count > 1:
            return Outcome(None, None, {"bands": mine, "left": workspace.unfinished(plan.row_bands)})
        return _finish(plan, workspace, out, listener, cancel, watch, started)


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
    listener, cancel = listener or Silence(), cancel or Cancel()
    workspace, watch, started = Workspace.beside(out), Stopwatch(), time.perf_counter()
    with warnings_to(listener):
        needs = check_resources(plan, out, memory)
        workspace.create(plan)
        listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(plan.row_bands))
        job = Job(plan, source, workspace, tuple(plan.row_bands), policy)
        run_row_bands(job, listener=listener, cancel=cancel, watch=watch)
        return _finish(plan, workspace, out, listener, cancel, watch, started)


def merge(out: Path, *, listener: Listener | None = None, cancel: Cancel | None = None) -> Outcome:
    """Put the row bands of all shards together.

    Raises:
        RequestError: there is no run, or row bands are missing.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    workspace = Workspace.beside(out)
    plan = workspace.plan()
    missing = workspace.unfinished(plan.row_bands)
    if missing:
        raise RequestError(
            f"{len(missing)} of {len(plan.row_bands)} row bands are not finished (the first is {missing[0]})",
            where=str(workspace.folder),
            fix="run the missing shards, then merge again",
        )
    with warnings_to(listener):
        return _finish(plan, workspace, out, listener, cancel, Stopwatch(), time.perf_counter())


def check_destination(request: Request, out: Path) -> None:
    """Refuse what cannot be written, before anything is computed.

    Raises:
        RequestError: an output is an input, a folder, no GeoTIFF, in no folder, or exists and may not be replaced; or
            that of the standard deviations is the other one, or does not lie beside it.
    """
    _check_place(request, out, replaces=request.overwrite)
    if request.uncertainty is None:
        return
    deviations = Path(request.uncertainty)
    # Beside the workspace, so that it too is put in place by a rename.
    if deviations.parent.is_dir() and deviations.parent.resolve() != out.parent.resolve():
        raise RequestError(
            "the deviations do not lie in the folder of the output",
            where=str(deviations),
            fix=f"give a name in {out.parent}",
        )
    # On some disks names that differ in capitals alone are one file.
    if deviations.parent.is_dir() and deviations.name.casefold() == out.name.casefold():
        raise RequestError("this is the output itself", where=str(deviations), fix="choose another name")
    # An unfinished run was free to write it when it began, and may have been killed just after it did.
    going_on = request.resume and Workspace.beside(out).exists
    _check_place(request, deviations, replaces=request.overwrite or going_on)


def _check_place(request: Request, out: Path, *, replaces: bool) -> None:
    for source in request.inputs.values():
        for part in {source, *source.split(",")}:
            if exists(part) and out.exists() and Path(part).samefile(out):
                raise RequestError("the output is one of the inputs", where=str(out), fix="choose another name")
    if out.is_dir():
        raise RequestError("the output is a folder", where=str(out), fix="give a file name that ends in .tif")
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise RequestError("the output is not a GeoTIFF", where=str(out), fix="give a name that ends in .tif")
    if not out.parent.is_dir():
        raise RequestError("the folder does not exist", where=str(out.parent), fix="make it first")
    if out.exists() and not replaces:
        raise RequestError("the output exists", where=str(out), fix="pass --overwrite to replace it")


def _warn_unused(request: Request, source: ModelSource) -> None:
    given = {
        "steps": request.steps is not None,
        "guidance": request.guidance is not None,
        "attention": request.attention != "sdpa",
    }
    unused = [option for option, is_given in given.items() if is_given and option not in source.spec.options]
    if request.coregister and len(source.spec.inputs) != 2:
        unused.append("coregister")
    for option in unused:
        text = f"--{option} does nothing with the model {source.spec.name}"
        warnings.warn(UnusedOptionWarning(text), stacklevel=2)


def _agreed_plan(
    request: Request, source: ModelSource, workspace: Workspace, resumed: bool, watch: Stopwatch, cancel: Cancel
) -> Plan:
    """The saved plan of an unfinished run if it is this run, else a new one."""
    if resumed:
        saved = workspace.plan()
        # What was measured on the scene, once, is part of the saved plan.
        shift = (saved.shift or (0.0, 0.0)) if request.coregister and len(source.spec.inputs) == 2 else None
        plan = make_plan(request, source.spec, source.identity, shift=shift)
        if (_geometry(saved), saved.uncertainty) != (_geometry(plan), plan.uncertainty):
            raise RequestError(
                f"the unfinished run is another one (it differs in {', '.join(_differences(saved, plan))})",
                where=str(workspace.folder),
                fix="repeat the options of that run, or pass --overwrite without --resume to start anew",
            )
        return saved
    if workspace.exists and not request.overwrite:
        raise RequestError(
            "an unfinished run lies here",
            where=str(workspace.folder),
            fix="pass --resume to go on with it, or --overwrite to start anew",
        )
    with watch.stage("statistics"):
        return _measured_plan(request, source, cancel.check)


def _geometry(plan: Plan) -> str:
    return replace(plan, levels={}, statistics=()).identity


def _differences(a: Plan, b: Plan) -> list[str]:
    skip = ("levels", "statistics", "misregistration")
    left, right = to_jsonable(a), to_jsonable(b)
    return [name for name in left if name not in skip and left[name] != right[name]] or ["its inputs"]


def _finish(
    plan: Plan, workspace: Workspace, out: Path, listener: Listener, cancel: Cancel, watch: Stopwatch, started: float
) -> Outcome:
    receipts = [receipt for band in plan.row_bands if (receipt := workspace.receipt(band)) is not None]
    found = finish_cog(plan, workspace, out, tags_of(plan, out), watch=watch, check=cancel.check)
    facts = facts_of(plan, out, receipts, found, watch, time.perf_counter() - started)
    cells = plan.window.height * plan.window.width * plan.scale**2 * len(plan.output.bands)
    if facts["counts"]["masked"] == cells:
        warnings.warn(AllNodataWarning("the inputs hold no valid pixel here: the output is all nodata"), stacklevel=2)
    report = out.with_name(out.stem + ".report.json")
    report.write_text(json.dumps(facts, indent=1))
    workspace.remove()
    listener.emit("done", outputs=facts["outputs"], report=str(report), metrics=facts["metrics"])
    return Outcome(out, report, facts)
