"""Features on disk: shards of safetensors, found by what they were made of, so that no run computes what is there.

A shard is written beside its name and renamed, and lists its entries with a checksum each; what does not agree with its
checksum, or cannot be read, is as if it were not there.
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ...engine.errors import RequestError, SeamlineWarning
from ...models.satdifuser.layout import Features

FORMAT = "seamline-features-2"
SHARD_BYTES = 64 << 20
_ENTRIES = "entries"
_LARGEST = float(torch.finfo(torch.float16).max)


class CacheWarning(SeamlineWarning):
    """Stored features cannot be used and are computed again."""


class FeatureCache:
    """Features by key.

    Args:
        folder: of the shards; made where it is missing.

    Raises:
        RequestError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"the folder cannot be made ({error.strerror})", where=str(folder), fix="choose another --cache"
            ) from error
        self._folder = folder
        self._places: dict[str, Path] = {}
        self._sums: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, int]] = {}
        self._checked: set[str] = set()
        self._open: dict[Path, Any] = {}
        self._buffer: dict[str, Features] = {}
        self._bytes = 0
        for shard in sorted(folder.glob("*.safetensors")):
            self._list(shard)

    def __contains__(self, key: str) -> bool:
        """Whether there are features of that key, whole and unchanged."""
        if key in self._buffer or key in self._checked:
            return True
        if key not in self._places:
            return False
        try:
            found = _checksum(_flat(self._read(key)))
        except (SafetensorError, OSError, ValueError):
            found = -1
        if found != self._sums[key]:
            self._forget([key], self._places[key])
            return False
        self._checked.add(key)
        return True

    def put(self, key: str, features: Features) -> None:
        """Keep the features of one tile, (1, C, h, w) each; they are stored in 16 bits.

        Raises:
            RequestError: the disk is full, or the folder cannot be written.
        """
        kept = [[m.detach().clamp(-_LARGEST, _LARGEST).half().cpu().contiguous() for m in time] for time in features]
        self._buffer[key] = kept
        self._bytes += sum(m.numel() * m.element_size() for m in _flat(kept))
        if self._bytes >= SHARD_BYTES:
            self.flush()

    def get(self, key: str) -> Features:
        """The features of a tile that is there."""
        return self._buffer[key] if key in self._buffer else self._read(key)

    def flush(self) -> None:
        """Write what is not on disk yet.

        Raises:
            RequestError: the disk is full, or the folder cannot be written.
        """
        if not self._buffer:
            return
        keys = sorted(self._buffer)
        shard = self._folder / f"{sha256(''.join(keys).encode()).hexdigest()[:32]}.safetensors"
        tensors = {
            f"{key}/{t}/{s}": m for key in keys for t, time in enumerate(self._buffer[key]) for s, m in enumerate(time)
        }
        sums = {key: _checksum(_flat(self._buffer[key])) for key in keys}
        shapes = {key: (len(self._buffer[key]), len(self._buffer[key][0])) for key in keys}
        entries = {key: [sums[key], *shapes[key]] for key in keys}
        partial = shard.with_suffix(".partial")
        try:
            save_file(tensors, partial, {"format": FORMAT, _ENTRIES: json.dumps(entries)})
            partial.replace(shard)
        except (OSError, SafetensorError) as error:
            partial.unlink(missing_ok=True)
            raise RequestError(
                f"the features cannot be stored ({error})",
                where=str(self._folder),
                fix="free some space, or name another folder with --cache",
            ) from error
        self._open.pop(shard, None)
        self._note(entries, shard)
        self._checked.update(keys)
        self._buffer, self._bytes = {}, 0

    def close(self) -> None:
        """Write what is left and let the files go."""
        self.flush()
        self._open.clear()

    def _list(self, shard: Path) -> None:
        try:
            with safe_open(shard, "pt") as file:
                about = file.metadata() or {}
            entries = json.loads(about.get(_ENTRIES, "{}"))
        except (SafetensorError, OSError, ValueError):
            self._forget([], shard)
            return
        # What else lies in the folder is none of ours.
        if about.get("format") == FORMAT:
            self._note(entries, shard)

    def _note(self, entries: dict[str, Any], shard: Path) -> None:
        for key, (total, times, scales) in entries.items():
            self._places[key], self._sums[key], self._shapes[key] = shard, total, (times, scales)

    def _forget(self, keys: Iterable[str], shard: Path) -> None:
        for key in keys:
            del self._places[key]
        text = f"{shard}: it is damaged, so what it held is computed again"
        warnings.warn(CacheWarning(text), stacklevel=3)

    def _read(self, key: str) -> Features:
        shard = self._places[key]
        if shard not in self._open:
            # Held open for as long as the cache is.
            file: Any = safe_open(shard, "pt")
            self._open[shard] = file.__enter__()
        times, scales = self._shapes[key]
        return [[self._open[shard].get_tensor(f"{key}/{t}/{s}") for s in range(scales)] for t in range(times)]


def _flat(features: Features) -> list[torch.Tensor]:
    return [m for time in features for m in time]


def _checksum(tensors: Iterable[torch.Tensor]) -> int:
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.numpy().tobytes(), zlib.crc32(str(tuple(tensor.shape)).encode(), total))
    return total
