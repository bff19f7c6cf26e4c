"""Files of a run: what an unfinished run leaves, where further outputs are put, what the engine writes beside them."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .engine_process import EngineError
from .text import tr


def exists(path: str) -> bool:
    """Whether there is such a file or folder; what is longer than any name may be is none."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def wanted_path(value: Any, context: Any) -> str:
    """The path that an output parameter names; empty where QGIS is to find one, or none is wanted.

    Args:
        context: of Processing, for a name that is an expression.
    """
    sink = getattr(value, "sink", value)
    text = sink.valueAsString(context.expressionContext())[0] if hasattr(sink, "valueAsString") else sink
    return text if isinstance(text, str) and text != "TEMPORARY_OUTPUT" and not text.startswith("memory:") else ""


def is_wanted(value: Any) -> bool:
    """Whether an optional output is to be made; dialogs hand over an empty place where it is to be skipped."""
    sink = getattr(value, "sink", None)
    text = sink.staticValue() if sink is not None else value
    return isinstance(text, str) and text != ""


def check_new_folder(folder: Path) -> None:
    """Refuse a folder that is to be made and holds something already, or cannot be made.

    Raises:
        EngineError: it does.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EngineError(
            tr("something is in this folder already"), where=str(folder), fix=tr("choose a new or an empty folder")
        )
    check_folder(folder.absolute().parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is missing or protected.

    Raises:
        EngineError: it is.
    """
    try:
        # An attempt, because permissions say little on network drives and on Windows.
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise EngineError(
            tr("the output's folder does not exist or cannot be written"),
            where=str(folder),
            fix=tr("choose another folder"),
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a small file of the plugin's own.

    Raises:
        EngineError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EngineError(
            tr("the file cannot be written ({reason})").format(reason=error.strerror),
            where=str(path),
            fix=tr("choose another folder"),
        ) from error


def report_of(image: str) -> Path:
    """The report that the engine writes beside an output."""
    return Path(image).with_name(Path(image).stem + ".report.json")


def facts_of(report: Path) -> dict:
    """The engine's report; empty where it cannot be read."""
    try:
        facts = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


class Unfinished:
    """The folder of an unfinished run, ``OUT.seamline``.

    Args:
        output: of the run.
        keep: whether it stays after a cancel or an error, and is gone on with.
    """

    def __init__(self, output: str, *, keep: bool) -> None:
        self._folder, self._keep = Path(output + ".seamline"), keep
        self._was_there, self._started_ns = self._folder.exists(), time.time_ns()

    @property
    def words(self) -> list[str]:
        """What the run is told."""
        return ["--resume"] if self._keep else []

    def clear(self, feedback: Any) -> None:
        """After a run that did not come to its end: leave nothing, or say what is left."""
        if self._keep and self._folder.is_dir():
            text = tr("Finished parts are kept in {folder}; run it again with the same settings to go on")
            feedback.pushInfo(text.format(folder=self._folder))
            return
        if feedback.isCanceled():
            feedback.pushInfo(tr("Cancelled; nothing was written"))
        # One that lay here before belongs to somebody else, unless this run began anew in it.
        if self._was_there and not self._is_ours():
            return
        shutil.rmtree(self._folder, ignore_errors=True)

    def explained(self, error: EngineError) -> EngineError:
        """The error, with a fix that the dialog knows where the unfinished run is another one."""
        if self._keep and error.where == str(self._folder):
            fix = tr("repeat the settings of that run, or untick 'Keep for resume' to start anew")
            return EngineError(error.what, where=error.where, fix=fix)
        return error

    def _is_ours(self) -> bool:
        plan = self._folder / "plan.json"
        return plan.exists() and plan.stat().st_mtime_ns >= self._started_ns


class Further:
    """The rasters beside the first output: the engine wants them in its folder, QGIS wherever the user says.

    Attributes:
        places: where each goes, by its name in the model.

    Args:
        output: the first output.
        places: as the attribute.
    """

    def __init__(self, output: str, places: Mapping[str, str]) -> None:
        self.places, self._report = dict(places), report_of(output)
        image = Path(output).absolute()
        self._beside = {}
        for name, place in places.items():
            is_beside = Path(place).absolute().parent == image.parent
            self._beside[name] = (
                Path(place).absolute() if is_beside else image.with_name(f"{image.stem}.seamline-{name}.tif")
            )

    @property
    def words(self) -> list[str]:
        """What the run is told."""
        return [word for name, path in self._beside.items() for word in ("--also", f"{name}={path}")]

    def put_in_place(self) -> None:
        """After the run: bring each where it was wanted.

        Raises:
            EngineError: it cannot be put there.
        """
        for name, place in self.places.items():
            if self._beside[name] == Path(place).absolute():
                continue
            try:
                shutil.move(str(self._beside[name]), place)
                self._note(name, place)
            except OSError as error:
                raise EngineError(
                    tr("the output {name} cannot be put in its place ({reason})").format(
                        name=name, reason=error.strerror
                    ),
                    where=place,
                    fix=tr("it lies beside the output; choose another place next time"),
                ) from error

    def _note(self, name: str, place: str) -> None:
        """Say in the report where an output is."""
        facts = facts_of(self._report)
        beside = str(self._beside[name])
        if facts.get("outputs"):
            facts["outputs"] = [place if path == beside else path for path in facts["outputs"]]
        if name in (facts.get("layers") or {}):
            facts["layers"][name]["path"] = place
        if facts:
            self._report.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def beside(output: str, name: str) -> str:
    """The file of a further output that has no place of its own."""
    return str(Path(output).with_name(f"{Path(output).stem}-{name}.tif"))
