"""A server of this machine that gives parts of files, counts what it gives, and fails as it is told to."""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from seamline.engine.request import OpenPolicy, Patience

PATIENCE = Patience(attempts=3, first_delay_s=0.0)

Fault = Callable[["Server", BaseHTTPRequestHandler, int], bool]
"""Told of the request and its number, from 1; answers it and returns True, or leaves it to the server."""


@dataclass
class Server:
    """What is served, and what has been asked for.

    Attributes:
        files: content by path.
        states: ETag by path; that of the content where there is none.
        fault: looks at each request first.
        given: bytes of bodies.
        asked: (method, path with query, range) of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    given: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def host(self) -> str:
        """Name and port."""
        return f"localhost:{self.port}"

    @property
    def policy(self) -> OpenPolicy:
        """That allows this server and does not wait before it asks again."""
        return OpenPolicy(hosts=(self.host,), patience=PATIENCE)

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.scheme}://{self.host}{path}"

    def put(self, path: str, content: bytes) -> str:
        """Serve a file; its address."""
        self.files[path] = content
        return self.url(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        served: Server = self.server.served
        served.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if served.fault is not None and served.fault(served, self, len(served.asked)):
            return
        give(served, self)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    do_POST = do_DELETE = do_PUT


def give(served: Server, handler: BaseHTTPRequestHandler, cut: int = 0, pause: float = 0.0) -> None:
    """Answer a request, but for the last ``cut`` bytes, and with a pause after each byte where there is one, s."""
    path = handler.path.partition("?")[0]
    content = served.files.get(path)
    if content is None:
        handler.send_error(404)
        return
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
    part = content if found is None else content[int(found[1]) : int(found[2]) + 1]
    handler.send_response(200 if found is None else 206)
    handler.send_header("ETag", served.states.get(path) or f'"{zlib.crc32(content):08x}"')
    handler.send_header("Content-Length", str(len(part)))
    if found is not None:
        last = int(found[1]) + len(part) - 1
        handler.send_header("Content-Range", f"bytes {found[1]}-{last}/{len(content)}")
    handler.end_headers()
    sent = part[: len(part) - cut]
    served.given += len(sent)
    # Whoever has hung up wants it no more.
    with contextlib.suppress(OSError):
        for i in range(0, len(sent), 1 if pause else len(sent) or 1):
            handler.wfile.write(sent[i : i + 1] if pause else sent)
            time.sleep(pause)
    if cut:
        handler.close_connection = True


def answers(status: int, *, since: int = 1, times: int = 10**9, **headers: str) -> Fault:
    """A number of requests are answered with a status and no content."""

    def fault(_: Server, handler: BaseHTTPRequestHandler, number: int) -> bool:
        if not since <= number < since + times:
            return False
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def cuts(count: int, *, since: int = 1, times: int = 10**9) -> Fault:
    """A number of answers end too early."""

    def fault(served: Server, handler: BaseHTTPRequestHandler, number: int) -> bool:
        if not since <= number < since + times:
            return False
        give(served, handler, cut=count)
        return True

    return fault


def stalls(*, since: int = 1, times: int = 10**9) -> Fault:
    """A number of requests are met with silence, until whoever asked hangs up."""

    def fault(_: Server, handler: BaseHTTPRequestHandler, number: int) -> bool:
        if not since <= number < since + times:
            return False
        handler.connection.settimeout(10)
        handler.rfile.read(1)
        handler.close_connection = True
        return True

    return fault


def drips(*, since: int = 1) -> Fault:
    """Answers come a byte at a time, each before whoever asked gives up on the next."""

    def fault(served: Server, handler: BaseHTTPRequestHandler, number: int) -> bool:
        if number < since:
            return False
        give(served, handler, pause=0.01)
        return True

    return fault


def changes(path: str, *, at: int) -> Fault:
    """Another state of a file is served from a request on."""

    def fault(served: Server, _: BaseHTTPRequestHandler, number: int) -> bool:
        if number == at:
            served.states[path] = '"another"'
        return False

    return fault


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class running:
    """A server for the time of a ``with``, of https where it has a certificate with its key."""

    def __init__(self, certificate: Path | None = None) -> None:
        self._certificate = certificate

    def __enter__(self) -> Server:
        self._http = _Quiet(("localhost", 0), _Handler)
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        scheme = "http" if self._certificate is None else "https"
        self._http.served = served = Server(port=self._http.server_address[1], scheme=scheme)  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return served

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
