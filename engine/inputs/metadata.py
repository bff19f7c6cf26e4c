"""Metadata of strangers as flat lists of elements.

XML without document types, hence without entities, and texts of ``name = value`` lines in groups, as those of Landsat
and of Maxar are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat

from ..errors import RequestError


@dataclass(frozen=True, slots=True)
class Element:
    """An element by its local name.

    Attributes:
        attributes: by the names that stand there, prefixes included.
        text: its own, without white space at its ends.
        inner: how many elements lie in it: those just before it.
    """

    name: str
    attributes: dict[str, str]
    text: str
    inner: int = 0


def groups(found: Sequence[Element], name: str) -> list[Sequence[Element]]:
    """What lies in each element of a name, those within another one of it left out."""
    inside = []
    last = len(found) - 1
    while last >= 0:
        if found[last].name == name:
            inside.append(found[last - found[last].inner : last])
            last -= found[last].inner
        last -= 1
    return inside[::-1]


def keywords(text: str, *, source: str, fix: str) -> list[Element]:
    """Lines of ``name = value`` as elements, those of a ``GROUP`` within an element of its name, up to ``END``.

    What is no such line, as of a value that goes on, is left out.

    Args:
        source, fix: for the refusal.

    Raises:
        RequestError: it ends too early.
    """
    found: list[Element] = []
    begun: list[tuple[str, int]] = []
    for line in text.splitlines():
        if line.strip().rstrip(";") == "END" and not begun:
            return found
        name, equals, value = (part.strip() for part in line.partition("="))
        value = value.removesuffix(";").strip().strip('"')
        if name.upper() in ("GROUP", "BEGIN_GROUP"):
            begun.append((value, len(found)))
        elif name.upper() == "END_GROUP":
            if begun and begun[-1][0] == value:
                found.append(Element(value, {}, "", len(found) - begun.pop()[1]))
        elif equals:
            found.append(Element(name, {}, value))
    raise RequestError("its metadata end too early", where=source, fix=fix)


def elements(xml: bytes, *, source: str, fix: str) -> list[Element]:
    """Every element of a document, in the order in which they end.

    Args:
        source, fix: for the refusal.

    Raises:
        RequestError: it is no XML, or declares a document type.
    """
    stack: list[tuple[str, dict[str, str], list[str], int]] = []
    found: list[Element] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        stack.append((name.rpartition(":")[2], attributes, [], len(found)))

    def read(text: str) -> None:
        stack[-1][2].append(text)

    def end(_: str) -> None:
        name, attributes, text, first = stack.pop()
        found.append(Element(name, attributes, "".join(text).strip(), len(found) - first))

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
