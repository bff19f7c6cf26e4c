"""Which files a raster is made of: those beside it and those that it names, found before GDAL opens any of them.

GDAL opens masks and overviews beside a raster, and the images that a DIMAP, a TIL or a virtual raster names, with any
driver that takes them, those of network services included.  So each is looked for here by the rules that GDAL looks
by, and must lie with its raster and begin as a raster of an allowed format does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from ..errors import RequestError
from ..request import OpenPolicy
from .metadata import Element, elements

Kind = Literal["TIFF", "image", "HFA", "DIMAP", "TIL", "VRT", "other"]
"""Formats as far as they differ in what they name: ``image`` and TIFF name nothing, ``other`` is not known by its
first bytes (ENVI, or no raster)."""

_HEAD = 1024
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# JPEG 2000 with and without its boxes, PNG, JPEG.
_IMAGES = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\x89PNG\r\n", b"\xff\xd8\xff")
_DIMAP = (b"<Dimap_Document", b"<PHR_DIMAP_Document")
_DIMAP_IN_FOLDER = ("METADATA.DIM", "VOL_PHR.XML", "VOL_PNEO.XML")
_LARGEST_METADATA = 64 * 2**20
_TIL_NAME = re.compile(rb'\bfilename\s*=\s*("?)([^"\';\s]+)\1\s*;', re.IGNORECASE)
# What other elements of a virtual raster say can be the place of one more raster.
_MAY_NAME = {"argument", "option", "dempath", "mdi"}
_ELSEWHERE = re.compile(r"://|/vsi", re.IGNORECASE)
# What GDAL puts before names that count from the raster's folder.
_BASE = ":::BASE:::"
_TRUST = "give the image itself, or pass --allow-vrt if you trust the files that it names"
_FETCH = "fetch it to this machine, as GeoTIFF, and name that file"

_Listings = dict[Path, dict[str, list[Path]]]


def kind_of(path: str | Path) -> Kind:
    """The format of a local file or folder by its first bytes."""
    path = Path(path)
    if path.is_dir():
        return "other" if _document_in(path) is None else "DIMAP"
    head = _head(path)
    if head.startswith(_TIFF):
        return "TIFF"
    if head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    if head.startswith(b"EHFA_HEADER_TAG"):
        return "HFA"
    if head.lstrip().lower().startswith(b"<vrtdataset"):
        return "VRT"
    if any(root in head for root in _DIMAP):
        return "DIMAP"
    return "TIL" if path.suffix.lower() == ".til" and b"numTiles" in head else "other"


def other_files(path: str, policy: OpenPolicy) -> tuple[str, ...]:
    """The rasters that GDAL may open with a local one, and with these in turn.

    Raises:
        RequestError: one of them may not be opened.
    """
    found: dict[Path, None] = {}
    listings: _Listings = {}
    waiting = [Path(path)]
    while waiting:
        this = waiting.pop()
        for other in (*_beside(this, policy, listings), *_named_in(this, policy)):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return tuple(str(other) for other in found)


def check_overviews_named(path: str, tags: Mapping[str, str]) -> None:
    """Refuse a raster whose tags say that its overviews are a file that may not be opened.

    Args:
        tags: of the domain ``OVERVIEWS``.

    Raises:
        RequestError: they lie outside its folder, or are no TIFF.
    """
    name = tags.get("OVERVIEW_FILE")
    if name is None:
        return
    beside = name.removeprefix(_BASE)
    overviews = _home_of(Path(path)) / beside
    # Without that mark GDAL counts the name from the folder in which the program runs.
    inside = name != beside and not leaves(beside) and _is_file(overviews)
    if not inside or kind_of(overviews) not in ("TIFF", "HFA"):
        raise RequestError(
            f"its tags name overviews that are no GeoTIFF beside it, {_short(name)}",
            where=path,
            fix="remove its overviews with gdaladdo -clean",
        )


def check_folder(path: str, files: Sequence[str]) -> None:
    """Refuse a local raster with a file that is neither in its folder nor below it.

    Args:
        files: as GDAL lists them.

    Raises:
        RequestError: there is such a file.
    """
    home = _whole(_home_of(Path(path)))
    for file in files:
        if file.startswith("/vsi") or "://" in file or not _whole(Path(file)).is_relative_to(home):
            raise RequestError(f"a file of it lies outside its folder, {_short(file)}", where=path, fix=_TRUST)


def _home_of(path: Path) -> Path:
    """The folder in which the files of a raster lie; some are given as a folder."""
    return path if path.is_dir() else path.parent


def _whole(path: Path) -> Path:
    """The absolute path without detours; links are not followed, for a folder of links is a folder too."""
    return Path(os.path.normpath(path.absolute()))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any may be
        return False


def _head(path: Path) -> bytes:
    # A pipe would wait for somebody to write.
    if not _is_file(path):
        return b""
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def _beside(path: Path, policy: OpenPolicy, listings: _Listings) -> Iterator[Path]:
    """The mask and the overviews beside a raster; GDAL finds them in any case of their letters."""
    if path.parent not in listings:
        listings[path.parent] = _listing(path.parent)
    for suffix, what in ((".msk", "mask"), (".ovr", "overviews")):
        for other in listings[path.parent].get((path.name + suffix).lower(), []):
            kind = kind_of(other)
            if kind != "TIFF" and not (policy.vrt and kind == "VRT"):
                raise RequestError(
                    f"GDAL takes it for the {what} of {path.name}, but it is no GeoTIFF",
                    where=str(other),
                    fix="move it away, or make it a GeoTIFF",
                )
            yield other


def _listing(folder: Path) -> dict[str, list[Path]]:
    """The entries of a folder by their names in small letters; none where it may not be listed."""
    entries: dict[str, list[Path]] = {}
    try:
        for entry in folder.iterdir():
            entries.setdefault(entry.name.lower(), []).append(entry)
    except OSError:
        pass
    return entries


def _named_in(path: Path, policy: OpenPolicy) -> Iterator[Path]:
    """The rasters that a raster names."""
    kind = kind_of(path)
    if kind == "DIMAP":
        yield from _named_in_dimap(path, policy)
    elif kind == "TIL":
        yield from _named_in_til(path, policy)
    elif kind == "VRT" and policy.vrt:
        yield from _named_in_vrt(path, policy)


def _document_in(folder: Path) -> Path | None:
    """The metadata by which GDAL reads a folder as DIMAP."""
    entries = _listing(folder)
    return next((entry for name in _DIMAP_IN_FOLDER for entry in entries.get(name.lower(), [])), None)


def _named_in_dimap(path: Path, policy: OpenPolicy) -> Iterator[Path]:
    documents = [(_document_in(path) or path) if path.is_dir() else path]
    # It grows: the document of a volume names those of its images.
    for document in documents:
        for element in elements(_read(document), source=str(document), fix="fetch the product again"):
            kind = element.name.lower()
            if kind == "href":
                raise _odd(document, "DIMAP")
            for name in _attributes(element, "href"):
                if kind == "data_file_path":
                    yield from _rasters(document, name, policy)
                elif kind == "component_path":
                    documents += [more for more in _components(document, name, policy) if more not in documents]


def _components(document: Path, name: str, policy: OpenPolicy) -> list[Path]:
    """The metadata that a DIMAP goes on with: a component may also be a mask, a sketch or missing."""
    found = [path for path in _as_written(document, name, policy, document.parent) if _is_file(path)]
    return [path for path in found if b"dimap_document" in _read(path).lower()]


def _named_in_til(path: Path, policy: OpenPolicy) -> Iterator[Path]:
    text = _read(path)
    names = [found[2].decode(errors="replace") for found in _TIL_NAME.finditer(text)]
    # Comments could hide a name, or show one that does not count.
    if b"/*" in text or b"#" in text or len(names) != text.lower().count(b"filename"):
        raise _odd(path, "TIL")
    for name in names:
        yield from _rasters(path, name, policy)


def _named_in_vrt(path: Path, policy: OpenPolicy) -> Iterator[Path]:
    # GDAL follows links to the file before it counts names from there.
    home = path.resolve().parent
    for element in elements(_read(path), source=str(path), fix="make it anew with gdalbuildvrt"):
        kind = element.name.lower()
        if kind in ("sourcefilename", "sourcedataset") and element.text:
            relative = "1" in _attributes(element, "relativetovrt")
            yield from _rasters(path, element.text, policy, home if relative else Path())
        key = "".join(_attributes(element, "key")).upper()
        names = kind in _MAY_NAME and (kind != "mdi" or key.endswith(("_DATASET", "_FILE")))
        if names and _ELSEWHERE.search(element.text):
            raise RequestError(f"it names {_short(element.text)}, which is no local file", where=str(path), fix=_FETCH)


def _attributes(element: Element, name: str) -> list[str]:
    """Values of the attributes of a name; GDAL takes it in any case of its letters."""
    return [value for key, value in element.attributes.items() if key.rpartition(":")[2].lower() == name]


def _rasters(document: Path, name: str, policy: OpenPolicy, home: Path | None = None) -> Iterable[Path]:
    """The files that GDAL may open by a name in a document, which counts from ``home`` or the document's folder."""
    places = _as_written(document, name, policy, document.parent if home is None else home)
    found = [path for path in places if _is_file(path)]
    what, fix = "is no raster of an allowed format", _FETCH if policy.vrt else _TRUST
    if not found:
        what, fix = "is no local file", _FETCH if policy.vrt else "fetch the product again, whole"
    if not found or not all(_may_be_named(path, policy) for path in found):
        raise RequestError(f"it names {_short(name)}, which {what}", where=str(document), fix=fix)
    return found


