"""One run from request to COG: describe, plan, check, compute, finish, report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import rasterio

from .cog import Finished, finish_cog
from .consistency import relative_rms
from .contract import ModelSource
from .errors import AllNodataWarning, RequestError, UnusedOptionWarning
from .events import Cancel, Listener, Silence, Stopwatch, warnings_to
from .execution import run_bands, shard_bands
from .plan import Plan, Request, make_plan
from .radiometry import Counts
from .resources import Estimate, check_resources, estimate
from .scene import Policy
from .serial import to_jsonable
from .statistics import measured
from .workers import run_in_processes
from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made.

    Attributes:
        out: the COG; None for a shard that left others to do.
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
                f"shard {self.index}/{self.count} does not exist", where="--shard", cure="give i/n with 1 <= i <= n"
            )
        if self.workers < 1:
            raise RequestError(f"{self.workers} workers cannot work", where="--workers", cure="give 1 or more")


def plan_run(request: Request, source: ModelSource, cancel: Cancel | None = None) -> tuple[Plan, Estimate]:
    """Plan a run and estimate its needs; writes nothing.

    Raises:
        RequestError: the request is wrong.
    """
    plan = make_plan(request, source.spec, source.identity)
    check = (cancel or Cancel()).check
    plan = measured(plan, source.spec, lambda: source.load(plan.runtime), request.policy, check)
    return plan, estimate(plan)


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
        _check_destination(request, out)
        _warn_unused(request, source)
        plan = _agreed_plan(request, source, workspace, share, watch, cancel)
        needs = check_resources(plan, out, request.memory)
        if not workspace.exists:
            workspace.create(plan)
        bands = workspace.unfinished(plan.bands)
        mine = [band for band in shard_bands(list(plan.bands), share.index - 1, share.count) if band in set(bands)]
        listener.emit("start", plan=summary(plan, needs), out=str(out), bands=len(mine))
        _compute(plan, source, workspace, mine, request.policy, share.workers, listener, cancel, watch)
        if share.count > 1:
            return Outcome(None, None, {"bands": mine, "left": workspace.unfinished(plan.bands)})
        return _finish(plan, workspace, out, listener, cancel, watch, started)


def merge(out: Path, *, listener: Listener | None = None, cancel: Cancel | None = None) -> Outcome:
    """Put the row bands of all shards together.

    Raises:
        RequestError: there is no run, or row bands are missing.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    workspace = Workspace.beside(out)
    plan = workspace.plan()
    missing = workspace.unfinished(plan.bands)
    if missing:
        raise RequestError(
            f"{len(missing)} of {len(plan.bands)} row bands are not finished (the first is {missing[0]})",
            where=str(workspace.folder),
            cure="run the missing shards, then merge again",
        )
    with warnings_to(listener):
        return _finish(plan, workspace, out, listener, cancel, Stopwatch(), time.perf_counter())


def _check_destination(request: Request, out: Path) -> None:
    for source in request.inputs.values():
        for part in {source, *source.split(",")}:
            if Path(part).exists() and out.exists() and Path(part).samefile(out):
                raise RequestError("the output is one of the inputs", where=str(out), cure="choose another name")
    if out.is_dir():
        raise RequestError("the output is a folder", where=str(out), cure="give a file name that ends in .tif")
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise RequestError("the output is not a GeoTIFF", where=str(out), cure="give a name that ends in .tif")
    if not out.parent.is_dir():
        raise RequestError("the folder does not exist", where=str(out.parent), cure="make it first")
    if out.exists() and not request.overwrite:
        raise RequestError("the output exists", where=str(out), cure="pass --overwrite to replace it")


def _warn_unused(request: Request, source: ModelSource) -> None:
    import warnings

    for option in ("steps", "guidance"):
        if getattr(request, option) is not None and option not in source.spec.options:
            text = f"--{option} does nothing with the model {source.spec.name}"
            warnings.warn(UnusedOptionWarning(text), stacklevel=2)


def _agreed_plan(
    request: Request, source: ModelSource, workspace: Workspace, share: Share, watch: Stopwatch, cancel: Cancel
) -> Plan:
    """The saved plan of an unfinished run if it is this run, else a new one."""
    plan = make_plan(request, source.spec, source.identity)
    if workspace.exists and (request.resume or share.count > 1):
        saved = workspace.plan()
        # The scene's figures were measured once and are part of the saved plan.
        if _geometry(saved) != _geometry(plan):
            raise RequestError(
                f"the unfinished run is another one (it differs in {', '.join(_differences(saved, plan))})",
                where=str(workspace.folder),
                cure="repeat the options of that run, or pass --overwrite without --resume to start anew",
            )
        return saved
    if workspace.exists and not request.overwrite:
        raise RequestError(
            "an unfinished run lies here",
            where=str(workspace.folder),
            cure="pass --resume to go on with it, or --overwrite to start anew",
        )
    workspace.remove()
    with watch.stage("statistics"):
        return measured(plan, source.spec, lambda: source.load(plan.runtime), request.policy, cancel.check)


def _geometry(plan: Plan) -> str:
    from dataclasses import replace

    return replace(plan, levels={}, statistics=()).identity


