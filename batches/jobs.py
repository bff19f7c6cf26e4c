"""The jobs of a batch: runs that do not depend on their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.contract import Task
from ..engine.errors import RequestError
from ..engine.output.finish import report_of
from ..engine.request import Request
from ..engine.run.agreement import place_of


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One run of a batch.

    Attributes:
        number: in the list, from 1.
        place: where the list has it.
        task: of the model.
        request: of the run.
        model: its name or folder.
        more: what ``api.run_request`` takes beside these, but for listener and cancel.
    """

    number: int
    place: str
    task: Task
    request: Request
    model: str
    more: Mapping[str, Any]

    @property
    def out(self) -> Path:
        """The first output."""
        return Path(self.request.out)

    @property
    def rasters(self) -> tuple[Path, ...]:
        """All outputs that are rasters, the first one first."""
        return (self.out, *map(Path, self.request.also.values()))

    @property
    def vectors(self) -> tuple[Path, ...]:
        """The vector files that are made of them."""
        return tuple(Path(path) for path in (self.request.polygons, self.request.patches) if path is not None)

    def writes(self) -> Iterator[Path]:
        """Every file and folder that it leaves."""
        yield from (*self.rasters, *self.vectors, report_of(self.out))
        if self.more["keep_model"] is not None:
            yield self.more["keep_model"]

    def reads(self) -> Iterator[Path]:
        """Every file and folder that it may read."""
        yield from (Path(part) for path in self.request.inputs.values() for part in path.split(","))
        yield Path(self.model)


def check_apart(jobs: Sequence[BatchJob]) -> None:
    """Refuse jobs of which one writes what another one writes or reads, so that no result depends on their order.

    Raises:
        RequestError: naming both.
    """
    writers: dict[str, BatchJob] = {}
    for job in jobs:
        for path in job.writes():
            other = writers.setdefault(place_of(path), job)
            if other is not job:
                raise RequestError(
                    f"it writes {path}, as {other.place} does", where=job.place, fix="give each job outputs of its own"
                )
    for job in jobs:
        for path in job.reads():
            other = writers.get(place_of(path), job)
            if other is not job:
                raise RequestError(
                    f"its input {path} is an output of {other.place}",
                    where=job.place,
                    fix="put it into a list of its own, and run that afterwards",
                )
