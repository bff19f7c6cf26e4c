"""Paths that recipes name: portable, and never those of the test pairs."""

from __future__ import annotations

import os
from pathlib import Path

from ...engine.errors import RequestError

TEST_PAIRS = ("pansharpen", "pansharpen_more", "quality")
"""Folders of the data folder whose real pairs are there to be tested on alone."""

_SPLITS = "splits.json"


def locate(name: str, beside: Path) -> Path:
    """The path that a recipe means: environment variables filled in, relative to the recipe's folder.

    Raises:
        RequestError: a variable is not set.
    """
    filled = os.path.expandvars(name)
    if "$" in filled:
        raise RequestError(
            "an environment variable in this path is not set", where=name, fix="set it, or write the path itself"
        )
    return beside / filled


def refuse_test_pair(path: Path) -> None:
    """Stop a training on the pairs that results are measured on.

    The data folder is the one that ``SEAMLINE_DATA`` names, or any that holds ``splits.json``; links are followed.

    Raises:
        RequestError: the path leads into ``pansharpen/``, ``pansharpen_more/`` or ``quality/`` of the data folder.
    """
    root = os.environ.get("SEAMLINE_DATA")
    data = Path(root).resolve() if root else None
    for folder in path.resolve().parents:
        if folder.name in TEST_PAIRS and (folder.parent == data or (folder.parent / _SPLITS).is_file()):
            raise RequestError(
                "this is one of the real pairs that results are measured on, and no training may see it",
                where=str(path),
                fix="name another scene",
            )
