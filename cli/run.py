"""The commands ``seamline pansharpen`` and ``seamline superres``: options into a request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import AS_THEY_ARE, EVENT_OPTIONS, RUN_OPTIONS, with_options
from .terminal import guarded

if TYPE_CHECKING:
    from ..engine.contract import Task


@click.command()
@click.argument("ms")
@click.argument("pan")
@click.argument("out", type=click.Path(path_type=Path))
@with_options(RUN_OPTIONS + EVENT_OPTIONS)
def pansharpen(ms: str, pan: str, out: Path, **options: Any) -> None:
    """Fuse MS with PAN into OUT, on the pixels of PAN inside the footprint of MS."""
    _run("pansharpen", {"ms": ms, "pan": pan}, out, None, options)


@click.command()
@click.argument("lr")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scale", type=int, help="Output px per input px along an axis: 2 or 4; bicubic takes any.")
@with_options(RUN_OPTIONS + EVENT_OPTIONS)
def superres(lr: str, out: Path, scale: int | None, **options: Any) -> None:
    """Super-resolve LR into OUT, over the same extent.

    LR is a raster, several files separated by commas, or a Sentinel-2 product: a SAFE folder, its zip or its metadata.
    """
    _run("superres", {"image": lr}, out, scale, options)


def _run(task: Task, inputs: Mapping[str, str], out: Path, scale: int | None, options: dict[str, Any]) -> None:
    with guarded(options["as_json"], options["cancel_on_stdin_eof"]) as (listener, cancel):
        from .. import api
        from ..engine.events import warnings_to
        from ..engine.output.report import summary
        from ..engine.request import OpenPolicy, Request
        from ..engine.run import Share, plan_run
        from ..engine.run.device import pick_device
        from ..engine.run.pace import with_pace
        from ..models import registry

        model = _adapted_model(options) or options["model"] or api.default_model(task, scale)
        attention = "sdpa" if options["attention"] == "auto" else options["attention"]
        request = Request(
            inputs=inputs,
            out=str(out),
            device=pick_device(options["device"]),
            attention=attention,
            policy=OpenPolicy(vrt=options["allow_vrt"]),
            **{name: options[name] for name in AS_THEY_ARE},
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
        from ..engine.errors import RequestError
        from ..training.adapt.make import check_adapted

        for other in ("model", "adapt"):
            if options[other] is not None:
                raise RequestError(f"--{other} was given too", where="--adapted-model", fix="give one of them")
        check_adapted(folder)
    return folder
