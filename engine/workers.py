"""Several processes on one machine share a run: each computes a contiguous part of the row bands."""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from .contract import ModelSource
from .errors import Cancelled, RunError, SeamlineError
from .events import Cancel, Listener, Progress, Stopwatch
from .execution import run_bands, shard_bands, tiles_of
from .plan import Plan
from .scene import Policy
from .workspace import Workspace

_POLL_S = 0.1


class _Channel:
    """A listener that sends tile counts and warnings to the parent."""

    def __init__(self, outbox: Any) -> None:
        self._outbox, self._done = outbox, 0

    def emit(self, event: str, **fields: Any) -> None:
        if event == "progress":
            self._outbox.put(("tiles", fields["done"] - self._done))
            self._done = fields["done"]
        elif event == "warning":
            self._outbox.put(("warning", fields))


def _work(
    plan: Plan, source: ModelSource, workspace: Workspace, bands: list[int], policy: Policy, outbox: Any, stop: Any
) -> None:
    """Body of one process."""
    import signal

    # The terminal sends Ctrl-C to every process of the group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cancel, watch, parent = Cancel(), Stopwatch(), os.getppid()

    def guard() -> None:
        while not stop.wait(0.2):
            if os.getppid() != parent:
                os._exit(1)  # the parent was killed: nobody is left to report to
        cancel.set()

    threading.Thread(target=guard, daemon=True).start()
    try:
        run_bands(plan, source, workspace, bands, policy, listener=_Channel(outbox), cancel=cancel, watch=watch)
        outbox.put(("done", watch.seconds))
    except SeamlineError as error:
        outbox.put(("error", error))
    except Exception as error:
        outbox.put(("error", RunError(f"a worker process failed ({type(error).__name__}: {error})")))


def run_in_processes(
    plan: Plan,
    source: ModelSource,
    workspace: Workspace,
    bands: Sequence[int],
    policy: Policy,
    workers: int,
    *,
    listener: Listener,
    cancel: Cancel,
    watch: Stopwatch,
) -> None:
    """Compute row bands in ``workers`` processes.

    Raises:
        Cancelled: the user cancelled; every process has ended.
        SeamlineError: the first error of a process; the others were stopped.
    """
    context = mp.get_context("spawn")
    outbox, stop = context.Queue(), context.Event()
    parts = [part for i in range(workers) if (part := shard_bands(bands, i, workers))]
    progress = Progress(listener, sum(tiles_of(plan, part) for part in parts))
    processes = [
        context.Process(target=_work, args=(plan, source, workspace, part, policy, outbox, stop), daemon=True)
        for part in parts
    ]
    for process in processes:
        process.start()
    try:
        _follow(processes, outbox, progress, listener, cancel, watch)
    finally:
        stop.set()
        deadline = time.monotonic() + 5
        for process in processes:
            process.join(max(deadline - time.monotonic(), 0.1))
            if process.is_alive():
                process.kill()
                process.join()


def _follow(
    processes: list[Any], outbox: Any, progress: Progress, listener: Listener, cancel: Cancel, watch: Stopwatch
) -> None:
    done = 0
    while done < len(processes):
        if cancel.is_set:
            raise Cancelled()
        try:
            kind, content = outbox.get(timeout=_POLL_S)
        except queue.Empty:
            dead = [process for process in processes if process.exitcode not in (None, 0)]
            if dead:
                raise RunError(
                    f"a worker process died (exit code {dead[0].exitcode})",
                    cure="run again with --resume, with fewer --workers if memory ran out",
                ) from None
            continue
        if kind == "tiles":
            progress.advance(content)
        elif kind == "warning":
            listener.emit("warning", **content)
        elif kind == "error":
            raise content
        else:
            done += 1
            for name, seconds in content.items():
                watch.seconds[name] = watch.seconds.get(name, 0.0) + seconds
