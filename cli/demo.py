"""The command ``seamline demo``."""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import guarded


@click.command()
@click.argument("folder", default="seamline-demo", type=click.Path(path_type=Path))
@click.option("--model", help="Model to run.")
@click.option("--size", type=click.IntRange(256), default=1024, show_default=True, help="Side of the PAN image, px.")
def demo(folder: Path, model: str | None, size: int) -> None:
    """Make a scene, pan-sharpen it, and show before and after; needs no data and no network."""
    with guarded(False, False) as (listener, cancel):
        from .. import api
        from .demo_scene import run_demo

        run_demo(folder, size=size, model=model or api.DEFAULT_PANSHARPEN, listener=listener, cancel=cancel)
