"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..engine.request import OpenPolicy

_EXACT = ("uint8", "int8", "uint16", "int16", "float32")
# Options that are fields of a request under their own names.
AS_THEY_ARE = (
    "tile",
    "overlap",
    "batch",
    "seed",
    "steps",
    "guidance",
    "blend",
    "precision",
    "threads",
    "bands",
    "offset",
    "scale_factor",
    "nodata",
    "extent",
    "window",
    "consistency",
    "sensor",
    "coregister",
    "dtype",
    "compress",
    "memory",
    "overwrite",
    "resume",
    "stac",
    "work",
)
# Likewise, of the commands that tell classes.
OF_CLASSES = ("polygons", "min_area", "simplify", "patches")


class _Bytes(click.ParamType[int]):
    """A size such as 800M or 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes of a size with an optional unit K, M or G."""
        if isinstance(value, int):
            return value
        text = str(value).strip().upper().removesuffix("IB").removesuffix("B")
        unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:], 1)
        try:
            return int(float(text.rstrip("KMG")) * unit)
        # Infinity is a real number, but none of bytes.
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a size: give one such as 800M or 2G", param, ctx)


class _Shard(click.ParamType[tuple[int, int]]):
    """i/n."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(index from 1, count) of a shard."""
        if isinstance(value, tuple):
            return value
        index, _, count = str(value).partition("/")
        if not (index.isdecimal() and count.isdecimal()):
            self.fail(f"{value!r} is not a shard: give i/n, such as 2/8", param, ctx)
        return int(index), int(count)


class _Named(click.ParamType[tuple[str, str]]):
    """NAME=PATH.

    Args:
        kind: what is named, for errors.
        example: a value that is right.
    """

    name = "name=path"

    def __init__(self, kind: str, example: str) -> None:
        self._kind, self._example = kind, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """(name, path)."""
        if isinstance(value, tuple):
            return value
        name, equals, path = str(value).partition("=")
        if not (name and equals and path):
            self.fail(f"{value!r} is not {self._kind}: give NAME=PATH, such as {self._example}", param, ctx)
        return name, path


