"""Pan-sharpening models against the classics: quality, cost by denoising steps, agreement across tiles.

    SEAMLINE_DATA=FOLDER python benchmarks/pansharpening.py [--models A,B,C] [--write FILE.md]

A model is a name, a model folder, or "exp" for interpolation alone.  The shipped model is judged: the exit status is 1
where it misses a claim, and the page says which.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pansharpening_runs import (
    INTERPOLATED,
    METRICS,
    ROUNDS,
    Agreement,
    Scores,
    cost_by_steps,
    full_scores,
    reduced_scores,
    scores_by_steps,
    source_of,
    tile_agreement,
)
from pansharpening_scenes import GAIN, QUALITY, RATIO, quality_scenes, real_pair, real_scenes, simulated_scenes

SUBJECT = "salad-pan-tiny"
CLASSICS = ("brovey", "gsa", "mtf-glp-fs", "mtf-glp-hpm")
DEFAULT = ("exp", *CLASSICS, SUBJECT)
STEPS = (1, 2, 4, 8, 20)
FEW, SHARE = 4, 0.9999
REFERENCES = {"rr_fused_bdsd-pc.tif": "BDSD-PC, reference", "rr_fused_mtf-glp-fs.tif": "MTF-GLP-FS, reference"}
BEST = "best of all references"
TILED = ("spacenet6_wv2_1", "landsat8_istanbul")

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


def expected(root: Path) -> dict[str, dict[str, Scores]]:
    """Rows of the toolbox's fused images on the reference scenes; the best is taken metric by metric."""
    content = json.loads((root / "quality" / "expected.json").read_text(encoding="utf-8"))
    rows: dict[str, dict[str, Scores]] = {}
    for scene in QUALITY:
        reduced = {name: values for name, values in content[scene].items() if name.startswith("rr_")}
        for name, title in REFERENCES.items():
            rows.setdefault(title, {})[scene] = {metric: reduced[name][metric] for metric in METRICS}
        rows.setdefault(BEST, {})[scene] = {
            metric: _best(metric, [values[metric] for values in reduced.values()]) for metric in METRICS
        }
    return rows


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
            best = [_best(m, [rival[k][j] for rival in rivals]) for j, m in enumerate(metrics)]
            texts.append(" / ".join(_number(v, v == b) for v, b in zip(values, best, strict=True)))
        yield f"| {model} | " + " | ".join(texts) + " |"


def beaten(rows: Table, metrics: Sequence[str]) -> Iterator[str]:
    """Where another row is better than the judged model, scene by scene."""
    for scene in rows[SUBJECT]:
        for metric in metrics:
            own = rows[SUBJECT][scene][metric]
            others = {model: row[scene][metric] for model, row in rows.items() if model not in (SUBJECT, BEST)}
            best = _best(metric, [own, *others.values()])
            if best != own:
                who = next(model for model, value in others.items() if value == best)
                yield f"- {scene}, {metric}: {_number(own)}; {who} has {_number(best)}"


def _best(metric: str, values: Sequence[float]) -> float:
    return max(values) if metric in ("Q2n", "HQNR") else min(values)


def _number(value: float, bold: bool = False) -> str:
    return f"**{value:.4f}**" if bold else f"{value:.4f}"


def _verdict(what: str, good: bool) -> str:
    return f"- {what}: {'ok' if good else 'MISSED'}"


@dataclass(frozen=True)
class Measured:
    """All that a page shows.

    Attributes:
        groups: scores at reduced resolution, by group of scenes.
        full: indices of the real pairs at full resolution.
        by_steps: means over all scenes at reduced resolution, of the judged model.
        costs: CPU seconds per megapixel by steps.
        timed: name of the scene on which they were measured.
        tiles: how runs agree across tiles, by real pair.
    """

    groups: Mapping[str, Table]
    full: Table
    by_steps: Mapping[int, Scores]
    costs: Mapping[int, float]
    timed: str
    tiles: Mapping[str, Sequence[Agreement]]


def measure(models: Sequence[str], root: Path) -> Measured:
    """Run the models on all scenes; ``root`` is the data folder."""
    sources = [source_of(name) for name in models]
    subject = next(source for source in sources if source.spec.name == SUBJECT)
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        scenes = {
            "real pairs": real_scenes(root, folder),
            "reference scenes": quality_scenes(root),
            "simulated pairs": simulated_scenes(root, folder),
        }
        every, timed = [scene for members in scenes.values() for scene in members], scenes["simulated pairs"][-1]
        groups = {group: reduced_scores(sources, members, folder) for group, members in scenes.items()}
        return Measured(
            groups | {"reference scenes": groups["reference scenes"] | expected(root)},
            full_scores(sources, root, folder),
            scores_by_steps(subject, every, STEPS, folder),
            cost_by_steps(subject, timed, STEPS, folder),
            timed.name,
            {pair: list(tile_agreement(subject, *real_pair(root, pair), folder / pair)) for pair in TILED},
        )


