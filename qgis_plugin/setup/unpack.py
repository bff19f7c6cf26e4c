"""Unpacks an archive of a Python so that nothing lands, or leads, outside of the folder it is unpacked into."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..engine_process import EngineError
from ..text import tr

MOST_BYTES = 1 << 30
"""No Python is as large unpacked."""
# Pythons from 3.12 on, and younger ones with repairs, have the filter; the checks below stand where it is not.
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(archive: Path, folder: Path, *, is_cancelled: Callable[[], bool]) -> bool:
    """Unpack a ``.tar.gz`` into a folder; whether it came to its end, False after a cancel.

    Raises:
        EngineError: the archive is damaged, or a member would lie outside.
        OSError: a file cannot be written.
    """
    links: set[PurePosixPath] = set()
    total = 0
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed:
                if is_cancelled():
                    return False
                total += member.size
                if total > MOST_BYTES or not _is_safe(member, links):
                    raise _refused(archive, member.name)
                if member.issym():
                    links.add(PurePosixPath(member.name))
                # Of nobody in particular: root would give the files to a user that the archive names.
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mode &= 0o755
                packed.extract(member, folder, **_FILTER)
        return True
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise EngineError(
            tr("the archive is damaged"),
            where=str(archive),
            fix=tr("try again; fetch an archive in the offline folder anew"),
        ) from error


def _is_safe(member: tarfile.TarInfo, links: set[PurePosixPath]) -> bool:
    """Whether a member is a file, folder or link whose place and target lie in the folder.

    No member may lie behind a link, so the folder of each is what its name says, and a target may go upward only at
    its start: with that, what a link leads to is what its text says.
    """
    name = _inside(member.name)
    if name is None or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return False
    if links.intersection(name.parents) or name in links:
        return False
    if member.islnk():
        return _inside(member.linkname) is not None and PurePosixPath(member.linkname) not in links
    if member.issym():
        target = PurePosixPath(member.linkname)
        up = next((count for count, part in enumerate(target.parts) if part != ".."), len(target.parts))
        return _is_plain(member.linkname) and ".." not in target.parts[up:] and up < len(name.parts)
    return True


def _inside(text: str) -> PurePosixPath | None:
    """A path downward; None for any other."""
    path = PurePosixPath(text)
    return path if _is_plain(text) and path.parts and ".." not in path.parts else None


def _is_plain(text: str) -> bool:
    """Whether a path is relative on every system, without a drive or separator of Windows."""
    return bool(text) and not text.startswith("/") and not set(text) & set("\\\0") and not PureWindowsPath(text).drive


def _refused(archive: Path, member: str) -> EngineError:
    return EngineError(
        tr("the archive holds {member}, which does not belong in a Python").format(member=member),
        where=str(archive),
        fix=tr("choose another Python, and please report it"),
    )
