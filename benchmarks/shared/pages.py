"""Parts of pages that a benchmark writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def replace_part(path: Path, name: str, lines: Iterable[str]) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->`` in a page.

    Raises:
        ValueError: the page does not have both marks once, in this order.
    """
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(first)
    _, closed, after = rest.partition(last)
    if not found or not closed or first in after or last in after:
        raise ValueError(f"{path} needs {first} and {last}, once each and in this order")
    path.write_text("\n".join([before + first, "", *lines, "", last + after]), encoding="utf-8")