def page(models: Sequence[str], found: Measured) -> Iterator[str]:
    """The page, line by line."""
    yield from (*_heading(models), "", *_quality(found.groups, found.full), "")
    yield from (*_steps(found), "", *_tiles(found.tiles), "")
    yield from ("## What is claimed", "", *verdicts(found))


def _heading(models: Sequence[str]) -> Iterator[str]:
    names = ",".join(Path(name).name for name in models)
    yield "# How good pan-sharpening is"
    yield ""
    yield "Made by one command, from the data folder that `SEAMLINE_DATA` names; a model that does not ship is given by"
    yield "its folder:"
    yield ""
    yield f"    python benchmarks/pansharpening.py --models {names} --write docs/pansharpening-quality.md"
    yield ""
    yield "The metrics are explained in [Measuring quality](quality.md).  Models run by their default options; where"
    yield "one is made consistent with MS, this is by the MTF of an unknown sensor."
    yield ""
    yield from CAVEATS.splitlines()


def _quality(groups: Mapping[str, Table], full: Table) -> Iterator[str]:
    texts = {
        "real pairs": "By Wald's protocol, true pixel centres, nothing left out at the rim.",
        "reference scenes": "As the DLPan toolbox degrades and scores them (phase `dlpan`, `--rim toolbox`).\n"
        "References are fused images of that toolbox; the last row takes the best of all of them, metric by metric.",
        "simulated pairs": f"PAN as a fixed mixture of the bands, MS behind a gain of {GAIN} at a ratio of {RATIO}.",
    }
    for group, rows in groups.items():
        yield from (f"## Reduced resolution: {group}", "", texts[group], "", *score_table(rows, METRICS), "")
        yield from (*_beaten_list(rows, METRICS), "")
    text = f"Without a reference, no sensor named.  The row of {INTERPOLATED} shows how much smoothness is rewarded."
    yield from ("## Full resolution: real pairs", "", text, "", *score_table(full, ("D_lambda", "D_s", "HQNR")), "")
    yield from _beaten_list(full, ("HQNR",))


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


def _tiles(found: Mapping[str, Sequence[Agreement]]) -> Iterator[str]:
    yield f"## Tiles: {SUBJECT}"
    yield ""
    yield "Share of the values of a full-resolution run that lie within 1 DN of the run with tiles of 512 px; in"
    yield "brackets, without the model's margin along the rim of the scene.  There the last tile overhangs: how far"
    yield "depends on its size, and with it how far the scene is continued by reflection."
    yield ""
    yield "| tile | grid | " + " | ".join(found) + " |"
    yield "|---" * (2 + len(found)) + "|"
    for rows in zip(*found.values(), strict=True):
        values = " | ".join(f"{100 * row.whole:.4f} % ({100 * row.inner:.4f} %)" for row in rows)
        yield f"| {rows[0].tile} px | {'moved by half a tile' if rows[0].moved else 'as planned'} | {values} |"


def verdicts(found: Measured) -> Iterator[str]:
    """What is claimed, and whether it holds."""
    for group, rows in found.groups.items():
        for metric in METRICS:
            own = mean(rows[SUBJECT], metric)
            others = {name: mean(row, metric) for name, row in rows.items() if name not in (SUBJECT, BEST)}
            best = _best(metric, list(others.values()))
            who = next(name for name, value in others.items() if value == best)
            what = f"{group}, mean {metric} {_number(own)}, best other {_number(best)} ({who})"
            yield _verdict(what, own != best and _best(metric, [own, best]) == own)
    full = {name: mean(row, "HQNR") for name, row in found.full.items()}
    best = max(full[name] for name in CLASSICS if name in full)
    yield _verdict(f"full resolution, mean HQNR {full[SUBJECT]:.4f}, best classic {best:.4f}", full[SUBJECT] >= best)
    for metric in METRICS:
        few = _best(metric, [scores[metric] for steps, scores in found.by_steps.items() if steps <= FEW])
        many = found.by_steps[STEPS[-1]][metric]
        what = f"{metric} of at most {FEW} steps {_number(few)}, of {STEPS[-1]} {_number(many)}"
        yield _verdict(what, _best(metric, [few, many]) == few)
    least = min(row.whole for rows in found.tiles.values() for row in rows)
    inner = min(row.inner for rows in found.tiles.values() for row in rows)
    yield _verdict(f"tiles, least share within 1 DN {100 * least:.4f} %", least >= SHARE)
    yield _verdict(f"tiles, the same off the rim of the scene {100 * inner:.4f} %", inner >= SHARE)


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Pan-sharpening models against the classics.")
    parser.add_argument("--models", default=",".join(DEFAULT), metavar="A,B,C", help="names and model folders")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="where the page goes")
    options = parser.parse_args()
    models = options.models.split(",")
    if SUBJECT not in models or not set(CLASSICS) & set(models):
        parser.error(f"{SUBJECT} and at least one of {', '.join(CLASSICS)} must be among the models")
    text = "\n".join(page(models, measure(models, Path(os.environ["SEAMLINE_DATA"])))) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 1 if "MISSED" in text else 0


if __name__ == "__main__":
    raise SystemExit(main())
