"""Seamline from Python: georeferenced ``xarray.DataArray`` in, the same out.

An array is laid down as a GeoTIFF in a temporary folder and takes the same way as a file, so that Python, the command
line and QGIS give the same pixels.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine.errors import RequestError
from .engine.events import Cancel, Listener, Silence
from .engine.output.workspace import Workspace
from .engine.request import Request
from .engine.run import Outcome, Share, merge, run
from .engine.run.device import pick_device
from .models import registry

if TYPE_CHECKING:
    import xarray as xr

    from .engine.contract import Task

    Image = xr.DataArray | str | Path

DEFAULT_PANSHARPEN, DEFAULT_SUPERRES = "salad-pan-tiny", "slimdiffsr-tiny-x4"
DEFAULTS = {"pansharpen": DEFAULT_PANSHARPEN, "superres": DEFAULT_SUPERRES}
"""Model of a task where the user names none."""
SUPERRES_BY_SCALE = {2: "slimdiffsr-tiny-x2", 4: DEFAULT_SUPERRES}
"""The same where only a scale is named."""


def pansharpen(
    ms: Image, pan: Image, *, model: str = DEFAULT_PANSHARPEN, out: str | Path | None = None, **options: Any
) -> xr.DataArray:
    """Fuse a multispectral image with a panchromatic one.

    Args:
        ms: (band, y, x) with CRS and transform, or the path of a raster.
        pan: (y, x) or (1, y, x), likewise.
        model: name of a model, or a model folder.
        out: where to keep the COG; without it the result lives in memory only.  ``uncertainty`` needs it.
        **options: fields of ``engine.plan.Request`` (tile, overlap, seed, steps, extent, ...), and ``workers``,
            ``listener``, ``cancel``, ``adapt`` (steps in which the model is adapted to the scene first).

    Returns:
        (band, y, x) on the grid of ``pan`` inside the footprint of ``ms``, data type of ``ms``.

    Raises:
        SeamlineError: what, where, and what to do.
    """
    return _run({"ms": ms, "pan": pan}, "pansharpen", model, None, out, options)


def superres(
    image: Image,
    *,
    model: str | None = None,
    scale: int | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> xr.DataArray:
    """Give an image ``scale`` times as many pixels along each axis.

    Args:
        image: (band, y, x) with CRS and transform, or the path of a raster or of a Sentinel-2 product.
        model: name of a model, or a model folder; None for the one that ``default_model`` gives.
        scale: output px per input px along an axis; None for the model's own.

    For the rest see ``pansharpen``.
    """
    return _run({"image": image}, "superres", model or default_model("superres", scale), scale, out, options)


def default_model(task: Task, scale: int | None = None) -> str:
    """Name of the model that runs where the user names none: in super-resolution, the one that ships for the scale."""
    if task == "superres" and scale in SUPERRES_BY_SCALE:
        return SUPERRES_BY_SCALE[scale]
    return DEFAULTS[task]


def run_request(
    request: Request,
    task: Task,
    model: str,
    *,
    scale: int | None = None,
    adapt: int | None = None,
    keep_model: Path | None = None,
    share: Share | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a request through the model of that name: what every door calls.

    Args:
        request: of the run.
        task: of the model.
        model: its name, or its folder.
        scale: as for ``registry.resolve``.
        adapt: steps in which the model is adapted to the scene before its first tile; None leaves it as it is.
        keep_model: where a copy of the adapted model goes.
        share, listener, cancel: as for ``run``.

    Raises:
        SeamlineError: as for ``run``.
    """
    share, listener, cancel = share or Share(), listener or Silence(), cancel or Cancel()
    source = registry.resolve(model, task, scale=scale)
    # Before the run: what cannot be told must not spoil a finished one.
    licence = registry.info(model).licence
    if adapt is None:
        if keep_model is not None:
            raise RequestError("there is no adapted model to keep", where="--keep-model", fix="pass --adapt N too")
        outcome = run(request, source, share=share, listener=listener, cancel=cancel)
        return _reported(outcome, licence=licence)
    # Only where it is asked for: the training room is slow to import.
    from .training.adapt.make import adapt as adapt_to_scene

    adapted = adapt_to_scene(request, source, adapt, keep=keep_model, share=share, listener=listener, cancel=cancel)
    outcome = run(request, adapted.source, share=share, listener=listener, cancel=cancel)
    return _reported(outcome, licence=licence, adaptation=adapted.facts)


def merge_shards(out: Path, *, listener: Listener | None = None, cancel: Cancel | None = None) -> Outcome:
    """Put the row bands of all shards together, of an adapted run too.

    Raises:
        SeamlineError: as for ``engine.run.merge``.
    """
    model = Workspace.beside(out).model
    if not model.exists():
        return merge(out, listener=listener, cancel=cancel)
    from .training.adapt.make import facts

    # Read first: the model goes with the workspace.
    known = facts(model)
    return _reported(merge(out, listener=listener, cancel=cancel), adaptation=known)


def _reported(outcome: Outcome, **more: Any) -> Outcome:
    """The outcome, its report completed by what the engine does not know."""
    facts = outcome.facts | more
    if outcome.report is not None:
        outcome.report.write_text(json.dumps(facts, indent=1))
    return Outcome(outcome.out, outcome.report, facts)


def _run(
    images: dict[str, Image], task: Task, model: str, scale: int | None, out: str | Path | None, options: dict[str, Any]
) -> xr.DataArray:
    # Not needed by the command line, and slow to import; it registers the .rio accessor.
    import rioxarray

    share = Share(workers=options.pop("workers", 1))
    listener, cancel = options.pop("listener", None), options.pop("cancel", None)
    adapt = options.pop("adapt", None)
    if out is None and options.get("uncertainty") is not None:
        raise RequestError("the deviations have no output to lie beside", where="uncertainty", fix="give out too")
    options.setdefault("device", "auto")
    options["device"] = pick_device(options["device"])
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        inputs = {name: _laid_down(image, Path(folder) / f"{name}.tif") for name, image in images.items()}
        target = Path(out) if out is not None else Path(folder) / "out.tif"
        request = Request(inputs=inputs, out=str(target), **options)
        run_request(request, task, model, scale=scale, adapt=adapt, share=share, listener=listener, cancel=cancel)
        with rioxarray.open_rasterio(target) as result:
            # An array in memory outlives the temporary folder.
            loaded: xr.DataArray = result.load()
    return loaded


def _laid_down(image: Image, path: Path) -> str:
    """The path of an image; arrays are written first."""
    if isinstance(image, (str, Path)):
        return str(image)
    if not {image.rio.x_dim, image.rio.y_dim} <= set(image.dims):
        raise RequestError(
            f"an array with the axes {image.dims} is not an image", where=path.stem, fix="give (band, y, x)"
        )
    image.rio.to_raster(path, BIGTIFF="IF_SAFER")
    return str(path)
