"""Give inputs to their doors, many in one process, and see what each does; a process that hangs or dies is replaced.

A worker is forked from a process that has loaded the libraries and opened nothing.  It says before each input that it
begins, and afterwards what came of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import IO

import numpy as np
import rasterio
from numpy.typing import NDArray

from seamline.engine.errors import SeamlineError

from ..shared.law import MOST_BYTES, Breach, Law, Verdict
from ..shared.listening import Listener
from .doors import Pixels, through
from .inputs import Input, write

HANG_S, CLOCK_S = 10.0, 300.0
"""Processor seconds that an input may take, and seconds on the clock, for a machine may be busy."""
BATCH = 250
_MOST_SAID = 5000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a worker saw of one input."""

    number: int
    outcome: str
    breaches: tuple[tuple[Law, str], ...]


def verdicts_on(chosen: Sequence[Input], seeds: Path, folder: Path, listener: Listener) -> Iterator[Verdict]:
    """Give inputs to their doors, and judge each."""
    waiting = list(chosen)
    while waiting:
        batch = waiting[:BATCH]
        done = 0
        for verdict in _of_worker(batch, seeds, folder, listener):
            done += 1
            yield verdict
        waiting = waiting[done:]


def _of_worker(batch: Sequence[Input], seeds: Path, folder: Path, listener: Listener) -> Iterator[Verdict]:
    """The verdicts of one worker, up to its end or to the input that ends it."""
    ours, theirs = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        os.close(ours)
        try:
            _work(batch, seeds, folder, os.fdopen(theirs, "w"), dict(listener.environment))
        finally:
            os._exit(0)
    os.close(theirs)
    # Without a buffer, in which an answer could wait unseen.
    with os.fdopen(ours, "rb", buffering=0) as stream:
        for each in batch:
            found = _next(pid, stream)
            requests = listener.heard()
            breaches = [Breach(law, seen) for law, seen in found.breaches]
            if requests:
                breaches.append(Breach("requests", f"{requests} were made"))
            yield Verdict(each.number, each.seed.name, str(each), found.outcome, tuple(breaches))
            if found.outcome in ("hung", "died"):
                break
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _next(pid: int, stream: FileIO) -> _Found:
    """What the worker says of its next input; what is to be said where it hangs or dies."""
    used, waited = _processor_s(pid), 0.0
    while not select.select([stream], [], [], 0.5)[0]:
        waited += 0.5
        if waited > CLOCK_S or _processor_s(pid) - used > HANG_S:
            return _Found(-1, "hung", (("hangs", f"{_processor_s(pid) - used:.0f} s of processor, {waited:.0f} s"),))
    line = stream.readline()
    if not line:
        return _Found(-1, "died", (("tracebacks", "the process died"),))
    return _Found(**json.loads(line))


def _processor_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _work(batch: Sequence[Input], seeds: Path, folder: Path, answers: IO[str], environment: dict[str, str]) -> None:
    """Body of a worker."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.environ.update(environment)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The machine is not to suffer from what would be far over the bound.
    resource.setrlimit(resource.RLIMIT_AS, (16 * MOST_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MOST_BYTES, resource.RLIM_INFINITY))
    asked: list[str] = []
    sys.addaudithook(lambda event, given: asked.append(str(given)) if event.startswith("socket.connect") else None)
    for each in batch:
        place = folder / f"input-{each.number}"
        try:
            found = judged(each, seeds, place)
        except BaseException:  # of ours; it must not go unseen
            found = _Found(each.number, "not tried", (("tracebacks", traceback.format_exc()[-600:]),))
        if asked:
            found = _Found(found.number, found.outcome, (*found.breaches, ("requests", asked.pop())))
        shutil.rmtree(place, ignore_errors=True)
        answers.write(json.dumps(asdict(found)) + "\n")
        answers.flush()


def judged(each: Input, seeds: Path, place: Path) -> _Found:
    """Give an input to its door, in this process."""
    path = write(each, seeds, place)
    (place / "out").mkdir()
    _forget_peak()
    outcome, breaches = "read", []
    try:
        pixels = through(each.seed.door, path)
    except SeamlineError as error:
        outcome = "refused"
        if len(str(error)) > _MOST_SAID:
            breaches.append(("tracebacks", f"a message of {len(str(error))} characters"))
    except BaseException:  # the law is about these
        outcome = "broke"
        breaches.append(("tracebacks", _short(traceback.format_exc())))
    else:
        breaches += [("wrong pixels", seen) for seen in _wrong(each, pixels, seeds)]
    if (peak := _peak()) > MOST_BYTES:
        breaches.append(("over 1 GB", f"{peak / 1e6:.0f} MB"))
    return _Found(each.number, outcome, tuple(breaches))


def _wrong(each: Input, pixels: Pixels | None, seeds: Path) -> Iterator[str]:
    if pixels is None:
        return
    try:
        others = pixels.as_gdal_has_them()
    except rasterio.errors.RasterioError as error:
        yield f"GDAL alone cannot read it ({error})"
        return
    if pixels.differ(others):
        yield "they are not those that GDAL reads"
    # What has lost its end has no other values: it is refused, or is as it was.
    if each.is_cut and pixels.differ(_whole(each, seeds)):
        yield "the end of the file is missing, and they are not those that it had"


def _whole(each: Input, seeds: Path) -> NDArray[np.float32]:
    with rasterio.open(seeds / each.seed.name / each.seed.main) as data:
        values: NDArray[np.float32] = data.read(out_dtype="float32")
    return values


def _short(trace: str) -> str:
    """Where a trace ends: the last lines of the program's own, and the error."""
    own = re.findall(r'File "[^"]*/seamline/((?:engine|models|training)/[^"]+)", line (\d+)', trace)
    places = " > ".join(f"{file}:{line}" for file, line in own[-2:])
    return f"{trace.strip().splitlines()[-1][:160]} at {places}"


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
