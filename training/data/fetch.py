"""Fetch the sources of the training data from the public repositories that carry them, each at one commit.

    python -m seamline.training.data.fetch FOLDER [--only NAME] [--list]
    python -m seamline.training.data.fetch FOLDER --verify

A commit names its content: the tree at that commit gives size and git hash of every file, and each file is held to
them.  Where the manifest states a SHA-256, it is held to that too; the first fetch writes the others to
``sources.lock.json``, and later ones must meet them.  The preparation of the sources is told in
``docs/training/training-data.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from http.client import HTTPException
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from ...engine.errors import RequestError, RunError, SeamlineError
from .digest import compare, file_digest, published_digests

Opener = Callable[[str], IO[bytes]]

LOCK = "sources.lock.json"
LARGEST_FILE = 256 << 20
LARGEST_TREE = 64 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """A public repository that carries a source.

    Attributes:
        name: of the source, and of its folder.
        datasets: that are made from it, as ``splits.json`` names them.
        repository: ``owner/name``.
        commit: 40 hexadecimal digits.
        grade: of the licence: ``"A"`` clearly open, ``"B"`` open imagery in a repository with terms of its own.
        licence: in words.
        attribution: the line to print beside anything made from it.
        files: SHA-256 by path, None where it cannot be stated; a path may be a pattern, whose ``*`` matches ``/`` too.
    """

    name: str
    datasets: tuple[str, ...]
    repository: str
    commit: str
    grade: str
    licence: str
    attribution: str
    files: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file at a commit.

    Attributes:
        path: in the repository.
        size: bytes.
        git: its hash in git, SHA-1 over a header and the content.
        sha256: of the content; None until it was fetched once.
    """

    path: str
    size: int
    git: str
    sha256: str | None = None


def origins() -> list[Origin]:
    """All sources of the manifest."""
    content = json.loads(resources.files(__package__).joinpath("data_sources.json").read_text(encoding="utf-8"))
    return [
        Origin(grade=row.pop("class"), datasets=tuple(row.pop("datasets")), **row)
        for row in map(dict, content["sources"])
    ]


def open_https(url: str) -> IO[bytes]:
    """Open an address for reading; certificates are checked, and no other protocol is followed.

    Raises:
        OSError: the host cannot be reached or answers with an error.
        RunError: the address, or where it leads to, is not HTTPS.
    """
    if not url.startswith("https://"):
        raise RunError("the address is not HTTPS", where=url)
    response: Any = urlopen(Request(url, headers={"User-Agent": "seamline"}), timeout=60)  # noqa: S310  # nosec B310: HTTPS alone
    if not response.url.startswith("https://"):
        response.close()
        raise RunError("the host leads away from HTTPS", where=url)
    answer: IO[bytes] = response
    return answer


def fetch(origin: Origin, folder: Path, opener: Opener = open_https) -> int:
    """Fetch what is missing of a source into ``folder / origin.name``.

    Files that are there and have the right content are left alone; others are written beside their place, checked, and
    moved there.

    Args:
        origin: the source.
        folder: of all sources, with their lock; made if need be.
        opener: opens an address for reading.

    Returns:
        How many files were fetched.

    Raises:
        RequestError: the folder was begun from another commit.
        RunError: the host cannot be reached, a file is not at the commit, is too large, or is not what it must be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    blobs = _locked(folder, origin)
    if not blobs:
        blobs = _listing(origin, opener)
        _lock(folder, origin, blobs)
    fetched = 0
    for index, blob in enumerate(blobs):
        target = folder / origin.name / blob.path
        if not target.is_file() or _wrong(target, blob):
            url = f"https://raw.githubusercontent.com/{origin.repository}/{origin.commit}/{quote(blob.path)}"
            _download(url, target, blob, opener)
            fetched += 1
        blobs[index] = replace(blob, sha256=blob.sha256 or file_digest(target))
    _lock(folder, origin, blobs)
    return fetched


def _listing(origin: Origin, opener: Opener) -> list[Blob]:
    """The files of a source, by the tree of its commit."""
    url = f"https://api.github.com/repos/{origin.repository}/git/trees/{origin.commit}?recursive=1"
    answer = b"".join(_chunks(url, LARGEST_TREE, opener))
    try:
        content = json.loads(answer)
        tree = {row["path"]: row for row in content["tree"] if row["type"] == "blob"}
        whole = not content["truncated"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError("the host did not answer with the tree of a commit", where=url, fix="try again later") from error
    if not whole:
        raise RunError("the tree of the commit is too long to be listed", where=url, fix="clone the repository")
    blobs: dict[str, Blob] = {}
    for pattern, sha256 in origin.files.items():
        paths = [pattern] if pattern in tree else [path for path in tree if fnmatchcase(path, pattern)]
        if not paths:
            raise RunError(f"no file {pattern!r} at commit {origin.commit[:12]}", where=origin.repository)
        for path in paths:
            _refuse(path, int(tree[path]["size"]), origin)
            blobs[path] = Blob(path, int(tree[path]["size"]), str(tree[path]["sha"]), sha256)
    return list(blobs.values())


def _refuse(path: str, size: int, origin: Origin) -> None:
    """Refuse paths that would leave the folder, and files that no source has."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
        raise RunError(f"the path {path!r} leads out of the folder", where=origin.repository)
    if size > LARGEST_FILE:
        raise RunError(f"{path} has {size} bytes, more than {LARGEST_FILE}", where=origin.repository)


