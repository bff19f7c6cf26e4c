"""A recipe: everything that decides what a training run makes, read from one YAML file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from ..engine.errors import RequestError
from .degradation.settings import DegradationSettings


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
    check: tuple[int, ...] = ()
    pan: str = ""
    ms: str = ""
    peak: float = 0.0


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
        pairs: where a system trains on pairs instead of simulating them from ``sources``.
        images: pairs of a batch; 0 for as many as ``unrolled`` bands make.
        resolution: side to which patches of pairs are resized bilinearly, px; 0 for as they are.
        workers: processes that make batches ahead; they change no batch.
    """

    sources: tuple[SourceSettings, ...]
    patch: int = 128
    held_out: int = 32
    held_out_patch: int = 80
    unrolled: int = 12
    bands: tuple[int, ...] = (3, 4, 4, 6)
    ratios: tuple[float, ...] = (4.0, 4.0, 4.0, 4.0, 3.0, 2.0, 2.0)
    pairs: tuple[PairSettings, ...] = ()
    images: int = 0
    resolution: int = 0
    workers: int = 0


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

    steps: int
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.01
    beta2: float = 0.99
    floor: float = 0.02
    stretch: float = 1.0
    average: int = 300
    accumulate: int = 1


@dataclass(frozen=True, slots=True)
class ReconstructionWeights:
    """Terms of the loss of the published autoencoder, in the unit range; ``training.salad_losses`` defines them.

    Attributes:
        charbonnier, ssim, mse, mae, psnr: as the authors' code has them.
        kl: of the posterior against a standard normal one, mean over the values of the latents.  The paper's figure
            shows such a term, the code has none.
    """

    charbonnier: float = 1.2
    ssim: float = 1.75
    mse: float = 1.0
    mae: float = 1.0
    psnr: float = 0.05
    kl: float = 0.0


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Terms of the loss of the published adapters; ``training.salad_losses`` defines them.

    Attributes:
        latent: absolute error of the clean latents.
        ssim, psnr, angle, ergas: of the decoded image, unit range.
    """

    latent: float = 1.0
    ssim: float = 0.475
    psnr: float = 0.025
    angle: float = 0.5
    ergas: float = 0.01


@dataclass(frozen=True, slots=True)
class SaladSettings:
    """What only the published-size SALAD-Pan asks for; paths as in ``PairSettings``.

    Attributes:
        base: folder of Stable Diffusion 1.5 with ``unet/``; the second stage needs it.
        vae: folder with the autoencoder's settings and weights.  The first stage starts from it, three-channel or not,
            and from seeded weights where it is empty; the second needs it unless the first has just made it.
        text: prompts embedded, as for ``seamline models convert``; empty for the CLIP encoder in ``base``.
        scaling: when the scaling of the latents is measured; ``"before"`` the first stage trains, as published, it
            describes weights that no longer exist afterwards.
        noise: whether the bands of an image share their noise, as published; ``"band"`` gives each its own.
        steps: network evaluations of a sampled result when it is measured.
        reconstruction, fusion: terms of the two losses.
    """

    base: str = ""
    vae: str = ""
    text: str = ""
    scaling: Literal["after", "before"] = "after"
    noise: Literal["shared", "band"] = "shared"
    steps: int = 20
    reconstruction: ReconstructionWeights = ReconstructionWeights()
    fusion: FusionWeights = FusionWeights()


def _left_out() -> StageSettings:
    return StageSettings(steps=0)


@dataclass(frozen=True, slots=True)
class RestorationWeights:
    """Terms of the loss of restored images beside the mean absolute error, as published; 0 leaves one out.

    Attributes:
        perceptual: of the perceptual distance.
        adversarial: of the critic's judgement.
        slopes, spectrum: of ``training.distill.detail``; ours, so the published weights are 0.
    """

    perceptual: float = 2.5
    adversarial: float = 0.25
    slopes: float = 0.0
    spectrum: float = 0.0


@dataclass(frozen=True, slots=True)
class SlimSettings:
    """What only SlimDiffSR asks for; paths as in ``PairSettings``.

    Attributes:
        base: model folder of the base model, for the teacher and for looks.
        scale: output px per input px.
        bands: what is done with bands of another count than the student has channels; see ``models.slimdiffsr.bands``.
        degradation: what makes the coarse images.
        estimator, adapters, teacher: stages of the teacher: its uncertainty estimator alone; its adapters with the
            predictor of the noise level held; both.
        plain: the student by the mean absolute error alone, before it meets the teacher; ours.
        student: the student.
        blend: share of the student in the mean of its weights with those of ``plain``, after ``student`` and once more
            after ``detail``; it trades error for detail (network interpolation: Wang et al., "ESRGAN", ECCVW 2018), and
            1 leaves it as it is.
        detail: the blended student by its error and ``detail_weights`` alone, without teacher and critic; ours.
        deviation: its head for the standard deviation of every pixel, the rest of it frozen; the last stage.
        weights: terms of the loss.
        detail_weights: those of the stage ``detail``.
        features: weight of the distillation beside the loss of the image; the paper names none, so 1.
        mmd: weight of the discrepancy of feature distributions, within the distillation.
        times: one timestep an image, or a map.
        levels: what the teacher's noise level follows from: latents and their uncertainty, as published; latents alone;
            or ``"fixed"``, midway between its bounds (the paper's ablations).
        lpips: folder with the weights of LPIPS; empty for features of the base model in its place.
        critic_width: channels of the critic's first convolution.
    """

    base: str = ""
    scale: int = 4
    bands: Literal["groups", "single"] = "groups"
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    estimator: StageSettings = field(default_factory=_left_out)
    adapters: StageSettings = field(default_factory=_left_out)
    teacher: StageSettings = field(default_factory=_left_out)
    plain: StageSettings = field(default_factory=_left_out)
    student: StageSettings = field(default_factory=_left_out)
    blend: tuple[float, float] = (1.0, 1.0)
    detail: StageSettings = field(default_factory=_left_out)
    deviation: StageSettings = field(default_factory=_left_out)
    weights: RestorationWeights = RestorationWeights()
    detail_weights: RestorationWeights = RestorationWeights(0.0, 0.0)
    features: float = 1.0
    mmd: float = 0.1
    times: Literal["scalar", "map"] = "scalar"
    levels: Literal["uncertainty", "latents", "fixed"] = "uncertainty"
    lpips: str = ""
    critic_width: int = 32


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run.

    Attributes:
        name, version: of the model folder.
        system: which trainer reads the recipe, such as ``"salad-pan-tiny"``; ``training.run.TRAINERS`` lists them.
        seed: of all draws.
        precision: ``"no"``, ``"bf16"`` or ``"fp16"`` (accelerate's words).
        output: folder of the run, relative to the working directory: checkpoints, tables, and the model folder.
        init: model folder whose weights to continue from, relative to the recipe; empty for none.  With it the first
            stage is left out.
        network: widths of the network.
        data: patches.
        vae, diffusion: the two stages.
        salad: of the system ``"salad-pan-sd15"``.
        slim: of the system ``"slimdiffsr"``, which has its stages there.
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
    salad: SaladSettings = SaladSettings()
    slim: SlimSettings = field(default_factory=SlimSettings)
    card: Mapping[str, Any] = field(default_factory=dict)


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    A recipe with ``like``, the path of another one from its own folder, takes from that one what it does not name.

    Args:
        path: of the YAML file.
        overrides: values by dotted name, such as ``{"diffusion.steps": 2}``; texts as they would stand in the file.

    Raises:
        RequestError: the file does not exist, is not a recipe, or a name in it is unknown.
    """
    content = _read(path)
    for name, value in (overrides or {}).items():
        *parents, leaf = name.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        # A copy: a later override may reach into it.
        place[leaf] = _parsed(value) if isinstance(value, str) else copy.deepcopy(value)
    recipe: Recipe = _build(Recipe, content, str(path))
    return recipe


def _read(path: Path) -> dict[str, Any]:
    """The mapping of a file, laid over the one that it is like."""
    content = _mapping(path)
    other = content.pop("like", None)
    if other is None:
        return content
    below = _mapping(path.parent / str(other))
    if "like" in below:
        raise RequestError(
            "a recipe can only be like one that is like no other", where=str(path), fix=f"name {below['like']}"
        )
    return _laid_over(below, content)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RequestError("the recipe cannot be read", where=str(path), fix="check the path and the YAML") from error
    if not isinstance(content, dict):
        raise RequestError("the recipe is not a mapping", where=str(path), fix="start from a shipped recipe")
    return content


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values of ``above``, and those of ``below`` that it does not name; lists are taken whole."""
    both = {
        name: _laid_over(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


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
        raise RequestError(f"expected settings, found {content!r}", where=where, fix="see the shipped recipes")
    known = {f.name for f in fields(kind)}
    hints = get_type_hints(kind)
    if unknown := sorted(set(content) - known):
        raise RequestError(f"unknown setting {unknown[0]!r}", where=where, fix=f"use one of {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for name, value in content.items():
        item_kind = (get_args(hints[name]) or (None,))[0]
        if is_dataclass(hints[name]):
            value = _build(hints[name], value, f"{where}: {name}")
        elif is_dataclass(item_kind):
            value = tuple(_build(item_kind, item, f"{where}: {name}") for item in value)
        elif str(hints[name]).startswith("tuple") and isinstance(value, list | tuple):
            value = tuple(value)
        elif not _is(value, hints[name]):
            raise RequestError(f"{name} cannot be {value!r}", where=where, fix="see the shipped recipes")
        values[name] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise RequestError(
            f"the settings are incomplete ({error})", where=where, fix="see the shipped recipes"
        ) from error


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of the plain type that a setting has; a whole number will do for a real one."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (int, str) else isinstance(value, Mapping)
