"""What a card says of a SatDiFuser model: its backbone, how features are read, its fuser, its head and its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

from ...engine.errors import ModelError
from ..terra_ldm.conditioning import KINDS, Band
from .fusers.config import FuserConfig
from .unet import UNetConfig
from .upernet import UPerConfig

ARCHITECTURE = "satdifuser"

Kind = Literal["terra", "published"]
Task = Literal["segment", "classify"]
Mode = Literal["inversion", "noising"]


@dataclass(frozen=True, slots=True)
class BackboneRef:
    """The frozen model that a head belongs to.

    Attributes:
        kind: our own base model, or a published Stable Diffusion 2.1 or DiffusionSat.
        name: of a model, or the path of a folder.
        digest: sha256 of what identifies its weights; a head is of no use on others.
    """

    kind: Kind
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How features are read.

    Attributes:
        mode: along the inversion of the image, or one noising a time.
        times: as the backbone counts them: 0 to 1 of our own, generation indices of the published.
        zoom: how many times as large images are made for our own backbone.
        prompt: what a published backbone is told; empty for its default.
        metadata: whether DiffusionSat is told the facts of a scene beside it.
        finest: image px along a cell of the finest scale of our own backbone that is read.
        pixels: whether the px of each cell are read beside its features.
    """

    mode: Mode = "inversion"
    times: tuple[float, ...] = (0.05,)
    zoom: int = 1
    prompt: str = ""
    # Stored features are named after the rest, and after the facts themselves.
    metadata: bool = field(default=False, repr=False)
    finest: int = 1
    pixels: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode) or self.zoom < 1 or self.finest < 1:
            raise ValueError(f"features are read by {' or '.join(get_args(Mode))}, of whole px, not as in {self}")


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """The head of classification.

    Attributes:
        classes: number of them.
        patch: px of an image along a side of a patch.
        many: whether a patch can be of several classes, each with a probability of its own.
    """

    classes: int
    patch: int
    many: bool = False

    def __post_init__(self) -> None:
        if self.classes < 1 or self.patch < 1:
            raise ValueError(f"a patch has a side and classes, not {self.patch} px and {self.classes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole model.

    Attributes:
        backbone: which frozen model.
        reading: how its features are read.
        bands: what is known of each band.
        levels: stored value (DN) of each band that stands for 1.
        fuser: its shape.
        head: its shape, which also tells the task.
        bits: depth of the stored values that the levels belong to, where all images had the same.
    """

    backbone: BackboneRef
    reading: Reading
    bands: tuple[Band, ...]
    levels: tuple[float, ...]
    fuser: FuserConfig
    head: LinearConfig | UPerConfig | UNetConfig
    bits: int | None = None

    def __post_init__(self) -> None:
        if not self.bands or len(self.levels) != len(self.bands) or not all(level > 0 for level in self.levels):
            raise ValueError(f"{len(self.bands)} bands have as many levels above 0, not {self.levels}")
        if isinstance(self.head, UNetConfig) and not self.reading.pixels:
            raise ValueError("a head that reads the image needs the px beside the features")

    @property
    def task(self) -> Task:
        """What it is for."""
        return "classify" if isinstance(self.head, LinearConfig) else "segment"

    def to_card(self) -> dict[str, Any]:
        """For ``Architecture.config``: plain JSON values."""
        plain: dict[str, Any] = _plain(asdict(self))
        kind = next(name for name, each in _HEADS.items() if isinstance(self.head, each))
        return plain | {"task": self.task, "head": plain["head"] | {"kind": kind}}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card.

        Raises:
            ModelError: a value is unknown, missing or does not fit.
        """
        try:
            head = dict(values["head"])
            kind = _HEADS[head.pop("kind", "linear" if values["task"] == "classify" else "upernet")]
            return cls(
                backbone=BackboneRef(**values["backbone"]),
                reading=Reading(**_tuples(values["reading"])),
                bands=tuple(_band(each) for each in values["bands"]),
                levels=tuple(float(level) for level in values["levels"]),
                fuser=FuserConfig.of(values["fuser"]),
                head=UPerConfig.of(head) if kind is UPerConfig else kind(**head),
                bits=values.get("bits"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
            ) from error


_HEADS: Mapping[str, type[LinearConfig] | type[UPerConfig] | type[UNetConfig]] = MappingProxyType(
    {"linear": LinearConfig, "upernet": UPerConfig, "unet": UNetConfig}
)
"""By the name that a card has; cards without one are of the first two."""


def _band(values: Mapping[str, Any]) -> Band:
    band = Band(**values)
    if band.kind not in KINDS:
        raise ValueError(f"a band holds one of {KINDS}, not {band.kind}")
    return band


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
