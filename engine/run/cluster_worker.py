"""What a worker of a cluster does: it says whether it can take part in a run, and computes parts of it.

Everything here runs in a process of ``dask.distributed``, on another machine perhaps.  What it shares with the process
that hands the work out is the storage: it reads the inputs and writes row bands by the same paths.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import get_worker

from ... import __version__
from ..allocator import keep_freed_memory
from ..context import RunContext
from ..errors import RequestError, RunError, SeamlineError
from ..events import Cancel, Sending, warnings_to
from ..inputs.fingerprint import Stamp
from ..plan.make import library_versions
from ..request import OpenPolicy
from .device import pick_device
from .job import Job, run_job
from .loaded import of_this_process


@dataclass(frozen=True, slots=True)
class Needs:
    """What a worker needs to take part in a run.

    Attributes:
        folder: of the run.
        stamps: of the inputs.
        versions: of this program and of the libraries that compute.
        device: that computes.
        policy: what may be opened.
    """

    folder: Path
    stamps: tuple[Stamp, ...]
    versions: Mapping[str, str]
    device: str
    policy: OpenPolicy


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says.

    Attributes:
        probe: name of a file that it has written into the folder of the run; "" where it could not.
        lacks: what it does not have, a sentence without a subject; None for nothing.
    """

    probe: str
    lacks: str | None


def survey(needs: Needs) -> Answer:
    """Whether this worker can take part; the asker deletes the probe."""
    here = {"seamline": __version__, **library_versions()}
    for name, wanted in needs.versions.items():
        if here[name] != wanted:
            return Answer("", f"has {name} {here[name]}, where {wanted} is wanted")
    try:
        pick_device(needs.device)
    except RequestError as error:
        return Answer("", f"has no {needs.device} ({error.what})")
    probe = needs.folder / f"probe-{uuid.uuid4().hex}"
    try:
        probe.write_text(probe.name)
    except OSError as error:
        return Answer("", f"cannot write into {needs.folder} ({error.strerror})")
    for stamp in needs.stamps:
        try:
            seen = stamp.now(needs.policy) == stamp
        except SeamlineError as error:
            return Answer(probe.name, f"does not see {stamp.path} ({error.what})")
        if not seen:
            return Answer(probe.name, f"does not see {stamp.path} as it is here")
    return Answer(probe.name, None)


def compute(job: Job, policy: OpenPolicy, topic: str) -> dict[str, float]:
    """Compute what is left of a part.

    Args:
        topic: under which events are logged.

    Returns:
        Seconds by stage.

    Raises:
        SeamlineError: finished row bands stay.
    """
    worker = get_worker()
    keep_freed_memory()

    def send(kind: str, content: Any) -> None:
        worker.log_event(topic, {"worker": worker.address, "kind": kind, "content": content})

    reporter = Sending(send)
    context = RunContext(listener=reporter, cancel=_WhileWanted(worker), policy=policy)
    # Where it is run a second time, the first one may have come far.
    left = tuple(job.row_bands.unfinished(job.numbers))
    try:
        with warnings_to(reporter):
            with context.watch.stage("load"):
                model = of_this_process()(job.source, replace(job.plan.runtime, device=job.device))
            run_job(replace(job, numbers=left), model, context)
        return context.watch.seconds
    except SeamlineError:
        raise
    except Exception as error:  # whatever it is must reach the one that handed the part out
        raise RunError(f"a worker failed ({type(error).__name__}: {error})", where=worker.address) from None
    finally:
        send("ended", None)


def forget() -> None:
    """Let the model of the last run go."""
    of_this_process().let_go()


class _WhileWanted(Cancel):
    """Set once the scheduler has taken the task back: the user cancelled, or the one that waits for it is gone."""

    def __init__(self, worker: Any) -> None:
        super().__init__()
        self._tasks, self._key = worker.state.tasks, worker.get_current_task()

    @property
    def is_set(self) -> bool:
        task = self._tasks.get(self._key)
        return super().is_set or task is None or task.state != "executing"
