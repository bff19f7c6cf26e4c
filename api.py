"""Seamline from Python: georeferenced ``xarray.DataArray`` in, the same out.

An array is laid down as a GeoTIFF in a temporary folder and takes the same way as a file, so that Python, the command
line and QGIS give the same pixels.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine.device import pick_device
from .engine.errors import RequestError
from .engine.events import Cancel, Listener
from .engine.plan import Request
from .engine.run import Outcome, Share, run
from .models import registry

if TYPE_CHECKING:
    import xarray as xr

    from .engine.contract import Task

    Image = xr.DataArray | str | Path

DEFAULT_PANSHARPEN, DEFAULT_SUPERRES = "salad-pan-tiny", "bicubic"


def pansharpen(
    ms: Image, pan: Image, *, model: str = DEFAULT_PANSHARPEN, out: str | Path | None = None, **options: Any
) -> xr.DataArray:
    """Fuse a multispectral image with a panchromatic one.

    Args:
        ms: (band, y, x) with CRS and transform, or the path of a raster.
        pan: (y, x) or (1, y, x), likewise.
        model: name of a model, or a model folder.
        out: where to keep the COG; without it the result lives in memory only.
        **options: fields of ``engine.plan.Request`` (tile, overlap, seed, steps, extent, ...), and ``workers``,
            ``listener``, ``cancel``.

    Returns:
        (band, y, x) on the grid of ``pan`` inside the footprint of ``ms``, data type of ``ms``.

    Raises:
        SeamlineError: what, where, and what to do.
    """
    return _run({"ms": ms, "pan": pan}, "pansharpen", model, None, out, options)


def superres(
    image: Image,
    *,
    model: str = DEFAULT_SUPERRES,
    scale: int | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> xr.DataArray:
    """Give an image ``scale`` times as many pixels along each axis.

    Args:
        image: (band, y, x) with CRS and transform, or the path of a raster.
        scale: for models that take any scale; None for the model's own.

    For the rest see ``pansharpen``.
    """
    return _run({"image": image}, "superres", model, scale, out, options)


def run_request(
    request: Request,
    task: Task,
    model: str,
    *,
    scale: int | None = None,
    share: Share | None = None,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a request through the model of that name: what every door calls."""
    return run(request, registry.resolve(model, task, scale=scale), share=share, listener=listener, cancel=cancel)


def _run(
    images: dict[str, Image], task: Task, model: str, scale: int | None, out: str | Path | None, options: dict[str, Any]
) -> xr.DataArray:
    # Not needed by the command line, and slow to import; it registers the .rio accessor.
    import rioxarray

    share = Share(workers=options.pop("workers", 1))
    listener, cancel = options.pop("listener", None), options.pop("cancel", None)
    options.setdefault("device", "auto")
    options["device"] = pick_device(options["device"])
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        inputs = {name: _laid_down(image, Path(folder) / f"{name}.tif") for name, image in images.items()}
        target = Path(out) if out is not None else Path(folder) / "out.tif"
        request = Request(inputs, str(target), **options)
        run_request(request, task, model, scale=scale, share=share, listener=listener, cancel=cancel)
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
            f"an array with the axes {image.dims} is not an image", where=path.stem, cure="give (band, y, x)"
        )
    image.rio.to_raster(path, BIGTIFF="IF_SAFER")
    return str(path)
