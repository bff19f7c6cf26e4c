"""The command line: translates options into requests, and events into lines; nothing else."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .cli_adapt import adapt
from .cli_evaluate import evaluate
from .cli_models import models
from .cli_report import report
from .terminal import guarded

if TYPE_CHECKING:
    from .engine.contract import Task

_EXACT = ("uint8", "int8", "uint16", "int16", "float32")
# Options that are fields of a request under their own names.
_AS_THEY_ARE = (
    "tile",
    "overlap",
    "batch",
    "seed",
    "steps",
    "guidance",
    "precision",
    "threads",
    "bands",
    "offset",
    "scale_factor",
    "extent",
    "window",
    "consistency",
    "sensor",
    "coregister",
    "dtype",
    "compress",
    "memory",
    "uncertainty",
    "overwrite",
    "resume",
)


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
        except ValueError:
            self.fail(f"{value!r} is not a size: give one such as 800M or 2G", param, ctx)


class _Shard(click.ParamType[tuple[int, int]]):
    """i/n."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(index from 1, count) of a shard."""
        if isinstance(value, tuple):
            return value
        index, _, count = str(value).partition("/")
        if not (index.isdigit() and count.isdigit()):
            self.fail(f"{value!r} is not a shard: give i/n, such as 2/8", param, ctx)
        return int(index), int(count)


