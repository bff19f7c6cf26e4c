"""Seamline from Python: georeferenced ``xarray.DataArray`` in, the same out.

An array is laid down as a GeoTIFF in a temporary folder and takes the same way as a file, so that Python, the command
line and QGIS give the same pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from .arrays.call import calling, of_the_run
from .arrays.options import Options, check_known, takes_options, told_by, words_of_python
from .engine import errors
from .engine.contract import OutputSpec, Task
from .engine.errors import RequestError
from .engine.events import Cancel, Listener, Remembering, Silence
from .engine.output.workspace import Workspace
from .engine.request import Request, check_whole
from .engine.run import LOCAL, Cluster, Executor, Processes, Shard, merge, run
from .engine.run.loaded import LoadedOnce
from .models import registry
from .notebook.result import RunResult

if TYPE_CHECKING:
    import xarray as xr

    from .arrays.given import Given
    from .arrays.options import Image
    from .batches.status import Status

DEFAULT_PANSHARPEN, DEFAULT_SUPERRES = "salad-pan-tiny", "slimdiffsr-tiny-x4"
DEFAULTS = {"pansharpen": DEFAULT_PANSHARPEN, "superres": DEFAULT_SUPERRES}
"""Model of a task where the user names none."""
SUPERRES_BY_SCALE = {2: "slimdiffsr-tiny-x2", 4: DEFAULT_SUPERRES, 8: "slimdiffsr-tiny-x8"}
"""The same where only a scale is named."""
WITH_REFERENCE = "ds-dit-tiny-x4"
"""The same where there is a reference."""

NOT_ADAPTED = "the plan is that of the model before it is adapted: the run will have another identity"
"""Of a plan where ``adapt`` is given too."""


@takes_options
def pansharpen(
    ms: Image,
    pan: Image,
    *,
    model: str | Path = DEFAULT_PANSHARPEN,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> xr.DataArray:
    """Fuse a multispectral image with a panchromatic one.

    Args:
        ms: (band, y, x) with CRS and transform, or the path of a raster.
        pan: (y, x) or (1, y, x), likewise.
        model: name of a model, or a model folder.
        out: where to keep the COG; without it the result lives in memory alone.
        **options: as ``seamline.api.Options`` says.

    Returns:
        (band, y, x) in memory, on the grid of ``pan`` inside the footprint of ``ms``.  Mask, nodata value, data type,
        encoding, names of axes and bands, and attributes are those of ``ms``.

    Raises:
        SeamlineError: what, where, and what to do.
        TypeError: there is no such option.
    """
    return _run("pansharpen", {"ms": ms, "pan": pan}, model, out, options)


@takes_options
def superres(
    image: Image,
    *,
    reference: Image | None = None,
    model: str | Path | None = None,
    scale: int | None = None,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> xr.DataArray:
    """Give an image ``scale`` times as many pixels along each axis.

    Args:
        image: (band, y, x), or the path of a raster or of a product.
        reference: a finer image of the ground, of another date perhaps, in any CRS.
        model: name of a model, or a model folder; None for the one that ``default_model`` gives.
        scale: output px per input px along an axis; None for the model's own.
        out: where to keep the COG; without it the result lives in memory alone.
        **options: as ``seamline.api.Options`` says.

    Returns:
        (band, y, x) in memory, over the extent of ``image``; for the rest as ``pansharpen``.

    Raises:
        SeamlineError: what, where, and what to do.
        TypeError: there is no such option.
    """
    images = {"image": image} if reference is None else {"image": image, "reference": reference}
    return _run("superres", images, model, out, options, scale=scale)


@takes_options
def segment(
    image: Image,
    *,
    model: str | Path | None = None,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> xr.DataArray:
    """Give every pixel of an image its class.

    Args:
        image: (band, y, x), or the path of a raster or of a product.
        model: name of a model, or a model folder; its classes are the ones that are told, so one must be named.
        out: where to keep the COG; without it the result lives in memory alone.
        **options: as ``seamline.api.Options`` says.

    Returns:
        (1, y, x) in memory, on the grid of ``image``: numbers of classes.  Their names are the attributes
        ``flag_values`` and ``flag_meanings``; masked pixels hold the nodata value.

    Raises:
        SeamlineError: what, where, and what to do.
        TypeError: there is no such option.
    """
    return _run("segment", {"image": image}, model, out, options)


@takes_options
def classify(
    image: Image,
    *,
    model: str | Path | None = None,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> xr.DataArray:
    """Give every patch of an image its class, a pixel each; for the rest see ``segment``.

    A pixel of the result has the size of a patch; those at the far rim may overhang the image.

    Raises:
        SeamlineError: what, where, and what to do.
        TypeError: there is no such option.
    """
    return _run("classify", {"image": image}, model, out, options)


def default_model(task: Task, scale: int | None = None, *, reference: bool = False) -> str:
    """Name of the model that runs where the user names none: in super-resolution, the one that ships for the scale.

    Args:
        reference: whether there is one, which models for a single image do not take.

    Raises:
        RequestError: the task has none, as each model tells other classes.
    """
    if task == "superres" and reference:
        return WITH_REFERENCE
    if task == "superres" and scale in SUPERRES_BY_SCALE:
        return SUPERRES_BY_SCALE[scale]
    if task not in DEFAULTS:
        raise RequestError(
            f"which classes to {task} by is for the model to say, so one must be named",
            where="--model",
            fix=registry.how_to_choose(task),
        )
    return DEFAULTS[task]


def run_request(
    request: Request,
    task: Task,
    model: str,
    *,
    scale: int | None = None,
    adapt: int | None = None,
    keep_model: Path | None = None,
    shard: Shard | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    client: Any = None,
    loaded: LoadedOnce | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Run a request through the model of that name: what every door calls.

    Args:
        request: of the run.
        task: of the model.
        model: its name, or its folder.
        scale: as for ``registry.resolve``.
        adapt: steps in which the model is adapted to the scene before its first tile; None leaves it as it is.
        keep_model: where a copy of the adapted model goes.
        shard, loaded, listener, cancel: as for ``run``.
        workers: processes that compute row bands; 1 for this one.
        scheduler: address of a cluster that computes them instead, or ``"local"`` for one of ``workers`` workers here.
        client: of such a cluster, a ``distributed.Client``.

    Raises:
        SeamlineError: as for ``run``.
    """
    for option, count in (("--scale", scale), ("--workers", workers), ("--adapt", adapt)):
        check_whole(option, count)
    shard, listener, cancel = shard or Shard(), listener or Silence(), cancel or Cancel()
    executor = _executor(workers, scheduler, client)
    source = registry.resolve(model, task, scale=scale)
    # Before the run: what cannot be told must not spoil a finished one.
    licence = registry.info(model).licence
    about: dict[str, Any] = {"licence": licence}
    if adapt is None:
        if keep_model is not None:
            raise RequestError("there is no adapted model to keep", where="--keep-model", fix="pass --adapt N too")
    else:
        # Only where it is asked for: the training room is slow to import.
        from .training.adapt.make import adapt as adapt_to_scene

        adapted = adapt_to_scene(request, source, adapt, keep=keep_model, shard=shard, listener=listener, cancel=cancel)
        source, about = adapted.source, about | {"adaptation": adapted.facts}
    return RunResult.of(
        run(
            request,
            source,
            shard=shard,
            executor=executor,
            about=about,
            loaded=loaded,
            listener=listener,
            cancel=cancel,
        )
    )


