"""The model folder: ``model.json`` and ``*.safetensors``, nothing else is ever loaded.

Every file is named in ``model.json`` with its size and sha256, and nothing is read before both agree.  Files that can
run code when opened are refused even where nothing would open them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..engine.errors import ModelError
from ..engine.plain import shown
from .card import FILE_BYTES, Architecture, Card, Input, Name, Output, QualityRow, StoredFile

__all__ = [
    "CARD",
    "CARD_BYTES",
    "FILE_BYTES",
    "WEIGHTS",
    "Architecture",
    "Card",
    "Folder",
    "Input",
    "Name",
    "Output",
    "QualityRow",
    "StoredFile",
    "check_folder",
    "check_sizes",
    "load_folder",
    "load_strictly",
    "put_in_place",
    "read_card",
    "stored_file",
    "verify_folder",
    "write_folder",
]

CARD = "model.json"
WEIGHTS = "model.safetensors"
CARD_BYTES = 1 << 20
_CODE = frozenset({".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".npy", ".npz"})
_NAMED, _SHOWN = 5, 300
_ANY_SIDE = 1024
"""What a config may say whatever the weights are: counts of steps and the like."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A model folder whose card was read.

    Attributes:
        path: of the folder.
        card: content of ``model.json``.
        digest: sha256 of ``model.json``, and through it of every file.
    """

    path: Path
    card: Card
    digest: str

    @property
    def identity(self) -> str:
        """Name, version and content hash."""
        return f"{self.card.name}@{self.card.version}+{self.digest}"


def read_card(path: Path) -> Folder:
    """Read ``model.json`` alone; the other files are not looked at.

    Raises:
        ModelError: there is none, or it is too large, not JSON, or not as the schema says.
    """
    file = path / CARD
    if file.is_symlink() or not file.is_file():
        raise ModelError(f"there is no {CARD} here", where=str(path), fix="name the folder that holds the model")
    if file.stat().st_size > CARD_BYTES:
        raise ModelError(f"more than {CARD_BYTES} bytes", where=str(file), fix="fetch the model again")
    content = file.read_bytes()
    try:
        card = Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[:_NAMED]
        what = "; ".join(
            _short(".".join(map(str, e["loc"]))) + (": " if e["loc"] else "") + _short(e["msg"]) for e in first
        )
        raise ModelError(what, where=str(file), fix="correct the file, or fetch the model again") from None
    return Folder(path, card, hashlib.sha256(content).hexdigest())


def check_folder(path: str | Path) -> Folder:
    """Check a model folder without reading its weights: card, names, sizes, and that nothing in it can run code.

    Raises:
        ModelError: naming the first file that is missing, of another size, a link, unlisted or unsafe.
    """
    folder = read_card(Path(path))
    if not folder.card.files:
        raise ModelError("no files are listed", where=str(folder.path / CARD), fix="fetch the model again")
    for entry in sorted(folder.path.rglob("*")):
        _check_entry(entry, folder)
    for name, stored in folder.card.files.items():
        _check_size(folder.path / name, stored)
    return folder


def verify_folder(path: str | Path) -> Folder:
    """Check a model folder without loading it: as ``check_folder``, and the hash of every file.

    Raises:
        ModelError: as ``check_folder``, or a file is altered.
    """
    folder = check_folder(path)
    for name, stored in folder.card.files.items():
        _check_content(folder.path / name, stored)
    return folder


def load_folder(path: str | Path) -> tuple[Folder, dict[str, torch.Tensor]]:
    """Verify a model folder and read its tensors (CPU, as stored).

    Raises:
        ModelError: as ``verify_folder``, or a file is no safetensors, or two files hold one key.
    """
    folder = verify_folder(path)
    state: dict[str, torch.Tensor] = {}
    for name in sorted(folder.card.files):
        try:
            part = load_file(folder.path / name)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"not readable as safetensors ({error})", where=str(folder.path / name), fix="fetch the model again"
            ) from error
        twice = sorted(state.keys() & part.keys())
        if twice:
            raise ModelError(f"{_some(twice)} is in two files", where=str(folder.path), fix="fetch the model again")
        state |= part
    return folder, state


def write_folder(
    path: str | Path, card: Card, state: Mapping[str, torch.Tensor], *, dtype: torch.dtype = torch.float16
) -> Folder:
    """Write ``model.safetensors`` and then ``model.json``, each whole or not at all.

    The card comes last and holds the hash of the weights, so a folder cut short is no model and is refused.

    Args:
        card: its ``files`` are filled in here.
        state: tensors; floating ones are stored as ``dtype``.

    Raises:
        ModelError: a value is not finite, or no longer so as ``dtype``.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    stored = {key: _stored(key, value, dtype, path) for key, value in state.items()}
    weights = path / WEIGHTS
    put_in_place(weights, lambda temporary: save_file(stored, temporary))
    entry = stored_file(weights)
    complete = card.model_copy(update={"files": {WEIGHTS: entry}})
    text = json.dumps(complete.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    put_in_place(path / CARD, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return read_card(path)


def floats(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in float32, any shape, each in memory of its own.

    Those of a file lie wherever its header ends, where some products of torch take another way and other roundings.
    """
    return {key: value.to(torch.float32, copy=True) for key, value in state.items()}


def load_strictly(module: nn.Module, state: Mapping[str, torch.Tensor], *, where: str) -> None:
    """Load a state dict whose keys and shapes must be the module's own, and whose values must be finite.

    A module on the meta device takes the tensors themselves, so these should be of ``floats``: no memory is made twice,
    and torch's tables of what every operation does on that device, a second to import, stay out.

    Raises:
        ModelError: naming the keys that are missing, unexpected, of another shape or not finite.
    """
    own = module.state_dict()
    findings = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [key for key in own if key in state and own[key].shape != state[key].shape],
        "not finite": [key for key, value in state.items() if not torch.isfinite(value).all()],
    }
    what = ", ".join(f"{_some(keys)} {finding}" for finding, keys in findings.items() if keys)
    if what:
        raise ModelError(what, where=where, fix="use the weights that belong to this architecture and config")
    module.load_state_dict(state, assign=any(value.is_meta for value in own.values()))


def check_sizes(config: Any, state: Mapping[str, torch.Tensor], *, where: str) -> None:
    """Refuse a config with whole numbers that no side of the weights has: a network is made before they are laid in.

    Raises:
        ModelError: naming the number.
    """
    most = max([_ANY_SIDE, len(state), *(side for value in state.values() for side in value.shape)])
    for number in _numbers(config):
        if number > most:
            raise ModelError(
                f"{shown(number)} in its config is more than any side of its weights",
                where=where,
                fix="fetch the model again",
            )


def _numbers(config: Any) -> Iterator[int]:
    if isinstance(config, int):
        yield abs(config)
    elif isinstance(config, Mapping | list | tuple):
        for value in config.values() if isinstance(config, Mapping) else config:
            yield from _numbers(value)


def _check_entry(entry: Path, folder: Folder) -> None:
    if entry.is_symlink():
        raise ModelError("links are not followed", where=str(entry), fix="put the file itself into the model folder")
    if entry.suffix.lower() in _CODE:
        raise ModelError(
            "files of this kind can run code and do not belong in a model folder",
            where=str(entry),
            fix="remove it, or convert it with: seamline models convert",
        )
    if entry.suffix == ".safetensors" and entry.relative_to(folder.path).as_posix() not in folder.card.files:
        raise ModelError(f"not listed in {CARD}", where=str(entry), fix="remove it, or fetch the model again")


def _check_size(file: Path, stored: StoredFile) -> None:
    if not file.is_file():
        raise ModelError("the file is missing", where=str(file), fix="fetch the model again")
    size = file.stat().st_size
    if size != stored.bytes:
        raise ModelError(f"{size} bytes, not {stored.bytes}", where=str(file), fix="fetch the model again")


def _check_content(file: Path, stored: StoredFile) -> None:
    if _sha256(file) != stored.sha256:
        raise ModelError("the content is not the one that was published", where=str(file), fix="fetch the model again")


def stored_file(file: Path) -> StoredFile:
    """What a file is, as a card says it."""
    return StoredFile(sha256=_sha256(file), bytes=file.stat().st_size)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stored(key: str, value: torch.Tensor, dtype: torch.dtype, path: Path) -> torch.Tensor:
    kept = value.detach().cpu()
    kept = kept.to(dtype) if kept.is_floating_point() else kept
    if not torch.isfinite(kept).all():
        raise ModelError(f"{key} does not fit {dtype}", where=str(path), fix="store a wider dtype")
    return kept.clone(memory_format=torch.contiguous_format)


def put_in_place(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, make it last, and put it there in one step; an older one stays until then."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _short(text: str) -> str:
    """The beginning of what may be as long as a card."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
