"""Mutations of files: which ones, drawn from a seed, and how bytes are mutated.  Nothing is read or written here."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..shared.json_fields import fields, put

How = Literal["flip", "cut", "insert", "number", "zero", "repeat", "swap", "text number", "text line", "field", "entry"]

EXTREMES = (0, 1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
TEXTS = (
    *("0", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "-0", "2147483647", "4294967296", "9" * 400, "0x10", "1_0"),
    *(
        "",
        "null",
        "true",
        "[]",
        "{}",
        "~",
        "'",
        '"',
        "\x00",
        "\ufeff",
        "\U0001f300",
        "%s",
        "../../../etc/passwd",
        "<<: *a",
    ),
)
"""What stands in for a number or a line of text."""
INSERTED = (
    *(
        b"\0" * 64,
        b"\xff" * 64,
        b"\x80",
        b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
        b"PK\3\4",
        b"II*\0",
    ),
    *(
        b"&a [*a, *a]",
        b"[" * 20_000,
        b"{" * 20_000,
        b"<a>" * 5000,
        b"!!python/object/apply:os.system ['true']",
        b"\n- \n",
    ),
    *(b"cos\nsystem\n(S'true'\ntR.", b"a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\n"),
)
VALUES = (
    *(None, True, -1, 0, 1, 7, 1e308, -1e308, 2**31, 2**63, 2**64, 0.5, 1e-320, "", "x", "nan", "../x", "y" * 5000),
    *([], {}, [["a"]], {"a": 1}, [0] * 5000),
)
"""What stands in for a field of JSON."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a file.

    Attributes:
        how: the kind of change.
        at: where, from 0 to 1.
        pick: of what is put there, which.
        size: how much, in bytes or in a number's.
    """

    how: How
    at: float
    pick: int
    size: int


KINDS: Mapping[str, tuple[How, ...]] = {
    "binary": ("flip", "flip", "cut", "insert", "number", "number", "zero", "repeat", "swap"),
    "tiff": ("flip", "cut", "insert", "number", "zero", "repeat", "entry", "entry", "entry", "entry", "entry"),
    "zip": ("flip", "cut", "number", "zero", "repeat", "entry", "entry", "entry"),
    "safetensors": ("flip", "cut", "insert", "number", "field", "field", "field"),
    "json": ("flip", "cut", "insert", "text number", "text number", "text line", "field", "field", "field", "field"),
    "text": ("flip", "cut", "insert", "repeat", "text number", "text number", "text number", "text line", "text line"),
}
"""How files of a form are changed."""


def drawn(rng: random.Random, form: str) -> Mutation:
    """A mutation for a file of a form."""
    size = rng.choice((1, 1, 2, 4, 8, 16, 100, 1000))
    return Mutation(rng.choice(KINDS[form]), rng.random(), rng.randrange(1 << 16), size)


def mutated(content: bytes, form: str, mutation: Mutation) -> bytes:
    """The content of a file of a form, changed; what cannot be changed so has a bit flipped."""
    change = _CHANGES[mutation.how]
    try:
        return change(content, form, mutation)
    except (ValueError, IndexError, KeyError, struct.error, RecursionError):
        return _flip(content, form, mutation)


def _place(content: Sequence[Any], mutation: Mutation) -> int:
    return min(int(mutation.at * len(content)), max(len(content) - 1, 0))


def _flip(content: bytes, _: str, mutation: Mutation) -> bytes:
    if not content:
        return b"\1"
    changed = bytearray(content)
    changed[_place(content, mutation)] ^= 1 << mutation.pick % 8
    return bytes(changed)


def _cut(content: bytes, _: str, mutation: Mutation) -> bytes:
    return content[: _place(content, mutation)]


def _insert(content: bytes, _: str, mutation: Mutation) -> bytes:
    place = _place(content, mutation)
    return content[:place] + INSERTED[mutation.pick % len(INSERTED)] + content[place:]


def _number(content: bytes, _: str, mutation: Mutation) -> bytes:
    """An extreme number of 1, 2, 4 or 8 bytes, in either order, over what stands there."""
    size, place = min(mutation.size, 8), _place(content, mutation)
    if size not in (1, 2, 4, 8):
        size = 4
    value = EXTREMES[mutation.pick % len(EXTREMES)] % (1 << 8 * size)
    order: Literal["little", "big"] = "little" if mutation.pick >> 8 & 1 else "big"
    return content[:place] + value.to_bytes(size, order) + content[place + size :]


def _zero(content: bytes, _: str, mutation: Mutation) -> bytes:
    place = _place(content, mutation)
    return content[:place] + b"\0" * mutation.size + content[place + mutation.size :]


def _repeat(content: bytes, _: str, mutation: Mutation) -> bytes:
    place = _place(content, mutation)
    return content[:place] + content[place : place + mutation.size] * 2 + content[place + mutation.size :]


def _swap(content: bytes, _: str, mutation: Mutation) -> bytes:
    """Two stretches change places."""
    first, size = _place(content, mutation), mutation.size
    second = (first + size + mutation.pick) % max(len(content), 1)
    one, two = sorted((first, second))
    if one + size > two:
        raise ValueError("they overlap")
    parts = content[:one], content[two : two + size], content[one + size : two], content[one : one + size]
    return b"".join((*parts, content[two + size :]))


_TEXT_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def _text_number(content: bytes, _: str, mutation: Mutation) -> bytes:
    found = list(_TEXT_NUMBER.finditer(content))
    number = found[_place(found, mutation)]
    text = TEXTS[mutation.pick % len(TEXTS)].encode()
    return content[: number.start()] + text + content[number.end() :]


def _text_line(content: bytes, _: str, mutation: Mutation) -> bytes:
    """A line left out, doubled, moved to the right, or given another value."""
    lines = content.split(b"\n")
    place = _place(lines, mutation)
    line, way = lines[place], mutation.size % 4
    text = TEXTS[mutation.pick % len(TEXTS)].encode()
    instead = ([], [line, line], [b"  " + line], [line.partition(b":")[0] + b": " + text])[way]
    return b"\n".join([*lines[:place], *instead, *lines[place + 1 :]])


def _field(content: bytes, form: str, mutation: Mutation) -> bytes:
    """A field of JSON; that of safetensors stands behind its length."""
    if form == "safetensors":
        (length,) = struct.unpack_from("<Q", content)
        header = _with_field(content[8 : 8 + length], mutation)
        return struct.pack("<Q", len(header)) + header + content[8 + length :]
    return _with_field(content, mutation)


def _with_field(text: bytes, mutation: Mutation) -> bytes:
    tree = json.loads(text)
    keys = list(fields(tree))
    key = keys[_place(keys, mutation)]
    pick = mutation.pick % (len(VALUES) + 2)
    if pick < len(VALUES):
        put(tree, key, VALUES[pick])
    else:
        put(tree, key, drop=True)
    return json.dumps(tree).encode()


def _entry(content: bytes, form: str, mutation: Mutation) -> bytes:
    """A number of a directory: of an entry of a TIFF's, or of a header of an archive's."""
    places = _tiff_numbers(content) if form == "tiff" else _zip_numbers(content)
    place, size = places[_place(places, mutation)]
    if mutation.pick & 1 << 8:
        value = EXTREMES[mutation.pick % len(EXTREMES)]
    else:
        # One that is near the right one.
        value = int.from_bytes(content[place : place + size], "little") + (mutation.pick & 7) - 3
    return content[:place] + (value % (1 << 8 * size)).to_bytes(size, "little") + content[place + size :]


def _tiff_numbers(content: bytes) -> list[tuple[int, int]]:
    """(place, bytes) of the numbers of all directories of a classic little-endian TIFF, values included."""
    found: list[tuple[int, int]] = [(4, 4)]
    (directory,) = struct.unpack_from("<I", content, 4)
    while directory and len(found) < 2000:
        (count,) = struct.unpack_from("<H", content, directory)
        found.append((directory, 2))
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            found += [(entry, 2), (entry + 2, 2), (entry + 4, 4), (entry + 8, 4), (entry + 8, 2)]
            _, kind, length, value = struct.unpack_from("<HHII", content, entry)
            size = {3: 2, 4: 4, 12: 8}.get(kind, 1)
            if length * size > 4:
                found += [(value + i * size, size) for i in range(min(length, 16))]
        found.append((directory + 2 + 12 * count, 4))
        (directory,) = struct.unpack_from("<I", content, directory + 2 + 12 * count)
    return [(place, size) for place, size in found if place + size <= len(content)]


_LOCAL = ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))
_CENTRAL = ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4))
_END = ((8, 2), (10, 2), (12, 4), (16, 4), (20, 2))


def _zip_numbers(content: bytes) -> list[tuple[int, int]]:
    """(place, bytes) of the numbers in the headers of a zip archive."""
    found = []
    for mark, numbers in ((b"PK\3\4", _LOCAL), (b"PK\1\2", _CENTRAL), (b"PK\5\6", _END)):
        for header in re.finditer(re.escape(mark), content):
            found += [(header.start() + offset, size) for offset, size in numbers]
    return found


_CHANGES: Mapping[How, Callable[[bytes, str, Mutation], bytes]] = {
    "flip": _flip,
    "cut": _cut,
    "insert": _insert,
    "number": _number,
    "zero": _zero,
    "repeat": _repeat,
    "swap": _swap,
    "text number": _text_number,
    "text line": _text_line,
    "field": _field,
    "entry": _entry,
}
