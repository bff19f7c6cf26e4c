"""The templates of pages and their libraries, which lie in the folder ``web``, and how they are filled in.

Nothing that is filled in is looked at for further marks, nor can it end the element that holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import IO, Any

_STYLES = ("vendor/uPlot.min.css", "page.css")
_MARK = re.compile(r"<!--(\w+)-->")


@dataclass(frozen=True, slots=True)
class Template:
    """A page, and its scripts in their order."""

    page: str
    scripts: tuple[str, ...]


RUN = Template(
    "page.html",
    (
        "vendor/openseadragon.min.js",
        "vendor/uPlot.iife.min.js",
        "shared.js",
        "page.js",
        "viewer.js",
        "spectra.js",
        "maps.js",
    ),
)
SWEEP = Template("sweep.html", ("vendor/uPlot.iife.min.js", "shared.js", "sweep.js"))

Data = Mapping[str, Callable[[], Iterator[str]]]


def fill(stream: IO[str], title: str, facts: Mapping[str, Any], data: Data, template: Template = RUN) -> None:
    """Write the page.

    Args:
        title: of the page.
        facts: what its scripts show; plain JSON values.
        data: base64 in pieces, by the names of the elements that hold it.
        template: which page it is.
    """
    filled: dict[str, Callable[[], Iterator[str]]] = {
        "title": lambda: iter([escape(title)]),
        "style": lambda: map(_text, _STYLES),
        "facts": lambda: iter([json.dumps(facts, allow_nan=False).replace("<", "\\u003c")]),
        "data": lambda: _elements(data),
        "script": lambda: (f"{_text(name)};\n" for name in template.scripts),
    }
    for number, part in enumerate(_MARK.split(_text(template.page))):
        stream.writelines(filled[part]() if number % 2 else [part])


def _elements(data: Data) -> Iterator[str]:
    before, after = _text("data.html").split("<!--content-->")
    for name, pieces in data.items():
        yield before.replace("<!--name-->", name)
        yield from pieces()
        yield after


def _text(name: str) -> str:
    return files(__package__).joinpath("web", *name.split("/")).read_text(encoding="utf-8")
