"""What became of each job of a batch: a file each, in a folder that one batch at a time holds.

A status says by which options and of which inputs a run was, so that a later batch knows what it need not do again.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..engine.errors import RequestError, RunError
from ..engine.inputs.check import describe_inputs
from ..engine.optics.sensors import find_sensor
from ..engine.output.locks import lock_file
from ..engine.output.report import identity_of
from ..engine.output.row_bands import write_json
from ..engine.output.workspace import Workspace
from ..engine.plan.plan import pixels_only
from ..engine.serial import digest, from_jsonable, to_jsonable
from ..models import registry
from .jobs import BatchJob

State = Literal["running", "done", "failed", "cancelled"]
_FORMAT, _LOCK = 1, "lock"
# What says where, how and by whom, but not what is computed.
_NOT_ASKED = ("inputs", "out", "device", "memory", "overwrite", "resume", "policy")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed.

    Attributes:
        kind: class of the error.
        what, where, fix: as every error has them.
        trace: lines of Python, for errors that are defects.
    """

    kind: str
    what: str
    where: str = ""
    fix: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a job.

    Attributes:
        job: where the list has it.
        output: its first output.
        task, model: of its run.
        state: of the last attempt; ``running`` also where the program was killed.
        attempts: how often this run has been begun.
        asked: hash of the options, the model and the content of the inputs; empty where an input cannot be read.
        identity: of the run, as its outputs say it; empty until it is planned.
        started, ended: of the last attempt, in UTC.
        seconds: that it took.
        error: why it failed.
    """

    job: str
    output: str
    task: str
    model: str
    state: State
    attempts: int
    asked: str
    identity: str
    started: str
    ended: str | None = None
    seconds: float | None = None
    error: Failure | None = None


def asked_of(job: BatchJob) -> str:
    """Hash of all that a job asks for: the same where its result would be the same, wherever its files lie.

    Raises:
        SeamlineError: the model or an input cannot be read.
    """
    source = registry.resolve(job.model, job.task, scale=job.more["scale"])
    with warnings.catch_warnings():
        # Its run says them.
        warnings.simplefilter("ignore")
        inputs = describe_inputs(job.request, source.spec)
    options: dict[str, Any] = to_jsonable(job.request)
    decisive = {name: value for name, value in options.items() if name not in _NOT_ASKED}
    if job.request.sensor is not None:
        # What a description says, not where it lies.
        decisive["sensor"] = to_jsonable(find_sensor(job.request.sensor))
    return digest(
        {
            "model": source.identity,
            "adapt": job.more["adapt"],
            "options": decisive,
            "inputs": pixels_only(to_jsonable(inputs)),
        }
    )


@dataclass(frozen=True, slots=True)
class StatusFolder:
    """The files of a batch's states."""

    folder: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, which is made if need be, while a batch works; the hold ends with the process.

        Raises:
            RequestError: another batch holds it, or it cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            lock = lock_file(self.folder / _LOCK, shared=False)
        except OSError as error:
            raise RequestError(
                f"the folder of states cannot be written ({error.strerror})",
                where=str(self.folder),
                fix="name another one with --status",
            ) from error
        if lock is None:
            raise RequestError(
                "another batch works with this folder of states",
                where=str(self.folder),
                fix="wait for it, or name another one with --status",
            )
        with lock:
            yield

    def path(self, job: BatchJob) -> Path:
        """The file of a job: named by its output, so that it stays the same wherever the row moves in the list."""
        place = hashlib.sha256(str(job.out.resolve()).encode(errors="surrogateescape")).hexdigest()
        return self.folder / f"{job.out.stem}.{place[:8]}.json"

    def read(self, job: BatchJob) -> Status | None:
        """What became of a job before; None where nobody knows."""
        try:
            saved = json.loads(self.path(job).read_text())
            if saved.pop("format") != _FORMAT:
                return None
            status: Status = from_jsonable(Status, saved)
            known = isinstance(status.attempts, int) and isinstance(status.asked + status.identity, str)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return status if known else None

    def write(self, job: BatchJob, status: Status) -> None:
        """Note what became of a job, whole or not at all.

        Raises:
            RunError: it cannot be written.
        """
        try:
            write_json(self.path(job), {"format": _FORMAT, **to_jsonable(status)}, indent=1)
        except OSError as error:
            raise RunError(
                f"the state of a job cannot be written ({error.strerror})",
                where=str(self.folder),
                fix="make room on the disk, or the folder writable, and start the batch again",
            ) from error


def is_done(job: BatchJob, before: Status | None, asked: str) -> bool:
    """Whether a job's outputs lie there whole, made of these inputs by these options.

    It does not ask for the state: who was killed between the last rename and the note of it has finished, too.
    """
    if before is None or not asked or (before.asked, bool(before.identity)) != (asked, True):
        return False
    if Workspace.beside(job.out).exists or not all(path.is_file() for path in job.vectors):
        return False
    return all(identity_of(path) == before.identity for path in job.rasters)


def is_begun(job: BatchJob, before: Status | None) -> bool:
    """Whether the unfinished run beside a job's output is the one that its state tells of."""
    workspace = Workspace.beside(job.out)
    try:
        return before is not None and workspace.exists and workspace.plan().identity == before.identity
    except RequestError:
        return False
