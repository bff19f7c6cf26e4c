"""Torch's own files, which are pickles: read by its restricted reader, and looked through before.

That reader runs no code of a file, but what it says of a long name takes it minutes: its sentences are searched in a
time that grows with the square of their length.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

LONGEST_TEXT = 1 << 10
"""Most characters of a name or other text within a pickle; keys of networks have a tenth of them."""

MOST_BYTES = 8 << 20
"""Of a pickle without its tensors; one of a thousand tensors has a fiftieth of them."""

_ARCHIVE = b"PK\x03\x04"
_STREAMS = 5  # of the older form: what it is, its version, the system, the content, and the keys of the tensors


def load_pickled(path: Path) -> Any:
    """What ``torch.save`` wrote, on the CPU: tensors and plain containers.

    Raises:
        pickle.UnpicklingError: something else is in it, which could run code.
        ValueError: it holds a text longer than ``LONGEST_TEXT``, or more than ``MOST_BYTES`` beside its tensors.
        Exception: whatever else a damaged file makes the readers raise.
    """
    for stream in _streams(path):
        _check(stream)
    return torch.load(path, map_location="cpu", weights_only=True)


def _streams(path: Path) -> Iterator[io.BytesIO]:
    """The pickles of a file, without the tensors."""
    with path.open("rb") as file:
        front = io.BytesIO(file.read(MOST_BYTES))
    # As torch tells the two forms apart: archives of Python may begin with anything.
    if not front.getvalue().startswith(_ARCHIVE):
        for _ in range(_STREAMS):
            if front.tell() < len(front.getbuffer()):
                yield front
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".pkl"):
                with archive.open(entry) as file:
                    yield io.BytesIO(file.read(MOST_BYTES))


def _check(stream: io.BytesIO) -> None:
    """Read a pickle up to its end without carrying it out."""
    for _, argument, _ in pickletools.genops(stream):
        if isinstance(argument, str | bytes | bytearray) and len(argument) > LONGEST_TEXT:
            raise ValueError(f"a text of {len(argument)} characters in a pickle")
