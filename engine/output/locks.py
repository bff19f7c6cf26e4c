"""Locks that die with their process, shared or not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

_WHOLE = 1 << 20
"""Bytes that stand for the whole file where only ranges can be locked."""


def lock_file(path: Path, *, shared: bool) -> IO[bytes] | None:
    """Lock a file, which is made if need be; closing it, or the end of the process, unlocks it.

    Args:
        shared: others may hold it at the same time if they share it too.

    Returns:
        The open file; None where somebody else holds it.

    Raises:
        OSError: the file cannot be opened.
    """
    stream = path.open("a+b")
    try:
        _lock(stream, shared=shared)
    except OSError:
        stream.close()
        return None
    return stream


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes], *, shared: bool) -> None:
        # Only ranges can be locked, and none is shared: a sharer takes one byte of many, chosen by its process.
        stream.seek(os.getpid() % _WHOLE if shared else 0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1 if shared else _WHOLE)

else:
    import fcntl

    def _lock(stream: IO[bytes], *, shared: bool) -> None:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
