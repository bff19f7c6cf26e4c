"""The command ``seamline adapt``: a model folder that fits a scene, without running the scene."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from .options import POLICY_OPTIONS, policy_of, with_options
from .terminal import guarded


@click.command()
@click.argument("ms")
@click.argument("pan")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME|FOLDER", help="Model to start from.")
@click.option("--steps", type=click.IntRange(1), default=30, show_default=True, help="Most training steps.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the training.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]", help="What computes.")
@click.option("--sensor", metavar="NAME|FILE", help="Sensor of MS: its MTF degrades the scene.")
@click.option("--coregister", is_flag=True, help="Correct a measured shift of MS first.")
@with_options(POLICY_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@click.option("--cancel-on-stdin-eof", is_flag=True, help="Cancel when standard input closes.")
def adapt(ms: str, pan: str, folder: Path, as_json: bool, cancel_on_stdin_eof: bool, **options: Any) -> None:
    """Adapt the pan-sharpening model to the scene of MS and PAN and keep it as the model FOLDER.

    The same model as that of: seamline pansharpen MS PAN OUT --adapt STEPS --keep-model FOLDER
    """
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from .. import api
        from ..engine.output.workspace import Workspace
        from ..engine.request import Request
        from ..engine.run import Shard
        from ..engine.run.device import pick_device
        from ..models import registry
        from ..training.adapt.make import adapt as adapt_to_scene

        # Never written: the workspace beside it is where the model grows.
        out = folder.with_name(folder.name + ".tif")
        request = Request(
            inputs={"ms": ms, "pan": pan},
            out=str(out),
            device=pick_device(options["device"]),
            seed=options["seed"],
            sensor=options["sensor"],
            coregister=options["coregister"],
            policy=policy_of(options),
            overwrite=True,
        )
        source = registry.resolve(options["model"] or api.DEFAULT_PANSHARPEN, "pansharpen")
        try:
            adapted = adapt_to_scene(
                request, source, options["steps"], keep=folder, shard=Shard(), listener=listener, cancel=cancel
            )
        finally:
            shutil.rmtree(Workspace.beside(out).folder, ignore_errors=True)
        metrics = {name: value for name, value in adapted.facts.items() if isinstance(value, float)}
        listener.emit("done", outputs=[str(folder)], report=None, metrics=metrics)
