"""XML of strangers as a flat list of elements: without document types, hence without entities."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

from ..errors import RequestError


@dataclass(frozen=True, slots=True)
class Element:
    """An element by its local name.

    Attributes:
        attributes: by the names that stand there, prefixes included.
        text: its own, without white space at its ends.
    """

    name: str
    attributes: dict[str, str]
    text: str


def elements(xml: bytes, *, source: str, fix: str) -> list[Element]:
    """Every element of a document, in the order in which they end.

    Args:
        source, fix: for the refusal.

    Raises:
        RequestError: it is no XML, or declares a document type.
    """
    stack: list[tuple[str, dict[str, str], list[str]]] = []
    found: list[Element] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        stack.append((name.rpartition(":")[2], attributes, []))

    def read(text: str) -> None:
        stack[-1][2].append(text)

    def end(_: str) -> None:
        name, attributes, text = stack.pop()
        found.append(Element(name, attributes, "".join(text).strip()))

    def refuse(*_: object) -> None:
        raise RequestError("its metadata declare a document type", where=source, fix=fix)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, read
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    # Of an encoding that does not exist, Python and not the parser complains.
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"its metadata are not XML ({error})", where=source, fix=fix) from error
    return found
