"""The page of ``python -m benchmarks.pansharpening``: tables, what is claimed, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .runs import ADAPT_STEPS, METRICS, ROUNDS, TILES, Adapted, Agreement, Scores
from .scenes import GAIN, RATIO

SUBJECT = "salad-pan-tiny"
CLASSICS = ("brovey", "gsa", "mtf-glp-fs", "mtf-glp-hpm")
FEW, SHARE = 4, 0.9999
BEST = "best of all references"
BEFORE = "before"
PHASES = ("real pairs", "real pairs, phase of the toolbox")
NO_WORSE, ALIKE = 0.01, 0.02
YARDSTICK = "yardstick-cnn"
"""A plain network: to be beaten on average, but no classic that an analyst would turn to on a single scene."""

Table = Mapping[str, Mapping[str, Scores]]

CAVEATS = f"""\
What to bear in mind:

- Methods that are matched to an MTF have an advantage: MS was degraded with the MTF that they assume, that of an
  unknown sensor (gain {GAIN} at the MS Nyquist frequency).  So has a learned model that was trained around it.
- All scenes are test ground: no model was trained on the real pairs or on the reference scenes, and the simulated
  pairs are cut from test splits.  The learned models did see other ground of the simulated pairs' sensors.
- The simulated pairs have neither noise nor misregistration, and PAN is an exact mixture of the bands: they flatter
  every method that injects detail.
