"""What the user asks for, and what may be opened: the engine's order form.

What an option means is checked here, so that every door refuses alike; what it means for these inputs and this model is
checked where the plan is made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import RequestError
from .types import EXACT_DTYPES, Precision

Attention = Literal["sdpa", "xformers"]
Compression = Literal["zstd", "deflate", "lzw", "none"]
Enforced = Literal["on", "off", "area", "mtf"]
Blending = Literal["pixel", "latent"]
# Where there is no memory for so many, the library that starts them ends the process without a word of ours.
_MOST_THREADS = 1024
# A name or IPv4 address, or an IPv6 address in brackets, and perhaps a port.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_WITH_QUERY = re.compile(r"(https?://[^?#]*)\?([^#]*)(#.*)?", re.IGNORECASE)
SHORTHANDS = ("uncertainty", "trust", "support", "probabilities", "confidence")
"""Further outputs that every door has an option for under their own names."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long servers are waited for.

    Attributes:
        connect_s: for a connection, s.
        silence_s: for the next bytes of an answer, s.
        least_rate: of an answer as a whole, bytes/s; a slower one has stalled.
        attempts: of one request.
        first_delay_s: before the second attempt, s; twice as long before each further one.
    """

    connect_s: float = 10.0
    silence_s: float = 30.0
    least_rate: float = 1024.0
    attempts: int = 5
    first_delay_s: float = 0.5


@dataclass(frozen=True, slots=True)
class OpenPolicy:
    """What may be opened.

    Attributes:
        vrt: lifts the refusal of virtual rasters.
        hosts: that may be read from, ``HOST`` or ``HOST:PORT`` each.
        queries: (address, query) of the addresses that were given with one.  Signatures are secrets, so queries are
            known here alone, and nowhere said or written.
        patience: with the hosts.
    """

    vrt: bool = False
    hosts: tuple[str, ...] = ()
    queries: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    patience: Patience = Patience()

    def __post_init__(self) -> None:
        # A list is what comes to mind, and has no hash.
        object.__setattr__(self, "hosts", tuple(self.hosts))
        for host in self.hosts:
            if not (isinstance(host, str) and _HOST.fullmatch(host)):
                raise RequestError(
                    f"{host!r} is no host",
                    where="--allow-host",
                    fix="give a name such as example.org or localhost:9000",
                )

    def knowing(self, sources: Iterable[str]) -> tuple[list[str], OpenPolicy]:
        """Inputs without the queries of their addresses, and the policy that knows these.

        Raises:
            RequestError: two addresses differ in their queries alone.
        """
        known = dict(self.queries)
        bare = []
        for source in sources:
            pieces = []
            for piece in source.split(","):
                found = _WITH_QUERY.fullmatch(piece)
                if found is not None and known.setdefault(found[1], found[2]) != found[2]:
                    raise RequestError(
                        "two inputs differ in what follows the question mark alone",
                        where=found[1],
                        fix="give addresses that differ before it",
                    )
                pieces.append(piece if found is None else found[1] + (found[3] or ""))
            bare.append(",".join(pieces))
        return bare, replace(self, queries=tuple(known.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for; None means "as the model says".

    Attributes:
        inputs: path or address (or several, with commas) for each input name of the model; a guide may be left out.
            Queries of addresses go into the policy.
        out: the COG to write.
        also: path of each further output that is wanted, by its name in the model's specification; in the folder of
            ``out``.
        polygons: GeoPackage for the areas of one class of a map of classes; None for none.
        min_area: of a polygon, m² (px² where the map has no CRS); smaller ones are left out.
        simplify: how far the outline of a polygon may move to become simpler, m (px without a CRS).
        patches: GeoPackage for the patches that a model classifies, one square each; None for none.
        tile, overlap: base-grid px.
        extent: (xmin, ymin, xmax, ymax) in the CRS of the first finest input.
        window: (column, row, width, height) in px of the first finest input.
        bands: numbers, from 1, or names of bands of the main input.
        offset, scale_factor: of the main input: reflectance = (DN + offset) * scale_factor; None for what its file
            says.  They become tags of the output and change no DN.
        nodata: value that stands for no data in the inputs that make the grid, in place of what their files say.
        blend: where the tiles of a model of several steps meet: at the end, by ``"pixel"``, or after every step too, by
            ``"latent"``.
        consistency: ``"on"`` for the sensor's MTF where ``sensor`` or the model names one, else the area mean.  What is
            asked for is enforced in whole; a model's default through an MTF leaves part of the finest, which is noise.
        sensor: of the main input, as ``sensors.find_sensor`` takes it; None for that of a product, where it is an input
            alone and its gains are published.
        coregister: the main input is moved by its measured shift against the finest one.
        dtype: of the output; None for that of the main input.
        compress: of the output.
        stac: write a STAC item beside the output.
        work: folder in which an output is made that goes to a bucket, ``out`` being ``s3://BUCKET/KEY.tif``; it keeps a
            copy.
        upload: the place in a bucket, where ``out`` is the copy; taken from ``out``.
        memory: bytes the run may use; None for what is free.

    Raises:
        RequestError: an option has a value that no run can mean.
    """

    inputs: Mapping[str, str]
    out: str
    also: Mapping[str, str] = field(default_factory=dict)
    polygons: str | None = None
    min_area: float | None = None
    simplify: float | None = None
    patches: str | None = None
    tile: int | None = None
    overlap: int | None = None
    batch: int | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    blend: Blending | None = None
    device: str = "cpu"
    precision: Precision = "fp32"
    attention: Attention = "sdpa"
    threads: int | None = None
    consistency: Enforced | None = None
    sensor: str | None = None
    coregister: bool = False
    extent: tuple[float, float, float, float] | None = None
    window: tuple[int, int, int, int] | None = None
    bands: tuple[int | str, ...] = ()
    offset: float | None = None
    scale_factor: float | None = None
    nodata: float | None = None
    dtype: str | None = None
    compress: Compression = "zstd"
    memory: int | None = None
    overwrite: bool = False
    resume: bool = False
    stac: bool = False
    work: str | None = None
    upload: str | None = None
    policy: OpenPolicy = field(default_factory=OpenPolicy)

    def __post_init__(self) -> None:
        if self.out.startswith("s3://"):
            object.__setattr__(self, "upload", self.out)
            object.__setattr__(self, "out", local_of(self.out, self.work))
        elif self.work is not None and self.upload is None:
            raise RequestError("the output goes into no bucket", where="--work", fix="leave it out")
        for option, value, least in (
            ("--tile", self.tile, 1),
            ("--overlap", self.overlap, 0),
            ("--batch-size", self.batch, 1),
            ("--threads", self.threads, 1),
            ("--steps", self.steps, 1),
            ("--memory", self.memory, 1),
        ):
            _check_count(option, value, least)
        if self.threads is not None and self.threads > _MOST_THREADS:
            raise RequestError(
                f"{self.threads} is more than a process can have",
                where="--threads",
                fix=f"give {_MOST_THREADS} at most",
            )
        _check_seed(self.seed)
        for option, text, known in (
            ("--precision", self.precision, get_args(Precision)),
            ("--attention", self.attention, get_args(Attention)),
            ("--consistency", self.consistency, (*get_args(Enforced), None)),
            ("--blend", self.blend, (*get_args(Blending), None)),
            ("--compress", self.compress, get_args(Compression)),
        ):
            if text not in known:
                listed = ", ".join(name for name in known if name is not None)
                raise RequestError(f"{text!r} is not known", where=option, fix=f"choose one of {listed}")
        if self.dtype is not None and self.dtype not in EXACT_DTYPES:
            raise RequestError(
                f"the data type {self.dtype} is not supported",
                where="--dtype",
                fix=f"choose one of {', '.join(EXACT_DTYPES)}",
            )
        _check_numbers("--extent", self.extent, 4, Real, "xmin ymin xmax ymax")
        _check_numbers("--window", self.window, 4, Integral, "column row width height")
        if not isinstance(self.bands, tuple) or not all(isinstance(band, (int, str)) for band in self.bands):
            raise RequestError(f"{self.bands!r} is no list of bands", where="--bands", fix="give numbers or names")
        self._check_values()
        self._check_vectors()

    def _check_vectors(self) -> None:
        for option, path in (("--polygons", self.polygons), ("--patches", self.patches)):
            if path is not None and not (isinstance(path, str) and path):
                raise RequestError(f"{path!r} is no path", where=option, fix="give a name that ends in .gpkg")
        for option, value, unit in (("--min-area", self.min_area, "m²"), ("--simplify", self.simplify, "m")):
            if value is None:
                continue
            if not (_is_finite(value) and value >= 0):
                raise RequestError(f"{value} is not 0 {unit} or more", where=option, fix="give 0 or more, such as 10")
            if self.polygons is None:
                raise RequestError("there are no polygons that it is for", where=option, fix="pass --polygons too")

    def _check_values(self) -> None:
        for option, switch in (
            ("--coregister", self.coregister),
            ("--overwrite", self.overwrite),
            ("--resume", self.resume),
            ("--stac", self.stac),
        ):
            if not isinstance(switch, bool):
                raise RequestError(f"{switch!r} is neither on nor off", where=option, fix="give True or False")
        if not isinstance(self.policy, OpenPolicy):
            raise RequestError(f"{self.policy!r} is no policy", where="--allow-vrt", fix="give OpenPolicy(vrt=True)")
        bare, policy = self.policy.knowing(self.inputs.values())
        object.__setattr__(self, "inputs", dict(zip(self.inputs, bare, strict=True)))
        object.__setattr__(self, "policy", policy)
        if self.offset is not None and not _is_finite(self.offset):
            raise RequestError(f"{self.offset} is no number", where="--offset", fix="give DN, such as -1000")
        if self.nodata is not None and not _is_finite(self.nodata):
            raise RequestError(
                f"{self.nodata} is no number", where="--nodata", fix="give a value of the pixels, such as 0"
            )
        if self.scale_factor is not None and not (_is_finite(self.scale_factor) and self.scale_factor > 0):
            raise RequestError(
                f"{self.scale_factor} is no factor", where="--scale-factor", fix="give one above 0, such as 0.0001"
            )
        if self.guidance is not None and not _is_finite(self.guidance):
            raise RequestError(f"{self.guidance} is no weight", where="--guidance", fix="give a number")


