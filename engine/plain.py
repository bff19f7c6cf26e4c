"""Texts of strangers as plain values, and values in messages: both of bounded size, however much they name twice."""

from __future__ import annotations

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


def read_yaml(text: str) -> Any:
    """Plain values of a YAML text without aliases: a few lines of them stand for gigabytes.

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

    try:
        return yaml.load(text, Plain)
    # Of dates that are none and the like, the errors are not YAML's own.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(reason[:200]) from error
