"""Holds a folder for one set-up at a time: two windows of QGIS, or pip that outlived a QGIS that crashed."""

from __future__ import annotations

import errno
from pathlib import Path
from types import TracebackType
from typing import IO

from ..engine_process import EngineError
from ..text import tr

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

_BUSY = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})


class FolderLock:
    """A context that is refused while another process holds the folder.

    Args:
        folder: that exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> FolderLock:
        self._file = (self._folder / "setup.lock").open("a", encoding="utf-8")
        try:
            if fcntl is None:
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:  # a file system without locks: better no lock than no set-up
                return self
            self._file.close()
            raise EngineError(
                tr("another set-up is at work in this folder"),
                where=str(self._folder),
                fix=tr("wait until it has ended, then try again"),
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors for a child process, which then holds the folder too, also beyond this process's end."""
        return () if fcntl is None or self._file is None else (self._file.fileno(),)
