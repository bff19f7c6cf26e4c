"""Serves the page on this machine, until told to stop."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..engine.errors import RequestError

if TYPE_CHECKING:
    from .desk import Desk

_PATIENCE_S = 20.0
_LAST_WORDS_S = 1


def check_gradio() -> None:
    """Refuse in one sentence where gradio is missing.

    Raises:
        RequestError: it is not installed.
    """
    if find_spec("gradio") is None:
        raise RequestError(
            "the browser app needs gradio, which is not installed",
            where="seamline app",
            fix="install it with: pip install 'seamline[app]'",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        port: 0 for any that is free.

    Raises:
        RequestError: the port is in use, or this machine has no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise RequestError(
            f"this machine has no such address ({error.strerror})", where=f"--host {host}", fix="leave it out"
        ) from error
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise RequestError(
            f"the port cannot be used ({error.strerror})",
            where=f"--port {port}",
            fix="give another one, or 0 for any that is free",
        ) from error
    return listening


@contextmanager
def serving(desk: Desk, listening: socket.socket, hosts: tuple[str, ...]) -> Iterator[str]:
    """Serve the page of a desk while the context lasts; then cancel its work.

    Args:
        hosts: names by which browsers may ask for the page; ``"*"`` for any.

    Yields:
        Its address.
    """
    # Before gradio is imported, which would ask other machines for news.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import uvicorn

    from .web import web_app

    config = uvicorn.Config(
        web_app(desk, hosts), log_level="warning", timeout_graceful_shutdown=_LAST_WORDS_S, lifespan="on"
    )
    server = uvicorn.Server(config)
    # In a thread of its own it leaves the signals to the command.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="page", daemon=True)
    thread.start()
    host, port = listening.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        desk.close()
        server.should_exit = True
        thread.join(_PATIENCE_S)
        listening.close()
