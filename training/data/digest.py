"""Digests of a prepared data folder, so that two people know that they train on the same pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ...engine.errors import RequestError

SPLITS = "splits.json"
"""File of the splits; its digest stands beside those of the data sets, because boxes decide which pixels are read."""

_NAMED_BY_FOLDER = "the folder's name"
"""What ``labels`` says of a data set whose classes are its folders: words in the place of a path."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def dataset_digest(folder: Path, name: str) -> str:
    """One digest of all files of a data set: names and contents, over all splits.

    It is the SHA-256 of the lines ``<sha256 of the content>  <path in the folder>``, sorted by path in the order of
    code points; with the files' paths in a list, ``LC_ALL=C sort list | xargs sha256sum | sha256sum`` gives the same.

    Args:
        folder: with ``splits.json``.
        name: of a data set in it, or ``"splits.json"`` for the splits themselves.

    Returns:
        64 hexadecimal digits.

    Raises:
        RequestError: the folder has no splits, they do not name the data set, or a file is missing.
    """
    lines = []
    for file in [SPLITS] if name == SPLITS else dataset_files(folder, name):
        path = folder / file
        if not path.is_file():
            raise RequestError("the file is missing", where=str(path), fix="complete the data folder")
        lines.append(f"{file_digest(path)}  {file}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def dataset_files(folder: Path, name: str) -> list[str]:
    """Paths of a data set's files, relative to the folder, sorted; labels included.

    Raises:
        RequestError: the folder has no splits, or they do not name the data set.
    """
    entries = _entries(folder)
    if name not in entries:
        raise RequestError("no such dataset", where=name, fix=f"use {', '.join(entries)}")
    entry = entries[name]
    items = entry["files"] if entry["unit"] == "bbox" else [*entry["train"], *entry["val"], *entry["test"]]
    if entry.get("labels", _NAMED_BY_FOLDER) != _NAMED_BY_FOLDER:
        items = [*items, entry["labels"]]
    if entry["unit"] == "folder":
        inside = [path for item in items for path in (folder / item).rglob("*") if path.is_file()]
        items = [path.relative_to(folder).as_posix() for path in inside]
    return sorted(items)


def folder_digests(folder: Path) -> dict[str, str]:
    """Digest of the splits and of every data set that they name."""
    return {name: dataset_digest(folder, name) for name in [SPLITS, *_entries(folder)]}


def published_digests() -> Mapping[str, str]:
    """Digests of the published folder; the shipped models were trained on some of its data sets."""
    content = json.loads(resources.files(__package__).joinpath("data_sources.json").read_text(encoding="utf-8"))
    digests: Mapping[str, str] = content["digests"]
    return digests


def compare(folder: Path, published: Mapping[str, str]) -> dict[str, str]:
    """What each data set of a folder is, beside the published digests.

    Args:
        folder: with ``splits.json``.
        published: digests by name.

    Returns:
        By name: ``"same"``, ``"different"``, or the sentence of the error that kept it from being read.

    Raises:
        RequestError: the folder has no splits.
    """
    _entries(folder)
    found = {}
    for name, digest in published.items():
        try:
            found[name] = "same" if dataset_digest(folder, name) == digest else "different"
        except RequestError as error:
            found[name] = str(error)
    return found


def _entries(folder: Path) -> dict[str, Any]:
    """Data sets of the splits."""
    try:
        entries: dict[str, Any] = json.loads((folder / SPLITS).read_text(encoding="utf-8"))["datasets"]
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(
            "the folder has no splits", where=str(folder / SPLITS), fix="name the data folder"
        ) from error
    return entries
