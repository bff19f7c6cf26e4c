"""Executors: who computes the row bands of a job.

An executor gets a picklable job and sees to it that every row band of it is stored, in whatever processes, on whatever
machines: workers read the inputs and write row bands themselves, and pixels never pass through the one that hands the
work out.  A cluster's executor takes its place here: it has only to run ``run_job`` on parts of the job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..context import RunContext
from ..contract import SteppingModel, TileModel
from ..errors import RequestError
from .device import devices_for
from .job import Job, run_job
from .processes import run_in_processes


class Executor(Protocol):
    """Runs a job."""

    def run(self, job: Job, context: RunContext) -> None:
        """Compute and store every row band of a job.

        Raises:
            Cancelled: the user cancelled; nothing works any more, finished row bands stay.
            SeamlineError: the first error of a worker; the others were stopped, finished row bands stay.
        """
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """Computes in this process.

    Attributes:
        model: gives the loaded model, so that a model which the plan needed is not loaded twice.
    """

    model: Callable[[], TileModel | SteppingModel]

    def run(self, job: Job, context: RunContext) -> None:
        """Compute row band after row band."""
        if job.numbers:
            with context.watch.stage("load"):
                model = self.model()
            run_job(job, model, context)


@dataclass(frozen=True, slots=True)
class Processes:
    """Computes in several processes of this machine; each takes a contiguous part, and a GPU of its own if there are.

    Attributes:
        workers: how many.
    """

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise RequestError(f"{self.workers} workers cannot work", where="--workers", fix="give 1 or more")

    def run(self, job: Job, context: RunContext) -> None:
        """Compute the parts side by side."""
        parts = job.split(self.workers)
        devices = devices_for(job.device, len(parts))
        run_in_processes([part.on_device(d) for part, d in zip(parts, devices, strict=True)], context)
