"""The command ``seamline merge``: the row bands of all shards into one COG."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EVENT_OPTIONS, with_options
from .terminal import guarded


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@with_options(EVENT_OPTIONS)
def merge(out: Path, as_json: bool, cancel_on_stdin_eof: bool) -> None:
    """Put the row bands of all shards of OUT together."""
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from .. import api

        api.merge_shards(out, listener=listener, cancel=cancel)
