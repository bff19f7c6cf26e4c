"""Whole runs of the program in processes of their own, forked from one that has loaded its libraries.

Loading them takes seconds and a fork takes none; what it runs is the program's own entry.  A run can be stopped at a
moment: a file of its folder being opened, made, renamed or removed by Python, whichever thread does it.  Linux only.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import re
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

PROCESSOR_S, CLOCK_S = 10, 600
"""What a run may take at most; more is a hang.  On the clock it may take longer, for a machine may be busy."""

_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.rmdir", "os.link", "os.mkdir", "shutil.rmtree"})
_TO = frozenset({"os.rename", "os.link"})
_PART = re.compile(r"\.\d+\.part$")
_POLL_S = 0.002
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A file of a run's folder is about to be touched.

    Attributes:
        event: what Python's audit calls it.
        path: of the file, relative to the folder; of what is renamed or linked, the new name.
        nth: how often it was so before, from 0.
    """

    event: str
    path: str
    nth: int = 0

    def __str__(self) -> str:
        return f"{self.event.removeprefix('os.')} {self.path}" + (f" ({self.nth + 1})" if self.nth else "")


@dataclass(frozen=True, slots=True)
class Ended:
    """A finished run.

    Attributes:
        code: exit status; of a process that a signal ended, minus its number.
        said: on both outputs.
        peak_bytes: memory at its peak, what was loaded before included.
        hung: whether it was ended for taking too long.
        processor_s: seconds of processor, its own and the system's for it.
    """

    code: int
    said: str
    peak_bytes: int
    hung: bool
    processor_s: float = 0.0

    @property
    def last(self) -> str:
        """The last line that it said."""
        lines = self.said.strip().splitlines()
        return lines[-1] if lines else ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a run is started.

    Attributes:
        file_bytes: no file may become larger; None for no limit.
        stop: the moment at which it stops and waits to be told to go on.
        record: a file for all its moments, one a line.
        reader_gone: whether whoever read standard output has closed it.
        environment: further variables.
    """

    file_bytes: int | None = None
    stop: Moment | None = None
    record: Path | None = None
    reader_gone: bool = False
    environment: tuple[tuple[str, str], ...] = ()


class Run:
    """A run that was started; ``log`` takes what it says."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self._log, self._started = pid, log, time.monotonic()

    def wait(self) -> Ended | None:
        """Its end; None where it has stopped at its moment instead."""
        hung = False
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                return None
            if pid:
                code = os.waitstatus_to_exitcode(status)
                hung = hung or code == -signal.SIGXCPU
                said, spent = self._log.read_text(errors="replace"), usage.ru_utime + usage.ru_stime
                return Ended(code, said, usage.ru_maxrss * 1024, hung, spent)
            if not hung and time.monotonic() - self._started > CLOCK_S:
                hung = True
                self.signal(signal.SIGKILL)
            time.sleep(_POLL_S)

    def signal(self, number: int) -> None:
        """Send a signal to the run and to its workers."""
        os.killpg(self.pid, number)

    @property
    def children(self) -> list[int]:
        """Processes that it has started."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


def load() -> None:
    """Load what runs need, so that no fork has to."""
    for name in ("api", "cli.group", "engine.run", "engine.run.pace", "models.registry"):
        import_module(f"seamline.{name}")


def start(arguments: Sequence[str], folder: Path, log: Path, conditions: Conditions = Conditions()) -> Run:
    """Start the program in a folder, without the rights that a superuser has over files."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Run(pid, log)
    try:
        os.setsid()
        os.chdir(folder)
        _redirect(log, reader_gone=conditions.reader_gone)
        faulthandler.enable()  # a process that dies says where
        _drop_rights()
        _end_with_parent()
        os.environ.update(conditions.environment)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # First comes a signal of its own, which tells it from a kill.
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S + 5))
        if conditions.file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (conditions.file_bytes,) * 2)
        sys.argv = ["seamline", *arguments]
        if conditions.record is not None or conditions.stop is not None:
            sys.addaudithook(_hook(folder, conditions))
        import_module("seamline.cli").main()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(97)


def moments_of(record: Path) -> tuple[Moment, ...]:
    """The moments that a run has recorded, in their order."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for line in record.read_text().splitlines():
        event, _, path = line.partition(" ")
        found.append(Moment(event, path, seen[event, path]))
        seen[event, path] += 1
    return tuple(found)


def _redirect(log: Path, *, reader_gone: bool) -> None:
    nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if reader_gone:
        ours, theirs = os.pipe()
        os.dup2(theirs, 1)
        os.close(theirs)
        os.close(ours)


def _drop_rights() -> None:
    """Give up capabilities: what a folder's permissions say then holds for the superuser too."""
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capset(header, nothing)


def _end_with_parent() -> None:
    """Let nobody be left who stands still and waits for a parent that has gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _hook(folder: Path, conditions: Conditions) -> Callable[[str, tuple[object, ...]], None]:
    record = -1 if conditions.record is None else os.open(conditions.record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    seen: Counter[tuple[str, str]] = Counter()

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS:
            return
        path = _inside(folder, arguments[1 if event in _TO else 0])
        if path is None:
            return
        if record >= 0:
            os.write(record, f"{event} {path}\n".encode())
        moment = Moment(event, path, seen[event, path])
        seen[event, path] += 1
        if moment == conditions.stop:
            os.kill(os.getpid(), signal.SIGSTOP)

    return hear


def _inside(folder: Path, path: object) -> str | None:
    """A path as seen from a folder, the numbers of processes left out; None outside it."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    found = os.fsdecode(path)
    if found.startswith("/"):
        if not found.startswith(f"{folder}/"):
            return None
        found = os.path.relpath(found, folder)
    return _PART.sub(".part", found)
