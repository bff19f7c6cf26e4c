"""What a run says while it works, and how it is told to stop."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from .errors import Cancelled


class Listener(Protocol):
    """Receives events: ``start``, ``progress``, ``warning``, ``done``, each with fields of plain JSON values."""

    def emit(self, event: str, **fields: Any) -> None:
        """Take one event; called from the thread that runs the engine."""
        ...


class Silence:
    """A listener that drops everything."""

    def emit(self, event: str, **fields: Any) -> None:
        """Drop the event."""


class Remembering:
    """A listener that hands events on and keeps the warnings.

    Attributes:
        warned: the fields of each.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.warned: list[dict[str, Any]] = []

    def emit(self, event: str, **fields: Any) -> None:
        """Take one event."""
        if event == "warning":
            self.warned.append(fields)
        self._listener.emit(event, **fields)


_PACE_S = 0.25


class Sending:
    """A listener that sends tile counts and warnings to another process; counts a few times a second at most.

    Args:
        send: takes the kind, ``"tiles"`` or ``"warning"``, and their number since the last time, or the fields.
    """

    def __init__(self, send: Callable[[str, Any], object]) -> None:
        self._send, self._done, self._next = send, 0, 0.0

    def emit(self, event: str, **fields: Any) -> None:
        """Send one event."""
        if event == "progress":
            # A small tile takes less time than its message does on the way.
            now = time.monotonic()
            if now >= self._next or fields["done"] == fields["total"]:
                self._send("tiles", fields["done"] - self._done)
                self._done, self._next = fields["done"], now + _PACE_S
        elif event == "warning":
            self._send("warning", fields)


class Cancel:
    """A switch that any thread may set and the run looks at between tiles and denoising steps."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def set(self) -> None:
        """Ask the run to stop."""
        self._flag.set()

    @property
    def is_set(self) -> bool:
        """Whether the run was asked to stop."""
        return self._flag.is_set()

    def check(self) -> None:
        """Raise Cancelled if the run was asked to stop."""
        if self.is_set:
            raise Cancelled()


class Progress:
    """Counts tiles and estimates the time left from the pace so far."""

    def __init__(self, listener: Listener, total: int) -> None:
        self._listener, self._total, self._done = listener, total, 0
        self._started = time.monotonic()

    def advance(self, tiles: int = 1) -> None:
        """Report ``tiles`` more as done."""
        self._done = min(self._done + tiles, self._total)
        spent = time.monotonic() - self._started
        eta = spent / self._done * (self._total - self._done) if self._done else 0.0
        self._listener.emit("progress", done=self._done, total=self._total, eta_s=round(eta, 1))


class Stopwatch:
    """Seconds spent in each named stage; stages of different threads may overlap."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({name: time.perf_counter() - started})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count what was spent elsewhere too."""
        with self._lock:
            for name, spent in seconds.items():
                self.seconds[name] = self.seconds.get(name, 0.0) + spent


@contextmanager
def warnings_to(listener: Listener) -> Iterator[None]:
    """Forward Seamline's own warnings to the listener, once each; others stay warnings."""
    from .errors import SeamlineWarning

    seen: set[str] = set()
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, SeamlineWarning):
            before(message, category, *rest, **more)
        elif str(message) not in seen:
            seen.add(str(message))
            listener.emit("warning", kind=category.__name__, what=str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", SeamlineWarning)
        # affine 3 announces another operator, which affine 2 lacks; the libraries between us use the old one too.
        warnings.filterwarnings("ignore", "Use `@` matmul", PendingDeprecationWarning)
        warnings.showwarning = show
        yield