def _may_be_named(path: Path, policy: OpenPolicy) -> bool:
    kind = kind_of(path)
    return kind in ("TIFF", "image") or (policy.vrt and (kind != "other" or _may_be_envi(path)))


def _may_be_envi(path: Path) -> bool:
    """Whether a file has the header of an ENVI raster beside it, and is no description of a network service."""
    is_text = _head(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{"))
    headers = (path.with_name(path.name + ".hdr"), path.with_suffix(".hdr"))
    return not is_text and any(_head(header).startswith(b"ENVI") for header in headers)


def _as_written(document: Path, name: str, policy: OpenPolicy, home: Path) -> list[Path]:
    """Where a name points; GDAL tries it in small and in capital letters too."""
    if leaves(name) and not policy.vrt:
        what = f"it names {_short(name)}, which lies outside its folder"
        raise RequestError(what, where=str(document), fix=_TRUST)
    return [_whole(home / each) for each in dict.fromkeys((name, name.lower(), name.upper()))]


def leaves(name: str) -> bool:
    """Whether a name can point elsewhere than into a folder, on any system, or be read as more than a name."""
    parts = re.split(r"[\\/]", name)
    return not parts[0] or ".." in parts or re.search(r'[:<>"\0]', name) is not None


def _odd(path: Path, kind: str) -> RequestError:
    return RequestError(f"it names files as no {kind} does", where=str(path), fix="fetch the product again")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size <= _LARGEST_METADATA:
            return path.read_bytes()
        what = f"it is larger than {_LARGEST_METADATA // 2**20} MiB, too large for metadata"
    except OSError as error:
        what = f"it cannot be read ({error.strerror})"
    raise RequestError(what, where=str(path), fix="fetch the product again")


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:77] + "...")
