"""Fetches one file over the network, through the proxy and with the certificates that pip gets too."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from ..engine_process import EngineError
from ..text import tr
from .causes import known

_PART_BYTES = 1 << 18
_POLL_S = 0.1  # how late a cancel may be noticed
_SILENCE_S = 60.0  # how long a server may say nothing


def fetch(
    url: str,
    target: Path,
    *,
    most_bytes: int,
    environment: Mapping[str, str],
    on_share: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> bool:
    """Write what an address holds to a file; whether it came to its end, False after a cancel.

    Args:
        most_bytes: a longer answer is refused.
        environment: variables that name a proxy (``https_proxy``) and certificates (``PIP_CERT``), as pip reads them.
        on_share: takes the share of 0 to 1 that is there, where the server says how much there is.
        is_cancelled: asked several times a second.

    Raises:
        EngineError: the network, the proxy or the server failed.
        OSError: the file cannot be written.
    """
    transfer = _Transfer(url, environment)
    transfer.start()
    have = 0
    with target.open("wb") as file:
        while not is_cancelled():
            try:
                part = transfer.parts.get(timeout=_POLL_S)
            except Empty:
                continue
            if isinstance(part, Exception):
                raise _failure(url, part) from part
            if not part:
                if have < transfer.total:
                    raise _failure(url, ConnectionResetError("Connection aborted"))
                return True
            have += len(part)
            if max(have, transfer.total) > most_bytes:
                transfer.is_unwanted.set()
                raise EngineError(
                    tr("the server sends more than a Python has"), where=_shown(url), fix=tr("use an offline folder")
                )
            file.write(part)
            if transfer.total:
                on_share(have / transfer.total)
    transfer.is_unwanted.set()
    return False


class _Transfer(Thread):
    """Reads the answer in a thread of its own, which a cancel need not wait for; it holds no file.

    Attributes:
        parts: bytes as they come, empty ones at the end, or what went wrong.
        total: bytes that the server announced; 0 where it announced none.
        is_unwanted: set once nobody takes the parts any more.
    """

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.parts: SimpleQueue[Any] = SimpleQueue()
        self.total = 0
        self.is_unwanted = Event()
        self._url, self._environment = url, environment

    def run(self) -> None:
        try:
            opener = urllib.request.build_opener(
                _Proxies(self._environment), urllib.request.HTTPSHandler(context=_context(self._environment))
            )
            with opener.open(self._url, timeout=_SILENCE_S) as answer:
                self.total = int(answer.headers.get("Content-Length") or 0)
                while not self.is_unwanted.is_set():
                    part = answer.read(_PART_BYTES)
                    self.parts.put(part)
                    if not part:
                        return
        except Exception as error:  # of network, proxy, certificate or server: the reader is told
            self.parts.put(error)


class _Proxies(urllib.request.ProxyHandler):
    """The proxies of some variables, those of the system where they name none, and the hosts that go without."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        lower = {name.lower(): value for name, value in environment.items()}
        named = {kind: lower[f"{kind}_proxy"] for kind in ("http", "https") if lower.get(f"{kind}_proxy")}
        self._excluded = {"no": lower.get("no_proxy", "")} if named else None
        super().__init__(named or None)

    def proxy_open(self, req: Any, proxy: str, type: str) -> Any:
        """Called for each request, those of redirects included."""
        if self._excluded is not None and urllib.request.proxy_bypass_environment(req.host, self._excluded):
            return None
        return super().proxy_open(req, proxy, type)


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """The system's certificates, and those that pip is told of; those that QGIS brings where the system has none."""
    context = ssl.create_default_context()
    own = environment.get("PIP_CERT", "").strip()
    if own:
        _load(context, Path(own))
    usual = ssl.get_default_verify_paths()
    if not (usual.cafile or usual.capath or context.cert_store_stats()["x509_ca"]):  # as on macOS
        try:
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context


def _load(context: ssl.SSLContext, certificates: Path) -> None:
    try:
        if certificates.is_dir():
            context.load_verify_locations(capath=str(certificates))
        else:
            context.load_verify_locations(cafile=str(certificates))
    except OSError as error:
        raise EngineError(
            tr("the certificate cannot be read"),
            where=str(certificates),
            fix=tr("set PIP_CERT to a file that is there"),
        ) from error


def _failure(url: str, error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    where = _shown(url)
    found = known(where, f"{type(error).__name__}: {error}")
    if found is not None:
        return found
    if isinstance(error, HTTPError):
        what = tr("the server answered {code}").format(code=error.code)
    else:
        what = tr("it cannot be fetched ({reason})").format(reason=error)
    return EngineError(what, where=where, fix=tr("try again later, or use an offline folder"))


def _shown(url: str) -> str:
    """The server and the file, for a sentence."""
    parts = urlsplit(url)
    return f"{parts.hostname}: {Path(parts.path).name}"
