"""Brings models into the engine's environment, from folders or from the wheel of this version.

The wheel is read as an archive of model folders: nothing in it is installed or run, and each folder is verified before
it takes its place.
"""

from __future__ import annotations

import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..engine.errors import ModelError, RequestError, RunError
from .folder import CARD, CARD_BYTES, Folder, read_card, verify_folder

_WHEEL = re.compile(r"seamline-([^-]+)-.*\.whl$", re.IGNORECASE)
_MEMBER = re.compile(
    r"seamline/models/weights/(?P<model>[a-z0-9][a-z0-9._-]{0,63})"
    r"/(?P<file>model\.json|[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.safetensors)$"
)
_CHUNK_BYTES = 1 << 20


def install(sources: Sequence[Path], destination: Path) -> list[Folder]:
    """Verify models and copy them to ``destination/NAME``, replacing older ones of the name.

    Args:
        sources: model folders, folders of model folders, and wheels of this version.
        destination: made where it is missing.

    Returns:
        The folders as they are now in place.

    Raises:
        RequestError: a source holds no model, or is a wheel of another version.
        ModelError: a model is incomplete, altered or unsafe; those before it are in place.
        RunError: the destination cannot be written.
    """
    try:
        destination.mkdir(parents=True, exist_ok=True)
        return [folder for source in sources for folder in _install(source, destination)]
    except OSError as error:
        raise RunError(
            f"models cannot be installed ({error})", where=str(destination), fix="free the folder, then try again"
        ) from error


def _install(source: Path, destination: Path) -> list[Folder]:
    if source.suffix == ".whl":
        with tempfile.TemporaryDirectory(dir=destination, prefix=".wheel-") as unpacked:
            return [_place(path, destination) for path in _unpack(source, Path(unpacked))]
    found = [source] if (source / CARD).is_file() else sorted(path.parent for path in source.glob(f"*/{CARD}"))
    if not found:
        raise RequestError(
            "there is no model here", where=str(source), fix=f"name a folder with a {CARD}, or the wheel of seamline"
        )
    return [_place(path, destination) for path in found]


def _unpack(wheel: Path, folder: Path) -> list[Path]:
    """The model folders of a wheel; names and sizes are held to the cards before a byte of weights is written."""
    if not wheel.is_file():
        raise RequestError("there is no such file", where=str(wheel), fix="name the wheel that you have")
    named = _WHEEL.match(wheel.name)
    if named is None or named[1] != __version__:
        raise RequestError(
            f"this is not the wheel of seamline {__version__}",
            where=str(wheel),
            fix=f"fetch seamline-{__version__}-py3-none-any.whl: models belong to one version",
        )
    with _opened(wheel) as archive:
        members = [(member, match) for member in archive.infolist() if (match := _MEMBER.fullmatch(member.filename))]
        # Cards first: they say which other files there are, and how large.
        for member, match in members:
            if match["file"] == CARD:
                (folder / match["model"]).mkdir(exist_ok=True)
                _extract(archive, member, folder / match["model"] / CARD, CARD_BYTES, wheel)
        found = {path.name: read_card(path) for path in sorted(folder.iterdir())}
        for member, match in members:
            stored = found[match["model"]].card.files.get(match["file"]) if match["model"] in found else None
            if stored is not None:
                _extract(archive, member, found[match["model"]].path / match["file"], stored.bytes, wheel)
    if not found:
        raise RequestError("the wheel holds no models", where=str(wheel), fix="fetch the published wheel")
    return [each.path for each in found.values()]


def _opened(wheel: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    # A directory of another version of zip is not implemented.
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelError(f"its directory cannot be read ({error})", where=str(wheel), fix="fetch it again") from error


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most: int, wheel: Path) -> None:
    """Write a member, once it is known not to be larger than it may be; reading ends at the size that it states."""
    if member.file_size > most:
        raise ModelError(f"{member.filename}: more than {most} bytes", where=str(wheel), fix="fetch it again")
    try:
        with archive.open(member) as stream, target.open("wb") as written:
            shutil.copyfileobj(stream, written, _CHUNK_BYTES)
    # What the decompressors raise, and of encrypted members and unknown methods.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"{member.filename} cannot be read ({error})", where=str(wheel), fix="fetch it again"
        ) from error


def _place(source: Path, destination: Path) -> Folder:
    """Copy what the card lists, verify the copy, and put it in place."""
    verified = verify_folder(source)
    name = verified.card.name
    with tempfile.TemporaryDirectory(dir=destination, prefix=f".{name}-") as scratch:
        copy, old = Path(scratch) / "new", Path(scratch) / "old"
        copy.mkdir()
        for file in (CARD, *verified.card.files):
            shutil.copyfile(source / file, copy / file)
        if verify_folder(copy).digest != verified.digest:
            raise ModelError("it changed while it was copied", where=str(source), fix="try again")
        if (destination / name).exists():
            (destination / name).rename(old)
        copy.rename(destination / name)
    return read_card(destination / name)
