"""Super-resolution with a reference against without, interpolation, and what a formula makes of the reference.

    python -m benchmarks.reference [--model NAME] [--scale N] [--write DOCS]

SEAMLINE_DATA names the data folder; only test splits are read.  ``injected`` adds the detail of the reference with
gains fitted on LR around each pixel; ``oracle`` adds it with one gain a band, fitted on the truth, which no method can
know.  The truth stands beside them for its lattice: how far a group stands out by chance.  A lattice is read off all
windows of a group together, each of which counts alike: single scenes have too few.
The exit status is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seamline.engine.contract import ModelSource
from seamline.engine.output.lattice import LatticeSums, lattice_metric
from seamline.models import registry

from ..shared.pages import published
from ..shared.scenes import read
from .lattice import window_sums
from .runs import METRICS, SCALE, Scores, area_under_curve, formulas, fused, score
from .scenes import Changed, Dated, dated, made_changes, unrelated, written

MODEL = "ds-dit-tiny-x4"
PAGE, PART = "reference.md", "table"
UNRELATED_LOSS, COPIED, AUC, LATTICE = 0.1, 0.02, 0.8, 1.2
"""Bounds: dB that an unrelated reference may cost, share of changed objects that may appear, area under the curve, and
the lattice of a group.
"""
LEAST_OBJECT = 16
"""Px of an object that is judged."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An image: its scores against the truth, and its windows."""

    scores: Scores
    windows: LatticeSums


Table = dict[str, dict[str, list[Scored]]]
"""By group and method, what each pair gave."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was found where the reference shows objects that are not there.

    Attributes:
        objects, appearing: how many were judged, and in how many the result is nearer to the copy than to the result
            without reference.
        nearer: whether the error there is nearer to that without reference than to that of the copy.
        auc: of the trust against the mask.
    """

    objects: int
    appearing: int
    nearer: bool
    auc: float


def scored(source: ModelSource, pair: Dated, folder: Path, scale: int) -> dict[str, Scored]:
    """By method, what a pair gives."""
    low, reference, truth = written(pair, folder, scale)
    images = formulas(low, reference, truth, folder, scale)
    images["without reference"] = fused(source, low, None, folder / "none.tif")
    images["with reference"] = fused(source, low, reference, folder / "with.tif")
    images["truth"] = truth
    _, other, _ = written(unrelated(pair), folder / "unrelated", scale)
    images["with an unrelated one"] = fused(source, low, other, folder / "other.tif")
    found = {
        name: Scored(score(path, truth, scale), window_sums(read(path).astype(np.float64)))
        for name, path in images.items()
    }
    for name, row in found.items():
        print(f"{pair.name:>22} {name:>22}", " ".join(f"{k} {v:.4f}" for k, v in row.scores.items()), flush=True)
    return found


def judged(source: ModelSource, changed: Changed, folder: Path, scale: int) -> Made:
    """A pair whose reference shows objects that are not there."""
    low, reference, truth = written(changed.pair, folder, scale)
    trust = folder / "trust.tif"
    images = formulas(low, reference, truth, folder, scale)
    found = read(fused(source, low, reference, folder / "with.tif", also={"trust": str(trust)}))
    none, copy = read(fused(source, low, None, folder / "none.tif")), read(images["injected"])
    target, inside = read(truth).astype(np.float64), changed.objects > 0
    appearing = judged_objects = 0
    for number in range(1, int(changed.objects.max()) + 1):
        where = changed.objects == number
        if where.sum() < LEAST_OBJECT:
            continue
        judged_objects += 1
        way = (copy - none)[:, where].astype(np.float64)
        share = float(((found - none)[:, where] * way).sum() / max(float(np.square(way).sum()), 1e-12))
        appearing += share > 0.5
    errors = [float(np.square(image - target)[:, inside].mean()) ** 0.5 for image in (found, none, copy)]
    nearer = abs(errors[0] - errors[1]) < abs(errors[0] - errors[2])
    return Made(judged_objects, appearing, nearer, area_under_curve(read(trust).mean(axis=0), inside))


