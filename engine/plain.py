"""Texts of strangers as plain values, and values in messages: both of bounded size, however much they name twice."""

from __future__ import annotations

import json
import reprlib
from importlib import import_module
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shown(value: object) -> str:
    """A value as a message shows it, a line of some 100 characters at most."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = f"a {type(value).__name__}"
    return text if len(text) <= 100 else text[:97] + "..."


def read_json(text: str) -> Any:
    """Plain values of a JSON text that names no key twice.

    Raises:
        ValueError: it is no such text; in one line.
    """
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def read_yaml(text: str) -> Any:
    """Plain values of a YAML text that names no key twice, without aliases: a few lines of them stand for gigabytes.

    Raises:
        ImportError: PyYAML is not installed; it comes with the training extra.
        ValueError: it is no such text; in one line.
    """
    yaml = import_module("yaml")

    class Plain(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("aliases are not read")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
                if (key.tag, key.value) in seen:
                    line, column = key.start_mark.line + 1, key.start_mark.column + 1
                    raise ValueError(f"the key {shown(key.value)} is there twice, line {line}, column {column}")
                seen.add((key.tag, key.value))
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Plain)
    # Of dates that are none and the like, the errors are not YAML's own.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(reason[:200]) from error
