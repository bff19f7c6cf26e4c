"""Catalogues of translated texts: found in the code, kept as ``i18n/*.ts``, compiled for Qt.

``python qgis_plugin/translations.py`` brings the catalogues up to date with the code.  Standard library alone.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator, Mapping
from html import escape, unescape
from pathlib import Path

CONTEXT = "Seamline"
_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_MESSAGE = re.compile(r"<source>(.*?)</source>\s*<translation[^>]*>(.*?)</translation>", re.DOTALL)
_MARKS = ("tr", "mark")
_HASHES, _MESSAGES = 0x42, 0x69
_END, _TRANSLATION, _SOURCE, _CONTEXT, _COMMENT = 1, 3, 6, 7, 8


def sources(root: Path) -> list[str]:
    """Every text that the code below a folder passes to ``tr`` or ``mark``, once each, in order.

    Raises:
        ValueError: one is called with something else than a text.
    """
    found: dict[str, None] = {}
    for path in sorted(root.rglob("*.py")):
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")), path):
            found[text] = None
    return list(found)


def _texts(tree: ast.AST, path: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MARKS:
            argument = node.args[0]
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise ValueError(f"{path}, line {node.lineno}: {node.func.id} takes a text as it stands")
            yield argument.value


def read(catalogue: Path) -> dict[str, str]:
    """Translations by source; empty where one is missing."""
    found = _MESSAGE.findall(catalogue.read_text(encoding="utf-8"))
    return {unescape(source): unescape(translation) for source, translation in found}


def write(catalogue: Path, messages: Mapping[str, str]) -> None:
    """Write a catalogue as Qt's own tools do; missing translations are marked unfinished."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>"]
    lines += [f'<TS version="2.1" language="{catalogue.stem}" sourcelanguage="en">', "<context>"]
    lines.append(f"    <name>{CONTEXT}</name>")
    for source, translation in messages.items():
        mark = "" if translation else ' type="unfinished"'
        lines += ["    <message>", f"        <source>{escape(source, quote=False)}</source>"]
        lines += [f"        <translation{mark}>{escape(translation, quote=False)}</translation>", "    </message>"]
    catalogue.write_text("\n".join([*lines, "</context>", "</TS>", ""]), encoding="utf-8")


def update(catalogue: Path, texts: list[str]) -> None:
    """Keep the translations of the texts that are still there, and add the new ones without."""
    known = read(catalogue) if catalogue.exists() else {}
    write(catalogue, {text: known.get(text, "") for text in texts})


def compiled(catalogue: Path) -> bytes:
    """A catalogue as ``QTranslator`` loads it (the format of ``.qm`` files)."""
    places, messages = [], b""
    for source, translation in read(catalogue).items():
        if translation:
            places.append((_hash(source.encode()), len(messages)))
            messages += _message(source, translation)
    hashes = b"".join(struct.pack(">II", *place) for place in sorted(places))
    return _MAGIC + _section(_HASHES, hashes) + _section(_MESSAGES, messages)


def _section(tag: int, content: bytes) -> bytes:
    return struct.pack(">BI", tag, len(content)) + content


def _message(source: str, translation: str) -> bytes:
    text = translation.encode("utf-16-be")
    parts = struct.pack(">BI", _TRANSLATION, len(text)) + text
    for tag, value in ((_COMMENT, b""), (_SOURCE, source.encode()), (_CONTEXT, CONTEXT.encode())):
        parts += struct.pack(">BI", tag, len(value)) + value
    return parts + bytes([_END])


def _hash(text: bytes) -> int:
    """The ELF hash of Qt's catalogues."""
    value = 0
    for byte in text:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value ^= high >> 24
        value &= ~high & 0xFFFFFFFF
    return value or 1


if __name__ == "__main__":
    folder = Path(__file__).parent
    for path in sorted((folder / "i18n").glob("*.ts")):
        update(path, sources(folder))
        missing = sum(not translation for translation in read(path).values())
        sys.stdout.write(f"{path.name}: {missing} texts without a translation\n")
