"""The files of a product, and what its metadata files say.

Metadata are data of strangers: they are read up to a size, without document types, and name no file outside the
product.
"""

from __future__ import annotations

import lzma
import math
import os
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

from ...errors import RequestError
from ..archives import archived
from ..metadata import Element, elements, groups, keywords

_LARGEST_METADATA = 4 * 2**20
FETCH = "fetch the product again"

Found = TypeVar("Found")


class Files(Protocol):
    """The files of a product, by their names relative to it."""

    def path(self, name: str) -> str:
        """The path by which GDAL reads a file."""
        ...

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a file."""
        ...

    def listing(self, folder: str = "") -> Sequence[str]:
        """The names in the product or in a folder of it, sorted; those of folders end in a slash."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a product that lies open."""

    root: Path

    def path(self, name: str) -> str:
        """As ``Files`` has it."""
        return str(self.root / name)

    def holds(self, name: str) -> bool:
        """As ``Files`` has it."""
        try:
            return (self.root / name).is_file()
        except (OSError, ValueError):  # a name longer than any may be
            return False

    def head(self, name: str, count: int) -> bytes:
        """As ``Files`` has it."""
        with (self.root / name).open("rb") as stream:
            return stream.read(count)

    def listing(self, folder: str = "") -> Sequence[str]:
        """As ``Files`` has it; empty where it may not be listed."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(folder + entry.name + "/" * entry.is_dir() for entry in entries)
        except OSError:
            return []


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of a product in a zip archive; ``root`` is "" or a folder's name and a slash."""

    archive: Path
    root: str
    members: frozenset[str]

    def path(self, name: str) -> str:
        """As ``Files`` has it."""
        return archived(self.archive, self.root + name)

    def holds(self, name: str) -> bool:
        """As ``Files`` has it."""
        return self.root + name in self.members

    def head(self, name: str, count: int) -> bytes:
        """As ``Files`` has it."""
        with zipfile.ZipFile(self.archive) as file, file.open(self.root + name) as stream:
            return stream.read(count)

    def listing(self, folder: str = "") -> Sequence[str]:
        """As ``Files`` has it, without folders."""
        inside = self.root + folder
        rest = (member.removeprefix(inside) for member in self.members if member.startswith(inside))
        return sorted(folder + name for name in rest if name and "/" not in name)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata file says.

    Attributes:
        found: its elements, in the order in which they end.
        source, fix: for the refusal.
    """

    found: Sequence[Element]
    source: str
    fix: str = FETCH

    @classmethod
    def of_xml(cls, files: Files, name: str, source: str, fix: str = FETCH) -> Metadata:
        """Those of an XML file of a product.

        Raises:
            RequestError: it cannot be read, is too large or is no XML.
        """
        return cls(elements(read_metadata(files, name, source), source=source, fix=FETCH), source, fix)

    @classmethod
    def of_keywords(cls, files: Files, name: str, source: str) -> Metadata:
        """Those of a text file of a product.

        Raises:
            RequestError: it cannot be read, is too large or ends too early.
        """
        text = read_metadata(files, name, source).decode("utf-8", "replace")
        return cls(keywords(text, source=source, fix=FETCH), source)

    def groups(self, name: str) -> list[Metadata]:
        """What lies in each element of a name, those within another one of it left out."""
        return [replace(self, found=inside) for inside in groups(self.found, name)]

    def group(self, name: str) -> Metadata:
        """What lies in the only element of a name.

        Raises:
            RequestError: there is none, or more than one.
        """
        return self._one(self.groups(name), name)

    def every(self, name: str) -> list[Element]:
        """The elements of a name."""
        return [element for element in self.found if element.name == name]

    def only(self, name: str) -> Element:
        """The only element of a name.

        Raises:
            RequestError: there is none, or more than one.
        """
        return self._one(self.every(name), name)

    def _one(self, found: list[Found], name: str) -> Found:
        if len(found) != 1:
            raise self.strange(f"{len(found) or 'no'} {name}")
        return found[0]

    def text(self, name: str) -> str | None:
        """The text of the first element of a name; None without one."""
        found = self.every(name)
        return found[0].text if found else None

    def number(self, element: Element) -> float:
        """The finite number that an element holds.

        Raises:
            RequestError: it holds none.
        """
        try:
            value = float(element.text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.strange(f"{element.text[:40]!r} as {element.name}")
        return value

    def factor(self, element: Element) -> float:
        """The number above 0 that an element holds.

        Raises:
            RequestError: it holds none.
        """
        value = self.number(element)
        if value <= 0:
            raise self.strange(f"{element.text[:40]!r} as {element.name}")
        return value

    def inside(self, name: str) -> str:
        """The name of a file as it is, once it is known to lie in the product.

        Raises:
            RequestError: it may point elsewhere.
        """
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or re.search(r'[\\:<>"\0]', name) or not path.name:
            raise self.strange(f"an image outside the product, {name[:60]!r}")
        return str(path)

    def strange(self, what: str) -> RequestError:
        """The refusal of metadata that have something, or have it not."""
        return RequestError(f"its metadata have {what}", where=self.source, fix=self.fix)


def read_metadata(files: Files, name: str, source: str) -> bytes:
    """A metadata file of a product.

    Raises:
        RequestError: it cannot be read, or is too large.
    """
    try:
        content = files.head(name, _LARGEST_METADATA + 1)
    # An encrypted or damaged member of an archive raises the latter ones.
    except (
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise RequestError(f"{name} cannot be read", where=source, fix=FETCH) from error
    if len(content) > _LARGEST_METADATA:
        raise RequestError(f"{name} is larger than {_LARGEST_METADATA // 2**20} MiB", where=source, fix=FETCH)
    return content
