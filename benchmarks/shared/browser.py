"""The browser of this machine, driven without a screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Of its program; one of them is looked for."""


def lacks() -> str | None:
    """What is missing to drive one, a sentence; None where nothing is."""
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed"
    return None if _program() else f"no browser is installed: {', '.join(NAMES)}"


@contextmanager
def browser() -> Iterator[Any]:
    """A browser of Playwright; ``lacks`` must be None."""
    from playwright.sync_api import sync_playwright

    # Root has no sandbox, and what a container shares as memory is small.
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
    with sync_playwright() as started:
        running = started.chromium.launch(executable_path=_program(), args=flags)
        try:
            yield running
        finally:
            running.close()


def _program() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)
