"""The recipe of a head on the features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ..recipe import Recipe
from ..settings import DataSettings, Positive, SourceSettings
from .fit import FitSettings
from .model import Design

Share = Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class LabelledSource(SourceSettings):
    """One source of labels; one of ``dataset``, ``images`` and ``chips`` says what it is.

    Paths are relative to the recipe and may begin with an environment variable.

    Attributes:
        dataset: name in ``splits.json``, whose train and val splits are used; the folder is ``SEAMLINE_DATA``.
        images: rasters with ``labels`` on them.
        chips: folder of chips: subfolders named after classes, listed by the table ``labels``, or of GEO-Bench.
        labels: polygons, points or a raster; or the table of the chips.
        class_field, layer, rest, ignore: how the labels are read, as ``--class-field`` and so on have it.
        rename: other names of classes, so that classes of several sources are one.
        named: bands by name instead of by number, such as ``["04", "03", "02"]`` of GEO-Bench.
        fit: how chips are brought to the side of a patch.
    """

    dataset: str = ""
    images: tuple[str, ...] = ()
    chips: str = ""
    labels: str = ""
    class_field: str | None = None
    layer: str | None = None
    rest: str | None = None
    ignore: int | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    fit: Literal["resize", "crop"] = "resize"


@dataclass(frozen=True, slots=True)
class LabelledData(DataSettings):
    """What a head learns from.

    Attributes:
        sources: of labels; ``weight``, ``reduce`` and what else concerns drawn patches is not used.
        hold_out: share that is held out where the split is not given.
        share: of the tiles to train on that are used.
        side: of a patch of classify, px; 0 for what suits the first source.
    """

    sources: Annotated[tuple[LabelledSource, ...], Field(min_length=1)]
    hold_out: Annotated[float, Field(ge=0.0, le=0.9)] = 0.2
    share: Share = 1.0
    side: Annotated[int, Field(ge=0)] = 0


class SatDiFuserRecipe(Recipe):
    """A training of a head.

    Attributes:
        task: what a pixel, or a patch, is to be told.
        data: labels.
        design: backbone, fuser and head.
        fit: steps and rates.
        minutes: that all of it may take.
        copies: most copies of a tile, each turned in another way.
        cache: folder where features are kept, relative to the working directory; empty for one in ``output``.
        init: it starts anew.
    """

    task: Literal["segment", "classify"]
    data: LabelledData
    design: Design = Field(default_factory=Design)
    fit: FitSettings = Field(default_factory=FitSettings)
    minutes: Annotated[float, Field(gt=0.0)] = 60.0
    copies: Positive = 4
    cache: str = ""
    init: Literal[""] = ""
