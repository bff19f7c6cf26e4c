"""What the engine is at work on for the page: one thing at a time, in a thread that no browser owns.

A browser that closes takes nothing with it: the work goes on, and whoever opens the page again follows it.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..engine.errors import Cancelled, RequestError, SeamlineError
from ..engine.events import Cancel, Listener

Stage = Literal["idle", "working", "done", "failed", "cancelled"]
Work = Callable[[Listener, Cancel], Any]


@dataclass(frozen=True, slots=True)
class State:
    """How far a piece of work has come.

    Attributes:
        stage: where it stands.
        title: what it is, for people.
        done, total: tiles, strips or steps, as ``unit`` says; 0 while nobody knows.
        eta_s: seconds left.
        warnings: sentences, in their order.
        sentence: what went wrong.
        result: what the work returned.
    """

    stage: Stage = "idle"
    title: str = ""
    done: int = 0
    total: int = 0
    unit: str = "tiles"
    eta_s: float = 0.0
    warnings: tuple[str, ...] = ()
    sentence: str = ""
    result: Any = None

    @property
    def is_working(self) -> bool:
        """Whether it goes on."""
        return self.stage == "working"


class Worker:
    """Does one piece of work at a time and remembers the last one of each kind."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._states: dict[str, State] = {}
        self._cancel = Cancel()
        self._thread: threading.Thread | None = None

    def state(self, kind: str) -> State:
        """Where the last work of a kind stands."""
        with self._changed:
            return self._states.get(kind, State())

    def start(self, kind: str, title: str, work: Work) -> None:
        """Begin.

        Raises:
            RequestError: other work is not finished.
        """
        with self._changed:
            busy = next((state.title for state in self._states.values() if state.is_working), None)
            if busy is not None:
                raise RequestError(f"{busy} is not finished", fix="wait for it, or cancel it")
            self._cancel = Cancel()
            self._set(kind, State("working", title))
            # Not a daemon: whoever stops the program cancels first, and finished row bands are then whole.
            self._thread = threading.Thread(target=self._carry_out, args=(kind, work, self._cancel), name=kind)
            self._thread.start()

    def cancel(self, kind: str) -> None:
        """Ask the work of a kind to stop, if it goes on."""
        with self._changed:
            if self._states.get(kind, State()).is_working:
                self._cancel.set()

    def follow(self, kind: str) -> Iterator[State]:
        """The states of a kind as they come, the present one first, until the work has ended."""
        shown: State | None = None
        while shown is None or shown.is_working:
            with self._changed:
                self._changed.wait_for(lambda: self._states.get(kind, State()) is not shown)  # noqa: B023
                shown = self._states.get(kind, State())
            yield shown

    def close(self) -> None:
        """Cancel what goes on and wait for its end."""
        self._cancel.set()
        if self._thread is not None:
            self._thread.join()

    def _carry_out(self, kind: str, work: Work, cancel: Cancel) -> None:
        try:
            end: dict[str, Any] = {"stage": "done", "result": work(_Heard(self, kind), cancel)}
        except Cancelled:
            end = {"stage": "cancelled"}
        except SeamlineError as error:
            end = {"stage": "failed", "sentence": str(error)}
        except Exception as error:  # a defect of ours: say so, keep the trace for the report
            traceback.print_exc()
            what = f"unexpected {type(error).__name__}: {error}; please report it with the lines in the terminal"
            end = {"stage": "failed", "sentence": what}
        self._update(kind, **end)

    def _update(self, kind: str, **fields: Any) -> None:
        with self._changed:
            self._set(kind, replace(self._states[kind], **fields))

    def _set(self, kind: str, state: State) -> None:
        self._states[kind] = state
        self._changed.notify_all()


class _Heard:
    """A listener that turns events into states."""

    def __init__(self, worker: Worker, kind: str) -> None:
        self._worker, self._kind = worker, kind

    def emit(self, event: str, **fields: Any) -> None:
        """Take one event."""
        if event == "start":
            self._worker._update(self._kind, done=0, total=0, unit=fields.get("unit", "tiles"))
        elif event == "progress":
            self._worker._update(self._kind, **{name: fields[name] for name in ("done", "total", "eta_s")})
        elif event == "warning":
            warned = self._worker.state(self._kind).warnings
            self._worker._update(self._kind, warnings=(*warned, str(fields["what"])))
