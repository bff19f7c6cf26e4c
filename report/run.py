"""A finished run: where its report is, what it says, where its rasters are now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import RequestError
from ..engine.output.report import FORMAT
from ..engine.output.workspace import Workspace

SUFFIX = ".report.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A run and the files that it left.

    Attributes:
        report: its report.
        facts: what that says.
        out: the first output.
        layers: every output that is there, by its name; the first one first.
    """

    report: Path
    facts: Mapping[str, Any]
    out: Path
    layers: Mapping[str, Path]

    @property
    def page(self) -> Path:
        """Where its page goes."""
        return self.report.with_name(self.report.name.removesuffix(SUFFIX) + ".report.html")


def find_run(run_or_out: Path) -> Run:
    """The run of an output.

    Args:
        run_or_out: the output of a run, its report, the folder that holds both and no other report, or the folder of
            an unfinished run.

    Raises:
        RequestError: the run is not finished, nothing is known of it, its report cannot be used, or its output is gone.
    """
    report = _find_report(run_or_out)
    facts = _read(report)
    # Where the outputs are now: they may have been named from another folder, or moved with their report.
    out = report.with_name(Path(facts["outputs"][0]).name)
    if not out.is_file():
        raise RequestError(
            "the output of this report is gone", where=str(out), fix="put it back beside its report, or run again"
        )
    named = {name: report.with_name(Path(layer["path"]).name) for name, layer in facts.get("layers", {}).items()}
    found = {name: path for name, path in named.items() if path.is_file() and path != out}
    first = next((name for name, path in named.items() if path == out), "image")
    return Run(report, facts, out, {first: out, **found})


def _find_report(run_or_out: Path) -> Path:
    if run_or_out.is_dir():
        return _report_in(run_or_out)
    named = run_or_out.name.endswith(SUFFIX)
    report = run_or_out if named else run_or_out.with_name(run_or_out.stem + SUFFIX)
    if report.is_file():
        return report
    if Workspace.beside(run_or_out).folder.is_dir():
        raise _unfinished(Workspace.beside(run_or_out).folder)
    raise RequestError(
        "there is no report of it", where=str(report), fix="name an output of seamline that has its report beside it"
    )


def _report_in(folder: Path) -> Path:
    found = sorted(folder.glob("*" + SUFFIX))
    if len(found) == 1:
        return found[0]
    if Workspace(folder).exists or folder.suffix == ".seamline":
        raise _unfinished(folder)
    if not found:
        raise RequestError(
            "the folder holds no output of a run", where=str(folder), fix="name an output, or its report"
        )
    raise RequestError(
        f"the folder holds the reports of {len(found)} runs", where=str(folder), fix="name an output, or its report"
    )


def _unfinished(folder: Path) -> RequestError:
    return RequestError(
        "this run is not finished", where=str(folder), fix="finish it with --resume, or name a finished output"
    )


def _read(report: Path) -> dict[str, Any]:
    """What a report says, once it is sure to be one."""
    try:
        facts = json.loads(report.read_text(encoding="utf-8"))
        number = facts.get("format", FORMAT)
        if number == FORMAT and not _is_whole(facts):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise damaged(report) from error
    if number != FORMAT:
        raise RequestError(
            f"its report is of another version (format {str(number)[:20]}; this program reads {FORMAT})",
            where=str(report),
            fix="use the version of Seamline that made the output, or run the scene again",
        )
    known: dict[str, Any] = facts
    return known


def _is_whole(facts: Any) -> bool:
    tables = (facts["metrics"], facts.get("layers", {}), facts.get("inputs", {}), facts.get("seconds", {}))
    return (
        isinstance(facts["model"], str)
        and isinstance(facts["outputs"], list)
        and isinstance(facts["outputs"][0], str)
        and all(isinstance(table, dict) for table in tables)
        and all(isinstance(layer["path"], str) for layer in facts.get("layers", {}).values())
    )


def damaged(report: Path) -> RequestError:
    """What is said of a report that makes no sense."""
    return RequestError("this is no report of a run", where=str(report), fix="run the scene again")