class _Bands(click.ParamType[tuple[int | str, ...]]):
    """1,2,3, or B04,B03,B02, or red,green,blue."""

    name = "bands"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int | str, ...]:
        """Band numbers, and names, from a comma-separated list."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdecimal() or re.fullmatch(r"[A-Za-z_]\w*", part) for part in parts):
            self.fail(f"{value!r} is not a list of bands: give numbers such as 4,3,2 or names such as B8A", param, ctx)
        return tuple(int(part) if part.isdecimal() else part for part in parts)


POLICY_OPTIONS = [
    click.option("--allow-vrt", is_flag=True, help="Accept virtual rasters, which can name other files."),
    click.option(
        "--allow-host",
        metavar="HOST[:PORT]",
        multiple=True,
        help="Server that inputs may be read from, by https, http or s3; repeatable.",
    ),
]

RUN_OPTIONS = [
    click.option("--model", metavar="NAME|FOLDER", help="Model to run; see: seamline models list."),
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]", help="What computes."),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "bf16", "fp16"]),
        default="fp32",
        show_default=True,
        help="Arithmetic of the model.",
    ),
    click.option(
        "--attention",
        type=click.Choice(["auto", "sdpa", "xformers"]),
        default="auto",
        show_default=True,
        help="Attention backend; auto is sdpa.",
    ),
    click.option("--steps", type=click.IntRange(1), help="Denoising steps, for models that take them."),
    click.option("--guidance", type=float, metavar="W", help="Guidance weight, for models that take one."),
    click.option(
        "--blend",
        type=click.Choice(["pixel", "latent"]),
        help="Tiles of a model of many steps meet at the end, or after every step too.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the world-anchored noise."),
    click.option("--tile", type=int, metavar="PX", help="Tile side, px of the finest input."),
    click.option("--overlap", type=int, metavar="PX", help="Least overlap of neighbouring tiles."),
    click.option("--batch-size", "batch", type=int, metavar="N", help="Tiles a batch."),
    click.option("--threads", type=int, metavar="N", help="Processor threads of one process; decides bits."),
    click.option("--bands", type=_Bands(), default=(), help="Bands of the main input, such as 4,3,2 or B04,B8A."),
    click.option("--offset", type=float, metavar="DN", help="Reflectance is (DN + offset) * factor: a tag of OUT."),
    click.option("--scale-factor", type=float, metavar="F", help="The factor; DN stay as they are."),
    click.option("--nodata", type=float, metavar="V", help="Value of pixels without data, whatever the files say."),
    click.option(
        "--extent",
        type=float,
        nargs=4,
        metavar="XMIN YMIN XMAX YMAX",
        help="Only this part, in the CRS of the finest input; snapped outward.",
    ),
    click.option(
        "--window", type=int, nargs=4, metavar="COL ROW WIDTH HEIGHT", help="Only this part, in px of the finest input."
    ),
    click.option(
        "--consistency",
        type=click.Choice(["on", "off", "mtf", "area"]),
        help="Make the output equal the input, seen through the sensor's MTF or as area means; on: MTF where known.",
    ),
    click.option("--sensor", metavar="NAME|FILE", help="Sensor of the main input: its MTF shapes the consistency."),
    click.option("--coregister", is_flag=True, help="Correct a measured shift of the coarse input."),
    click.option("--adapt", type=int, metavar="N", help="Adapt the model to the scene first, in at most N steps."),
    click.option("--keep-model", type=click.Path(path_type=Path), metavar="FOLDER", help="Copy of the adapted model."),
    click.option("--adapted-model", metavar="FOLDER", help="Model that an earlier --adapt --keep-model left."),
    click.option("--dtype", type=click.Choice(_EXACT), help="Data type of the output; that of the input otherwise."),
    click.option(
        "--compress",
        type=click.Choice(["zstd", "deflate", "lzw", "none"]),
        default="zstd",
        show_default=True,
        help="Compression of the COG.",
    ),
    click.option(
        "--guide",
        type=_Named("an input", "elevation=dem.tif"),
        multiple=True,
        help="A further input that the model takes, by its name.",
    ),
    click.option(
        "--also",
        type=_Named("an output", "probabilities=p.tif"),
        multiple=True,
        help="Write a further output of the model, beside OUT.",
    ),
    click.option("--explain", is_flag=True, help="Write every further output of the model, beside OUT: OUT_NAME.tif."),
    click.option("--uncertainty", metavar="OUT_U", help="Write the standard deviation of every pixel, beside OUT."),
    click.option(
        "--support", metavar="OUT_S", help="Write what was added to every pixel beyond the input, beside OUT."
    ),
    click.option("--stac", is_flag=True, help="Write a STAC item beside OUT: OUT_NAME.stac.json."),
    click.option("--work", metavar="FOLDER", help="Where an OUT of the form s3://BUCKET/KEY.tif is made first."),
    click.option("--resume", is_flag=True, help="Go on with the unfinished run beside OUT."),
    click.option("--overwrite", is_flag=True, help="Replace an existing output."),
    click.option("--workers", type=int, default=1, show_default=True, help="Processes on this machine."),
    click.option(
        "--scheduler",
        metavar="ADDRESS|local",
        help="Workers of dask.distributed compute; local: --workers of them here.",
    ),
    click.option("--shard", type=_Shard(), help="Compute only this part of the rows; then: seamline merge OUT."),
    click.option("--memory", type=_Bytes(), help="Most memory to use, such as 4G; what is free otherwise."),
    *POLICY_OPTIONS,
    click.option("--dry-run", is_flag=True, help="Print the plan and its estimates, compute nothing."),
]

CLASS_OPTIONS = [
    click.option("--probabilities", metavar="OUT_P", help="Write the probability of every class, beside OUT."),
    click.option("--confidence", metavar="OUT_C", help="Write the probability of the class in OUT, beside it."),
    click.option("--polygons", metavar="GPKG", help="Write the areas of each class as polygons."),
    click.option("--min-area", type=float, metavar="M2", help="Leave smaller polygons out; m² (px² without a CRS)."),
    click.option("--simplify", type=float, metavar="M", help="Outlines may move so far, m (px without a CRS)."),
    click.option("--patches", metavar="GPKG", help="Write a square with class and score for each patch."),
]

EVENT_OPTIONS = [
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout."),
    click.option("--cancel-on-stdin-eof", is_flag=True, help="Cancel when standard input closes."),
]


def policy_of(options: Mapping[str, Any]) -> OpenPolicy:
    """What may be opened."""
    from ..engine.request import OpenPolicy

    return OpenPolicy(vrt=options["allow_vrt"], hosts=options["allow_host"])


def with_options(options: list[Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add options to a command, in their order."""
    return lambda command: functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)
