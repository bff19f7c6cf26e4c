"""Inputs on servers: bytes that move, and faults of the server at each of its requests.

    python -m benchmarks.remote [--side PX] [--folder FOLDER] [--write DOCS]

A server of this machine counts what it gives and fails as it is told to.  The exit status is 1 where a claim is missed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ..shared.pages import published
from .faults import lines_of_faults
from .moved import lines_of_moved

PAGE, SIDE = "remote.md", 10980


def main() -> int:
    """Measure, judge, write."""
    parser = argparse.ArgumentParser(description="Bytes that move from servers, and what their faults come to.")
    parser.add_argument("--side", type=int, default=SIDE, help=f"of the scene whose bytes are counted, px: {SIDE}")
    parser.add_argument("--folder", type=Path, help="where scenes and outputs lie meanwhile")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    page = options.write and options.write / "results" / PAGE
    with tempfile.TemporaryDirectory(prefix="seamline-", dir=options.folder) as name:
        missed = published(list(lines_of_moved(Path(name), options.side)), page, "moved")
        return missed | published(list(lines_of_faults(Path(name))), page, "faults")


if __name__ == "__main__":
    raise SystemExit(main())