def _differences(a: Plan, b: Plan) -> list[str]:
    skip = ("levels", "statistics")
    left, right = to_jsonable(a), to_jsonable(b)
    return [name for name in left if name not in skip and left[name] != right[name]] or ["its inputs"]


def _compute(
    plan: Plan,
    source: ModelSource,
    workspace: Workspace,
    bands: Sequence[int],
    policy: Policy,
    workers: int,
    listener: Listener,
    cancel: Cancel,
    watch: Stopwatch,
) -> None:
    if workers > 1 and len(bands) > 1:
        run_in_processes(plan, source, workspace, bands, policy, workers, listener=listener, cancel=cancel, watch=watch)
    else:
        run_bands(plan, source, workspace, bands, policy, listener=listener, cancel=cancel, watch=watch)


def _finish(
    plan: Plan, workspace: Workspace, out: Path, listener: Listener, cancel: Cancel, watch: Stopwatch, started: float
) -> Outcome:
    import warnings

    receipts = [receipt for band in plan.bands if (receipt := workspace.receipt(band)) is not None]
    finished = finish_cog(plan, workspace, out, tags_of(plan), watch=watch, check=cancel.check)
    facts = _facts(plan, receipts, finished, watch, time.perf_counter() - started)
    cells = plan.window.height * plan.window.width * plan.scale**2 * len(plan.output.bands)
    if facts["counts"]["masked"] == cells:
        warnings.warn(AllNodataWarning("the inputs hold no valid pixel here: the output is all nodata"), stacklevel=2)
    report = out.with_name(out.stem + ".report.json")
    report.write_text(json.dumps(facts, indent=1))
    workspace.remove()
    listener.emit("done", outputs=[str(out)], report=str(report), metrics=facts["metrics"])
    return Outcome(out, report, facts)


def _facts(
    plan: Plan, receipts: list[dict[str, Any]], finished: Finished, watch: Stopwatch, seconds: float
) -> dict[str, Any]:
    counts = sum((Counts(**receipt["counts"]) for receipt in receipts), Counts())
    residual = relative_rms([receipt["residual"] for receipt in receipts if receipt["residual"] is not None])
    memory = psutil.Process().memory_info()
    return {
        "identity": plan.identity,
        "model": plan.model,
        "seed": plan.seed,
        "tile": plan.tiles.rows.tile,
        "tiles": len(plan.columns) * len(plan.bands),
        "size": [int(plan.output.grid.shape[1]), int(plan.output.grid.shape[0])],
        "metrics": {
            "seam_score": None if finished.seams is None else round(finished.seams.score, 4),
            "seam_sham_band": None if finished.seams is None else [finished.seams.low, finished.seams.high],
            "consistency": residual,
        },
        "counts": counts.as_dict(),
        "batches": sorted({receipt["batch"] for receipt in receipts}),
        "seconds": {name: round(value, 3) for name, value in watch.seconds.items()} | {"total": round(seconds, 3)},
        "peak_memory_bytes": peak_memory() or memory.rss,
        "output_bytes": finished.output_bytes,
        "inputs": {scene.name: scene.source for scene in plan.scenes},
    }


def peak_memory() -> int:
    """Peak resident memory of this process, bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def summary(plan: Plan, needs: Estimate) -> dict[str, Any]:
    """The plan as people read it: what --dry-run prints and the start event carries."""
    return {
        "identity": plan.identity,
        "model": plan.model,
        "device": plan.runtime.device,
        "inputs": {
            scene.name: {
                "path": scene.source,
                "size": [int(v) for v in reversed(scene.grid.shape)],
                "bands": len(scene.bands),
                "dtype": scene.dtype,
                "mask": scene.mask,
            }
            for scene in plan.scenes
        },
        "output": {
            "size": [int(v) for v in reversed(plan.output.grid.shape)],
            "bands": len(plan.output.bands),
            "dtype": plan.output.dtype,
            "nodata": to_jsonable(plan.output.nodata),
            "mask": plan.output.mask,
            "affine": list(plan.output.grid.affine)[:6],
            "crs": str(plan.output.grid.crs) if plan.output.grid.crs is not None else None,
        },
        "tile": plan.tiles.rows.tile,
        "ramp": plan.tiles.rows.ramp,
        "tiles": needs.tiles,
        "row_bands": len(plan.bands),
        "batch": plan.batch,
        "threads": plan.threads,
        "consistency": plan.consistency,
        "estimate": {
            "memory_bytes": needs.memory_bytes,
            "disk_bytes": needs.disk_bytes,
            "output_bytes": needs.output_bytes,
            "seconds": needs.seconds,
        },
    }


def tags_of(plan: Plan) -> dict[str, str]:
    """Tags of the output: those of the main input that still hold, and where the pixels come from."""
    with rasterio.open(plan.scene.bands[0].path) as data:
        kept = {key: value for key, value in data.tags().items() if not key.startswith(("STATISTICS", "SEAMLINE"))}
    kept.pop("AREA_OR_POINT", None)
    return kept | {
        "TIFFTAG_SOFTWARE": "Seamline",
        "SEAMLINE_MODEL": plan.model,
        "SEAMLINE_SEED": str(plan.seed),
        "SEAMLINE_IDENTITY": plan.identity,
    }
