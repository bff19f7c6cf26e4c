"""Carries a plan out: each command a process of its own, each finished step remembered, everything in a log."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from ..engine_process import EngineError
from ..environment import clean_environment
from ..text import tr
from .bring import bring
from .causes import explain, known
from .lock import FolderLock
from .plan import Plan, Step
from .pythons import is_noexec
from .standalone import Bringing
from .state import State, read_state, write_state
from .sums import check_sums

_POLL_S = 0.1  # how late a cancel may be noticed
_DRAIN_S = 2.0  # how long the pipe may stay open after a command's end: a child of it may hold the pipe
_GRACE_S = 3.0  # how long a cancelled command gets to stop by itself
_TAIL_LINES = 60
# Settings of pip that would lead elsewhere than into the environment.
_PIP_ELSEWHERE = frozenset({"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_DRY_RUN", "PIP_NO_DEPS"})


def setup_environment(env: Mapping[str, str], proxies: Mapping[str, str]) -> dict[str, str]:
    """The variables of set-up's processes.

    Args:
        env: variables of QGIS.
        proxies: ``http_proxy`` and its like, which take the place of those in ``env``.
    """
    given = {name.upper() for name in proxies}
    cleaned = {
        name: value
        for name, value in clean_environment(env).items()
        if name.upper() not in _PIP_ELSEWHERE and name.upper() not in given
    }
    return {**cleaned, **proxies, "PIP_USER": "0"}


class Execution:
    """One set-up that has not started yet.

    Args:
        plan: what is to be done.
        environment: variables of the processes.
    """

    def __init__(self, plan: Plan, environment: Mapping[str, str]) -> None:
        self._plan = plan
        self._environment = dict(environment)
        self._log: IO[str] | None = None
        self._inherited: tuple[int, ...] = ()
        self._on_line: Callable[[str], None] = lambda _: None

    def run(
        self,
        *,
        on_step: Callable[[int, int, str], None],
        on_line: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> bool:
        """Run what is not done yet; the callbacks are called from the calling thread.

        Args:
            on_step: takes the number of steps done, of all, and the title of the next.
            on_line: takes each line of the log.
            is_cancelled: asked several times a second.

        Returns:
            Whether set-up is complete; False after a cancel, which keeps the finished steps.

        Raises:
            EngineError: a step failed; finished ones are kept.
        """
        self._on_line = on_line
        folder = self._plan.choice.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FolderLock(folder) as lock, (folder / "setup.log").open("a", encoding="utf-8") as self._log:
                self._inherited = lock.inherited
                return self._steps(on_step, is_cancelled)
        except OSError as error:
            where = str(error.filename or folder)
            raise known(where, str(error)) or EngineError(
                tr("the folder cannot be written ({reason})").format(reason=error.strerror or error),
                where=where,
                fix=tr("choose another folder, or free some space"),
            ) from error
        finally:
            self._log = None

    def _steps(self, on_step: Callable[[int, int, str], None], is_cancelled: Callable[[], bool]) -> bool:
        plan, folder = self._plan, self._plan.choice.folder
        state = read_state(folder)
        finished = state.finished(plan)
        # Of another plan nothing is kept, or a later return to it would find steps that are no longer true.
        interrupted, state = state.begun, State({name: plan.digests[name] for name in finished})
        self._say(time.strftime("%Y-%m-%d %H:%M:%S"))
        for line in plan.lines():
            self._say(line)
        self._check_disk(done=len(finished))
        wheels = plan.choice.wheels
        if wheels is not None and not check_sums(wheels, on_line=self._say, is_cancelled=is_cancelled):
            return self._cancelled()
        for number, step in enumerate(plan.steps):
            on_step(number, len(plan.steps), step.title)
            if step.name in finished:
                self._say(tr("{title}: done before").format(title=step.title))
                continue
            write_state(folder, state.with_begun(step.name))
            done = self._step(step, repair=interrupted == step.name, is_cancelled=is_cancelled)
            if done is None:
                return self._cancelled()
            if done:
                state = state.with_done(step.name, plan.digests[step.name])
            write_state(folder, state)
        on_step(len(plan.steps), len(plan.steps), tr("Set-up is complete"))
        write_state(folder, replace(state, is_complete=True))
        self._say(tr("Set-up is complete"))
        return True

    def _cancelled(self) -> bool:
        self._say(tr("Cancelled; the next set-up goes on from here"))
        return False

    def _step(self, step: Step, *, repair: bool, is_cancelled: Callable[[], bool]) -> bool | None:
        """Whether a step did its work; None after a cancel."""
        self._say("")
        self._say(step.title)
        if step.brings is not None and not self._bring(step.brings, is_cancelled):
            return None
        for command in step.commands:
            words = [*command, *(step.repair if repair else ())]
            self._say("$ " + shlex.join(words))
            code, tail = self._command(words, is_cancelled)
            if code is None:
                return None
            if code != 0:
                if step.otherwise:
                    self._say(step.otherwise)
                    return False
                error = explain(step.title, tail, code)
                self._say(str(error))
                write_state(self._plan.choice.folder, replace(read_state(self._plan.choice.folder), begun=""))
                raise error
        return True

    def _bring(self, bringing: Bringing, is_cancelled: Callable[[], bool]) -> bool:
        try:
            return bring(bringing, environment=self._environment, on_line=self._say, is_cancelled=is_cancelled)
        except EngineError as error:
            self._say(str(error))
            raise

    def _command(self, words: Sequence[str], is_cancelled: Callable[[], bool]) -> tuple[int | None, list[str]]:
        """The exit code, None after a cancel, and the last lines."""
        if is_cancelled():
            return None, []
        process = self._start(words)
        lines: SimpleQueue[str] = SimpleQueue()
        reader = Thread(target=_forward, args=(process.stdout, lines), daemon=True)
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        ended_at = None
        try:
            reader.start()
            while True:
                if is_cancelled():
                    return None, []
                try:
                    line = lines.get(timeout=_POLL_S)
                except Empty:
                    if process.poll() is None:
                        continue
                    ended_at = time.monotonic() if ended_at is None else ended_at
                    if lines.empty() and (not reader.is_alive() or time.monotonic() - ended_at > _DRAIN_S):
                        return process.returncode, list(tail)
                    continue
                tail.append(line)
                self._say(line)
        finally:
            _end(process)

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=str(self._plan.choice.folder),
                pass_fds=self._inherited,
                # A group of its own, so that a cancel reaches what pip starts.
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise EngineError(
                tr("{program} cannot be started ({reason})").format(program=words[0], reason=reason),
                where=tr("Python"),
                fix=tr("choose another Python"),
            ) from error

    def _check_disk(self, *, done: int) -> None:
        """Refuse to begin what cannot end, or could not be started; what is partly done is let go on."""
        if is_noexec(self._plan.choice.folder):
            raise EngineError(
                tr("no program may be started from this disk (it is mounted noexec)"),
                where=str(self._plan.choice.folder),
                fix=tr("choose a folder on another disk"),
            )
        needed, free = self._plan.choice.build.disk_bytes, shutil.disk_usage(self._plan.choice.folder).free
        if not done and free < needed:
            raise EngineError(
                tr("set-up needs {needed:.0f} GB of disk, and {free:.1f} GB are free").format(
                    needed=needed / 1e9, free=free / 1e9
                ),
                where=str(self._plan.choice.folder),
                fix=tr("choose a folder on another disk, or free some space"),
            )

    def _say(self, line: str) -> None:
        if self._log is not None:
            self._log.write(line + "\n")
            self._log.flush()
        self._on_line(line)


def read_log(folder: Path) -> str:
    """All that set-up wrote in a folder; empty where there was none."""
    try:
        return (folder / "setup.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _forward(stream: IO[bytes], lines: SimpleQueue[str]) -> None:
    """Drain the pipe, so that the command never waits for a full one; the thread that reads a pipe closes it."""
    with stream:
        for line in stream:
            lines.put(line.decode("utf-8", "replace").rstrip())


def _end(process: subprocess.Popen[Any]) -> None:
    """Leave no child behind: ask the group to stop, then make it."""
    if process.poll() is not None:
        return
    for send in (_terminate, _kill):
        send(process)
        try:
            process.wait(_GRACE_S)
            return
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _terminate(process: subprocess.Popen[Any]) -> None:
    _signal(process, signal.SIGTERM)


def _kill(process: subprocess.Popen[Any]) -> None:
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(process: subprocess.Popen[Any], number: int) -> None:
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, number)
    except OSError:  # it has just ended
        pass
