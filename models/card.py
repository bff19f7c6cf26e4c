"""``model.json``, the card of a model: what the engine plans with, and what its user should know."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from ..engine.contract import (
    IMAGE,
    Blend,
    Category,
    InputSpec,
    ModelSpec,
    OutputSpec,
    Overview,
    Range,
    Role,
    Sight,
    Task,
)

FILE_BYTES = 16 << 30
FILES = 32

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.safetensors$")]
Count = Annotated[int, Field(ge=1, le=1 << 20)]
Length = Annotated[int, Field(ge=0, le=1 << 20)]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Byte = Annotated[int, Field(ge=0, le=255)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Architecture(_Strict):
    """Which network the weights belong to, and the arguments it is built with."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")]
    config: dict[str, JsonValue] = {}


class Input(_Strict):
    """One named input; see ``InputSpec``."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    bands: Count | None = None
    range: Range = "native"
    kernel: Literal["cubic", "lanczos"] = "cubic"
    ratio: tuple[float, float] | None = None
    bits: Annotated[int, Field(ge=1, le=32)] | None = None
    role: Role = "grid"
    finer: Annotated[int, Field(ge=1, le=64)] = 1
    as_main: bool = False


class Class(_Strict):
    """One class of a class map; see ``Category``."""

    name: Text
    colour: tuple[Byte, Byte, Byte]


class Output(_Strict):
    """One named output; see ``OutputSpec``."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    planes: Count | None = None
    range: Literal["main", "native"] = "main"
    dtype: Literal["uint8", "int8", "uint16", "int16", "float32"] | None = None
    blend: Blend = "mean"
    overview: Overview = "mean"
    consistent: bool = False
    difference: bool = False
    label: Text = "{band}"
    labels: tuple[str, ...] = ()
    unit: str = ""
    categories: tuple[Class, ...] = ()
    note: str = ""


class QualityRow(_Strict):
    """Measured values on one scene or data set, and how they were measured."""

    scene: Text
    protocol: Text
    values: dict[str, float]


class StoredFile(_Strict):
    """What a file must be."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=1, le=FILE_BYTES)]


Part = TypeVar("Part", bound=_Strict)


def _of(kind: type[Part], spec: InputSpec | OutputSpec) -> Part:
    """The part of a card that says what a part of a specification says."""
    return kind.model_validate(asdict(spec), strict=True)


_AS_THEY_ARE = (
    "name",
    "version",
    "task",
    "main",
    "scale",
    "patch",
    "align",
    "margin",
    "tile",
    "overlap",
    "exact",
    "batch",
    "latent",
    "work_bytes",
    "needs_statistics",
    "needs_facts",
    "stochastic",
    "generated",
    "consistency",
    "stepping",
)


class Card(_Strict):
    """``model.json``; the fields that ``ModelSpec`` has mean what they mean there."""

    format: Literal[1] = 1
    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
    task: Task
    architecture: Architecture
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=8)]
    main: str
    outputs: Annotated[tuple[Output, ...], Field(min_length=1, max_length=16)] = (_of(Output, IMAGE),)
    scale: Annotated[int, Field(ge=1, le=64)] = 1
    patch: Annotated[int, Field(ge=1, le=4096)] = 1
    align: Count = 1
    margin: Length = 0
    tile: Count = 512
    overlap: Length = 64
    exact: bool = False
    batch: Count = 1
    latent: Count = 1
    work_bytes: Length = 0
    needs_statistics: bool = False
    needs_facts: bool = False
    stochastic: bool = False
    generated: bool = True
    consistency: Sight = "off"
    options: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...] = ()
    stepping: bool = False
    licence: Text
    training_data: Text
    citation: Text
    quality: tuple[QualityRow, ...] = ()
    files: Annotated[dict[FileName, StoredFile], Field(max_length=FILES)] = {}

    @model_validator(mode="after")
    def _agree(self) -> Self:
        names = [spec.name for spec in self.inputs]
        if len(set(names)) != len(names) or self.main not in names:
            raise ValueError(f"main must be one of the inputs, each named once; not {self.main!r} of {names}")
        if self.tile % self.align:
            raise ValueError(f"a tile of {self.tile} px is no multiple of align, {self.align} px")
        if not 2 * self.margin <= self.overlap <= self.tile // 2:
            raise ValueError(
                f"overlap must lie between twice the margin and half a tile, {2 * self.margin} and {self.tile // 2} px,"
                f" not {self.overlap}"
            )
        # What the parts must agree on is written where they are defined.
        _ = self.spec
        return self

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        *,
        architecture: Architecture,
        licence: str,
        training_data: str,
        citation: str,
        quality: tuple[QualityRow, ...] = (),
    ) -> Card:
        """The card of a model that the engine plans with as ``spec`` says.

        Args:
            architecture: what its weights belong to.
            licence, training_data, citation: statements.
            quality: measured values.

        Raises:
            pydantic.ValidationError: the specification holds what no card may.
        """
        own = {name: getattr(spec, name) for name in _AS_THEY_ARE}
        return cls(
            **own,
            inputs=tuple(_of(Input, each) for each in spec.inputs),
            outputs=tuple(_of(Output, each) for each in spec.outputs),
            options=tuple(sorted(spec.options)),
            architecture=architecture,
            licence=licence,
            training_data=training_data,
            citation=citation,
            quality=quality,
        )

    @property
    def spec(self) -> ModelSpec:
        """What the engine plans with."""
        return ModelSpec(
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
            inputs=tuple(InputSpec(**dict(each)) for each in self.inputs),
            outputs=tuple(
                OutputSpec(**dict(each) | {"categories": tuple(Category(c.name, c.colour) for c in each.categories)})
                for each in self.outputs
            ),
            options=frozenset(self.options),
        )


def schema_text() -> str:
    """JSON schema of ``model.json``, as ``model.schema.json`` holds it."""
    return json.dumps(Card.model_json_schema(), indent=2) + "\n"


def write_schema() -> None:
    """Bring ``model.schema.json`` beside this module up to date."""
    (Path(__file__).parent / "model.schema.json").write_text(schema_text(), encoding="utf-8")
