"""Settings that several systems share: sources of patches, pairs, stages, and what a model says of itself.

Settings are frozen dataclasses.  A recipe, which holds them, checks their types, and refuses what it does not know.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0.0)]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One source of patches.

    Attributes:
        dataset: name in ``splits.json``, or ``"procedural"``.
        weight: share of the patches, relative to the other sources.
        contains: only files whose path contains one of these; empty for all.
        excludes: no files whose path contains one of these.
        bands: band numbers to read, from 1; empty for all.
        reduce: area-mean factors to draw from, so that soft sources get detail at the scale of a pixel.
        scenes: how many made-up scenes to draw, where the source is procedural.
        wavelengths: centres of the bands that are read, micrometres, 0 where unknown; empty if none is known.
        gsd: ground size of a px, m; 0 if unknown.
        kind: of the values, as ``models.terra_ldm.conditioning`` names them.
    """

    dataset: str
    weight: Weight = 1.0
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    bands: tuple[Positive, ...] = ()
    reduce: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1,)
    scenes: Positive = 48
    wavelengths: tuple[float, ...] = ()
    gsd: float = 0.0
    kind: str = "unknown"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What patches are drawn.

    Attributes:
        sources: where from.
        patch: side of a patch, px of the sharp grid.
        held_out: validation batches.
        held_out_patch: side of a validation patch, px; the val strips of some scenes are narrow.
        workers: processes that make batches ahead; they change no batch.
    """

    sources: tuple[SourceSettings, ...]
    patch: Positive = 128
    held_out: Count = 32
    held_out_patch: Positive = 80
    workers: Count = 0


@dataclass(frozen=True, slots=True)
class SimulationSettings(DataSettings):
    """PAN+MS pairs that are simulated from ``sources``.

    Attributes:
        unrolled: bands of a batch, over all its images.
        bands: band counts to draw from, one a batch.
        ratios: PAN/MS ratios to draw from, one a batch.
    """

    unrolled: Positive = 12
    bands: Annotated[tuple[Positive, ...], Field(min_length=1)] = (3, 4, 4, 6)
    ratios: Annotated[tuple[float, ...], Field(min_length=1)] = (4.0, 4.0, 4.0, 4.0, 3.0, 2.0, 2.0)


@dataclass(frozen=True, slots=True)
class PairSettings:
    """Real or published PAN+MS pairs of one sensor: a PanCollection file, or a georeferenced scene.

    Paths are relative to the recipe and may begin with an environment variable.

    Attributes:
        sensor: name or description file.
        train, valid: PanCollection files with ``gt``; both or neither.
        check: scenes of ``valid`` that are measured; empty for the first ``held_out`` ones.
        pan, ms: rasters of one georeferenced scene; both or neither.
        peak: DN that stands for 1; 0 for the largest of the sensor's bits.
    """

    sensor: str
    train: str = ""
    valid: str = ""
    check: tuple[Count, ...] = ()
    pan: str = ""
    ms: str = ""
    peak: Weight = 0.0


@dataclass(frozen=True, slots=True)
class StageSettings:
    """One run of the loop.

    Attributes:
        steps: optimiser steps.
        rate: peak learning rate; warmed up, then a cosine.
        warmup: steps of the linear warm-up.
        decay: weight decay.
        beta2: of AdamW's average of squared gradients; that of gradients is .9.
        floor: where the cosine ends, relative to ``rate``.
        stretch: length of the schedule, relative to ``steps``: above 1 the cosine is cut off before its end.
        average: time constant of the weight average, steps; 0 for none.
        accumulate: batches a step.
    """

    steps: Count
    rate: Weight = 1e-3
    warmup: Count = 100
    decay: Weight = 0.01
    beta2: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    floor: Weight = 0.02
    stretch: Weight = 1.0
    average: Count = 300
    accumulate: Positive = 1


def rate_at(step: int, settings: StageSettings) -> float:
    """Learning rate: linear warm-up, then a cosine from the peak towards ``floor`` of it."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.stretch * settings.steps - settings.warmup)
    wave = 1.0 + math.cos(math.pi * min(1.0, done))
    return settings.rate * (settings.floor + (1.0 - settings.floor) * 0.5 * wave)


LEFT_OUT = StageSettings(steps=0)
"""A stage that does not run."""


@dataclass(frozen=True, slots=True)
class NoStage:
    """A stage that a system does not have; its recipe may say so."""

    steps: Literal[0] = 0


@dataclass(frozen=True, slots=True)
class Statements:
    """What a model folder says of licence, training data and citation."""

    licence: str = "not stated"
    training_data: str = "not stated"
    citation: str = "not stated"

    def lines(self) -> dict[str, Any]:
        """The statements by name, each on one line."""
        return {name: " ".join(text.split()) for name, text in asdict(self).items()}
