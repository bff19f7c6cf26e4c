"""What a run takes: seconds of the processor and on the clock, for the pixels that it makes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..contract import ModelSource
from ..events import Cancel, Listener
from ..plan.make import runtime_of
from ..request import Request
from ..run import plan_run, run
from ..run.loaded import LoadedOnce


@dataclass(frozen=True, slots=True)
class Cost:
    """What runs took, from their plans to their COGs; their models were loaded before.

    Attributes:
        processor_s: of all threads of this process, s.
        wall_s: on the clock, s.
        pixels: of the outputs, whatever their bands.
    """

    processor_s: float
    wall_s: float
    pixels: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.processor_s + other.processor_s, self.wall_s + other.wall_s, self.pixels + other.pixels)


def check_runs(request: Request, source: ModelSource, loaded: LoadedOnce, cancel: Cancel) -> int:
    """Plan a run and load its model; bytes of memory that it will need by the plan.

    Raises:
        SeamlineError: it cannot be run.
    """
    loaded(source, runtime_of(request))
    return plan_run(request, source, cancel, loaded=loaded)[1].memory_bytes


def run_at_cost(
    request: Request,
    source: ModelSource,
    loaded: LoadedOnce,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Cost:
    """Run a request in this process, and tell what that took.

    Raises:
        SeamlineError: as for ``run``.
    """
    loaded(source, runtime_of(request))
    processor, wall = time.process_time(), time.perf_counter()
    outcome = run(request, source, loaded=loaded, listener=listener, cancel=cancel)
    columns, rows = outcome.facts["size"]
    return Cost(time.process_time() - processor, time.perf_counter() - wall, columns * rows)
