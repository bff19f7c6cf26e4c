"""The connection to a scheduler of ``dask.distributed``, which may go and come again during a run."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import RequestError, RunError

RESUME = "run again with --resume: what is stored is kept"
LOST = OSError
"""What a call to a scheduler raises that does not answer: CommClosedError and TimeoutError are of this kind."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long is waited, s.

    Attributes:
        connect: for a scheduler at the start.
        again: for a scheduler that has gone, and for a worker where there is none.
        grace: for workers that were told to stop.
        look: between two looks at the workers.
    """

    connect: float = 10.0
    again: float = 60.0
    grace: float = 5.0
    look: float = 0.5


PATIENT = Waiting()


def library() -> Any:
    """The library, which is not part of every installation, and slow to import.

    Raises:
        RequestError: it is not there.
    """
    try:
        import distributed
    except ImportError as error:
        raise RequestError(
            "dask.distributed is not installed", where="--scheduler", fix="pip install 'seamline[cluster]'"
        ) from error
    return distributed


class Connection:
    """A client of the scheduler; a new one where the scheduler has been started again."""

    def __init__(self, address: str, client: Any, waiting: Waiting) -> None:
        self._address, self._given, self.waiting = address, client, waiting
        self._inbox: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.topic = f"seamline-{uuid.uuid4().hex}"
        if client is None:
            client = self._connected(waiting.connect, RequestError, "start it, or give the address that it prints")
        self.client = client
        self._listen()

    def again(self) -> None:
        """Wait for the scheduler.

        Raises:
            RunError: it does not come back.
        """
        if self._given is not None:
            raise RunError("the scheduler has gone", where=str(self._given), fix=RESUME)
        self.close()
        self.client = self._connected(self.waiting.again, RunError, RESUME)
        self._listen()

    def _connected(self, seconds: float, kind: type[RequestError | RunError], fix: str) -> Any:
        until = time.monotonic() + seconds
        while True:
            try:
                return library().Client(self._address, timeout=max(min(seconds, until - time.monotonic()), 0.5))
            except LOST as error:
                if time.monotonic() >= until:
                    where = f"--scheduler {self._address}"
                    raise kind("there is no scheduler that answers", where=where, fix=fix) from error
                time.sleep(0.2)

    def _listen(self) -> None:
        self.client.subscribe_topic(self.topic, lambda event: self._inbox.put(("event", event[1])))

    def notice(self, future: Any) -> None:
        """Have a future's end told by ``next``."""
        future.add_done_callback(lambda done: self._inbox.put(("done", done)))

    def next(self, seconds: float) -> tuple[str, Any] | None:
        """What happened next: ("event", what a worker logged) or ("done", future)."""
        try:
            return self._inbox.get(timeout=seconds)
        except Empty:
            return None

    def workers(self) -> list[str]:
        """Addresses, in the order of their names."""
        if self.client.status != "running":
            raise OSError("the connection is lost")
        found = self.client.scheduler_info(n_workers=-1)["workers"]
        return [address for address, _ in sorted(found.items(), key=lambda item: (str(item[1].get("name")), item[0]))]

    def close(self) -> None:
        """Leave; a client that was given stays as it was."""
        with suppress(LOST, RuntimeError):
            self.client.unsubscribe_topic(self.topic)
        if self._given is None:
            with suppress(LOST, RuntimeError):
                self.client.close(timeout=2)
