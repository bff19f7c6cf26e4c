"""What ``python -m benchmarks.superres`` writes: tables, what is claimed, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

import numpy as np

from seamline.engine.quality.sensitivity import Sensitivity

from .runs import METRICS, Scores, Seam, Tiled
from .scenes import BITS, ELECTRONS, GAIN, MAP_GSD, MAPS, PAN_RATIO, READ, REAL, SATELLITE

PAGES = {2: "superres-scales.md", 4: "quality.md", 8: "superres-scales.md"}
"""In which of the pages of results a scale stands."""
CLASSIC = "bicubic"
REALISTIC = ("second order", REAL)
"""Groups in which interpolation has to be beaten in PSNR."""
DETAIL = ("gradient_error", "spectrum_error")
MOST_LOST = {"PSNR": 0.3, "SSIM": 0.01}
"""What the judged model may lose against the taught twin, dB and 1."""
MOST_SEAM = 1.02
WIDTH = 118

_SENSOR_TRUE = (
    f"sensor-true: an MTF gain of {GAIN} at the coarse Nyquist frequency, true pixel centres, shot noise of "
    f"{ELECTRONS:.0f} electrons at the peak, read noise of {READ:g} of it, {BITS} bits.  Results are made "
    "consistent as area means, which these scenes are not: no sensor is named."
)
_SECOND_ORDER = "second order: blur, resizing, noise and JPEG twice over, drawn once for each scene."
_MAPS = (
    f"{REAL}: nobody degraded them for this purpose.  {len(MAPS)} aerial map tiles of {MAP_GSD:g} m with those of "
    "{fine:g} m, as the map server resampled and compressed both"
)
_SATELLITE = (
    "; and WorldView-2 over Rotterdam, scenes "
    f"{' and '.join(name[-1] for name in SATELLITE)} of three: the mixture of its 2 m bands that comes closest to PAN, "
    "with PAN of 0.5 m.  PAN also sees what no band sees: that part of its detail is out of reach"
)
_NONE_REAL = "No real pair has this ratio: what is degraded is all there is."
_LEFT_OUT = (
    "Left out: aerial photographs of 5 m with Sentinel-2 of 10 m (a ratio of 2, year unknown, 1 to 3 px of relief), "
    "Landsat with Sentinel-2 (a ratio of 3), and the second WorldView-2 scene, which is water."
)
_ABOUT_TILES = (
    "On scenes as they were delivered.  Seam score; in brackets the control band, in which 95 % of tile grids that are "
    "not there score.  Their lines lie anywhere within an input pixel, lines between tiles always on its edge, and an "
    f"interpolated image does not look alike there: read the score beside that of {CLASSIC} with the same tiles, which "
    "leave no trace in it.  Residual: relative RMS by which the result, seen by the sensor, differs from the input; "
    "the worst band."
)

Table = Mapping[str, Mapping[str, Scores]]


@dataclass(frozen=True, slots=True)
class Names:
    """Of the models that the claims of a scale are about.

    Attributes:
        scale: fine px per coarse px.
    """

    scale: int

    @property
    def subject(self) -> str:
        """The shipped model, which is judged."""
        return f"slimdiffsr-tiny-x{self.scale}"

    @property
    def taught(self) -> str:
        """The taught twin."""
        return f"slimdiffsr-taught-x{self.scale}"

    @property
    def knowing(self) -> str:
        """The judged model with statistics of the whole scene."""
        return f"{self.subject}-scene"

    @property
    def part(self) -> str:
        """Of the page, by its marker."""
        return "superres" if self.scale == 4 else f"superres-x{self.scale}"


@dataclass(frozen=True)
class Measured:
    """All that is shown.

    Attributes:
        names: of the models that claims are about.
        groups: scores by group of scenes, model and scene.
        tiles: runs of several tile sizes of the judged model, by scene.
        sensitivity: what its own tiles change, by scene.
        whole: the same of the model that knows the scene, by scene; empty where it was not among the models.
        coverage: share of values within one deviation of the judged model, by group and scene.
    """

    names: Names
    groups: Mapping[str, Table]
    tiles: Mapping[str, Sequence[Tiled]]
    sensitivity: Mapping[str, Sensitivity]
    whole: Mapping[str, tuple[Tiled, Sensitivity]] = field(default_factory=dict)
    coverage: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def section(models: Sequence[str], found: Measured) -> Iterator[str]:
    """The part of the page on quality, line by line."""
    names = found.names
    yield from (*_heading(models, found), "", *_means(found.groups), "", *_scenes(found.groups), "", *_tiles(found), "")
    if found.whole:
        yield from (*_whole(found.whole, names), "")
    if found.coverage:
        yield from (*_deviations(found.coverage, names), "")
    yield from ("### What is claimed of super-resolution", "", *verdicts(found))


def mean(row: Mapping[str, Scores], metric: str) -> float:
    """Of a model over its scenes."""
    return float(np.mean([scores[metric] for scores in row.values()]))


def best_of(metric: str, values: Sequence[float]) -> float:
    """The best of some values of a metric."""
    return min(values) if metric in DETAIL else max(values)


def verdicts(found: Measured) -> Iterator[str]:
    """What is claimed, and whether it holds; what was not measured does not."""
    names = found.names
    for group, rows in found.groups.items():
        for metric, most in MOST_LOST.items():
            yield _against_twin(group, rows, metric, most, names)
        for metric in DETAIL:
            yield from (_closer(group, rows, metric, names.subject, other) for other in (CLASSIC, names.taught))
        if group in REALISTIC:
            own, other = (mean(rows[name], "PSNR") for name in (names.subject, CLASSIC))
            what = f"{group}, mean PSNR {_number('PSNR', own)} dB, {CLASSIC} {_number('PSNR', other)} dB"
            yield _verdict(what, own > other)
    for scene, runs in found.tiles.items():
        yield from _seams(scene, next(run for run in runs if run.default))


def _seams(scene: str, run: Tiled) -> Iterator[str]:
    if run.seam is None or run.plain is None:
        yield _verdict(f"{scene}, seam score: not measured", False)
        return
    own, over = run.seam.score, run.seam.score / run.plain.score
    yield _verdict(f"{scene}, seam score {own:.3f}, at most {MOST_SEAM}", own <= MOST_SEAM)
    what = f"{scene}, seam score over that of {CLASSIC} with the same tiles {over:.3f}, at most {MOST_SEAM}"
    yield _verdict(what, over <= MOST_SEAM)
    what = f"{scene}, seam score {own:.3f} not above the control band, which ends at {run.seam.high:.3f}"
    yield _verdict(what, own <= run.seam.high)


def _against_twin(group: str, rows: Table, metric: str, most: float, names: Names) -> str:
    own = mean(rows[names.subject], metric)
    what = f"{group}, mean {metric} {_number(metric, own)}, at most {most} below the taught twin"
    if names.taught not in rows:
        return _verdict(f"{what}: not measured", False)
    other = mean(rows[names.taught], metric)
    return _verdict(f"{what}, {_number(metric, other)}", own >= other - most)


def _closer(group: str, rows: Table, metric: str, subject: str, name: str) -> str:
    own = mean(rows[subject], metric)
    what = f"{group}, mean {metric} {_number(metric, own)}, better than {name}"
    if name not in rows:
        return _verdict(f"{what}: not measured", False)
    other = mean(rows[name], metric)
    return _verdict(f"{what}, {_number(metric, other)}", own < other)


def _heading(models: Sequence[str], found: Measured) -> Iterator[str]:
    names, told = found.names, ",".join(Path(name).name for name in models)
    which = "" if names.scale == 4 else f"--scale {names.scale} "
    yield from wrap(
        "Made by one command, from the data folder that `SEAMLINE_DATA` names; a model that does not ship is given by "
        "its folder:",
        WIDTH,
    )
    yield from ("", f"    python -m benchmarks.superres {which}--models {told} --write docs/results", "")
    yield from wrap(
        f"All models enlarge {names.scale} times by their default options, and the answer is scored as float32.  All "
        "scenes are cut from test splits, or are test ground for every model; the learned models did see other ground "
        f"of the same sensors.  {names.taught} is the taught twin: the same network, trained on with the paper's "
        "teacher, looks and critic.  Rows with consistency off or area show a model where its default is the other; no "
        "claim rests on them.",
        WIDTH,
    )
    yield ""
    for text in (_SENSOR_TRUE, _SECOND_ORDER, *_of_pairs(names.scale, REAL in found.groups)):
        yield from wrap(text, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _of_pairs(scale: int, there: bool) -> Iterator[str]:
    """What the real pairs of a scale are."""
    if not there:
        yield _NONE_REAL
        return
    maps = _MAPS.format(fine=MAP_GSD / scale)
    yield f"{maps}{_SATELLITE if scale == PAN_RATIO else ''}."
    yield _LEFT_OUT


def _means(groups: Mapping[str, Table]) -> Iterator[str]:
    """One line a model, one column a group; the best value of each metric in bold."""
    yield f"| means: {' / '.join(METRICS)} | " + " | ".join(groups) + " |"
    yield "|---" * (1 + len(groups)) + "|"
    for model in dict.fromkeys(name for rows in groups.values() for name in rows):
        cells = [_cell({name: _average(row) for name, row in rows.items()}, model) for rows in groups.values()]
        yield f"| {model} | " + " | ".join(cells) + " |"


def _scenes(groups: Mapping[str, Table]) -> Iterator[str]:
    """One line a scene, one column a model."""
    models = list(dict.fromkeys(name for rows in groups.values() for name in rows))
    yield f"| {' / '.join(METRICS)} | " + " | ".join(models) + " |"
    yield "|---" * (1 + len(models)) + "|"
    for group, rows in groups.items():
        for scene in next(iter(rows.values())):
            values = {name: row[scene] for name, row in rows.items()}
            yield f"| {group}: {scene} | " + " | ".join(_cell(values, model) for model in models) + " |"


def _average(row: Mapping[str, Scores]) -> Scores:
    return {metric: mean(row, metric) for metric in METRICS}


def _cell(values: Mapping[str, Scores], model: str) -> str:
    if model not in values:
        return ""
    texts = []
    for metric in METRICS:
        text = _number(metric, values[model][metric])
        best = best_of(metric, [scores[metric] for scores in values.values()])
        texts.append(f"**{text}**" if values[model][metric] == best else text)
    return " / ".join(texts)


def _tiles(found: Measured) -> Iterator[str]:
    yield f"### Tiles: {found.names.subject}"
    yield ""
    yield from wrap(_ABOUT_TILES, WIDTH)
    yield ""
    yield f"| scene | tile | seam score | {CLASSIC}, same tiles | residual |"
    yield "|---|---|---|---|---|"
    for scene, runs in found.tiles.items():
        for run in runs:
            tile = f"{run.tile} px{', the default' if run.default else ''}"
            yield f"| {scene} | {tile} | {_seam(run.seam)} | {_seam(run.plain)} | {run.residual:.4f} |"
    yield ""
    yield "What the default tiles change, RMS in DN by band, against tiles that lie elsewhere and against none:"
    yield ""
    for scene, values in found.sensitivity.items():
        yield f"- {scene}: moved by half a tile {_listed(values.shifted)}; untiled {_listed(values.untiled)}"


def _whole(found: Mapping[str, tuple[Tiled, Sensitivity]], names: Names) -> Iterator[str]:
    yield f"### Norms, gates and queries of the scene: {names.knowing}"
    yield ""
    yield from wrap(
        f"The same weights, made by `seamline models convert slimdiffsr {names.subject} OUT --wholes scene`: a "
        "departure from the released inference.  Sample blocks of the scene are measured once; their sums stand in the "
        "plan.  RMS as above.  What it does to quality stands in the rows of its name.",
        WIDTH,
    )
    yield ""
    yield f"| scene | tile | seam score | {CLASSIC}, same tiles | moved by half a tile | untiled |"
    yield "|---|---|---|---|---|---|"
    for scene, (run, changed) in found.items():
        cells = _seam(run.seam), _seam(run.plain), _listed(changed.shifted), _listed(changed.untiled)
        yield f"| {scene} | {run.tile} px | " + " | ".join(cells) + " |"


def _deviations(found: Mapping[str, Mapping[str, float]], names: Names) -> Iterator[str]:
    yield f"### Deviations: {names.subject}"
    yield ""
    yield from wrap(
        "Share of the values whose truth lies within one standard deviation of `--uncertainty`, by default options; "
        "normal errors would give 68.3 %.  Deviations were calibrated on a validation split, degraded as in training.",
        WIDTH,
    )
    yield ""
    yield from ("| group | mean over scenes | least | most |", "|---|---|---|---|")
    for group, row in found.items():
        values = list(row.values())
        yield f"| {group} | {np.mean(values):.1%} | {min(values):.1%} | {max(values):.1%} |"


def _seam(seam: Seam | None) -> str:
    return "" if seam is None else f"{seam.score:.3f} ({seam.low:.3f} to {seam.high:.3f})"


def _listed(values: Sequence[float] | None) -> str:
    return "not measured" if values is None else ", ".join(f"{value:.2f}" for value in values)


def _number(metric: str, value: float) -> str:
    return f"{value:.4f}" if metric in ("SSIM", "gradient_error") else f"{value:.2f}"


def _verdict(what: str, good: bool) -> str:
    return f"- {what}: {'ok' if good else 'MISSED'}"