def _download(url: str, target: Path, blob: Blob, opener: Opener) -> None:
    """Write a file beside its place, check it, and move it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        with partial.open("wb") as file:
            for chunk in _chunks(url, blob.size + 1, opener):
                file.write(chunk)
        if problem := _wrong(partial, blob):
            raise RunError(problem, where=url, fix="run the command again; if it stays, the host serves another file")
        partial.replace(target)
    except OSError as error:
        raise RunError(f"the file cannot be written ({error})", where=str(target), fix="check the disk") from error
    finally:
        partial.unlink(missing_ok=True)


def _chunks(url: str, limit: int, opener: Opener) -> Iterator[bytes]:
    """What an address answers, up to a number of bytes."""
    try:
        with opener(url) as stream:
            while limit > 0 and (chunk := stream.read(min(_CHUNK, limit))):
                limit -= len(chunk)
                yield chunk
    except (OSError, HTTPException) as error:
        raise RunError(
            f"the host cannot be reached or refuses ({error})",
            where=url,
            fix="check the connection and run the same command again: what is there is kept",
        ) from error


def _wrong(path: Path, blob: Blob) -> str:
    """What is wrong with a file; empty if nothing is."""
    if path.stat().st_size != blob.size:
        return f"the file has {path.stat().st_size} bytes or more, not {blob.size}"
    if blob.sha256 is not None:
        return "" if file_digest(path) == blob.sha256 else "the file has not the SHA-256 that it must have"
    # Git names files by SHA-1: enough to find a damaged file again; the lock's SHA-256 holds against a forged one.
    found = hashlib.sha1(f"blob {blob.size}\0".encode() + path.read_bytes(), usedforsecurity=False)
    return "" if found.hexdigest() == blob.git else "the file has not the git hash that the commit gives it"


def _read_lock(folder: Path) -> dict[str, Any]:
    """The lock of a folder; empty if there is none."""
    path = folder / LOCK
    if not path.exists():
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RequestError(
            "the lock cannot be read", where=str(path), fix="restore it, or begin a new folder"
        ) from error
    return content


def _locked(folder: Path, origin: Origin) -> list[Blob]:
    """The files of a source by the lock; none if it was never listed."""
    entry = _read_lock(folder).get(origin.name)
    if entry is None:
        return []
    if entry["commit"] != origin.commit:
        raise RequestError(
            f"{origin.name} was fetched at commit {entry['commit'][:12]}, not {origin.commit[:12]}",
            where=str(folder / LOCK),
            fix="begin a new folder",
        )
    return [Blob(**row) for row in entry["files"]]


def _lock(folder: Path, origin: Origin, blobs: Sequence[Blob]) -> None:
    """Write a source's files to the lock."""
    content = _read_lock(folder) | {origin.name: {"commit": origin.commit, "files": [asdict(blob) for blob in blobs]}}
    partial = folder / f"{LOCK}.partial"
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / LOCK)


def main(arguments: Sequence[str] | None = None, opener: Opener = open_https) -> int:
    """Run the command line of the module and give its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m seamline.training.data.fetch", description="Fetch the training data."
    )
    parser.add_argument("folder", type=Path, nargs="?", help="of the fetched sources; with --verify the prepared data")
    parser.add_argument("--only", action="append", metavar="NAME", help="fetch this source; may be repeated")
    parser.add_argument("--list", action="store_true", help="list the sources with licence and attribution")
    parser.add_argument("--verify", action="store_true", help="compare a prepared folder with the published digests")
    options = parser.parse_args(arguments)
    try:
        chosen = _chosen(options.only)
        if options.list:
            for origin in chosen:
                print(f"{origin.name}\t{origin.repository}@{origin.commit}")
                print(f"\t{origin.grade}: {origin.licence}\n\t{origin.attribution}")
            return 0
        if options.folder is None:
            raise RequestError("no folder is named", where="FOLDER", fix="name one, or pass --list")
        if options.verify:
            return _verify(options.folder)
        for origin in chosen:
            count = fetch(origin, options.folder, opener)
            print(f"{origin.name}: {count} fetched. {origin.licence}. {origin.attribution}", flush=True)
    except SeamlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{error}; check the folder", file=sys.stderr)
        return 1
    return 0


def _chosen(names: Sequence[str] | None) -> list[Origin]:
    """The sources of these names; all if none is given."""
    known = {origin.name: origin for origin in origins()}
    if unknown := [name for name in names or () if name not in known]:
        raise RequestError(f"there is no source {unknown[0]!r}", where="--only", fix=f"use {', '.join(known)}")
    return [known[name] for name in names or known]


def _verify(folder: Path) -> int:
    """Print what each data set of a folder is; 0 if all are the same."""
    found = compare(folder, published_digests())
    for name, state in found.items():
        print(f"{name}\t{state}")
    return 0 if set(found.values()) == {"same"} else 1


if __name__ == "__main__":
    raise SystemExit(main())
