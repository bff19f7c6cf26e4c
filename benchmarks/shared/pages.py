"""Parts of pages that a benchmark writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def published(lines: Sequence[str], page: Path | None, part: str) -> int:
    """Print what was measured and put it into a page, if there is one; the exit status, 1 where a claim is missed."""
    print("\n".join(lines))
    if page is not None:
        replace_part(page, part, lines)
    return 1 if any(line.endswith("MISSED") for line in lines) else 0
