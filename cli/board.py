"""What people see of a batch: a line for every job that has ended, the bar of the one at work, a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..engine.errors import SeamlineError

if TYPE_CHECKING:
    from .terminal import Terminal

_STYLES = {"done": "green", "skipped": "dim", "failed": "bold red", "cancelled": "yellow", "running": "yellow"}


class Board:
    """A listener of a batch, in front of that of its runs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._jobs, self._told = 0, dict[int, dict[str, Any]]()

    def emit(self, event: str, **fields: Any) -> None:
        """Show one event."""
        job = fields.pop("job", None)
        if event == "job":
            self._note(job, fields)
        elif event == "warning":
            self._terminal.emit(event, **{**fields, "what": f"{self._told[job]['out']}: {fields['what']}"})
        elif event == "start" and job is None:
            self._jobs = fields["jobs"]
        elif event == "start":
            doing = f"{job}/{self._jobs} {fields.get('doing', 'inferring')}"
            self._terminal.emit(event, **{**fields, "doing": doing})
        elif event == "progress":
            self._terminal.emit(event, **fields)

    def _note(self, job: int, told: dict[str, Any]) -> None:
        self._told[job] = told
        if told["state"] == "running":
            return
        self._terminal.close()
        took = "" if told["state"] == "skipped" or told["seconds"] is None else f", {told['seconds']:.1f} s"
        again = ", will be tried again" if told["again"] else ""
        click.echo(f"[{job}/{self._jobs}] {told['out']}: {told['state']}{took}{again}", err=True)

    def close(self) -> None:
        """Print the table, whatever has become of the batch."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        self._terminal.close()
        if not self._told:
            return
        table = Table("job", "output", "state", "tries", "s", "why")
        for job, told in sorted(self._told.items()):
            error = told["error"]
            why = "" if error is None else str(SeamlineError(error["what"], where=error["where"], fix=error["fix"]))
            cells = (str(job), told["out"], told["state"], str(told["attempts"]), f"{told['seconds'] or 0:.1f}", why)
            table.add_row(*map(Text, cells), style=_STYLES[told["state"]])
        states = [told["state"] for told in self._told.values()]
        counts = [f"{states.count(state)} {state}" for state in _STYLES if state in states]
        left = self._jobs - len(states)
        table.caption = ", ".join([*counts, *([f"{left} not begun"] if left else [])])
        Console().print(table)
