"""The model folder of a trained head: written beside its name and put there whole."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ...engine.errors import RequestError
from ...engine.quality.classes import ClassScores, LabelSetScores
from ...models.folder import CARD, Card, QualityRow, write_folder
from .split import Split

_NAME = 64


@dataclass(frozen=True, slots=True)
class Statements:
    """What a model folder says of licence, training data and citation."""

    licence: str
    training_data: str
    citation: str


def check_destination(folder: Path, overwrite: bool) -> None:
    """Refuse a place that a model cannot go to, before minutes of training.

    Raises:
        RequestError: something is there that is no model or may not be replaced, or the folder cannot be written.
    """
    empty = folder.is_dir() and not any(folder.iterdir())
    if folder.is_symlink() or (folder.exists() and not empty and not _is_model(folder)):
        raise RequestError(
            "something is there that is not a model", where=str(folder), fix="choose a new name for --out"
        )
    if folder.exists() and not empty and not overwrite:
        raise RequestError(
            "there is a model already", where=str(folder), fix="choose a new name, or pass --overwrite to replace it"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        probe = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise RequestError(
            f"the folder cannot be written ({error.strerror})", where=str(folder), fix="choose another place for --out"
        ) from error


def _is_model(folder: Path) -> bool:
    """Whether a folder holds a model and nothing else that would be lost with it."""
    if not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    return CARD in names and all(name.endswith(".safetensors") for name in names - {CARD})


def put(folder: Path, card: Card, state: Mapping[str, torch.Tensor]) -> None:
    """Write a model folder beside its name and rename it; a model that was there stays until the new one is whole.

    Raises:
        RequestError: it cannot be written.
        ModelError: a weight is not finite.
    """
    part, old = (folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.{kind}") for kind in ("part", "old"))
    try:
        write_folder(part, card, state)
        if folder.exists():
            folder.rename(old)
        try:
            part.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        raise RequestError(
            f"the folder cannot be written ({error.strerror})", where=str(folder), fix="choose another place for --out"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def model_name(folder: Path) -> str:
    """A name for the model of a folder: that of the folder, as far as names of models allow."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("-._")
    return name[:_NAME].rstrip("-._") or "model"


def quality_of(
    scores: ClassScores | LabelSetScores | None, parts: Split, *, protocol: str, scene: str
) -> tuple[QualityRow, ...]:
    """What was measured, as rows of a card; nothing where nothing was held out."""
    if scores is None:
        return ()
    plain = scores.plain()
    values = {name: value for name, value in plain.items() if isinstance(value, float)}
    for name, columns in plain["classes"].items():
        values |= {f"{title} of {name}": columns[title] for title in ("IoU", "F1") if columns.get(title) is not None}
    values |= {"tiles trained on": float(len(parts.train)), "tiles held out": float(len(parts.held_out))}
    return (QualityRow(scene=scene, protocol=protocol, values=values),)
