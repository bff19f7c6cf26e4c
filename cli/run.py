"""The commands that run a model on a scene, one a task: options into a request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import AS_THEY_ARE, CLASS_OPTIONS, EVENT_OPTIONS, OF_CLASSES, RUN_OPTIONS, policy_of, with_options
from .terminal import guarded

if TYPE_CHECKING:
    from ..engine.contract import ModelSpec, Task
    from ..engine.request import Request


# Of the parameters of each command, those that are inputs, and what the models call them.
_INPUTS: Mapping[Task, Mapping[str, str]] = {
    "pansharpen": {"ms": "ms", "pan": "pan"},
    "superres": {"lr": "image", "reference": "reference"},
    "segment": {"image": "image"},
    "classify": {"image": "image"},
}


@click.command()
@click.argument("ms")
@click.argument("pan")
@click.argument("out", type=click.Path())
@with_options(RUN_OPTIONS + EVENT_OPTIONS)
def pansharpen(**options: Any) -> None:
    """Fuse MS with PAN into OUT, on the pixels of PAN inside the footprint of MS.

    Both may be one product that has them: the folder of Landsat, DIMAP or Maxar.
    """
    _run("pansharpen", options)


@click.command()
@click.argument("lr")
@click.argument("out", type=click.Path())
@click.option("--scale", type=int, help="Output px per input px along an axis: 2, 4 or 8; bicubic takes any.")
@click.option("--reference", metavar="REF", help="Finer image of the ground, of another date perhaps; any CRS.")
@click.option("--trust", metavar="OUT_T", help="Write how far each pixel's reference is trusted, beside OUT.")
@with_options(RUN_OPTIONS + EVENT_OPTIONS)
def superres(**options: Any) -> None:
    """Super-resolve LR into OUT, over the same extent.

    LR is a raster, several files separated by commas, or a product (Sentinel-2, Landsat, PlanetScope, DIMAP, Maxar):
    its folder, its metadata or its zip.
    """
    _run("superres", options)


@click.command()
@click.argument("image")
@click.argument("out", type=click.Path())
@with_options(RUN_OPTIONS + CLASS_OPTIONS + EVENT_OPTIONS)
def segment(**options: Any) -> None:
    """Write the class of every pixel of IMAGE into OUT.

    IMAGE is what superres takes. --model names one that ships, or your own: see seamline train --task.
    """
    _run("segment", options)


@click.command()
@click.argument("image")
@click.argument("out", type=click.Path())
@with_options(RUN_OPTIONS + CLASS_OPTIONS + EVENT_OPTIONS)
def classify(**options: Any) -> None:
    """Write the class of every patch of IMAGE into OUT, a pixel each.

    IMAGE is what superres takes. --model names one that ships, or your own: see seamline train --task.
    """
    _run("classify", options)


TASKS: Mapping[Task, click.Command] = {
    "pansharpen": pansharpen,
    "superres": superres,
    "segment": segment,
    "classify": classify,
}
"""The command of each task."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a command was asked for.

    Attributes:
        request: of the run.
        model: its name or folder.
        more: what ``api.run_request`` takes beside these and the task, but for listener and cancel.
    """

    request: Request
    model: str
    more: Mapping[str, Any]


def _run(task: Task, options: Mapping[str, Any]) -> None:
    with guarded(options["as_json"], options["cancel_on_stdin_eof"]) as (listener, cancel):
        from .. import api
        from ..engine.events import warnings_to
        from ..engine.output.report import summary
        from ..engine.run import plan_run
        from ..engine.run.pace import with_pace
        from ..models import registry
        from ..notebook.plan import RunPlan

        order = ordered(task, options)
        if options["dry_run"]:
            if options["adapt"] is not None:
                listener.emit("warning", kind="AdaptationWarning", what=api.NOT_ADAPTED)
            source = registry.resolve(order.model, task, scale=order.more["scale"])
            with warnings_to(listener):
                plan, needs = plan_run(order.request, source, cancel)
            needs = with_pace(plan, source.spec, source.load(plan.runtime), needs)
            if options["as_json"]:
                listener.emit("plan", plan=summary(plan, needs))
            else:
                click.echo(repr(RunPlan(plan, needs, order.request.out, {})))
            return
        api.run_request(order.request, task, order.model, **order.more, listener=listener, cancel=cancel)


def ordered(task: Task, options: Mapping[str, Any]) -> Order:
    """What the arguments and options of a task's command ask for, once it is known that they can be meant together.

    Args:
        options: by the names of the command's parameters.

    Raises:
        RequestError: they cannot.
    """
    from .. import api
    from ..engine.request import Attention, Request, local_of
    from ..engine.run import Shard
    from ..engine.run.device import pick_device
    from ..models import registry

    inputs = {name: path for option, name in _INPUTS[task].items() if (path := options[option]) is not None}
    scale: int | None = options.get("scale")
    model = (
        _adapted_model(options) or options["model"] or api.default_model(task, scale, reference="reference" in inputs)
    )
    also = _once(_also(options), "--also")
    if options["explain"]:
        out = options["out"]
        beside = Path(local_of(out, options["work"]) if out.startswith("s3://") else out)
        also |= _unasked(beside, registry.resolve(model, task, scale=scale).spec, also)
    attention: Attention = "sdpa" if options["attention"] == "auto" else options["attention"]
    request = Request(
        inputs=_once([*inputs.items(), *options["guide"]], "--guide"),
        out=options["out"],
        device=pick_device(options["device"]),
        attention=attention,
        also=also,
        policy=policy_of(options),
        **{name: options[name] for name in (*AS_THEY_ARE, *OF_CLASSES) if name in options},
    )
    more = {
        "scale": scale,
        "adapt": options["adapt"],
        "keep_model": options["keep_model"],
        "shard": Shard(*(options["shard"] or (1, 1))),
        "workers": options["workers"],
        "scheduler": options["scheduler"],
    }
    return Order(request, model, more)


def _also(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, path) of the further outputs that are wanted."""
    from ..engine.request import SHORTHANDS

    return [*options["also"], *((name, path) for name in SHORTHANDS if (path := options.get(name)) is not None)]


def _unasked(out: Path, spec: ModelSpec, also: Collection[str]) -> dict[str, str]:
    """Paths beside the first output for those that the model makes besides and that nobody asked for by name."""
    if not spec.extras:
        from ..engine.errors import RequestError

        raise RequestError(f"the model {spec.name} has no further output", where="--explain", fix="leave it out")
    return {name: str(out.with_name(f"{out.stem}_{name}.tif")) for name in spec.extras if name not in also}


def _once(named: Iterable[tuple[str, str]], option: str) -> dict[str, str]:
    """Paths by name, once it is known that none is named twice."""
    found: dict[str, str] = {}
    for name, path in named:
        if name in found:
            from ..engine.errors import RequestError

            raise RequestError(f"there are two paths for {name}", where=f"{option} {name}={path}", fix="give one")
        found[name] = path
    return found


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
