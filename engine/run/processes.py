"""Several processes on one machine share a run: each computes a contiguous part of the row bands.

Parent and worker talk over one pipe each.  The pipe also ties their lives together: a worker whose parent was killed
reads the end of the pipe and goes, and the parent sees the same of a worker.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..allocator import keep_freed_memory
from ..context import RunContext
from ..errors import Cancelled, RunError, SeamlineError
from ..events import Progress, Sending, warnings_to
from ..request import OpenPolicy
from .job import Job, run_job

_POLL_S, _GRACE_S = 0.1, 5.0
_REMEDY = "run again with --resume, with fewer --workers if memory ran out"
# Each process imports such a script to find the model there.
_GUARD = "; or put what your script runs below if __name__ == '__main__', as the model is defined in it"
_PACKAGE = Path(__file__).resolve().parents[2]


def _work(job: Job, policy: OpenPolicy, pipe: Connection) -> None:
    """Body of one process."""
    # The terminal sends Ctrl-C to every process of the group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    reporter = Sending(lambda kind, content: pipe.send((kind, content)))
    context = RunContext(listener=reporter, policy=policy)

    def obey() -> None:
        try:
            pipe.recv()
        except (EOFError, OSError):
            os._exit(1)  # the parent was killed: nobody is left to report to
        context.cancel.set()

    threading.Thread(target=obey, daemon=True).start()
    try:
        with warnings_to(reporter):
            with context.watch.stage("load"):
                model = job.load()
            run_job(job, model, context)
        pipe.send(("done", context.watch.seconds))
    except SeamlineError as error:
        pipe.send(("error", error))
    except Exception as error:  # whatever it is must reach the parent
        pipe.send(("error", RunError(f"a worker process failed ({type(error).__name__}: {error})")))


def run_in_processes(parts: Sequence[Job], context: RunContext) -> None:
    """Compute each part of a job in a process of its own.

    Raises:
        Cancelled: the user cancelled; every process has ended.
        SeamlineError: the first error of a process; the others were stopped.
    """
    spawning = mp.get_context("spawn")
    progress = Progress(context.listener, sum(part.tiles for part in parts))
    processes, pipes = [], []
    for part in parts:
        ours, theirs = spawning.Pipe()
        process = spawning.Process(target=_work, args=(part, context.policy, theirs), daemon=True)
        with _script_left_out(part):
            process.start()
        theirs.close()  # or its end would never be seen
        processes.append(process)
        pipes.append(ours)
    try:
        _follow(pipes, progress, context, _REMEDY + (_GUARD if any(map(_in_script, parts)) else ""))
    finally:
        for pipe in pipes:
            _tell_to_stop(pipe)
        for process in processes:
            process.join(_GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()
        for pipe in pipes:
            pipe.close()


@contextmanager
def _script_left_out(part: Job) -> Iterator[None]:
    """Start a process that does not run the user's script again: it needs nothing of it, unless the model stands there.

    Scripts of this package are run again, as one of them tells where the package is.
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or Path(file).resolve().is_relative_to(_PACKAGE) or _in_script(part):
        yield
        return
    spec = main.__spec__
    main.__spec__, main.__file__ = None, None
    try:
        yield
    finally:
        main.__spec__, main.__file__ = spec, file


def _in_script(part: Job) -> bool:
    """Whether the model is defined in the script that the user runs."""
    return type(part.source).__module__ == "__main__"


def _tell_to_stop(pipe: Connection) -> None:
    try:
        pipe.send("stop")
    except OSError:
        return  # it has ended already


def _follow(pipes: list[Any], progress: Progress, context: RunContext, remedy: str) -> None:
    working = list(pipes)
    while working:
        if context.cancel.is_set:
            raise Cancelled()
        ready: list[Any] = wait(working, timeout=_POLL_S)
        for pipe in ready:
            try:
                kind, content = pipe.recv()
            except (EOFError, OSError):
                raise RunError("a worker process died", where="--workers", fix=remedy) from None
            if kind == "tiles":
                progress.advance(content)
            elif kind == "warning":
                context.listener.emit("warning", **content)
            elif kind == "error":
                raise content
            else:
                working.remove(pipe)
                context.watch.add(content)