def _executor(workers: int, scheduler: str | None, client: Any) -> Executor | None:
    """Who computes; None for this process."""
    if scheduler is None and client is None:
        return None if workers == 1 else Processes(workers)
    if scheduler is not None and client is not None:
        raise RequestError("there is a client too", where="--scheduler", fix="give one of them")
    if workers != 1 and scheduler != LOCAL:
        raise RequestError(
            "the workers are those of the cluster", where="--workers", fix="leave it out, or pass --scheduler local"
        )
    return Cluster(client=client) if scheduler is None else Cluster(scheduler, workers)


def batch(
    jobs: str | Path | Iterable[Mapping[str, Any]],
    *,
    status: str | Path | None = None,
    retries: int = 1,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> list[Status]:
    """Run many scenes, one after another; what is done already is skipped, and what was interrupted goes on.

    Args:
        jobs: the path of a job list, or its rows: task, arguments and options by the names of the command line.
        status: folder of the states; JOBS.status where ``jobs`` is a path, else it must be given.
        retries: how often a job is run again whose fault can pass.
        listener: hears ``start``, ``job``, the events of each run with the number of its ``job``, and ``done``.
        cancel: a switch that stops the batch.

    Returns:
        What became of each job: ``state`` is ``"done"`` or ``"failed"``, and ``error`` says why.

    Raises:
        RequestError: the list is wrong, nothing was run; or another batch is at work on these states.
        SeamlineError: the states cannot be kept, or the batch was cancelled.
    """
    from .batches.job_list import JobList, read_job_list, rows_of
    from .batches.work import run_batch
    from .cli.rows import jobs_of

    check_whole("retries", retries)
    if isinstance(jobs, (str, Path)):
        path = Path(jobs)
        listed, folder = read_job_list(path), path.with_name(path.name + ".status")
    elif status is None:
        raise RequestError("there is no folder for the states", where="status", fix="give the path of a folder")
    else:
        listed, folder = JobList(rows_of(jobs, "")), Path(status)
    folder = folder if status is None else Path(status)
    return run_batch(jobs_of(listed, {}), folder, retries=retries, listener=listener, cancel=cancel)


def merge_shards(out: Path, *, listener: Listener | None = None, cancel: Cancel | None = None) -> RunResult:
    """Put the row bands of all shards together, of an adapted run too.

    Raises:
        SeamlineError: as for ``engine.run.merge``.
    """
    model = Workspace.beside(out).model
    if not model.exists():
        return RunResult.of(merge(out, listener=listener, cancel=cancel))
    from .training.adapt.make import facts

    # Read first: the model goes with the workspace.
    return RunResult.of(merge(out, about={"adaptation": facts(model)}, listener=listener, cancel=cancel))


def _run(
    task: Task,
    images: Mapping[str, Image],
    model: str | Path | None,
    out: str | Path | None,
    options: Options,
    *,
    scale: int | None = None,
) -> xr.DataArray:
    check_known(task, options)
    with calling(images, lambda: chosen_model(task, images, model, scale), out, options) as call:
        main = call.main
        if out is None and main is not None and main.is_lazy and not options.keys() & _AT_ONCE:
            from .arrays.lazy import lazily

            source = registry.resolve(call.model, task, scale=scale)
            with told_by(call.said):
                return lazily(call.request, source, call.arrays, words_of_python)
        call.lay_down()
        ears = Remembering(options.get("listener") or Silence())
        try:
            outcome = run_request(call.request, task, call.model, scale=scale, listener=ears, **of_the_run(options))
        finally:
            for each in ears.warned:
                warnings.warn(call.said(each["what"]), getattr(errors, each["kind"]), stacklevel=3)
        restored = call.request.dtype is not None
        return _result(call.target, outcome.facts, call.spec.outputs[0], main, restored=restored)


# What needs the whole run: files beside the result, another model, other processes.
_AT_ONCE = {"adapt", "keep_model", "polygons", "patches", "workers", "scheduler", "client", "listener", "cancel"}


def chosen_model(task: Task, images: Mapping[str, Image], model: str | Path | None, scale: int | None) -> str:
    """The model that is named, or the one that ``default_model`` gives for some images.

    Raises:
        RequestError: as ``default_model``.
    """
    return default_model(task, scale, reference="reference" in images) if model is None else str(model)


def _result(
    path: Path, facts: Mapping[str, Any], output: OutputSpec, main: Given | None, *, restored: bool
) -> xr.DataArray:
    """The first output as an array like the main input."""
    from .arrays.result import Pattern, result_of

    classes = facts["layers"][output.name]["categories"]
    if main is None:
        return result_of(path, classes=classes)
    numbers = [band["band"] for band in facts["main_bands"]]
    return result_of(path, Pattern.of(main, output, numbers, restored=restored), classes)
