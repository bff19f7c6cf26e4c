"""The command ``seamline batch``: a job list, or a pattern of files, run one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..engine.errors import RequestError
from .board import Board
from .options import EVENT_OPTIONS, with_options
from .rows import jobs_of, parameters
from .run import TASKS
from .terminal import Terminal, guarded

if TYPE_CHECKING:
    from ..batches.job_list import JobList, Pattern
    from ..batches.jobs import BatchJob


@click.command()
@click.argument("jobs", type=click.Path(path_type=Path), required=False)
@click.option("--task", type=click.Choice(list(TASKS)), help="Task of the jobs that name none.")
@click.option("--retries", type=click.IntRange(0), default=1, show_default=True, help="More tries of what may pass.")
@click.option("--status", type=click.Path(path_type=Path), metavar="FOLDER", help="Where states lie; JOBS.status.")
@with_options(EVENT_OPTIONS)
def batch(jobs: Path | None, retries: int, status: Path | None, **options: Any) -> None:
    """Run every row of the job list JOBS, or every scene that a pattern finds.

    JOBS is a .csv, .json or .yaml file. A row names its task, the arguments and the options of that task's command;
    options given here hold for all rows that do not name them. Without JOBS, {name} stands for the part of the paths
    that differs: --task superres --lr 'in/{name}.tif' --out 'out/{name}.tif'.

    What is done already is skipped, and what was interrupted goes on: to go on with a batch, start it again.
    """
    as_json, on_eof = options.pop("as_json"), options.pop("cancel_on_stdin_eof")
    kept = "; what is done is kept: start the batch again to go on"
    with guarded(as_json, on_eof, kept) as (listener, cancel):
        from ..batches.job_list import NAME, read_job_list
        from ..batches.work import run_batch
        from ..engine.errors import RunError

        given = {
            name: value
            for name, value in options.items()
            if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
        }
        if jobs is not None:
            found = jobs_of(read_job_list(jobs), given)
            folder = status or jobs.with_name(jobs.name + ".status")
        else:
            pattern = _pattern(given)
            found = jobs_of(_rows(pattern, given), {})
            _check_outputs(found, pattern)
            folder = status or Path(str(given["out"]).partition(NAME)[0] + NAME).with_name("batch.status")
        board = Board(listener) if isinstance(listener, Terminal) else None
        try:
            statuses = run_batch(found, folder, retries=retries, listener=board or listener, cancel=cancel)
        finally:
            if board is not None:
                board.close()
        if failed := sum(each.state == "failed" for each in statuses):
            raise RunError(
                f"{failed} of {len(statuses)} jobs failed",
                where=str(folder),
                fix="correct what their errors name, and start the batch again: what is done is not run again",
            )


def _of_scenes() -> Iterator[click.Option]:
    """What the commands of the tasks take: the arguments, as options, then the options."""
    named = {name: each for task in TASKS for name, each in parameters(task).items()}
    for name, each in named.items():
        if not isinstance(each, click.Option):
            text = f"{name.upper()} of every scene, with {{name}} in it."
            yield click.Option([f"--{name}"], metavar="PATTERN", help=text)
    yield from (each for each in named.values() if isinstance(each, click.Option))


batch.params.extend(_of_scenes())


def _pattern(given: Mapping[str, Any]) -> Pattern:
    """That of the scenes' first input, which gives them their names."""
    from ..batches.job_list import Pattern

    if "task" not in given:
        raise RequestError("there is neither a job list nor a task", where="JOBS", fix="give JOBS, or --task")
    first = next(iter(parameters(given["task"])))
    for name in (first, "out"):
        if name not in given:
            raise RequestError(f"there is no {name}", where=f"--{name}", fix=f"give --{name}, or a job list")
    return Pattern(given[first])


def _rows(pattern: Pattern, given: Mapping[str, Any]) -> JobList:
    """A row for every scene, with its name filled in whatever was given."""
    from ..batches.job_list import JobList, Row

    known = {each.name: (name, each) for name, each in parameters(given["task"]).items()}
    if strange := sorted(given.keys() - known.keys() - {"task"}):
        what = f"{given['task']} has no such option"
        raise RequestError(what, where=f"--{strange[0].replace('_', '-')}", fix="leave it out")
    options = [(*known[name], value) for name, value in given.items() if name != "task"]
    return JobList(
        tuple(
            Row(path, {"task": given["task"], **{option: _filled(value, scene) for option, _, value in options}})
            for scene, path in pattern.find().items()
        )
    )


def _filled(value: Any, scene: str) -> Any:
    """What was given for an option as a row has it, with the name of a scene in it."""
    from ..batches.job_list import NAME

    if isinstance(value, (str, Path)):
        return str(value).replace(NAME, scene)
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return [f"{name}={_filled(path, scene)}" for name, path in value]
    return list(value) if isinstance(value, tuple) else value


def _check_outputs(jobs: list[BatchJob], pattern: Pattern) -> None:
    """Refuse outputs that the pattern would find as further scenes the next time."""
    for job in jobs:
        for path in job.rasters:
            if pattern.name_of(str(path)) is not None:
                raise RequestError(
                    f"{path} would be taken for another scene the next time",
                    where=pattern.text,
                    fix="write into another folder, or give names that the pattern tells apart",
                )
