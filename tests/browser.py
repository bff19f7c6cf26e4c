"""A real browser without a screen, which reaches nothing but files and this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_HERE = ("127.0.0.1", "localhost", "::1")


@contextmanager
def browsing(width: int = 1280, height: int = 900, **context: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of Playwright, and what it asked of other machines, all of which was refused, so far.

    Args:
        width, height: of the window, px.
        context: further options of Playwright's ``new_context``, such as ``locale`` and ``color_scheme``.

    A script that fails in the page fails the test that leaves the context.  Without a browser the test skips.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser is installed: {', '.join(_NAMES)}")
    asked: list[str] = []
    failed: list[str] = []

    def answer(route: Any) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in _HERE:
            asked.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    # Root has no sandbox, and what a container shares as memory is small.
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=flags)
        try:
            opened = browser.new_context(viewport={"width": width, "height": height}, **context)
            opened.route("**/*", answer)
            page = opened.new_page()
            page.on("pageerror", lambda error: failed.append(str(error)))
            yield page, asked
        finally:
            browser.close()
    assert not failed, failed
