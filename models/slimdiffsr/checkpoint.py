"""The released checkpoint: which keys it has, and how it becomes a model folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from ...engine.errors import RequestError
from ..convert import check_fit, read_tensors
from ..folder import Folder, load_folder, write_folder
from .config import Config
from .network import outline
from .tile import ARCHITECTURE, Use, card, sight

PUBLISHED = Config()
"""Shape of the released network."""

CROP = 512
"""Output px along a side of the images of the published training."""

CITATION = (
    "Wang, Sun and Hu, SlimDiffSR: Toward Lightweight and Efficient Remote Sensing Image Super-Resolution "
    "via Diffusion Model Distillation, arXiv 2605.02198, 2026"
)
NOT_STATED = "not stated"
SCENE = "-scene"
"""Ends the names of models that know the scene, which the released inference does not."""

Wholes = Literal["tile", "scene"]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a model folder is made of.

    Attributes:
        checkpoint: state dict as the released training saves it, with or without the prefix of parallel training.
        scale: that it was trained for; the file does not say.
        wholes: whether norms, gates and queries are to know the tile, as released, or the scene.
        bits: of the images, whose largest value the network is to see as its brightest; 8 as released.
        licence, training_data, citation: statements for the card.
    """

    checkpoint: Path
    scale: int = 4
    wholes: Wholes = "tile"
    bits: int = 8
    licence: str = NOT_STATED
    training_data: str = NOT_STATED
    citation: str = CITATION


def dead_keys(config: Config) -> frozenset[str]:
    """Keys that the released model stores and never runs."""
    stored, run = (outline(replace(config, compat=compat)).state_dict() for compat in (True, False))
    return frozenset(stored.keys() - run.keys())


def convert(sources: Sources, out: Path, check: Callable[[], None] = lambda: None) -> Folder:
    """Write a model folder from the released checkpoint, as fp16 and without what is never run.

    Args:
        check: called before the file is read and before the folder is written; may raise to cancel.

    Raises:
        RequestError: the file is not there, ``out`` already holds something, or there is no such scale.
        ModelError: keys or shapes are not those of the network.
    """
    _check_free(out)
    if sources.scale not in (4, 8):
        raise RequestError(f"no weights were released for scale {sources.scale}", where="--scale", fix="pass 4 or 8")
    check()
    dead = dead_keys(PUBLISHED)
    state = {key: value for key, value in read_tensors(sources.checkpoint).items() if key not in dead}
    check_fit(outline(PUBLISHED).state_dict(), state, where=str(sources.checkpoint))
    check()
    about = card(
        PUBLISHED,
        Use(sources.scale, CROP // sources.scale, wholes=sources.wholes, bits=sources.bits),
        name=f"slimdiffsr-x{sources.scale}" + (SCENE if sources.wholes == "scene" else ""),
        version="1",
        licence=sources.licence,
        training_data=sources.training_data,
        citation=sources.citation,
    )
    return write_folder(out, about, state)


def knowing_the_scene(model: str, out: Path, check: Callable[[], None] = lambda: None) -> Folder:
    """Write a model folder of the same weights whose norms, gates and queries know the whole scene.

    Its tiles are so large that the rim, where convolutions see padding, stays out of the result.

    Args:
        model: folder of a student.
        check: called before the folder is written; may raise to cancel.

    Raises:
        RequestError: ``out`` already holds something, or the student sees all of any image.
        ModelError: the folder is unsound, or of another architecture.
    """
    _check_free(out)
    folder, state = load_folder(model)
    about = folder.card
    if about.architecture.name != ARCHITECTURE:
        raise RequestError(
            f"this is a model of {about.architecture.name}", where=model, fix=f"give one of {ARCHITECTURE}"
        )
    stored: dict[str, Any] = about.architecture.config
    config, use = Config.of(stored["network"]), replace(Use(**stored["use"]), wholes="scene")
    try:
        changed = card(
            config,
            use,
            name=about.name.removesuffix(SCENE) + SCENE,
            version=about.version,
            licence=about.licence,
            training_data=about.training_data,
            citation=about.citation,
            # Half of it holds the margins on both sides and the hand-over between them.
            tile=max(use.tile, 4 * sight(config, use) + 2 * config.stride),
        )
    except ValueError as error:
        raise RequestError(str(error), where=model, fix="use it as it is") from error
    check()
    dtypes = {value.dtype for value in state.values() if value.is_floating_point()}
    return write_folder(out, changed, state, dtype=dtypes.pop() if len(dtypes) == 1 else torch.float32)


def _check_free(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RequestError("it exists already", where=str(out), fix="name a new folder")