def local_of(out: str, work: str | None) -> str:
    """Where an output that goes to a bucket is made.

    Raises:
        RequestError: no folder is named for it.
    """
    if work is None:
        raise RequestError("an output for a bucket is made on this machine first", where=out, fix="pass --work FOLDER")
    return str(Path(work) / out.rpartition("/")[2])


def _is_finite(value: Any) -> bool:
    return _is(value, Real) and math.isfinite(value)


def _is(value: Any, kind: type) -> bool:
    """Whether a value is a number of that kind; truth is none."""
    return isinstance(value, kind) and type(value) is not bool


def check_whole(option: str, value: Any) -> None:
    """Refuse what is no whole number; None is one that was not given.

    Raises:
        RequestError: naming the option.
    """
    if value is not None and not _is(value, Integral):
        raise RequestError(f"{value!r} is not a whole number", where=option, fix="give a whole number")


def _check_count(option: str, value: Any, least: int) -> None:
    check_whole(option, value)
    if value is not None and value < least:
        kind = "a positive number" if least else "0 or more"
        raise RequestError(f"{value} is not {kind}", where=option, fix=f"give {least} or more")


def _check_seed(value: Any) -> None:
    if not _is(value, Integral) or not 0 <= value < 2**64:
        raise RequestError(f"{value} is not a seed", where="--seed", fix="give a number from 0 to 2**64 - 1")


def _check_numbers(option: str, values: Any, count: int, kind: type, meaning: str) -> None:
    if values is None:
        return
    if not isinstance(values, (tuple, list)) or len(values) != count:
        raise RequestError(f"{values!r} is not {count} numbers", where=option, fix=f"give {meaning}")
    if not all(_is(value, kind) for value in values):
        raise RequestError(f"{values!r} holds what is not a number", where=option, fix=f"give {meaning}")
