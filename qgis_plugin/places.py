"""Where outputs may go: to places that can be written, never over an input, another output or what belongs to one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsFileUtils

from .engine_process import EngineError
from .files import check_folder, check_new_folder, exists, report_of
from .text import tr

# What GDAL, SQLite and the engine keep beside a file, called like it and more.
_MORE = (".aux.xml", ".ovr", ".msk", ".seamline", ".confusion.png", ".tif.seamline", "-journal", "-shm", "-wal")
# File systems take 255 bytes, and the names of what lies beside an output are longer than its own.
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Place:
    """Where a parameter says that something lies.

    Attributes:
        title: of the parameter.
        path: of the file or folder.
        suffix: in which an output must end; empty for any.
        is_folder: whether a folder is to be made there; inputs are what they are.
    """

    title: str
    path: str
    suffix: str = ""
    is_folder: bool = False


def check_places(outputs: Iterable[Place], inputs: Iterable[Place]) -> None:
    """Refuse outputs that cannot be written, or that would take the place of something that is needed.

    Raises:
        EngineError: which output, and of what it would take the place.
    """
    outputs, inputs = tuple(outputs), tuple(inputs)
    for output in outputs:
        _check_writable(output)
    for number, output in enumerate(outputs):
        for taken in inputs:
            _check_apart(output, taken, tr("the output is also an input"), tr("the output belongs to an input"))
        for taken in outputs[:number]:
            _check_apart(output, taken, tr("two outputs are one file"), tr("the output belongs to another output"))
            _check_apart(taken, output, tr("two outputs are one file"), tr("the output belongs to another output"))


def _check_writable(output: Place) -> None:
    path = Path(output.path)
    where = f"{output.title}: {output.path}"
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise EngineError(
            tr("the name of the output is too long"),
            where=f"{output.title}: {path.name[:60]}...",
            fix=tr("give it a shorter name, of {count} letters at most").format(count=_LONGEST_NAME),
        )
    if output.is_folder:
        check_new_folder(path)
        return
    check_folder(path.absolute().parent)
    if path.is_dir():
        raise EngineError(tr("the output is a folder"), where=where, fix=tr("give the name of a file"))
    if path.suffix.lower() != (output.suffix or path.suffix.lower()):
        raise EngineError(
            tr("the output is not a {suffix} file").format(suffix=output.suffix),
            where=where,
            fix=tr("give it a name that ends in {suffix}").format(suffix=output.suffix),
        )
    # SQLite would apply the journal of the old file to the new one.
    if Path(output.path + "-wal").exists():
        raise EngineError(
            tr("the file is open in QGIS or in another program"),
            where=where,
            fix=tr("remove its layer from the project, or choose another file name"),
        )


def _check_apart(output: Place, taken: Place, is_one: str, belongs: str) -> None:
    where = f"{output.title}: {output.path}; {taken.title}"
    fix = tr("choose another file name")
    if _is_one(output.path, taken.path):
        raise EngineError(is_one, where=where, fix=fix)
    if _is_of(output.path, taken):
        raise EngineError(belongs, where=where, fix=fix)


def _is_one(one: str, other: str) -> bool:
    """Whether two paths lead to one file, by links too."""
    if _real(one) == _real(other):
        return True
    try:
        return Path(one).samefile(other)
    except OSError:  # one of them is not there yet
        return False


def _is_of(path: str, owner: Place) -> bool:
    """Whether a file lies in a folder or belongs to a file: masks, overviews, statistics, reports, tables."""
    if owner.is_folder or Path(owner.path).is_dir():
        is_inside = _real(path).startswith(_real(owner.path) + os.sep)
        return (is_inside and (owner.is_folder or exists(path))) or _is_named_after(path, owner.path)
    beside = [*QgsFileUtils.sidecarFilesForPath(owner.path), str(report_of(owner.path))]
    return _is_named_after(path, owner.path) or any(_is_one(path, each) for each in beside)


def _is_named_after(path: str, owner: str) -> bool:
    return _real(path) in [_real(owner + more) for more in _MORE]


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
