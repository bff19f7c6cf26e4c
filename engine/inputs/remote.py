"""Rasters on servers: parts of one file as GDAL asks for them, all of one state of it.

Neighbouring blocks of a window are merged into ranges before they are asked for; just these are fetched.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import rasterio

from ..errors import RequestError, RunError, SeamlineError
from ..request import OpenPolicy
from .addresses import Address, address_of
from .relay import Relay
from .transfer import AGAIN, Client

# Least bytes of a request: directories of a TIFF are read in crumbs.
_LEAST = 1 << 14
_MOST_KEPT = 1 << 27
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_DRIVERS = (
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "GTiff"),
    ((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "JP2OpenJPEG"),
)


@dataclass(frozen=True, slots=True)
class State:
    """A file on a server as it is.

    Attributes:
        size: bytes.
        tag: what the server says of its content: the ETag and when it was last changed.
    """

    size: int
    tag: str

    @property
    def fingerprint(self) -> str:
        """Hash of it, in place of one of the content."""
        return hashlib.sha256(f"{self.size} {self.tag}".encode()).hexdigest()


class Parts:
    """What was fetched of one state of a file, the latest up to a number of bytes; for several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, start: int, count: int) -> bytes | None:
        """Bytes from ``start`` on; None where they are not all in one part."""
        with self._lock:
            for first, content in self._kept.items():
                if first <= start and start + count <= first + len(content):
                    self._kept.move_to_end(first)
                    return content[start - first : start - first + count]
        return None

    def keep(self, start: int, content: bytes) -> None:
        """Keep a part, in place of older ones."""
        with self._lock:
            self._bytes += len(content) - len(self._kept.pop(start, b""))
            self._kept[start] = content
            while self._bytes > _MOST_KEPT:
                self._bytes -= len(self._kept.popitem(last=False)[1])


# A run reads its inputs in several places; those that are open at once share what was fetched.
_SHARED: WeakValueDictionary[tuple[Address, State], Parts] = WeakValueDictionary()


class RemoteFile:
    """A file on a server, read by parts.

    Whatever cannot be read is remembered in ``failure``: GDAL gets no bytes, and who reads through it looks there.

    Raises:
        RequestError: the address is not allowed, there is no such file, or the server gives no parts of it.
        RunError: the server does not answer.
    """

    def __init__(self, path: str, policy: OpenPolicy) -> None:
        self._address = address_of(path, policy)
        self._client = Client(policy)
        self._attempts = policy.patience.attempts
        # GDAL asks for several parts at once.
        self._lock = threading.Lock()
        self.failure: SeamlineError | None = None
        self.state = State(0, "")
        self.head = self._fetched(0, _LEAST)
        self._parts = _SHARED.setdefault((self._address, self.state), Parts())
        self._parts.keep(0, self.head)

    def close(self) -> None:
        """Close the connection, and let go of what was fetched."""
        self._client.close()
        self._parts = Parts()

    def read(self, start: int, count: int) -> bytes:
        """Bytes from ``start`` on; fewer than ``count`` at the end of the file, none after a failure."""
        with self._lock:
            return self._read(start, count)

    def _read(self, start: int, count: int) -> bytes:
        count = min(count, self.state.size - start)
        if count <= 0 or self.failure is not None:
            return b""
        known = self._parts.find(start, count)
        if known is not None:
            return known
        try:
            content = self._fetched(start, min(max(count, _LEAST), self.state.size - start))
        except SeamlineError as error:
            self.failure = RunError(error.what, where=error.where, fix=_going_on(error))
            return b""
        self._parts.keep(start, content)
        return content[:count]

    def _fetched(self, start: int, count: int) -> bytes:
        """Bytes of the state that was first met; the first ones tell which that is."""
        wanted = {"range": f"bytes={start}-{start + count - 1}"}
        for _ in range(self._attempts):
            answer = self._client.ask(self._address, headers=wanted, most=count)
            span = _SPAN.fullmatch(answer.headers.get("content-range", ""))
            if answer.status != 206 or span is None:
                raise RequestError(
                    "the server gives no parts of files", where=self._address.shown, fix="download the file first"
                )
            state = self._stated(int(span[3]), answer.headers)
            if self.state.size == 0:
                self.state = state
            elif state != self.state:
                raise RunError(
                    "it has changed while it was read",
                    where=self._address.shown,
                    fix="once nothing writes to it, run again with --overwrite",
                )
            if int(span[1]) == start and len(answer.body) == min(count, state.size - start):
                return answer.body
        raise RunError("the server gives other parts than it was asked for", where=self._address.shown, fix=AGAIN)

    def _stated(self, size: int, headers: Any) -> State:
        etag, changed = headers.get("etag", ""), headers.get("last-modified", "")
        if not (etag or changed):
            raise RequestError(
                "the server says neither which state of the file it gives (ETag) nor when it was changed",
                where=self._address.shown,
                fix="download the file first",
            )
        return State(size, f"{etag} {changed}".strip())


def state_of(path: str, policy: OpenPolicy) -> State:
    """A file on a server as it is now.

    Raises:
        SeamlineError: as for ``RemoteFile``.
    """
    file = RemoteFile(path, policy)
    file.close()
    return file.state


def content_of(path: str, policy: OpenPolicy, most: int) -> bytes:
    """All of a small file on a server.

    Raises:
        RequestError: the address is not allowed, there is no such file, or it is larger than ``most`` bytes.
        RunError: the server does not answer.
    """
    client = Client(policy)
    try:
        return client.ask(address_of(path, policy), most=most).body
    finally:
        client.close()


class RemoteRaster(rasterio.DatasetReader):  # type: ignore[misc]
    """A raster on a server; ``read`` and ``read_masks`` say what went wrong on the way.

    Raises:
        RequestError: as for ``RemoteFile``; it is no GeoTIFF and no JPEG 2000.
        RunError: the server does not answer.
    """

    def __init__(self, path: str, policy: OpenPolicy) -> None:
        self._file = RemoteFile(path, policy)
        self._relay: Relay | None = None
        driver = next((name for marks, name in _DRIVERS if self._file.head.startswith(marks)), None)
        try:
            if driver is None:
                raise RequestError("it is neither a GeoTIFF nor a JPEG 2000", where=path, fix="download it first")
            self._relay = Relay(self._file.read, self._file.state.size)
            self._telling(super().__init__, self._relay.path, driver=[driver], sharing=False)
        except BaseException:
            self._let_go()
            raise

    @property
    def state(self) -> State:
        """The state of the file that is read."""
        return self._file.state

    def read(self, *given: Any, **named: Any) -> Any:
        """As rasterio has it."""
        return self._telling(super().read, *given, **named)

    def read_masks(self, *given: Any, **named: Any) -> Any:
        """As rasterio has it."""
        return self._telling(super().read_masks, *given, **named)

    def close(self) -> None:
        """As rasterio has it."""
        super().close()
        self._let_go()

    def _let_go(self) -> None:
        if self._relay is not None:
            self._relay.close()
        self._file.close()

    def _telling(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            found = call(*given, **named)
        except Exception:  # whatever GDAL made of bytes that did not come
            if self._file.failure is None:
                raise
            found = None
        if self._file.failure is not None:
            raise self._file.failure
        return found


def _going_on(error: SeamlineError) -> str:
    return error.fix if isinstance(error, RunError) else f"{error.fix}; then run again with --resume"
