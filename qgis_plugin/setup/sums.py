"""Whether the wheels of an offline folder are those that were put there, by its ``SHA256SUMS``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from ..engine_process import EngineError
from ..text import tr

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]([^/\\]+\.whl)$")
_PART_BYTES = 1 << 20


def check_sums(folder: Path, *, on_line: Callable[[str], None], is_cancelled: Callable[[], bool]) -> bool:
    """Compare every wheel that ``SHA256SUMS`` names; whether it came to its end, False after a cancel.

    A folder without that file was filled by hand: nothing is compared.

    Raises:
        EngineError: a wheel is missing or has other bytes.
        OSError: a file cannot be read.
    """
    listed = folder / NAME
    if not listed.is_file():
        return True
    on_line(tr("Compare the offline folder with its {name}").format(name=NAME))
    found = (_LINE.match(line.rstrip()) for line in listed.read_text(encoding="utf-8", errors="replace").splitlines())
    for wanted, name in (match.groups() for match in found if match):
        path = folder / name
        if not path.is_file():
            raise _refused(path, tr("{name} is missing in the offline folder").format(name=name))
        digest = sha256_of(path, is_cancelled=is_cancelled)
        if digest is None:
            return False
        if digest != wanted.lower():
            raise _refused(path, tr("{name} is damaged: its sha256 is not that of SHA256SUMS").format(name=name))
    return True


def sha256_of(path: Path, *, is_cancelled: Callable[[], bool]) -> str | None:
    """The sha256 of a file in hexadecimal digits; None after a cancel."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            if is_cancelled():
                return None
            part = file.read(_PART_BYTES)
            if not part:
                return digest.hexdigest()
            digest.update(part)


def _refused(path: Path, what: str) -> EngineError:
    return EngineError(what, where=str(path.parent), fix=tr("copy the offline folder again"))
