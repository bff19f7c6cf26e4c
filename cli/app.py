"""The command ``seamline app``: the page in the browser."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .terminal import guarded

_LOOK_S = 0.2


@click.command()
@click.option(
    "--folder",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder whose files the page may read and write, repeatable; the present one by default.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 for any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; other machines see others.")
def app(folders: tuple[Path, ...], port: int, host: str) -> None:
    """Serve a page on this machine that opens scenes, previews extents, runs models and measures them.

    Ctrl-C ends it; a run that goes on is cancelled, and what is finished is kept.
    """
    with guarded(False, False) as (listener, cancel):
        from ..app.serve import bound, check_gradio, is_loopback, serving

        check_gradio()
        from ..app.folders import Folders

        allowed = Folders.of(folders or (Path(),))
        listening = bound(host, port)
        # Importing the rest takes seconds, and half a minute the first time of all.
        click.echo("starting the page ...", err=True)
        from ..app.desk import Desk

        names = ("127.0.0.1", "localhost", "[::1]") if is_loopback(host) else ("*",)
        if names == ("*",):
            what = f"whoever reaches {host} can read and write in the folders: there is no password"
            listener.emit("warning", what=what)
        with serving(Desk(allowed), listening, names) as address:
            click.echo(f"{address} (Ctrl-C ends it)")
            while not cancel.is_set:
                time.sleep(_LOOK_S)
