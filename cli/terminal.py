"""Events for people and for programs, signals, and exit codes: what every command shares."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

import click

from ..engine.errors import Cancelled, SeamlineError
from ..engine.events import Cancel, Listener
from .classes import print_classes
from .sweep import print_points

if TYPE_CHECKING:
    from ..engine.quality.metrics import Metric

_GRACE_S = 2.0
"""Seconds that a run gets to stop by itself once standard input has closed."""
_KEPT_RUN = "; what is finished is kept for --resume"
_KEPT = {
    "evaluate": "",
    "adapt": "",
    "report": "",
    "convert": "",
    "train": "; run it again to go on from the checkpoint",
}


class JsonLines:
    """One JSON object a line, on a stream that nothing else can write to."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event."""
        # Whoever read the lines may be gone; the run must not fail for that, it is cancelled otherwise.
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(json.dumps({"event": event, **fields}) + "\n")
            self._stream.flush()


class Terminal:
    """A progress bar with the time left, warnings, and one closing line."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}, {task.fields[eta]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None
        self._doing, self._unit = "inferring", "tiles"

    def emit(self, event: str, **fields: Any) -> None:
        """Show one event."""
        if event == "start":
            self._doing, self._unit = fields.get("doing", "inferring"), fields.get("unit", "tiles")
            if self._task is not None:  # of what came before, such as adapting
                self._bar.remove_task(self._task)
                self._task = None
        elif event == "progress":
            self._progress(**fields)
        elif event == "warning":
            click.echo(f"warning: {fields['what']}", err=True)
        elif event == "done":
            self.close()
            report = fields["report"]
            if points := fields.get("points"):
                print_points(points, fields["fronts"])
            if report is None and fields["metrics"]:
                _print_metrics(fields["metrics"])
                if classes := fields["metrics"].get("classes"):
                    print_classes(classes)
            files = [*fields["outputs"], *fields.get("vectors", ())]
            for line in [*files, *([] if report is None else [f"report: {report}"])]:
                click.echo(line)

    def _progress(self, done: int, total: int, eta_s: float) -> None:
        if not self._bar.console.is_terminal:  # a file would get an empty line of it
            return
        minutes, seconds = divmod(round(eta_s), 60)
        eta = f"{minutes}:{seconds:02d} left"
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task(self._doing, total=total, eta=eta, unit=self._unit)
        self._bar.update(self._task, completed=done, total=total, eta=eta)

    def close(self) -> None:
        """Take the bar away."""
        # Stopping a bar that never started would print an empty line.
        if self._task is not None:
            self._bar.stop()
            self._bar.remove_task(self._task)
            self._task = None


def _print_metrics(metrics: Mapping[str, Any]) -> None:
    """A table on standard output; a value that JSON cannot hold is infinite; classes have a table of their own."""
    from rich.console import Console
    from rich.table import Table

    from ..engine.quality.metrics import AS_RELEASED, METRICS

    table = Table("metric", "value", "best", "unit", "against")
    for name, value in metrics.items():
        if name == "classes":
            continue
        known = METRICS.get(name.removesuffix(AS_RELEASED))
        cells = ("", "", "") if known is None else (_best(known), known.unit, known.against)
        table.add_row(name, "inf" if value is None else f"{value:.6g}", *cells)
    Console().print(table)


def _best(known: Metric) -> str:
    """The best value, or the bound below which all are as good."""
    return f"at most {known.at_most:g}" if known.best is None else f"{known.best:g}"


_READER_GONE = 141
"""Exit status of a program whose reader closed the pipe: that of the signal, 13, and 128."""


@contextlib.contextmanager
def make_listener(as_json: bool) -> Iterator[JsonLines | Terminal]:
    """The listener for a person or a program.

    For a program, the protocol gets a copy of standard output of its own, and standard output becomes standard error
    for the while: whatever a library prints cannot break a line.
    """
    if not as_json:
        terminal = Terminal()
        try:
            yield terminal
        finally:
            terminal.close()
        return
    sys.stdout.flush()
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        yield JsonLines(protocol)
    finally:
        os.dup2(protocol.fileno(), 1)
        # Whoever read the lines may be gone.
        with contextlib.suppress(BrokenPipeError):
            protocol.close()


@contextlib.contextmanager
def guarded(as_json: bool, cancel_on_stdin_eof: bool, kept: str | None = None) -> Iterator[tuple[Listener, Cancel]]:
    """Give a command its listener and its cancel switch; turn errors into sentences and exit codes.

    Args:
        kept: what a cancelled command says is left; None for what is usual.
    """
    cancel, ended = Cancel(), threading.Event()
    if cancel_on_stdin_eof:
        threading.Thread(target=_watch_stdin, args=(cancel, ended), daemon=True).start()
    # Commands that print JSON of their own need standard output as it is.
    with _signals_to(cancel), make_listener(as_json and _speaks_events()) as listener:
        try:
            yield listener, cancel
        except Cancelled:
            listener.emit("cancelled")
            left = _KEPT.get(_command(), _KEPT_RUN) if kept is None else kept
            _leave(listener, f"cancelled{left}", Cancelled.exit_code)
        except SeamlineError as error:
            listener.emit("error", what=error.what, where=error.where, fix=error.fix)
            _leave(listener, f"error: {error}", error.exit_code)
        except ModuleNotFoundError as error:
            _lacking(listener, error)
        except Exception as error:  # a defect of ours: say so, keep the trace for the report
            if isinstance(error, BrokenPipeError) and _reader_has_gone():
                # Nothing is left to say, nor anywhere to say it.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                sys.exit(_READER_GONE)
            traceback.print_exc()
            what = f"unexpected {type(error).__name__}: {error}"
            listener.emit("error", what=what, where="seamline", fix="please report it with the lines above")
            _leave(listener, f"error: {what}; please report it with the lines above", 1)
        finally:
            ended.set()


def _reader_has_gone() -> bool:
    """Whether nobody reads standard output any more; other pipes that break are defects."""
    if not hasattr(select, "poll"):
        return False
    waiting = select.poll()
    waiting.register(1, 0)
    return any(event & select.POLLERR for _, event in waiting.poll(0))


def _lacking(listener: Listener, error: ModuleNotFoundError) -> None:
    """A package that is imported late is missing: no defect of ours, and the fix is another."""
    what = f"this Python lacks a package ({error})"
    fix = "run seamline doctor, which says how to set it up"
    listener.emit("error", what=what, where=sys.executable, fix=fix)
    _leave(listener, f"error: {sys.executable}: {what}; {fix}", 1)


@contextlib.contextmanager
def _signals_to(cancel: Cancel) -> Iterator[None]:
    """SIGINT and SIGTERM cancel; the handlers that were there before come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: cancel.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _command() -> str:
    context = click.get_current_context(silent=True)
    return "" if context is None else context.info_name or ""


def _speaks_events() -> bool:
    """Whether the command's JSON are events: those can be cancelled through standard input too."""
    context = click.get_current_context(silent=True)
    return context is not None and "cancel_on_stdin_eof" in context.params


def _leave(listener: Listener, sentence: str, code: int) -> None:
    if isinstance(listener, Terminal):
        listener.close()
        click.echo(sentence, err=True)
    sys.exit(code)


def _watch_stdin(cancel: Cancel, ended: threading.Event) -> None:
    # The descriptor itself, not sys.stdin, whose buffer would hold the end back.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    cancel.set()
    # Whoever started the run has given it up, or is dead: a long step must not outlive that.  A kill harms no file.
    if not ended.wait(_GRACE_S):
        with contextlib.suppress(OSError):
            os.write(2, b"cancelled in the middle of a step\n")
        os._exit(Cancelled.exit_code)
