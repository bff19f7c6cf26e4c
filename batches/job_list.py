"""Job lists: files of rows, each a task and its options by the names of the command line.

A row says where it stands, so that whatever is wrong with it can be told by line and column.
"""

from __future__ import annotations

import csv
import glob
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engine.errors import RequestError
from ..engine.plain import read_json, read_yaml, shown

NAME = "{name}"
"""What stands in a pattern for the part of a path that differs from scene to scene."""
_MOST_BYTES = 4 * 2**20
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One job as the list has it.

    Attributes:
        place: where it stands, such as ``"jobs.csv, line 3"``.
        values: by names of the command line, without the dashes; empty texts and None are left out.
    """

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobList:
    """The rows of a list, and what holds where a row says nothing.

    Attributes:
        rows: at least one.
        defaults: by the names of the command line.
    """

    rows: tuple[Row, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)


def read_job_list(path: Path) -> JobList:
    """Read a job list; its ending tells the format.

    Raises:
        RequestError: it cannot be read, is no such list, holds no job, or names a column or a key twice.
    """
    formats: Mapping[str, Callable[[str, Path], JobList]] = {
        ".csv": _of_table,
        ".json": _of_json,
        ".yaml": _of_yaml,
        ".yml": _of_yaml,
    }
    if path.suffix.lower() not in formats:
        raise RequestError("its ending names no format of job lists", where=str(path), fix="give .csv, .json or .yaml")
    return formats[path.suffix.lower()](_text(path), path)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Paths of the inputs of many scenes.

    Attributes:
        text: with ``{name}`` where they differ: a part of the name of one file or folder, the same wherever it stands.

    Raises:
        RequestError: there is no ``{name}`` in it.
    """

    text: str

    def __post_init__(self) -> None:
        if NAME not in self.text:
            raise RequestError(
                "the pattern names one file alone",
                where=self.text,
                fix=f"put {NAME} where the names of the scenes differ, or give a job list",
            )

    def find(self) -> dict[str, str]:
        """Path of every file or folder that is there, by name, sorted; hidden ones are not found.

        Raises:
            RequestError: none is there.
        """
        paths = sorted(glob.glob("*".join(map(glob.escape, self.text.split(NAME)))))  # noqa: PTH207, of any depth
        found = {name: path for path in paths if (name := self.name_of(path)) is not None}
        if not found:
            raise RequestError("no file is there", where=self.text, fix="check the path, and put it in quotes")
        return found

    def name_of(self, path: str) -> str | None:
        """What stands for ``{name}`` in a path; None for one that is not of the pattern."""
        first, second, *others = map(re.escape, self.text.split(NAME))
        same = "".join(f"(?P=name){piece}" for piece in others)
        match = re.fullmatch(rf"{first}(?P<name>[^/\\]+){second}{same}", path)
        return None if match is None else match["name"]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RequestError("it is larger than 4 MiB", where=str(path), fix="split the job list")
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"it cannot be read ({error.strerror})", where=str(path), fix="give the path of a job list"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].split(b"\n")
        where = f"{path}, line {len(before)}, column {len(before[-1]) + 1}"
        raise RequestError("it is not UTF-8", where=where, fix="save it as UTF-8") from error


def _of_table(text: str, path: Path) -> JobList:
    """A CSV table with commas, semicolons or tabs, whose first row names the options."""
    records = _records(text, path)
    line, header = next(records, (1, []))
    names = [name.strip() for name in header]
    for number, name in enumerate(names, start=1):
        where = f"{path}, line {line}, column {number}"
        if not name:
            raise RequestError("the column has no name", where=where, fix="name it by an option, or delete it")
        if name in names[: number - 1]:
            raise RequestError(f"the column {shown(name)} is there twice", where=where, fix="delete one of them")
    rows: list[Row] = []
    for line, record in records:
        if len(record) != len(names):
            raise RequestError(
                f"it has {len(record)} cells and the first row {len(names)}",
                where=f"{path}, line {line}, column {min(len(record), len(names)) + 1}",
                fix="give a cell for each column; quote those that hold the delimiter",
            )
        cells = dict(zip(names, (cell.strip() for cell in record), strict=True))
        rows.append(_row(f"{path}, line {line}", cells))
    if not rows:
        raise _empty(str(path))
    return JobList(tuple(rows))


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of every record that is not empty."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise RequestError(
            f"it is not CSV ({error})", where=f"{path}, line {line}", fix="correct the quotes"
        ) from error


def _of_json(text: str, path: Path) -> JobList:
    try:
        content = read_json(text)
    except ValueError as error:
        raise RequestError(f"it is not JSON ({error})", where=str(path), fix="correct it") from error
    return _of_values(content, path)


def _of_yaml(text: str, path: Path) -> JobList:
    try:
        content = read_yaml(text)
    except ImportError as error:
        raise RequestError(
            "reading YAML needs PyYAML, which is not installed", where=str(path), fix="write the list as JSON or CSV"
        ) from error
    except ValueError as error:
        raise RequestError(f"it is not YAML ({error})", where=str(path), fix="correct it") from error
    return _of_values(content, path)


def _of_values(content: Any, path: Path) -> JobList:
    """A list of mappings, or a mapping with such a list under ``jobs`` and one mapping under ``defaults``."""
    whole = {"jobs": content} if isinstance(content, list) else content
    if not isinstance(whole, dict) or not isinstance(whole.get("jobs", []), list):
        raise RequestError("it is no list of jobs", where=str(path), fix="give a list, or jobs: and a list")
    if unknown := sorted(str(key) for key in whole if key not in ("jobs", "defaults")):
        raise RequestError(
            f"there is no section {shown(unknown[0])}", where=str(path), fix="the sections are jobs and defaults"
        )
    defaults = _row(f"{path}, defaults", whole.get("defaults") or {})
    return JobList(rows_of(whole.get("jobs", []), f"{path}, "), defaults.values)


def rows_of(jobs: Iterable[Any], before: str) -> tuple[Row, ...]:
    """Rows of mappings; their places are their numbers.

    Args:
        before: what stands before a number.

    Raises:
        RequestError: one is no mapping by names, or there is none.
    """
    rows = tuple(_row(f"{before}job {number}", values) for number, values in enumerate(jobs, start=1))
    if not rows:
        raise _empty(before.rstrip(", "))
    return rows


def _empty(where: str) -> RequestError:
    return RequestError("there is no job", where=where, fix="give a row for each scene")


def _row(place: str, values: Any) -> Row:
    if not isinstance(values, Mapping):
        raise RequestError(f"{shown(values)} has no options by name", where=place, fix="give NAME: VALUE for each")
    for name in values:
        if not isinstance(name, str):
            raise RequestError(f"{shown(name)} is no name of an option", where=place, fix="give the name as a text")
    return Row(place, {name: value for name, value in values.items() if value is not None and value != ""})
