"""Brings a Python: out of the offline folder or over the network, checked, unpacked and asked before it is in place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ..engine_process import EngineError
from ..environment import is_file
from ..text import tr
from .causes import known
from .fetch import fetch
from .pythons import probe
from .standalone import MOST_BYTES, Bringing, Standalone
from .sums import sha256_of
from .unpack import unpack

_PART = "part-"


def bring(
    bringing: Bringing,
    *,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> bool:
    """Put a Python into the folder of a set-up, where it is not there and well; False after a cancel.

    It is made in a folder beside its own and renamed at the end: what is in place is whole, and of an attempt that
    failed nothing is left.

    Args:
        bringing: into a folder that nobody else works in.
        environment: variables that name proxy and certificates.
        on_line: takes what is done.

    Raises:
        EngineError: it cannot be had, is not what was published, or does not run here.
    """
    build, place = bringing.build, bringing.build.folder(bringing.folder)
    program = build.program(bringing.folder)
    if is_file(program) and not probe(str(program)).problem:
        return True
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in place.parent.glob(_PART + "*"):  # of a set-up that was cut short
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=_PART, dir=place.parent))
        try:
            archive = bringing.archive or work / build.archive
            if bringing.archive is None and not _fetch(build, archive, environment, on_line, is_cancelled):
                return False
            if not _check(build, archive, is_cancelled, where=str(bringing.archive or build.url)):
                return False
            on_line(tr("Unpack {name}").format(name=archive.name))
            if not unpack(archive, work, is_cancelled=is_cancelled):
                return False
            _put(build, work / "python", place)
            return True
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        where = str(error.filename or place)
        raise known(where, str(error)) or EngineError(
            tr("the folder cannot be written ({reason})").format(reason=error.strerror or error),
            where=where,
            fix=tr("choose another folder, or free some space"),
        ) from error


def _fetch(
    build: Standalone,
    archive: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> bool:
    on_line(tr("Fetch {url}").format(url=build.url))
    tenths: set[int] = set()

    def tell(share: float) -> None:
        tenth = int(share * 10)
        if tenth not in tenths:
            tenths.add(tenth)
            on_line(f"{tenth * 10} %")

    return fetch(
        build.url, archive, most_bytes=MOST_BYTES, environment=environment, on_share=tell, is_cancelled=is_cancelled
    )


def _check(build: Standalone, archive: Path, is_cancelled: Callable[[], bool], *, where: str) -> bool:
    digest = sha256_of(archive, is_cancelled=is_cancelled)
    if digest is not None and digest != build.sha256:
        raise EngineError(
            tr("{name} is not the file that was published: its sha256 is another one").format(name=build.archive),
            where=where,
            fix=tr("try again; if it stays so, something on the way changes it: use an offline folder"),
        )
    return digest is not None


def _put(build: Standalone, made: Path, place: Path) -> None:
    """Rename what runs here to its place."""
    problem = probe(str(made / build.inside)).problem
    if problem:
        raise EngineError(
            tr("the Python that was brought cannot be used: {problem}").format(problem=problem),
            where=str(place),
            fix=tr("choose another Python, or another folder"),
        )
    if place.exists():
        shutil.rmtree(place)
    made.rename(place)
