"""A real browser without a screen, which reaches nothing but files and this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from seamline.benchmarks.shared.browser import browser, lacks

_HERE = ("127.0.0.1", "localhost", "::1")


@contextmanager
def browsing(width: int = 1280, height: int = 900, **context: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of Playwright, and what it asked of other machines, all of which was refused, so far.

    Args:
        width, height: of the window, px.
        context: further options of Playwright's ``new_context``, such as ``locale`` and ``color_scheme``.

    A script that fails in the page fails the test that leaves the context.  Without a browser the test skips.
    """
    if missing := lacks():
        pytest.skip(missing)
    asked: list[str] = []
    failed: list[str] = []

    def answer(route: Any) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in _HERE:
            asked.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    with browser() as running:
        opened = running.new_context(viewport={"width": width, "height": height}, **context)
        opened.route("**/*", answer)
        page = opened.new_page()
        page.on("pageerror", lambda error: failed.append(str(error)))
        yield page, asked
    assert not failed, failed
