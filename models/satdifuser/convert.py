"""Released decoders as model folders: a fuser and a head on a published backbone, which stays where it lies."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...engine.contract import Category, ModelSpec
from ...engine.errors import RequestError
from ..card import Architecture, Card
from ..folder import Folder, write_folder
from ..terra_ldm.conditioning import Band
from .checkpoint import Released, read_released
from .config import ARCHITECTURE, BackboneRef, Config, LinearConfig, Reading
from .inversion import TIMES, Mode
from .published.backbone import Options, read_layout
from .published.config import CHANNELS, PROMPT
from .published.files import digest_of
from .tile import spec_of

CITATION = (
    "Jia et al., Can Generative Geospatial Diffusion Models Excel as Discriminative Geospatial Foundation Models?, "
    "arXiv 2503.07890, ICCV 2025"
)
NOT_STATED = "not stated"
SIZE = 512
"""Px along a side of the images that segmentation was trained on; 256 for the backbone of that resolution."""

_TURN = 0.61803398875
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Sources:
    """What a model folder is made of.

    Attributes:
        checkpoint: released file of a decoder.
        backbone: folder of DiffusionSat or Stable Diffusion 2.1 that it was trained on.
        levels: stored value of each band that the training divided by, or one for all.
        bands: number of them where ``levels`` is one.
        classes: their names, in the order of the training; numbers if None.
        size: px along a side of the images that the training saw, before they were enlarged.
        zoom: how many times as large they were made.
        many: whether a patch can be of several classes.
        mode, times, prompt, metadata: how features were read.
        licence, training_data, citation: statements for the card.
    """

    checkpoint: Path
    backbone: Path
    levels: tuple[float, ...]
    bands: int = CHANNELS
    classes: tuple[str, ...] | None = None
    size: int = SIZE
    zoom: int = 1
    many: bool = False
    mode: Mode = "inversion"
    times: tuple[int, ...] = TIMES
    prompt: str = PROMPT
    metadata: bool = False
    licence: str = NOT_STATED
    training_data: str = NOT_STATED
    citation: str = CITATION


def convert(sources: Sources, out: Path, check: Callable[[], None] = lambda: None) -> Folder:
    """Write a model folder of a released decoder, as fp16; the backbone is named by path and held to its content.

    Args:
        check: called before files are read and before the folder is written; may raise to cancel.

    Raises:
        RequestError: a file is not there, ``out`` already holds something, or options do not fit the decoder.
        ModelError: keys, shapes or settings are not those of the network.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RequestError("it exists already", where=str(out), fix="name a new folder")
    if len(sources.levels) not in (1, sources.bands) or not all(0 < level < float("inf") for level in sources.levels):
        raise RequestError(
            f"{sources.bands} bands have as many levels above 0, or one for all, not {sources.levels}",
            where="--levels",
            fix="pass what the training divided stored values by",
        )
    check()
    layout = read_layout(sources.backbone, Options(times=sources.times, zoom=sources.zoom))
    released = read_released(sources.checkpoint, layout)
    names = _names(sources, released)
    check()
    config = _config(sources, released)
    check()
    spec = _spec(config, sources, names, kind=released.fuser.kind)
    about = Card.of(
        spec,
        architecture=Architecture(name=ARCHITECTURE, config=config.to_card()),
        licence=sources.licence,
        training_data=sources.training_data,
        citation=sources.citation,
    )
    check()
    state = {f"fuser.{key}": value for key, value in released.fuser_state.items()}
    return write_folder(out, about, state | {f"head.{key}": value for key, value in released.head_state.items()})


def _config(sources: Sources, released: Released) -> Config:
    head = released.head
    return Config(
        backbone=BackboneRef("published", str(sources.backbone.absolute()), digest_of(sources.backbone)),
        reading=Reading(sources.mode, sources.times, sources.zoom, sources.prompt, sources.metadata),
        bands=(Band(),) * sources.bands,
        levels=sources.levels if len(sources.levels) > 1 else sources.levels * sources.bands,
        fuser=released.fuser,
        head=LinearConfig(head, sources.size, sources.many) if isinstance(head, int) else head,
    )


def _names(sources: Sources, released: Released) -> tuple[str, ...]:
    names = sources.classes or tuple(str(number) for number in range(released.classes))
    if len(names) != released.classes or len(set(names)) < len(names):
        raise RequestError(
            f"the decoder tells {released.classes} classes apart, not {len(names)}",
            where="--classes",
            fix="name each once, in the order of the training",
        )
    if sources.many and not isinstance(released.head, int):
        raise RequestError("a px of a segmentation is of one class", where="--multi-label", fix="leave the option out")
    return names


def _spec(config: Config, sources: Sources, names: tuple[str, ...], *, kind: str) -> ModelSpec:
    """What the engine plans with: tiles as large as the images of the training."""
    # Hues a golden section apart, so that those of any number of classes differ.
    hues = [colorsys.hsv_to_rgb(n * _TURN % 1, 0.7, 0.85) for n in range(len(names))]
    categories = tuple(
        Category(name, (round(255 * red), round(255 * green), round(255 * blue)))
        for name, (red, green, blue) in zip(names, hues, strict=True)
    )
    short = {"global": "gw", "local": "lw", "experts": "moe"}[kind]
    spec = spec_of(config, name=f"satdifuser-{short}", version="1", categories=categories)
    if spec.task == "classify":
        return spec
    if sources.size % spec.align or sources.size < 2 * spec.align:
        raise RequestError(
            f"a side of {sources.size} px is no multiple of {spec.align} px, or less than two",
            where="--size",
            fix="pass the size of the images of the training",
        )
    margin = sources.size // _LEAST
    return replace(spec, tile=sources.size, margin=margin, overlap=3 * margin)
