"""The command ``seamline report``: the page of a run."""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import guarded

_PATH: click.Path = click.Path(path_type=Path)


@click.command()
@click.argument("run_or_out", type=_PATH)
@click.argument("page", required=False, type=_PATH, metavar="[HTML]")
@click.option("--reference", type=_PATH, metavar="REF", help="Raster on the grid of the output that it should equal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@click.option("--cancel-on-stdin-eof", is_flag=True, help="Cancel when standard input closes.")
def report(
    run_or_out: Path, page: Path | None, reference: Path | None, as_json: bool, cancel_on_stdin_eof: bool
) -> None:
    """Write the report of RUN_OR_OUT as one HTML page to look into: OUT.report.html, or HTML.

    Before and after under a swipe down to single pixels, spectra, maps of seams, all that was measured.
    """
    with guarded(as_json, cancel_on_stdin_eof) as (listener, cancel):
        from ..engine.events import warnings_to
        from ..report.page import write_page

        with warnings_to(listener):
            written = write_page(run_or_out, page, reference, listener=listener, cancel=cancel)
        listener.emit("done", outputs=[str(written)], report=None, metrics={})
