"""A recipe: everything that decides what a training run makes, read from one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from ..engine.errors import RequestError


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
        kind: of the values, as ``models.base.conditioning`` names them.
    """

    dataset: str
    weight: float = 1.0
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    reduce: tuple[int, ...] = (1,)
    scenes: int = 48
    wavelengths: tuple[float, ...] = ()
    gsd: float = 0.0
    kind: str = "unknown"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What patches are drawn.

    Attributes:
        sources: where from.
        patch: side of a patch, PAN px.
        held_out: validation batches.
        held_out_patch: side of a validation patch, PAN px; the val strips of some scenes are narrow.
        unrolled: bands of a batch, over all its images.
        bands: band counts to draw from, one a batch.
        ratios: PAN/MS ratios to draw from, one a batch.
    """

    sources: tuple[SourceSettings, ...]
    patch: int = 128
    held_out: int = 32
    held_out_patch: int = 80
    unrolled: int = 12
    bands: tuple[int, ...] = (3, 4, 4, 6)
    ratios: tuple[float, ...] = (4.0, 4.0, 4.0, 4.0, 3.0, 2.0, 2.0)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """One run of the loop.

    Attributes:
        steps: optimiser steps.
        rate: peak learning rate; warmed up, then a cosine to a fiftieth.
        warmup: steps of the linear warm-up.
        decay: weight decay.
        average: time constant of the weight average, steps; 0 for none.
        accumulate: batches a step.
    """

    steps: int
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.01
    average: int = 300
    accumulate: int = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run.

    Attributes:
        name, version: of the model folder.
        system: which trainer reads the recipe (``"salad-pan-tiny"`` or ``"terra-ldm-tiny"``).
        seed: of all draws.
        precision: ``"no"``, ``"bf16"`` or ``"fp16"`` (accelerate's words).
        output: folder of the run, relative to the working directory: checkpoints, tables, and the model folder.
        init: model folder whose weights to continue from, relative to the recipe; empty for none.  With it the first
            stage is left out.
        network: widths of the network.
        data: patches.
        vae, diffusion: the two stages.
        card: what the model folder says of licence, data and citation.
    """

    name: str
    version: str
    system: str
    seed: int
    precision: str
    output: str
    init: str
    network: Mapping[str, Any]
    data: DataSettings
    vae: StageSettings
    diffusion: StageSettings
    card: Mapping[str, Any] = field(default_factory=dict)


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        path: of the YAML file.
        overrides: values by dotted name, such as ``{"diffusion.steps": 2}``; texts as they would stand in the file.

    Raises:
        RequestError: the file does not exist, is not a recipe, or a name in it is unknown.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RequestError("the recipe cannot be read", where=str(path), cure="check the path and the YAML") from error
    if not isinstance(content, dict):
        raise RequestError("the recipe is not a mapping", where=str(path), cure="start from a shipped recipe")
    for name, value in (overrides or {}).items():
        *parents, leaf = name.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = _parsed(value) if isinstance(value, str) else value
    recipe: Recipe = _build(Recipe, content, str(path))
    return recipe


def _parsed(text: str) -> Any:
    """Number or list that a text stands for, or the text itself (``no`` is a precision here, not false)."""
    value = yaml.safe_load(text)
    if isinstance(value, int | float | list | dict) and not isinstance(value, bool):
        return value
    try:
        return float(text)
    except ValueError:
        return text


def _build(kind: Any, content: Any, where: str) -> Any:
    """Fill a dataclass from a mapping, strictly."""
    if not isinstance(content, dict):
        raise RequestError(f"expected settings, found {content!r}", where=where, cure="see the shipped recipes")
    known = {f.name for f in fields(kind)}
    hints = get_type_hints(kind)
    if unknown := sorted(set(content) - known):
        raise RequestError(
            f"unknown setting {unknown[0]!r}", where=where, cure=f"use one of {', '.join(sorted(known))}"
        )
    nested = {"data": DataSettings, "vae": StageSettings, "diffusion": StageSettings}
    values: dict[str, Any] = {}
    for name, value in content.items():
        if name in nested and kind is Recipe:
            value = _build(nested[name], value, f"{where}: {name}")
        elif name == "sources":
            value = tuple(_build(SourceSettings, item, f"{where}: sources") for item in value)
        elif str(hints[name]).startswith("tuple") and isinstance(value, list | tuple):
            value = tuple(value)
        elif not _is(value, hints[name]):
            raise RequestError(f"{name} cannot be {value!r}", where=where, cure="see the shipped recipes")
        values[name] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise RequestError(
            f"the settings are incomplete ({error})", where=where, cure="see the shipped recipes"
        ) from error


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of the plain type that a setting has; a whole number will do for a real one."""
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (int, str) else isinstance(value, Mapping)
