"""The fields of JSON, by their places, to be altered one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Key = tuple[str | int, ...]


def fields(content: Any, key: Key = ()) -> Iterator[Key]:
    """The places of all values, mappings and lists included, depth first."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inside:
        yield (*key, name)
        yield from fields(value, (*key, name))


def put(content: Any, key: Key, value: Any = None, *, drop: bool = False) -> None:
    """Put a value in the place of a field, or drop the field."""
    for step in key[:-1]:
        content = content[step]
    if drop:
        del content[key[-1]]
    else:
        content[key[-1]] = value