class _Bands(click.ParamType[tuple[int | str, ...]]):
    """1,2,3 or B04,B03,B02."""

    name = "bands"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int | str, ...]:
        """Band numbers, and names with a number in them, from a comma-separated list."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdigit() or re.fullmatch(r"[A-Za-z_]+\d\w*", part) for part in parts):
            self.fail(f"{value!r} is not a list of bands: give numbers such as 4,3,2 or names such as B8A", param, ctx)
        return tuple(int(part) if part.isdigit() else part for part in parts)


_RUN_OPTIONS = [
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
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the world-anchored noise."),
    click.option("--tile", type=int, metavar="PX", help="Tile side, px of the finest input."),
    click.option("--overlap", type=int, metavar="PX", help="Least overlap of neighbouring tiles."),
    click.option("--batch-size", "batch", type=int, metavar="N", help="Tiles a batch."),
    click.option("--threads", type=int, metavar="N", help="Processor threads of one process; decides bits."),
    click.option("--bands", type=_Bands(), default=(), help="Bands of the main input, such as 4,3,2 or B04,B8A."),
    click.option("--offset", type=float, metavar="DN", help="Reflectance is (DN + offset) * factor: a tag of OUT."),
    click.option("--scale-factor", type=float, metavar="F", help="The factor; DN stay as they are."),
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
    click.option("--uncertainty", metavar="OUT_U", help="Write the standard deviation of every pixel, beside OUT."),
    click.option("--resume", is_flag=True, help="Go on with the unfinished run beside OUT."),
    click.option("--overwrite", is_flag=True, help="Replace an existing output."),
    click.option("--workers", type=int, default=1, show_default=True, help="Processes on this machine."),
    click.option("--shard", type=_Shard(), help="Compute only this part of the rows; then: seamline merge OUT."),
    click.option("--memory", type=_Bytes(), help="Most memory to use, such as 4G; what is free otherwise."),
    click.option("--allow-vrt", is_flag=True, help="Accept virtual rasters, which can name other files."),
    click.option("--dry-run", is_flag=True, help="Print the plan and its estimates, compute nothing."),
]
_EVENT_OPTIONS = [
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout."),
    click.option("--cancel-on-stdin-eof", is_flag=True, help="Cancel when standard input closes."),
]


def _with(options: list[Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda command: functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="seamline")
def cli() -> None:
    """Diffusion models on satellite and aerial scenes of any size, as seam-free georeferenced COGs."""


@cli.command()
@click.argument("ms")
@click.argument("pan")
@click.argument("out", type=click.Path(path_type=Path))
@_with(_RUN_OPTIONS + _EVENT_OPTIONS)
def pansharpen(ms: str, pan: str, out: Path, **options: Any) -> None:
    """Fuse MS with PAN into OUT, on the pixels of PAN inside the footprint of MS."""
    _run("pansharpen", {"ms": ms, "pan": pan}, out, None, options)


@cli.command()
@click.argument("lr")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scale", type=int, help="Output px per input px along an axis: 2 or 4; bicubic takes any.")
@_with(_RUN_OPTIONS + _EVENT_OPTIONS)
def superres(lr: str, out: Path, scale: int | None, **options: Any) -> None:
    """Super-resolve LR into OUT, over the same extent.

    LR is a raster, several files separated by commas, or a Sentinel-2 product: a SAFE folder, its zip or its metadata.
    """
    _run("superres", {"image": lr}, out, scale, options)


def _run(task: Task, inputs: Mapping[str, str], out: Path, scale: int | None, options: dict[str, Any]) -> None:
    with guarded(options["as_json"], options["cancel_on_stdin_eof"]) as (listener, cancel):
        from . import api
        from .engine.device import pick_device
        from .engine.events import warnings_to
        from .engine.plan import Request
        from .engine.report import summary
        from .engine.resources import with_pace
        from .engine.run import Share, plan_run
        from .engine.scene import Policy
        from .models import registry

        model = _adapted_model(options) or options["model"] or api.default_model(task, scale)
        attention = "sdpa" if options["attention"] == "auto" else options["attention"]
        request = Request(
            inputs,
            str(out),
            device=pick_device(options["device"]),
            attention=attention,
            policy=Policy(vrt=options["allow_vrt"]),
            **{name: options[name] for name in _AS_THEY_ARE},
        )
        if options["dry_run"]:
            if options["adapt"] is not None:
                what = "the plan is that of the model before it is adapted: the run will have another identity"
                listener.emit("warning", kind="AdaptationWarning", what=what)
            source = registry.resolve(model, task, scale=scale)
            with warnings_to(listener):
                plan, needs = plan_run(request, source, cancel)
            listener.emit("plan", plan=summary(plan, with_pace(plan, source, needs)))
            return
        shard = options["shard"] or (1, 1)
        share = Share(shard[0], shard[1], options["workers"])
        api.run_request(
            request,
            task,
            model,
            scale=scale,
            adapt=options["adapt"],
            keep_model=options["keep_model"],
            share=share,
            listener=listener,
            cancel=cancel,
        )


def _adapted_model(options: Mapping[str, Any]) -> str | None:
    """The folder of --adapted-model, once it is known to hold what its name says."""
    folder: str | None = options["adapted_model"]
    if folder is not None:
        from .engine.errors import RequestError
        from .training.adapt import check_adapted

        for other in ("model", "adapt"):
            if options[other] is not None:
                raise RequestError(f"--{other} was given too", where="--adapted-model", cure="give one of them")
        check_adapted(folder)
    return folder


cli.add_command(adapt)
cli.add_command(evaluate)
cli.add_command(report)


@cli.command()
@click.argument("out", type=click.Path(path_type=Path))
@_with(_EVENT_OPTIONS)
def merge(out: Path, as_json: bool, cancel_on_stdin_eof: bool) -> None:
    """Put the row bands of all shards of OUT together."""
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from . import api

        api.merge_shards(out, listener=listener, cancel=cancel)


cli.add_command(models)


@cli.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe.")
def train(recipe: Path, overrides: tuple[str, ...]) -> None:
    """Train a model by a recipe; goes on from the last checkpoint."""
    with guarded(False, False) as (_, cancel):
        import logging

        from .training.run import train as train_recipe

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        click.echo(train_recipe(recipe, dict(pair.split("=", 1) for pair in overrides), cancel.check))


@cli.command()
@click.argument("folder", default="seamline-demo", type=click.Path(path_type=Path))
@click.option("--model", help="Model to run.")
@click.option("--size", type=click.IntRange(256), default=1024, show_default=True, help="Side of the PAN image, px.")
def demo(folder: Path, model: str | None, size: int) -> None:
    """Make a scene, pan-sharpen it, and show before and after; needs no data and no network."""
    with guarded(False, False) as (listener, cancel):
        from . import api
        from .demo import run_demo

        run_demo(folder, size=size, model=model or api.DEFAULT_PANSHARPEN, listener=listener, cancel=cancel)


@cli.command()
@_with(_EVENT_OPTIONS)
def doctor(as_json: bool, cancel_on_stdin_eof: bool) -> None:
    """Check the installation: versions, device, models, and a small run."""
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from .doctor import examine, line

        is_well = True
        for finding in examine():
            is_well = is_well and finding.ok
            if as_json:
                listener.emit("finding", **asdict(finding))
            else:
                click.echo(line(finding))
            cancel.check()
        if as_json:
            listener.emit("done", outputs=[], report=None, metrics={}, ok=is_well)
        if not is_well:
            sys.exit(1)


def main() -> None:
    """Entry point of the program."""
    # Waiting threads that spin take the processor from those that work; on a busy machine that costs a multiple.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        cli()
    except SystemExit as leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        # Everything is closed and on disk; tearing the libraries down would only take time.
        os._exit(leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None))
