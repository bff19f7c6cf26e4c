"""The command ``seamline doctor``: examine the installation."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from .options import EVENT_OPTIONS, with_options
from .terminal import guarded


@click.command()
@with_options(EVENT_OPTIONS)
def doctor(as_json: bool, cancel_on_stdin_eof: bool) -> None:
    """Check the installation: versions, device, models, and a small run."""
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from ..doctor import examine, line

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
