"""Which product lies at a path, if any."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import RequestError
from ..archives import exists
from . import dimap, landsat, maxar, planetscope, sentinel2
from .files import Archive, Files, Folder
from .product import Kind, Product

KINDS: tuple[Kind, ...] = (sentinel2.KIND, landsat.KIND, planetscope.KIND, dimap.KIND, maxar.KIND)
_ARCHIVED = tuple(kind for kind in KINDS if kind.archived)


def find_product(source: str) -> Product | None:
    """The product at a path: its folder, its zip archive or a metadata file of it; None where it is something else.

    Raises:
        RequestError: it should be one (a zip archive, a SAFE folder, or metadata by name), but is not, or is not
            complete, or there are several.
    """
    path = Path(source)
    if not exists(path):
        return None
    if path.is_dir():
        return _in_folder(path, source)
    if not path.is_file():
        return None
    if source.lower().endswith(".zip"):
        return _in_archive(path, source)
    for kind in KINDS:
        if kind.metadata.fullmatch(path.name):
            return kind.read(Folder(path.parent), [path.name], source)
    return None


def _in_folder(path: Path, source: str) -> Product | None:
    files = Folder(path)
    listed = files.listing()
    found = {kind.name: names for kind in KINDS if (names := _metadata(files, listed, kind))}
    due = next((kind for kind in KINDS if kind.suffix is not None and kind.suffix == path.suffix.lower()), None)
    if due is not None:
        found = {due.name: found.get(due.name, [])}
    return _of(found, files, source)


def _in_archive(path: Path, source: str) -> Product | None:
    try:
        with zipfile.ZipFile(path) as file:
            members = frozenset(file.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise RequestError("it is not a zip archive", where=source, fix="fetch it again") from error
    places = [PurePosixPath(member) for member in sorted(members) if member.count("/") <= 1]
    found = {
        kind.name: inside
        for kind in _ARCHIVED
        if (inside := [place for place in places if kind.metadata.fullmatch(place.name)])
    }
    roots = {str(place.parent) for inside in found.values() for place in inside}
    if len(roots) != 1:
        names = ", ".join(kind.name for kind in _ARCHIVED[:-1])
        raise RequestError(
            f"it holds {'more than one' if roots else 'no'} {names} or {_ARCHIVED[-1].name} product",
            where=source,
            fix="give the archive of one product, or unpack it",
        )
    root = next(iter(roots))
    files = Archive(path, "" if root == "." else root + "/", members)
    return _of({name: [place.name for place in inside] for name, inside in found.items()}, files, source)


def _of(found: dict[str, list[str]], files: Files, source: str) -> Product | None:
    """The product whose metadata files were found, by its kind; None where there are none."""
    if len(found) > 1:
        raise RequestError(
            f"it holds products of several kinds, {' and '.join(found)}",
            where=source,
            fix="give the metadata file of one",
        )
    return next((kind.read(files, found[kind.name], source) for kind in KINDS if kind.name in found), None)


def _metadata(files: Files, listed: Sequence[str], kind: Kind) -> list[str]:
    """Names of the metadata files of a kind, in the product's root or in the folders that it has them in."""
    inside = [name for name in listed if kind.metadata.fullmatch(name)]
    if inside or kind.folders is None:
        return inside
    folders = [name for name in listed if kind.folders.fullmatch(name)]
    return [name for folder in folders for name in files.listing(folder) if kind.metadata.fullmatch(_last(name))]


def _last(name: str) -> str:
    return PurePosixPath(name).name
