"""Local files, also those inside zip archives, under the paths that GDAL reads them by."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

# The braces end the archive's name, whatever folders it lies in.
_INSIDE = re.compile(r"/vsizip/\{([^{}]+)\}/(.+)")


def archived(archive: Path, member: str) -> str:
    """The path of a member of an archive."""
    return f"/vsizip/{{{archive}}}/{member}"


def split_archived(path: str) -> tuple[Path, str] | None:
    """The archive and the member that a path of ``archived`` names; None for any other path."""
    found = _INSIDE.fullmatch(path)
    return None if found is None else (Path(found[1]), found[2])


def content_of(archive: Path, member: str) -> str:
    """Size and checksum of a member, as the archive's directory has them.

    Raises:
        KeyError: there is no such member.
    """
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo(member)
    return f"{info.file_size} {info.CRC:08x}"


def exists(path: str | Path) -> bool:
    """Whether there is such a file or folder; a list of many files is longer than any name may be, and is none."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