- Ten small scenes are no survey.  What holds at reduced resolution need not hold at the full one.
"""


@dataclass(frozen=True)
class Measured:
    """All that a page shows.

    Attributes:
        groups: scores at reduced resolution, by group of scenes.
        by_steps: means over all scenes at reduced resolution, of the judged model.
        costs: CPU seconds per megapixel by steps.
        timed: name of the scene on which they were measured.
        adapted: scenes at reduced resolution, by group, with the judged model adapted to each of them; None where a
            scene is too small.
        tiles: how runs agree across tiles, by real pair.
        sensitivity: RMS of what the default tiles change, DN by band, by real pair.
    """

    groups: Mapping[str, Table]
    by_steps: Mapping[int, Scores]
    costs: Mapping[int, float]
    timed: str
    adapted: Mapping[str, Mapping[str, Adapted | None]]
    tiles: Mapping[str, Sequence[Agreement]]
    sensitivity: Mapping[str, Sequence[float]]


def mean(row: Mapping[str, Scores], metric: str) -> float:
    """Of a model over its scenes."""
    return float(np.mean([scores[metric] for scores in row.values()]))


def score_table(rows: Table, metrics: Sequence[str]) -> Iterator[str]:
    """One line a model, one column a scene and their mean; the best value of each metric in bold."""
    scenes = list(next(iter(rows.values())))
    cells = {
        model: [[row[scene][m] for m in metrics] for scene in scenes] + [[mean(row, m) for m in metrics]]
        for model, row in rows.items()
    }
    # A row of bests is no method and takes no prize.
    rivals = [columns for model, columns in cells.items() if model != BEST]
    yield f"| {' / '.join(metrics)} | " + " | ".join([*scenes, "mean"]) + " |"
    yield "|---" * (len(scenes) + 2) + "|"
    for model, columns in cells.items():
        texts = []
        for k, values in enumerate(columns):
            best = [best_of(m, [rival[k][j] for rival in rivals]) for j, m in enumerate(metrics)]
            texts.append(" / ".join(_number(v, v == b) for v, b in zip(values, best, strict=True)))
        yield f"| {model} | " + " | ".join(texts) + " |"


def beaten(rows: Table, metrics: Sequence[str]) -> Iterator[str]:
    """Where another row is better than the judged model, scene by scene."""
    for scene in rows[SUBJECT]:
        for metric in metrics:
            own = rows[SUBJECT][scene][metric]
            others = {model: row[scene][metric] for model, row in rows.items() if model not in (SUBJECT, BEST)}
            best = best_of(metric, [own, *others.values()])
            if best != own:
                who = next(model for model, value in others.items() if value == best)
                yield f"- {scene}, {metric}: {_number(own)}; {who} has {_number(best)}"


def best_of(metric: str, values: Sequence[float]) -> float:
    """The best of some values of a metric."""
    return max(values) if metric in ("Q2n", "HQNR") else min(values)


def _number(value: float, bold: bool = False) -> str:
    return f"**{value:.4f}**" if bold else f"{value:.4f}"


def _verdict(what: str, good: bool) -> str:
    return f"- {what}: {'ok' if good else 'MISSED'}"


def page(models: Sequence[str], found: Measured) -> Iterator[str]:
    """The page, line by line."""
    yield from (*_heading(models), "", *_quality(found.groups), "")
    yield from (*_adapted(found), "", *_steps(found), "", *_tiles(found), "")
    yield from ("## What is claimed", "", *verdicts(found))


def _heading(models: Sequence[str]) -> Iterator[str]:
    names = ",".join(Path(name).name for name in models)
    yield "# How good pan-sharpening is"
    yield ""
    yield "Made by one command, from the data folder that `SEAMLINE_DATA` names; a model that does not ship is given by"
    yield "its folder:"
    yield ""
    yield f"    python -m benchmarks.pansharpening --models {names} --write docs/results"
    yield ""
    yield "The metrics are explained in [Measuring quality](../reference/metrics.md).  Models run by their default"
    yield "options.  Real pairs at full resolution stand on [a page of their own](pansharpening-full.md)."
    yield ""
    yield from CAVEATS.splitlines()


def _quality(groups: Mapping[str, Table]) -> Iterator[str]:
    texts = {
        PHASES[0]: "By Wald's protocol, true pixel centres, nothing left out at the rim; PAN is laid where MS was\n"
        "measured to lie.",
        PHASES[1]: "The same, but MS is sampled where the DLPan toolbox samples it, and PAN lies where the\n"
        "georeference has it.",
        "reference scenes": "As the DLPan toolbox degrades and scores them (phase `dlpan`, `--rim toolbox`).\n"
        "References are fused images of that toolbox; the last row takes the best of all of them, metric by metric.",
        "simulated pairs": f"PAN as a fixed mixture of the bands, MS behind a gain of {GAIN} at a ratio of {RATIO}.",
    }
    for group, rows in groups.items():
        yield from (f"## Reduced resolution: {group}", "", texts[group], "", *score_table(rows, METRICS), "")
        yield from (*_beaten_list(rows, METRICS), "")


def _beaten_list(rows: Table, metrics: Sequence[str]) -> Iterator[str]:
    lost = list(beaten(rows, metrics))
    if lost:
        yield from (f"Where {SUBJECT} is not the best:", "", *lost)
    else:
        yield f"{SUBJECT} has the best {', '.join(metrics)} everywhere."


def _steps(found: Measured) -> Iterator[str]:
    yield f"## Steps: {SUBJECT}"
    yield ""
    yield f"Quality: means over all scenes at reduced resolution.  Cost: {found.timed}, one thread, whole runs without"
    yield f"the start of the program; medians of {ROUNDS} rounds in which the step counts take turns.  Compare the"
    yield "ratios: the seconds depend on the machine and on what else it does."
    yield ""
    yield "| steps | CPU s per megapixel | ratio to 1 step | " + " | ".join(METRICS) + " |"
    yield "|---" * (3 + len(METRICS)) + "|"
    for steps, scores in found.by_steps.items():
        values = " | ".join(_number(scores[metric]) for metric in METRICS)
        yield f"| {steps} | {found.costs[steps]:.2f} | {found.costs[steps] / found.costs[1]:.2f} | {values} |"


def _adapted(found: Measured) -> Iterator[str]:
    yield f"## Adapted to the scene: {SUBJECT}"
    yield ""
    yield f"With `--adapt {ADAPT_STEPS}`, scenes as above.  Cost: CPU time of adapting and fusing over that of fusing."
    yield ""
    yield f"| {' / '.join(METRICS)} | as shipped | adapted | step kept | cost | best classic or reference |"
    yield "|---" * 6 + "|"
    for group, rows in found.adapted.items():
        for scene, adapted in rows.items():
            table = found.groups[group]
            shipped, others = table[SUBJECT][scene], _others(table, scene)
            cells = [_triple(shipped), "too small", "", "", _triple(others)]
            if adapted is not None:
                cells[1:4] = [_triple(adapted.scores), str(adapted.kept), f"{adapted.cost:.1f}"]
            yield f"| {group}: {scene} | " + " | ".join(cells) + " |"


def _others(table: Table, scene: str) -> dict[str, float]:
    """The best of classics and references on a scene, metric by metric."""
    rows = [row[scene] for model, row in table.items() if model not in (SUBJECT, BEST, YARDSTICK)]
    return {metric: best_of(metric, [row[metric] for row in rows]) for metric in METRICS}


def _triple(scores: Scores) -> str:
    return " / ".join(_number(scores[metric]) for metric in METRICS)


def _tiles(found: Measured) -> Iterator[str]:
    yield f"## Tiles: {SUBJECT}"
    yield ""
    yield "Share of the values of a full-resolution run that lie within 1 DN of the run with tiles of 512 px; in"
    yield "brackets the seam score and the control band, in which 95 % of tile grids that are not there score.  A run"
    yield "of one tile has no seam."
    yield ""
    yield "| tile | grid | " + " | ".join(found.tiles) + " |"
    yield "|---" * (2 + len(found.tiles)) + "|"
    for rows in zip(*found.tiles.values(), strict=True):
        values = " | ".join(f"{100 * row.share:.4f} %{_seam(row)}" for row in rows)
        yield f"| {rows[0].tile} px | {'moved by half a tile' if rows[0].moved else 'as planned'} | {values} |"
    yield ""
    yield f"What tiles of {TILES[0]} px change against a run without tiles, RMS in DN by band:"
    yield ""
    for pair, values in found.sensitivity.items():
        yield f"- {pair}: {', '.join(f'{value:.4f}' for value in values)}"


def _seam(row: Agreement) -> str:
    if row.seam is None:
        return ""
    score, low, high = row.seam
    return f" ({score:.3f}; {low:.3f} to {high:.3f})"


def summary(found: Measured) -> Iterator[str]:
    """What the page on quality shows: means over each group of scenes."""
    yield "Means over scenes that no model was trained on.  Everything, scene by scene, with steps, tiles and adapting:"
    yield "[How good pan-sharpening is](pansharpening-quality.md), which the same command writes:"
    yield "`python -m benchmarks.pansharpening --write docs/results`."
    yield ""
    yield f"| {' / '.join(METRICS)} | " + " | ".join(found.groups) + " |"
    yield "|---" * (1 + len(found.groups)) + "|"
    for model in dict.fromkeys(name for rows in found.groups.values() for name in rows if name != BEST):
        cells = [
            " / ".join(_number(mean(rows[model], m)) for m in METRICS) if model in rows else ""
            for rows in found.groups.values()
        ]
        yield f"| {model} | " + " | ".join(cells) + " |"


def verdicts(found: Measured) -> Iterator[str]:
    """What is claimed, and whether it holds."""
    for group, rows in found.groups.items():
        for metric in METRICS:
            own = mean(rows[SUBJECT], metric)
            others = {name: mean(row, metric) for name, row in rows.items() if name not in (SUBJECT, BEST, BEFORE)}
            best = best_of(metric, list(others.values()))
            who = next(name for name, value in others.items() if value == best)
            what = f"{group}, mean {metric} {_number(own)}, best other {_number(best)} ({who})"
            yield _verdict(what, own != best and best_of(metric, [own, best]) == own)
    yield from _compared(found.groups)
    for metric in METRICS:
        few = best_of(metric, [scores[metric] for steps, scores in found.by_steps.items() if steps <= FEW])
        most = max(found.by_steps)
        many = found.by_steps[most][metric]
        what = f"{metric} of at most {FEW} steps {_number(few)}, of {most} {_number(many)}"
        yield _verdict(what, best_of(metric, [few, many]) == few)
    least = min(row.share for rows in found.tiles.values() for row in rows)
    yield _verdict(f"tiles, least share within 1 DN {100 * least:.4f} %", least >= SHARE)
    outside = [row for rows in found.tiles.values() for row in rows if row.seam and row.seam[0] > row.seam[2]]
    yield _verdict(f"seam scores above the control band: {len(outside)}", not outside)
    yield from _adapted_verdicts(found)


def _compared(groups: Mapping[str, Table]) -> Iterator[str]:
    """Against another version of the program, and between the places where MS may have been sampled."""
    for group, rows in groups.items():
        for metric in METRICS if BEFORE in rows else ():
            own, old = mean(rows[SUBJECT], metric), mean(rows[BEFORE], metric)
            worse = (old - own if metric == "Q2n" else own - old) / old
            what = f"{group}, mean {metric} {_number(own)}, before {_number(old)}, worse by {worse:.2%}"
            yield _verdict(f"{what}, bound {NO_WORSE:.0%}", worse <= NO_WORSE)
    if set(PHASES) <= set(groups):
        for metric in METRICS:
            one, other = (mean(groups[group][SUBJECT], metric) for group in PHASES)
            apart = abs(one - other) / min(one, other)
            yield _verdict(f"phases, mean {metric} apart by {apart:.2%}, bound {ALIKE:.0%}", apart <= ALIKE)


def _adapted_verdicts(found: Measured) -> Iterator[str]:
    """Means over the scenes that are large enough."""
    pairs = [
        (adapted.scores, found.groups[group][SUBJECT][scene])
        for group, rows in found.adapted.items()
        for scene, adapted in rows.items()
        if adapted is not None
    ]
    for metric in METRICS if pairs else ():
        adapted, shipped = (float(np.mean([pair[k][metric] for pair in pairs])) for k in (0, 1))
        what = f"adapted, mean {metric} {_number(adapted)}, as shipped {_number(shipped)}"
        yield _verdict(what, best_of(metric, [adapted, shipped]) == adapted)
