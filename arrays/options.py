"""The options of the Python door: their names, types and meanings, and the request that they make."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

import numpy as np

from ..engine import errors
from ..engine.errors import RequestError, SeamlineError
from ..engine.events import Cancel, Listener, Remembering, Silence, warnings_to
from ..engine.request import SHORTHANDS, Attention, Blending, Compression, Enforced, OpenPolicy, Request
from ..engine.run.device import pick_device
from ..engine.types import Precision

if TYPE_CHECKING:
    import os

    import xarray as xr

    Image = xr.DataArray | str | os.PathLike[str]

Function = TypeVar("Function", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """Options that every function takes; what is left out is as the model says.

    Attributes:
        tile: side of a tile, px of the finest input.
        overlap: least overlap of neighbouring tiles, px; at most half a tile.
        batch: tiles a batch.
        seed: of the noise that belongs to the ground; 0 or more.
        steps: denoising steps, for models that take them.
        guidance: guidance weight, for models that take one.
        blend: tiles of a model of many steps meet at the end (``"pixel"``), or after every step too (``"latent"``).
        device: ``"auto"`` (the first GPU, else the processor), ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        precision: arithmetic of the model.
        attention: backend of attention; ``"auto"`` is ``"sdpa"``.
        threads: processor threads of one process; decides the last bits.
        consistency: make the result equal the main input, seen through the sensor's MTF or as area means; ``"on"``
            takes the MTF where it is known.
        sensor: of the main input: a name such as ``"WV3"``, or the path of a description.
        coregister: move the coarse input by its measured shift against the finest one.
        extent: only (xmin, ymin, xmax, ymax), in the CRS of the finest input; snapped outward.
        window: only (column, row, width, height), px of the finest input.
        bands: of the main input, by number from 1 or by name.
        offset, scale_factor: of the main input: reflectance = (DN + offset) * scale_factor; no DN changes.
        nodata: stored value that stands for no data, in place of what files and arrays say.
        dtype: data type of the stored result.
        compress: compression of the COG.
        memory: most memory to use, bytes.
        overwrite: replace ``out`` where it exists.
        resume: go on with the unfinished run beside ``out``; its inputs must be files.
        stac: write a STAC item beside ``out``.
        work: folder in which an ``out`` of the form ``s3://BUCKET/KEY.tif`` is made, which keeps a copy.
        policy: what may be opened: ``OpenPolicy(vrt=True)`` accepts virtual rasters.
        allow_host: servers that inputs may be read from, by https, http or s3: ``["example.org"]``.
        guides: further inputs that help, by their names in the model's specification.
        also: path of each further output of the model, by its name there, in the folder of ``out``.
        uncertainty: short for ``also={"uncertainty": ...}``: standard deviations of the pixels.
        trust: likewise, how far each pixel's reference is trusted.
        support: likewise, what of each pixel the input does not determine; of any model that makes an image finer.
        probabilities, confidence: likewise, of every class, and of the class in the result.
        polygons: GeoPackage for the areas of each class of a map of classes.
        min_area: of a polygon, m² (px² without a CRS); smaller ones are left out.
        simplify: how far the outline of a polygon may move, m (px without a CRS).
        patches: GeoPackage for a square with class and score for each patch that a model classifies.
        workers: processes of this machine that compute.
        scheduler: address of a ``dask.distributed`` scheduler whose workers compute; ``"local"`` starts one here.
        client: likewise, a ``distributed.Client``.
        adapt: most steps in which the model is adapted to the scene first.
        keep_model: folder for a copy of the adapted model.
        listener: hears ``start``, ``progress``, ``warning`` and ``done``.
        cancel: a switch that stops the run, from any thread.
    """

    tile: int | None
    overlap: int | None
    batch: int | None
    seed: int
    steps: int | None
    guidance: float | None
    blend: Blending | None
    device: str
    precision: Precision
    attention: Literal["auto"] | Attention
    threads: int | None
    consistency: Enforced | None
    sensor: str | Path | None
    coregister: bool
    extent: tuple[float, float, float, float] | None
    window: tuple[int, int, int, int] | None
    bands: Sequence[int | str]
    offset: float | None
    scale_factor: float | None
    nodata: float | None
    dtype: str | np.dtype[Any] | type[np.generic] | None
    compress: Compression
    memory: int | None
    overwrite: bool
    resume: bool
    stac: bool
    work: str | Path | None
    policy: OpenPolicy
    allow_host: Sequence[str]
    guides: Mapping[str, Image]
    also: Mapping[str, str | Path]
    uncertainty: str | Path | None
    trust: str | Path | None
    support: str | Path | None
    probabilities: str | Path | None
    confidence: str | Path | None
    polygons: str | Path | None
    min_area: float | None
    simplify: float | None
    patches: str | Path | None
    workers: int
    scheduler: str | None
    client: Any
    adapt: int | None
    keep_model: str | Path | None
    listener: Listener | None
    cancel: Cancel | None


_OF_THE_REQUEST = {field.name: field for field in dataclasses.fields(Request)}.keys() - {"inputs", "out", "also"}
_OWN_DEFAULTS: Mapping[str, Any] = {
    "device": "auto",
    "workers": 1,
    "policy": OpenPolicy(),
    "allow_host": (),
    "guides": {},
    "also": {},
}
_KEYWORDS = ("model", "out", "scale", "reference")
# Options whose names differ from those of the command line.
_RENAMED = {"batch-size": "batch", "guide": "guides", "allow-vrt": "policy=OpenPolicy(vrt=True)"}


def default_of(name: str) -> Any:
    """What an option is where it is left out."""
    if name in _OWN_DEFAULTS:
        return _OWN_DEFAULTS[name]
    return next((field.default for field in dataclasses.fields(Request) if field.name == name), None)


def takes_options(function: Function) -> Function:
    """Let ``help`` and editors list the options of a function one by one, though it takes them as ``**options``."""
    own = inspect.signature(function)
    named = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    listed = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default_of(name),
            annotation=getattr(hint, "__forward_arg__", hint),
        )
        for name, hint in Options.__annotations__.items()
    ]
    function.__dict__["__signature__"] = own.replace(parameters=[*named, *listed])
    return function


def check_known(function: str, options: Mapping[str, Any]) -> None:
    """Refuse names that are no options, as Python refuses keywords.

    Raises:
        TypeError: there is no such option.
    """
    for name in options:
        if name not in Options.__annotations__:
            nearest = difflib.get_close_matches(name, [*Options.__annotations__, *_KEYWORDS], n=1, cutoff=0.5)
            hint = f"did you mean {nearest[0]}?" if nearest else "help(seamline.api.Options) lists them"
            raise TypeError(f"{function}() has no option {name!r}; {hint}")


def check_kinds(options: Mapping[str, Any]) -> None:
    """Refuse what is not of the kind of an option that is no part of the request.

    Raises:
        RequestError: naming the option.
    """
    for name in ("also", "guides"):
        if not isinstance(options.get(name) or {}, Mapping):
            raise RequestError(f"{options[name]!r} has no names", where=name, fix='give a mapping, {"name": path}')
    for name, method in (("listener", "emit"), ("cancel", "check")):
        if options.get(name) is not None and not callable(getattr(options[name], method, None)):
            fix = "give an object with emit(event, **fields)" if name == "listener" else "give a Cancel"
            raise RequestError(f"{options[name]!r} has no method {method}", where=name, fix=fix)


def request_of(inputs: Mapping[str, str], out: str | Path, options: Mapping[str, Any]) -> Request:
    """The request that options make.

    Raises:
        RequestError: an option has a value that no run can mean.
    """
    given = {name: _plain(value) for name, value in options.items() if name in _OF_THE_REQUEST}
    given["device"] = pick_device(given.get("device", "auto"))
    if given.get("attention") == "auto":
        given["attention"] = "sdpa"
    for name in ("bands", "extent", "window"):
        if isinstance(given.get(name), list):
            given[name] = tuple(given[name])
    for name in ("sensor", "polygons", "patches", "work"):
        if isinstance(given.get(name), Path):
            given[name] = str(given[name])
    if options.get("allow_host"):
        given["policy"] = dataclasses.replace(given.get("policy", OpenPolicy()), hosts=options["allow_host"])
    if "dtype" in given:
        given["dtype"] = _dtype(given["dtype"])
    return Request(inputs=inputs, out=str(out), also=_also(options), **given)


def _also(options: Mapping[str, Any]) -> dict[str, str]:
    named = {name: str(path) for name, path in (options.get("also") or {}).items()}
    for name in SHORTHANDS:
        path = options.get(name)
        if path is not None:
            if name in named:
                raise RequestError(f"there are two paths for {name}", where=f"also, {name}", fix="give one")
            named[name] = str(path)
    return named


def _plain(value: Any) -> Any:
    """A number of Python in place of one of NumPy, as plans are written down."""
    if isinstance(value, (tuple, list)):
        return type(value)(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def _dtype(wanted: Any) -> Any:
    """The name of a data type; what is none stays as it is, to be refused by name."""
    if wanted is None or isinstance(wanted, str):
        return wanted
    try:
        return np.dtype(wanted).name
    except TypeError:
        return str(wanted)


@contextmanager
def told_by(said: Callable[[str], str]) -> Iterator[None]:
    """Warn of what comes up in other words, at the end, as the user's code is what a warning should point at."""
    ears = Remembering(Silence())
    try:
        with warnings_to(ears):
            yield
    finally:
        for each in ears.warned:
            warnings.warn(said(each["what"]), getattr(errors, each["kind"]), stacklevel=5)


@contextmanager
def words_of_python(folder: Path, out: Path) -> Iterator[Callable[[str], str]]:
    """Say errors by the names that Python knows things by: options, and the arrays that files stand for.

    Args:
        folder: where arrays are laid down.
        out: the result, which the user knows by that name only if it lies elsewhere.

    Yields:
        What says a text so.
    """

    def said(text: str) -> str:
        text = text.replace(str(out), "the result") if out.parent == folder else text
        text = re.sub(re.escape(str(folder)) + r"[/\\](\w+)\.tif", r"the array \1", text)
        return re.sub(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)", lambda m: _RENAMED.get(m[1], m[1].replace("-", "_")), text)

    try:
        yield said
    except SeamlineError as error:
        SeamlineError.__init__(error, said(error.what), where=said(error.where), fix=said(error.fix))
        raise
