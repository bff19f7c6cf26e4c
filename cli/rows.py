"""Rows of job lists as the command line means them: every task's command reads its rows as it reads its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..engine.errors import RequestError
from ..engine.plain import shown
from .run import TASKS, ordered

if TYPE_CHECKING:
    from ..batches.job_list import JobList, Row
    from ..batches.jobs import BatchJob
    from ..engine.contract import Task

# A batch goes on with what is unfinished, and has its own way of saying things.
_OF_ONE_RUN = frozenset({"resume", "shard", "dry_run", "as_json", "cancel_on_stdin_eof"})


def parameters(task: Task) -> dict[str, click.Parameter]:
    """What a row of a task may name: arguments and options of its command, by their names without the dashes."""
    return {_name(each): each for each in TASKS[task].params if each.name not in _OF_ONE_RUN}


def jobs_of(listed: JobList, given: Mapping[str, Any]) -> list[BatchJob]:
    """The jobs of a list, once it is known that each can be meant and that none depends on another.

    Args:
        given: the task, and what holds where neither a row nor its task's defaults in the list say anything, by the
            names of parameters.

    Raises:
        RequestError: naming the row and the column.
    """
    from ..batches.jobs import check_apart

    jobs = [_job(number, row, listed.defaults, given) for number, row in enumerate(listed.rows, start=1)]
    known = {name: each.name for job in jobs for name, each in parameters(job.task).items()} | {"task": "task"}
    for name in listed.defaults:
        if name not in known:
            raise _unknown(name, known, "defaults")
    for name in given.keys() - set(known.values()):
        what = "it does nothing, as no job is of a task that takes it"
        raise RequestError(what, where=f"--{name.replace('_', '-')}", fix="leave it out")
    check_apart(jobs)
    return jobs


def _job(number: int, row: Row, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> BatchJob:
    from ..batches.jobs import BatchJob
    from ..models import registry

    task = row.values.get("task", given.get("task", defaults.get("task")))
    if task is None:
        raise RequestError("there is no task", where=f"{row.place}, task", fix=f"give one of {', '.join(TASKS)}")
    if task not in TASKS:
        raise RequestError(
            f"there is no task {shown(task)}", where=f"{row.place}, task", fix=f"give one of {', '.join(TASKS)}"
        )
    known = parameters(task)
    for name in row.values:
        if name != "task" and name not in known:
            raise _unknown(name, known, row.place)
    # What is said on the command line comes before the defaults of the list.
    below = {name: value for name, value in defaults.items() if name in known and known[name].name not in given}
    params = _read(task, {**below, **row.values}, given, row.place)
    try:
        order = ordered(task, params)
        # That there is such a model is known before the first scene.
        registry.resolve(order.model, task, scale=order.more["scale"])
    except RequestError as error:
        where = f"{row.place}, {error.where.removeprefix('--')}" if error.where else row.place
        raise RequestError(error.what, where=where, fix=error.fix) from error
    return BatchJob(number, row.place, task, order.request, order.model, order.more)


def _read(task: Task, values: Mapping[str, Any], given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The values of all parameters of a task's command.

    Args:
        values: by the names of the command line.
        given: by the names of the parameters, read already.
    """
    words, arguments = [], []
    for name, parameter in parameters(task).items():
        where = f"{place}, {name}"
        if isinstance(parameter, click.Option):
            if name in values:
                words += list(_words(parameter, values[name], where))
            continue
        value = values.get(name, given.get(str(parameter.name)))
        if value is None:
            raise RequestError(f"there is no {name}", where=where, fix=f"give {name}, a path")
        arguments.append(_text(value, where))
    command = TASKS[task]
    try:
        with command.make_context(task, [*words, "--", *arguments], default_map=dict(given)) as context:
            return dict(context.params)
    except click.UsageError as error:
        wrong = getattr(error, "param", None)
        where = place if wrong is None else f"{place}, {_name(wrong)}"
        raise RequestError(error.message.rstrip("."), where=where, fix=f"see seamline {task} --help") from error


def _words(option: click.Option, value: Any, where: str) -> Iterator[str]:
    """What is typed for an option to have a value."""
    name = option.opts[0]
    if option.is_flag:
        if _switch(value, where):
            yield name
    elif option.nargs > 1:
        parts = value if isinstance(value, list) else _text(value, where).split()
        if len(parts) != option.nargs:
            raise RequestError(
                f"{shown(value)} is not {option.nargs} numbers", where=where, fix=f"give {option.metavar}"
            )
        yield from (name, *(_text(part, where) for part in parts))
    elif option.multiple:
        if isinstance(value, dict):
            value = [f"{key}={_text(path, where)}" for key, path in value.items()]
        for each in value if isinstance(value, list) else [value]:
            yield f"{name}={_text(each, where)}"
    else:
        yield f"{name}={_text(value, where)}"


def _switch(value: Any, where: str) -> bool:
    try:
        switch: bool = click.BOOL.convert(value, None, None)
    except click.BadParameter:
        raise RequestError(f"{shown(value)} is neither on nor off", where=where, fix="give true or false") from None
    return switch


def _text(value: Any, where: str) -> str:
    """A value as it would be typed; a list with commas."""
    if isinstance(value, list):
        return ",".join(_text(each, where) for each in value)
    if isinstance(value, bool):
        # YAML's word for what was written as on or off.
        return "on" if value else "off"
    try:
        if isinstance(value, (str, int, float, Path)):
            text = str(value)
            text.encode()
            if "\0" not in text:
                return text
    except ValueError:
        # More digits than Python writes, or halves of characters.
        pass
    raise RequestError(f"{shown(value)} is no text and no number", where=where, fix="put it in quotes")


def _unknown(name: str, known: Any, place: str) -> RequestError:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    fix = f"did you mean {nearest[0]}?" if nearest else "name options as on the command line, without the dashes"
    return RequestError(f"there is no option {shown(name)} here", where=f"{place}, {shown(name)}", fix=fix)


def _name(parameter: click.Parameter) -> str:
    """The name without the dashes."""
    return parameter.opts[0].removeprefix("--")
