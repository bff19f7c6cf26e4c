"""A page is put in its place once it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..engine.errors import RequestError


@contextmanager
def in_place(target: Path, taken: Sequence[Path] = ()) -> Iterator[IO[str]]:
    """A file that becomes the page once it is whole; a page that was there stays until then.

    Args:
        target: where the page goes.
        taken: what it must not take the place of.

    Raises:
        RequestError: it is a folder, one of those files, or cannot be written.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _check_free(target, taken)
        with part.open("w", encoding="utf-8") as stream:
            yield stream
        part.replace(target)
    except OSError as error:
        raise RequestError(
            f"the page cannot be written ({error.strerror})", where=str(target), fix="choose another place"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def _check_free(target: Path, taken: Sequence[Path]) -> None:
    if target.is_dir():
        raise RequestError("the page is a folder", where=str(target), fix="give the name of a file")
    if target.exists() and any(path.exists() and target.samefile(path) for path in taken):
        raise RequestError("the page would replace a file of the run", where=str(target), fix="choose another place")
