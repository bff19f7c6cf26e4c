"""A batch at work: job after job in one process, each with a status on disk, none stopped by another's fault."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import api
from ..engine.errors import Cancelled, RequestError, ResourceError, RunError, SeamlineError
from ..engine.events import Cancel, Listener, Silence
from ..engine.output.workspace import Workspace
from ..engine.run.loaded import LoadedOnce
from ..engine.serial import to_jsonable
from .jobs import BatchJob
from .status import Failure, Status, StatusFolder, asked_of, is_begun, is_done


def run_batch(
    jobs: Sequence[BatchJob],
    folder: Path,
    *,
    retries: int = 1,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> list[Status]:
    """Run what is not done yet; a job that was interrupted goes on where it was.

    Args:
        jobs: as ``check_apart`` lets them pass.
        folder: of the states; it is made if need be.
        retries: how often a job is run again whose fault can pass, each time after all others.
        listener: hears ``start``, ``job`` whenever the state of one changes, the events of each run with the number
            of its ``job``, but for its ``done``, and ``done``.
        cancel: stops the job at work, and those that follow it.

    Returns:
        What became of each job.

    Raises:
        RequestError: another batch holds the folder, or it cannot be written.
        RunError: a state cannot be written.
        Cancelled: the user cancelled; every state is noted.
    """
    desk = _Desk(StatusFolder(folder), listener or Silence(), cancel or Cancel())
    found: dict[int, Status] = {}
    with desk.folder.held():
        desk.listener.emit("start", doing="running", unit="jobs", jobs=len(jobs), status=str(folder))
        left = list(jobs)
        for rounds in range(retries, -1, -1):
            again = []
            for job in left:
                desk.cancel.check()
                found[job.number], passes = desk.run(job, last=rounds == 0)
                if passes:
                    again.append(job)
            left = again
    statuses = [found[job.number] for job in jobs]
    finished = [job for job in jobs if found[job.number].state == "done"]
    desk.listener.emit(
        "done",
        outputs=[str(path) for job in finished for path in job.rasters],
        vectors=[str(path) for job in finished for path in job.vectors],
        report=None,
        metrics={},
        jobs=[to_jsonable(status) for status in statuses],
    )
    return statuses


@dataclass(slots=True)
class _Desk:
    """Where jobs are run.

    Attributes:
        folder: of the states.
        listener, cancel: of the batch.
        loaded: the model of the last job.
    """

    folder: StatusFolder
    listener: Listener
    cancel: Cancel
    loaded: LoadedOnce = field(default_factory=LoadedOnce)

    def run(self, job: BatchJob, *, last: bool) -> tuple[Status, bool]:
        """What became of a job, and whether it is to be tried again; ``last`` where there is no other time.

        Raises:
            RunError: its state cannot be written.
            Cancelled: the user cancelled.
        """
        before, asked = self.folder.read(job), _asked(job)
        if before is not None and is_done(job, before, asked):
            status = replace(before, job=job.place, state="done", error=None)
            if status != before:
                self.folder.write(job, status)
            self.tell(job, status, said="skipped")
            return status, False
        # Where an input is out of reach, nobody knows that it has changed.
        same = before if before is not None and asked in ("", before.asked) else None
        status = Status(
            job=job.place,
            output=str(job.out),
            task=job.task,
            model=job.model,
            state="running",
            attempts=1 if same is None else same.attempts + 1,
            asked=asked if same is None else same.asked,
            identity="" if same is None else same.identity,
            started=_now(),
        )
        self.folder.write(job, status)
        self.tell(job, status)
        ears, started = _Ears(self, job, status), time.monotonic()
        error = self._attempt(job, before, ears, same=same is not None)
        cancelled = isinstance(error, Cancelled)
        passes = error is not None and not last and _can_pass(error)
        status = replace(
            ears.status,
            state="done" if error is None else "cancelled" if cancelled else "failed",
            ended=_now(),
            seconds=round(time.monotonic() - started, 2),
            error=None if error is None or cancelled else _failure(error, self.folder.path(job)),
        )
        self.folder.write(job, status)
        self.tell(job, status, again=passes)
        if isinstance(error, Cancelled):
            raise error
        return status, passes

    def _attempt(self, job: BatchJob, before: Status | None, ears: _Ears, *, same: bool) -> Exception | None:
        """Run a job; the error if it failed, whatever it is.

        Args:
            before: what became of it before.
            same: whether that was this very run, so that its unfinished row bands count.
        """
        workspace, ours = Workspace.beside(job.out), is_begun(job, before)
        try:
            if ours and not same:
                # It has other options, or other inputs, and nobody will go on with it.
                with workspace.held(shared=False):
                    workspace.clear()
            # Of an unfinished run that no batch has begun, --overwrite disposes as ever.
            request = replace(job.request, resume=(ours and same) or not job.request.overwrite)
            more = {**job.more, "loaded": self.loaded, "listener": ears, "cancel": self.cancel}
            api.run_request(request, job.task, job.model, **more)
        except Exception as error:  # a defect too: it must not stop the others, and its trace is kept
            if not isinstance(error, RequestError):
                # Nobody knows in which state it was left.
                self.loaded = LoadedOnce()
            return error
        return None

    def tell(self, job: BatchJob, status: Status, *, said: str | None = None, again: bool = False) -> None:
        """Tell the state of a job; ``said`` where that has another word for it."""
        self.listener.emit(
            "job",
            job=job.number,
            place=job.place,
            out=str(job.out),
            state=said or status.state,
            again=again,
            attempts=status.attempts,
            seconds=status.seconds,
            error=None if status.error is None else {name: getattr(status.error, name) for name in _TOLD},
        )


class _Ears:
    """Hears one run, notes its identity as soon as it is planned, and hands on what it says under the job's number."""

    def __init__(self, desk: _Desk, job: BatchJob, status: Status) -> None:
        self._desk, self._job = desk, job
        self.status = status

    def emit(self, event: str, **fields: Any) -> None:
        """Take one event."""
        if event == "start" and "plan" in fields:
            self.status = replace(self.status, identity=fields["plan"]["identity"])
            self._desk.folder.write(self._job, self.status)
        if event != "done":
            self._desk.listener.emit(event, job=self._job.number, **fields)


_TOLD = ("kind", "what", "where", "fix")


def _asked(job: BatchJob) -> str:
    """What a job asks for; empty where that cannot be told, which its run will say better."""
    try:
        return asked_of(job)
    except Exception:  # whatever it is, the run meets it again, and is asked what it was
        return ""


def _can_pass(error: Exception) -> bool:
    """Whether the same run may succeed at another time: disks and memory fill and empty, wrong requests stay wrong."""
    return isinstance(error, (RunError, ResourceError, MemoryError, OSError))


def _failure(error: Exception, noted: Path) -> Failure:
    kind = type(error).__name__
    if isinstance(error, SeamlineError):
        return Failure(kind, error.what, error.where, error.fix)
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError):
        return Failure(kind, "memory ran out", str(noted), "choose a smaller tile or batch-size, or free memory", trace)
    what = f"unexpected {kind}: {error}".rstrip(": ")
    return Failure(kind, what, "seamline", f"please report it with the trace in {noted}", trace)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
