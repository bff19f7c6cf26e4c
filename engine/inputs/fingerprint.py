"""Fingerprints: what of an input's content goes into a run's identity.

Of each file its size and up to 64 blocks spread evenly over it are taken, so that even the largest scene takes no time.
What GDAL keeps beside a raster for others to read faster (overviews) or to know more about it (``.aux.xml``, which any
viewer writes anew) is left out: what of that counts is part of the description.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from .archives import content_of, split_archived

_BLOCKS, _BLOCK_BYTES = 64, 1 << 16
_LEFT_OUT = (".ovr", ".aux.xml", ".aux", ".rrd")


def fingerprint(path: str, files: Sequence[str]) -> str:
    """Hash of a raster's content.

    Args:
        files: all its files, as GDAL lists them: masks, headers and the files that it names count too.
    """
    archive = split_archived(path)
    if archive is not None:
        return hashlib.sha256(content_of(*archive).encode()).hexdigest()
    whole = Path(path).absolute()
    home = whole if whole.is_dir() else whole.parent
    # By their places relative to the raster, which stay the same where all of them are moved.
    others = {os.path.relpath(file, home): file for file in files if not file.lower().endswith(_LEFT_OUT)}
    others.pop(os.path.relpath(whole, home), None)
    digests = [_sampled(whole), *(_sampled(Path(others[place])) for place in sorted(others))]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _sampled(path: Path) -> str:
    size = path.stat().st_size if path.is_file() else 0
    digest = hashlib.sha256(str(size).encode())
    if size:
        with path.open("rb") as stream:
            for i in range(_BLOCKS):
                stream.seek(max(size - _BLOCK_BYTES, 0) * i // (_BLOCKS - 1))
                digest.update(stream.read(_BLOCK_BYTES))
    return digest.hexdigest()
