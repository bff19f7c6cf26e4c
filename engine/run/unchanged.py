"""Whether the inputs of a run are what they were when it was planned: a result of two states of a file is none."""

from __future__ import annotations

from ..errors import RequestError, RunError
from ..inputs.fingerprint import Stamp
from ..output.workspace import Workspace, anew
from ..plan.plan import Plan
from ..request import OpenPolicy
from .job import Job


def check_as_saved(saved: Plan, now: Plan, workspace: Workspace) -> None:
    """Refuse to go on where a file may have been edited between the blocks that fingerprints take.

    Files that have been moved are known by their content alone.

    Raises:
        RequestError: naming the file.
    """
    before = {stamp.path: stamp for stamp in stamps_of(saved)}
    for stamp in stamps_of(now):
        if stamp.is_sampled and before.get(stamp.path, stamp) != stamp:
            raise RequestError(
                f"{stamp.path} has changed since the unfinished run began",
                where=str(workspace.folder),
                fix=anew(workspace.folder),
            )


def check_as_read(job: Job, policy: OpenPolicy) -> None:
    """Refuse what was computed while an input changed; the row bands of the job count as unfinished.

    Raises:
        RunError: naming the file; or a server does not tell, and the row bands stay.
    """
    changed = next((each.path for each in stamps_of(job.plan) if each.now(policy) != each), None)
    if changed is None:
        return
    for band in job.numbers:
        job.row_bands.discard(band)
    raise RunError(
        "it has changed while it was read",
        where=changed,
        fix=f"once nothing writes to it, {anew(job.row_bands.folder)}",
    )


def stamps_of(plan: Plan) -> tuple[Stamp, ...]:
    """The files that a plan's inputs consist of, as they were when it was made."""
    return tuple(stamp for scene in plan.inputs for stamp in scene.stamps)
