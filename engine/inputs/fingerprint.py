"""Fingerprints: what of an input's content goes into a run's identity.

Of each file its size and up to 64 blocks spread evenly over it are taken, so that even the largest scene takes no time.
Between the blocks a large file can change unseen, so a run also keeps when each file was last changed.
Of a file on a server it is taken what the server says of its state, and no byte.
What GDAL keeps beside a raster for others to read faster (overviews) or to know more about it (``.aux.xml``, which any
viewer writes anew) is left out: what of that counts is part of the description.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..request import OpenPolicy
from .addresses import is_address
from .archives import content_of, split_archived
from .remote import State, state_of

_BLOCKS, _BLOCK_BYTES = 64, 1 << 16
_LEFT_OUT = (".ovr", ".aux.xml", ".aux", ".rrd")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file as it was.

    Attributes:
        path: absolute.
        size: bytes; 0 for what is no file.
        changed: when its content was last changed, ns; likewise.
        tag: what a server says of its state; empty for a file on this machine.
    """

    path: str
    size: int
    changed: int
    tag: str = ""

    def now(self, policy: OpenPolicy) -> Stamp:
        """The same file as it is now.

        Raises:
            SeamlineError: it is on a server, which does not tell.
        """
        if is_address(self.path):
            return Stamp.on_server(self.path, state_of(self.path, policy))
        return Stamp.of(Path(self.path))

    @classmethod
    def on_server(cls, path: str, state: State) -> Stamp:
        """A file on a server."""
        return cls(path, state.size, 0, state.tag)

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """A file as it is."""
        try:
            status = path.stat()
        except OSError:
            return cls(str(path), 0, 0)
        return cls(str(path), status.st_size, status.st_mtime_ns) if path.is_file() else cls(str(path), 0, 0)

    @property
    def is_sampled(self) -> bool:
        """Whether a fingerprint leaves bytes of it out."""
        return self.size > _BLOCKS * _BLOCK_BYTES


def stamps(path: str, files: Sequence[str], state: State | None = None) -> tuple[Stamp, ...]:
    """The files whose content counts, as they are.

    Args:
        files, state: as for ``fingerprint``.
    """
    if state is not None:
        return (Stamp.on_server(path, state),)
    archive = split_archived(path)
    if archive is not None:
        return (Stamp.of(archive[0].absolute()),)
    return tuple(Stamp.of(file) for file in _that_count(path, files))


def fingerprint(path: str, files: Sequence[str], state: State | None = None) -> str:
    """Hash of a raster's content.

    Args:
        files: all its files, as GDAL lists them: masks, headers and the files that it names count too.
        state: of a file on a server; None for one on this machine.
    """
    if state is not None:
        return state.fingerprint
    archive = split_archived(path)
    if archive is not None:
        return hashlib.sha256(content_of(*archive).encode()).hexdigest()
    digests = [_sampled(file) for file in _that_count(path, files)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _that_count(path: str, files: Sequence[str]) -> list[Path]:
    """The raster itself, and the other files that hold a part of it."""
    whole = Path(path).absolute()
    home = whole if whole.is_dir() else whole.parent
    # By their places relative to the raster, which stay the same where all of them are moved.
    others = {os.path.relpath(file, home): file for file in files if not file.lower().endswith(_LEFT_OUT)}
    others.pop(os.path.relpath(whole, home), None)
    return [whole, *(Path(others[place]).absolute() for place in sorted(others))]


def _sampled(path: Path) -> str:
    size = path.stat().st_size if path.is_file() else 0
    digest = hashlib.sha256(str(size).encode())
    if size:
        with path.open("rb") as stream:
            for i in range(_BLOCKS):
                stream.seek(max(size - _BLOCK_BYTES, 0) * i // (_BLOCKS - 1))
                digest.update(stream.read(_BLOCK_BYTES))
    return digest.hexdigest()