def lattice_of(rows: Sequence[Scored], scale: int) -> float:
    """Of a group, off all of its windows; the worst of the pools where images have other numbers of bands."""
    pools: dict[int, LatticeSums] = {}
    for row in rows:
        bands = len(row.windows.power)
        pools[bands] = pools[bands] + row.windows if bands in pools else row.windows
    return max(lattice_metric(pool, scale)["lattice"] for pool in pools.values())


def lines_of(table: Table, made: list[Made], scale: int) -> Iterator[str]:
    """The measured part of the page."""
    for group, methods in table.items():
        yield from (f"**{group}**, {len(next(iter(methods.values())))} pairs: means, and one lattice", "")
        yield from ("| method | " + " | ".join((*METRICS, "lattice")) + " |", "|---" * (len(METRICS) + 2) + "|")
        for method, rows in methods.items():
            values = " | ".join(f"{np.mean([row.scores[name] for row in rows]):.4f}" for name in METRICS)
            yield f"| {method} | {values} | {lattice_of(rows, scale):.4f} |"
        yield ""
    objects, appearing = sum(m.objects for m in made), sum(m.appearing for m in made)
    auc = float(np.mean([m.auc for m in made]))
    nearer = sum(m.nearer for m in made)
    yield f"Made changes, {len(made)} scenes, {objects} objects that only the reference shows: {appearing} appear; the"
    yield f"error there is nearer to that without reference in {nearer} of {len(made)}; area under the curve of the"
    yield f"trust {auc:.3f}."
    yield ""
    yield from verdicts(table, appearing / max(objects, 1), auc, nearer == len(made), scale)


def verdicts(table: Table, copied: float, auc: float, nearer: bool, scale: int) -> Iterator[str]:
    """What is held and what is missed."""

    def mean(group: str, method: str, name: str = "PSNR") -> float:
        return float(np.mean([row.scores[name] for row in table[group][method]]))

    matching = "one year older"
    checks = {
        f"{name}, {matching}: with the reference better than {rival}": sign
        * (mean(matching, "with reference", name) - mean(matching, rival, name))
        > 0
        for name, sign in (("PSNR", 1), ("SSIM", 1), ("gradient_error", -1))
        for rival in ("without reference", "bicubic", "injected")
    }
    loss = max(mean(group, "without reference") - mean(group, "with an unrelated one") for group in table)
    checks[f"an unrelated reference costs {loss:.2f} dB at most in a group (bound {UNRELATED_LOSS})"] = (
        loss <= UNRELATED_LOSS
    )
    checks[f"changed objects that appear: {100 * copied:.1f} % (bound {100 * COPIED:.0f} %)"] = copied <= COPIED
    checks["errors on made changes nearer to those without reference"] = nearer
    checks[f"area under the trust's curve {auc:.3f} (bound {AUC})"] = auc >= AUC
    for group in table:
        chance = lattice_of(table[group]["truth"], scale)
        for method in ("without reference", "with reference"):
            lattice = lattice_of(table[group][method], scale)
            what = f"lattice, {group}, {method}: {lattice:.2f} (bound {LATTICE}; the truth has {chance:.2f})"
            checks[what] = lattice <= LATTICE
    for what, held in checks.items():
        yield f"- {what}: {'held' if held else 'MISSED'}"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Super-resolution with a reference.")
    parser.add_argument("--model", default=MODEL, help=f"name or folder: {MODEL}")
    parser.add_argument("--scale", type=int, default=SCALE, help=f"of the model: {SCALE}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root = os.environ.get("SEAMLINE_DATA")
    if not root:
        parser.error("set SEAMLINE_DATA to the data folder")
    source = registry.resolve(options.model, "superres", scale=options.scale)
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        for pair in dated(Path(root)):
            for method, row in scored(source, pair, folder / pair.name, options.scale).items():
                table.setdefault(pair.group, {}).setdefault(method, []).append(row)
        made = [judged(source, each, folder / each.pair.name, options.scale) for each in made_changes(Path(root))]
    return published(
        list(lines_of(table, made, options.scale)), options.write and options.write / "results" / PAGE, PART
    )


if __name__ == "__main__":
    raise SystemExit(main())
