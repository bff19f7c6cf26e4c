"""One run of the engine as a process of its own: events in, cancel out, one plain error at the end.

Nothing of the engine is ever loaded into QGIS: its numpy, GDAL and PROJ would clash with those that QGIS has loaded.
The engine writes one JSON object a line on stdout and its log on stderr; it stops when its stdin is closed, so it also
stops when QGIS dies.  This module runs without QGIS.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from .environment import clean_environment
from .text import tr

PROTOCOL = ("--json", "--cancel-on-stdin-eof")
_POLL_S = 0.1  # how late a cancel may be noticed
_DRAIN_S = 2.0  # how long a pipe may stay open after the engine's end: a worker process may hold it
_LINE_BYTES = 1 << 20
_TAIL_LINES = 20

Event = dict  # one JSON object that names its kind under "event"


class EngineError(Exception):
    """The run failed: one sentence that says what, where, and what to do.

    Args:
        what: what went wrong, without a full stop.
        where: the file, parameter or tile concerned.
        fix: what the user can do, in the imperative.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__("; ".join(part for part in (what, where, fix) if part))


class EngineProcess:
    """A run that has not started yet.

    Args:
        command: the program and its arguments, with ``PROTOCOL`` among them.
        environment: variables of the process; the cleaned ones of this process when None.
        kill_after_s: seconds that a cancelled engine gets to stop by itself.
    """

    def __init__(
        self, command: Sequence[str], *, environment: dict[str, str] | None = None, kill_after_s: float = 1.5
    ) -> None:
        self.command = list(command)
        self._environment = clean_environment(os.environ) if environment is None else environment
        self._kill_after_s = kill_after_s
        self._last: dict[str, Event] = {}  # the newest event of each kind
        self._log_tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._cancelled_at: float | None = None

    def run(
        self,
        *,
        on_event: Callable[[Event], None],
        on_log: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> Event | None:
        """Run to the end; the callbacks are called from the calling thread.

        Args:
            on_event: takes each JSON object that names an event, known or not.
            on_log: takes each other line, of stdout and stderr alike.
            is_cancelled: asked several times a second.

        Returns:
            The ``done`` event (``plan`` for a dry run), or None after a cancel.

        Raises:
            EngineError: the engine could not be started, reported an error, or ended in any other way.
        """
        process = self._start()
        lines: SimpleQueue[tuple[bool, bytes]] = SimpleQueue()
        readers = [
            Thread(target=_forward, args=(stream, is_protocol, lines), daemon=True)
            for stream, is_protocol in ((process.stdout, True), (process.stderr, False))
        ]
        try:
            for reader in readers:
                reader.start()
            self._listen(process, readers, lines, on_event, on_log, is_cancelled)
        finally:
            _end(process)
        return self._outcome(process.returncode)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL character in an argument
            reason = getattr(error, "strerror", None) or str(error)
            raise EngineError(
                tr("the engine cannot be started ({reason})").format(reason=reason),
                where=self.command[0],
                fix=tr("set the engine's Python in Settings > Options > Processing > Providers > Seamline"),
            ) from error

    def _listen(self, process, readers, lines, on_event, on_log, is_cancelled) -> None:
        ended_at = None
        while True:
            self._cancel_if(is_cancelled, process)
            try:
                is_protocol, line = lines.get(timeout=_POLL_S)
            except Empty:
                if process.poll() is None:
                    continue
                ended_at = time.monotonic() if ended_at is None else ended_at
                is_drained = lines.empty() and not any(reader.is_alive() for reader in readers)
                if is_drained or time.monotonic() - ended_at > _DRAIN_S:
                    return
                continue
            text = line.decode("utf-8", "replace").rstrip()
            event = parse_event(text) if is_protocol else None
            if event is not None:
                self._last[event["event"]] = event
                on_event(event)
            elif text:
                if not is_protocol:
                    self._log_tail.append(text)
                on_log(text)

    def _cancel_if(self, is_cancelled, process) -> None:
        if self._cancelled_at is None:
            if is_cancelled():
                self._cancelled_at = time.monotonic()
                _close(process.stdin)
        elif process.poll() is None and time.monotonic() - self._cancelled_at > self._kill_after_s:
            process.kill()

    def _outcome(self, code: int) -> Event | None:
        ending = self._last.get("done") or self._last.get("plan")  # a dry run ends with its plan
        if code == 0 and ending is not None:
            return ending
        if self._cancelled_at is not None:
            return None
        error = self._last.get("error")
        if error is not None:
            what, where, fix = (str(error.get(key) or "") for key in ("what", "where", "fix"))
            raise EngineError(what or tr("the engine reports an error without a text"), where=where, fix=fix)
        raise self._silent_end(code)

    def _silent_end(self, code: int) -> EngineError:
        """The error of a run that ended without an event that explains it."""
        last_words = self._log_tail[-1] if self._log_tail else ""
        progress = self._last.get("progress", {})
        where = ""
        if "done" in progress:
            where = tr("after {done} of {total} tiles").format(done=progress["done"], total=progress.get("total", "?"))
        if "cancelled" in self._last or code == 130:
            return EngineError(tr("the engine was cancelled from outside QGIS"), where=where, fix=tr("run it again"))
        if code in (-9, 137):
            return EngineError(
                tr("the engine was killed by the system, as happens when memory runs out"),
                where=where,
                fix=tr("choose a smaller tile or close other programs, then run it again"),
            )
        if "ModuleNotFoundError" in last_words or "ImportError" in last_words:
            return EngineError(
                tr("the engine's Python lacks a package ({words})").format(words=last_words),
                where=self.command[0],
                fix=tr("install the engine's requirements into that Python, as the plugin's page describes"),
            )
        if code == 0:
            what = tr("the engine ended without naming its output")
        elif code == 2:
            what = tr("the engine refused the request")
        elif code < 0:
            what = tr("the engine crashed (signal {number})").format(number=-code)
        else:
            what = tr("the engine stopped with exit code {code}").format(code=code)
        return EngineError(
            f"{what}: {last_words}" if last_words else what, where=where, fix=tr("the log above says more")
        )


def parse_event(line: str) -> Event | None:
    """The event of one line of stdout; None for any line that is not a JSON object with an ``event``."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _forward(stream: IO[bytes], is_protocol: bool, lines: SimpleQueue[tuple[bool, bytes]]) -> None:
    """Drain one pipe, so that the engine never waits for a full one; the thread that reads a pipe closes it."""
    with stream:
        for line in iter(lambda: stream.readline(_LINE_BYTES), b""):
            lines.put((is_protocol, line))


def _end(process: subprocess.Popen[Any]) -> None:
    """Leave no child behind, whatever happened."""
    _close(process.stdin)
    if process.poll() is None:
        process.kill()
    process.wait()


def _close(stream: IO[bytes] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except OSError:  # the other end is gone already
        pass
