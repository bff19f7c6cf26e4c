"""A cluster shares a run: workers of ``dask.distributed`` compute parts of it, on this machine or on others.

Pixels never pass the scheduler.  A worker gets a contiguous part of the row bands at a time, and writes them into the
folder of the run, which all must see; what is stored there, and not what the scheduler remembers, says what is done.
So a worker may go at any time, and the scheduler too: what is not stored is handed out again.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ... import __version__
from ..context import RunContext
from ..errors import RequestError, RunError
from ..events import Progress
from .cluster_connection import LOST, PATIENT, RESUME, Connection, Waiting, library
from .device import devices_for
from .job import Job
from .unchanged import stamps_of

LOCAL = "local"
"""An address that stands for a cluster on this machine, made for the run."""

QUIET: Mapping[str, Any] = MappingProxyType(
    {
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "2s",
    }
)
"""Settings of the library, which else looks at itself up to a hundred times a second, at some percent of a core in each
process.
"""

_MOST_LOSSES = 3
# A row is computed twice where two parts meet, so parts are long; but workers must end together, so the last are short.
_LONG_SHARE, _LONG_PART, _PARTS_A_WORKER, _SHORT_PART = 40, 20, 4, 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """Computes on the workers of a cluster.

    Attributes:
        address: of the scheduler, such as ``"tcp://10.0.0.1:8786"``, or ``LOCAL``; of no use beside a client.
        workers: of a local cluster; on a machine with GPUs each has one in turn.
        client: a ``distributed.Client`` of the caller, who closes it.
        waiting: how long is waited.
    """

    address: str = LOCAL
    workers: int = 1
    client: Any = None
    waiting: Waiting = PATIENT

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise RequestError(f"{self.workers} workers cannot work", where="--workers", fix="give 1 or more")
        distributed = library()
        if self.client is not None:
            if not isinstance(self.client, distributed.Client):
                raise RequestError(f"{self.client!r} is no client", where="client", fix="give a distributed.Client")
        elif self.address != LOCAL:
            try:
                distributed.comm.get_address_host_port(self.address, strict=True)
            except (ValueError, TypeError, AttributeError) as error:
                raise RequestError(
                    "it is no address of a scheduler",
                    where=f"--scheduler {self.address}",
                    fix="give the one that it prints, such as tcp://10.0.0.1:8786, or local",
                ) from error

    def run(self, job: Job, context: RunContext) -> None:
        """Compute a job's row bands wherever there is a worker.

        Raises:
            Cancelled: the user cancelled; workers have stopped, or have been told to.
            RequestError: there is no scheduler, or a worker cannot take part.
            SeamlineError: the first error of a worker, or no worker is left; finished row bands stay.
        """
        if not job.numbers:
            return
        # What the library logs of connections that end, the run says in a sentence.
        silence = library().utils.silence_logging_cmgr(logging.CRITICAL + 1)
        with silence, self._scheduler() as address:
            devices = devices_for(job.device, self.workers if self.address == LOCAL else 1)
            connection = Connection(address, self.client, self.waiting)
            try:
                _Run(job, context, connection, devices).run()
            finally:
                connection.close()

    @contextmanager
    def _scheduler(self) -> Iterator[str]:
        """The address of a scheduler that runs."""
        if self.client is not None or self.address != LOCAL:
            yield self.address
            return
        import dask

        with (
            dask.config.set(QUIET),
            library().LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                # The plan has checked what a run needs.
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
        ):
            yield cluster.scheduler_address


@dataclass(frozen=True, slots=True)
class _Part:
    """What a worker computes."""

    job: Job
    future: Any


def _unstored(job: Job) -> list[int]:
    return job.row_bands.unfinished(job.numbers)


def parts_of(rows: int, *, idle: int, workers: int) -> int:
    """Into how many contiguous parts to split the tile rows that are left, of which each idle worker gets one."""
    share = -(-rows // workers)
    most = max(share, _SHORT_PART) if share <= _LONG_SHARE else max(share // _PARTS_A_WORKER, _LONG_PART)
    return max(idle, -(-rows // most))


class _Run:
    """Hands the row bands of a job out until all are stored."""

    def __init__(self, job: Job, context: RunContext, connection: Connection, devices: list[str]) -> None:
        self._job, self._context, self._connection, self._devices = job, context, connection, devices
        self._left = set(job.numbers)
        self._parts: dict[str, _Part] = {}
        self._losses: Counter[int] = Counter()
        self._fit: dict[str, str] = {}  # the device of each worker that can take part
        self._unfit: set[str] = set()
        self._begun = False
        self._progress = Progress(context.listener, job.tiles)
        self._idle_since: float | None = None

    def run(self) -> None:
        try:
            while self._left or self._parts:
                self._context.cancel.check()
                try:
                    self._step()
                except LOST:
                    # With the scheduler all tasks are gone; the workers come back by themselves, or new ones do.
                    for address in list(self._parts):
                        self._take_back(address, lost=False)
                    self._fit.clear()
                    self._connection.again()
        finally:
            self._stop()

    def _step(self) -> None:
        workers = self._connection.workers()
        for address in [address for address in self._parts if address not in workers]:
            self._take_back(address, lost=True)
        self._survey([address for address in workers if address not in self._fit.keys() | self._unfit])
        self._hand_out([address for address in workers if address in self._fit and address not in self._parts])
        self._check_anybody()
        until = time.monotonic() + self._connection.waiting.look
        while (seconds := until - time.monotonic()) > 0 and not self._context.cancel.is_set:
            said = self._connection.next(min(seconds, 0.1))
            if said is not None and self._hear(*said):
                return

    def _hear(self, kind: str, content: Any) -> bool:
        """Whether somebody has time for more."""
        if kind == "event":
            if content["kind"] == "tiles":
                self._progress.advance(content["content"])
            elif content["kind"] == "warning":
                self._context.listener.emit("warning", **content["content"])
            return False
        address = next((address for address, part in self._parts.items() if part.future is content), None)
        if address is None:
            return False
        if content.status == "error":
            raise content.exception()
        if content.status == "finished":
            self._context.watch.add(content.result())
        # Not what a worker says is done but what is stored.
        self._take_back(address, lost=content.status != "finished" or bool(_unstored(self._parts[address].job)))
        return True

    def _take_back(self, address: str, *, lost: bool) -> None:
        part = self._parts.pop(address)
        missing = _unstored(part.job)
        self._left.update(missing)
        with suppress(LOST):
            part.future.cancel()
        if lost:
            self._fit.pop(address, None)
            self._losses.update(missing[:1])
            if max(self._losses.values(), default=0) >= _MOST_LOSSES:
                raise RunError(
                    f"{_MOST_LOSSES} workers were lost over row band {missing[0]}",
                    where=address,
                    fix="see whether memory ran out there; then run again with --resume",
                )

    def _survey(self, addresses: list[str]) -> None:
        """Look at workers that were not seen yet; later ones that cannot take part are left out with a warning."""
        if not addresses:
            return
        from .cluster_worker import Needs, survey

        versions = {"seamline": __version__, **self._job.plan.versions}
        kind = self._devices[0].partition(":")[0]
        needs = Needs(self._job.row_bands.folder, stamps_of(self._job.plan), versions, kind, self._context.policy)
        answers = self._connection.client.run(survey, needs, workers=addresses, on_error="return")
        for address, answer in answers.items():
            lacks = self._lacks(needs, answer)
            if lacks is None:
                self._fit[address] = self._devices[len(self._fit) % len(self._devices)]
                continue
            said = f"the worker {address} {lacks}"
            if not self._begun:
                raise RequestError(
                    said, where="--scheduler", fix="give every worker the same installation and the same storage"
                )
            self._unfit.add(address)
            self._context.listener.emit("warning", kind="ClusterWarning", what=f"{said}: it is left out")

    @staticmethod
    def _lacks(needs: Any, answer: Any) -> str | None:
        if isinstance(answer, Exception):
            return f"cannot take part ({type(answer).__name__}: {answer})"
        if answer.probe:
            probe = needs.folder / answer.probe
            try:
                shared = probe.read_text() == answer.probe
                probe.unlink()
            except OSError:
                shared = False
            if not shared:
                return f"writes into another {needs.folder} than this one"
        lacks: str | None = answer.lacks
        return lacks

    def _hand_out(self, idle: list[str]) -> None:
        """Give each idle worker a part, contiguous, of what is left."""
        if not idle or not self._left:
            return
        from .cluster_worker import compute

        left = replace(self._job, numbers=tuple(sorted(self._left)))
        rows = -(-left.tiles // len(left.plan.inferred))
        parts = left.split(parts_of(rows, idle=len(idle), workers=len(self._fit)))
        self._begun = True
        for address, part in zip(idle, parts, strict=False):
            part = part.on_device(self._fit[address])
            future = self._connection.client.submit(
                compute,
                part,
                self._context.policy,
                self._connection.topic,
                key=f"rows {part.numbers[0]}-{part.numbers[-1]} of {part.plan.output.name}-{uuid.uuid4().hex[:8]}",
                workers=[address],
                allow_other_workers=False,
                pure=False,
            )
            self._parts[address] = _Part(part, future)
            self._left.difference_update(part.numbers)
            self._connection.notice(future)

    def _check_anybody(self) -> None:
        if self._parts or not self._left:
            self._idle_since = None
            return
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if now - self._idle_since > self._connection.waiting.again:
            kind = RunError if self._begun else RequestError
            raise kind("the cluster has no worker", where="--scheduler", fix=f"start workers there; {RESUME}")

    def _stop(self) -> None:
        """Have workers stop, and wait a little until they have."""
        from .cluster_worker import forget

        with suppress(LOST, RuntimeError):
            working = set(self._parts)
            if working:
                self._connection.client.cancel([part.future for part in self._parts.values()], force=True)
            until = time.monotonic() + self._connection.waiting.grace
            while working and (seconds := until - time.monotonic()) > 0:
                said = self._connection.next(seconds)
                if said is not None and said[0] == "event" and said[1]["kind"] == "ended":
                    working.discard(said[1]["worker"])
            self._connection.client.run(forget, on_error="ignore")
