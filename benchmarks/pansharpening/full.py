"""Real pairs at full resolution: what artefacts a method leaves, and how it looks.

    SEAMLINE_DATA=FOLDER python -m benchmarks.pansharpening.full [--models A,B,C] [--before FOLDER] [--pictures FOLDER]
        [--write DOCS]

``--before`` names a folder of fused images, ``PAIR.tif``, of another version of the program; ``--pictures`` a folder
for crops of each pair, enlarged three times.  The exit status is 1 where the judged model misses a bound.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rasterio.windows import Window

from seamline.engine.contract import ModelSource
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.request import Request
from seamline.engine.run import run

from ..shared.pages import published
from .runs import source_of
from .scenes import REAL, REAL_MORE, real_pair

SUBJECT = "salad-pan-tiny"
CLASSICS = ("brovey", "gsa", "mtf-glp-fs", "mtf-glp-hpm")
MODELS = (*CLASSICS, SUBJECT)
SHOWN = ("gsa", "mtf-glp-hpm", SUBJECT)
METRICS = ("undershoot", "overshoot", "PAN_detail", "lattice", "bias", "clipped", "HQNR", "seam")
BEFORE = "before"
PAGE, PART = "pansharpening-full.md", "measured"
_UNDERSHOOT, _OVERSHOOT, _LATTICE, _BIAS, _SEAM = 0.05, 0.06, 1.2, 0.005, 1.02
_SIDE, _ZOOM = 120, 3


@dataclass(frozen=True)
class Fused:
    """A fused pair.

    Attributes:
        path: of the image.
        scores: by the names of ``METRICS``; those that nobody measured are left out.
        calm: whether the seam score lies inside its control band.
    """

    path: Path
    scores: Mapping[str, float]
    calm: bool = True


Table = Mapping[str, Mapping[str, Fused]]
"""By pair and method."""


def fused(source: ModelSource, name: str, root: Path, folder: Path) -> Fused:
    """Fuse a real pair by default options and measure it."""
    ms, pan = real_pair(root, name)
    out = folder / f"{name}-{source.spec.name}.tif"
    facts = run(Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(out), overwrite=True), source).facts
    scores = measured(out, name, root)
    width, height = facts["size"]
    scores["clipped"] = facts["counts"]["clipped"] / (width * height * len(facts["main_bands"]))
    seam, band = facts["metrics"]["seam_score"], facts["metrics"]["seam_control_band"]
    if seam is not None:
        scores["seam"] = seam
    return Fused(out, scores, seam is None or seam <= _SEAM or band[0] <= seam <= band[1])


def measured(path: Path, name: str, root: Path) -> dict[str, float]:
    """What a fused image tells against its PAN and MS."""
    ms, pan = real_pair(root, name)
    request = EvaluationRequest(str(path), pan=str(pan), ms=str(ms))
    metrics = evaluate(plan_evaluation(request)).metrics
    return {metric: metrics[metric] for metric in METRICS if metric in metrics}


def measure(models: Sequence[str], before: Path | None, root: Path, folder: Path) -> Table:
    """Every pair by every method."""
    found: dict[str, dict[str, Fused]] = {}
    for name in (*REAL, *REAL_MORE):
        for source in map(source_of, models):
            found.setdefault(name, {})[source.spec.name] = fused(source, name, root, folder)
            print(name, source.spec.name, found[name][source.spec.name].scores, flush=True)
        if before is not None:
            old = before / f"{name}.tif"
            found[name][BEFORE] = Fused(old, measured(old, name, root))
    return found


def lines_of(found: Table) -> Iterator[str]:
    """The measured part of the page."""
    for name, rows in found.items():
        yield f"### {name}"
        yield ""
        yield f"| method | {' | '.join(METRICS)} |"
        yield "|---" * (len(METRICS) + 1) + "|"
        for method, each in rows.items():
            values = [f"{each.scores[m]:.4f}" if m in each.scores else "" for m in METRICS]
            yield f"| {method} | {' | '.join(values)} |"
        yield ""
    yield "### Claims"
    yield ""
    for name, rows in found.items():
        for what, value, bound, good in claims(rows):
            yield f"- {name}, {what}: {value:.4f}, bound {bound:.4f}: {'held' if good else 'MISSED'}"


def claims(rows: Mapping[str, Fused]) -> Iterator[tuple[str, float, float, bool]]:
    """What is claimed of the judged model on a pair: what, its value, the bound, and whether it holds."""
    own, gsa, glp = (rows[method].scores for method in (SUBJECT, "gsa", "mtf-glp-fs"))
    best = max(rows[method].scores["HQNR"] for method in CLASSICS if method in rows)
    clipped = glp["clipped"] > 0.0
    most = {
        "undershoot": max(_UNDERSHOOT, 1.2 * gsa["undershoot"]),
        "overshoot": max(_OVERSHOOT, 1.2 * gsa["overshoot"]),
        "lattice": _LATTICE,
        "bias": max(_BIAS, glp["bias"] / 2) if clipped else _BIAS,
        "clipped": glp["clipped"],
    }
    for what, bound in most.items():
        yield what, own[what], bound, own[what] <= bound
    for what, bound in (("PAN_detail", glp["PAN_detail"] - 0.02), ("HQNR", best)):
        yield what, own[what], bound, own[what] >= bound
    if "seam" in own:
        yield "seam", own["seam"], _SEAM, rows[SUBJECT].calm


def picture(name: str, rows: Mapping[str, Fused], root: Path) -> Image.Image:
    """Crops of MS, PAN and some methods, enlarged three times, where PAN has most detail."""
    ms, pan = real_pair(root, name)
    with rasterio.open(pan) as file:
        values = file.read(1).astype(np.float64)
        row, column = _busiest(values)
        at = file.xy(row + _SIDE // 2, column + _SIDE // 2)
    tiles = [("MS", _crop(ms, at, nearest=pan)), ("PAN", _crop(pan, at, nearest=pan))]
    tiles += [(m, _crop(rows[m].path, at, nearest=pan)) for m in (*SHOWN[:2], BEFORE, SHOWN[2]) if m in rows]
    stretched = _stretched(tiles)
    side = _SIDE * _ZOOM
    sheet = Image.new("RGB", (3 * side + 20, -(-len(tiles) // 3) * (side + 24)), "white")
    pen = ImageDraw.Draw(sheet)
    for k, ((title, _), image) in enumerate(zip(tiles, stretched, strict=True)):
        x, y = k % 3 * (side + 10), k // 3 * (side + 24)
        sheet.paste(Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST), (x, y + 20))
        pen.text((x + 4, y + 4), f"{name}: {title}", fill="black")
    return sheet


def _busiest(values: NDArray[np.float64]) -> tuple[int, int]:
    """Corner of the window with the largest mean of absolute second differences, away from the rim."""
    bent = np.abs(np.diff(np.diff(values, axis=0), axis=1))
    total = np.pad(bent.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[_SIDE:, _SIDE:] - total[:-_SIDE, _SIDE:] - total[_SIDE:, :-_SIDE] + total[:-_SIDE, :-_SIDE]
    rows, columns = np.unravel_index(int(np.argmax(sums[16:-16, 16:-16])), (sums.shape[0] - 32, sums.shape[1] - 32))
    return int(rows) + 16, int(columns) + 16


def _crop(path: Path, at: tuple[float, float], *, nearest: Path) -> NDArray[np.float64]:
    """The ground around a place on the pixels of another image, (bands, side, side)."""
    with rasterio.open(nearest) as fine, rasterio.open(path) as file:
        row, column = fine.index(*at)
        left, top = fine.transform * (column - _SIDE // 2, row - _SIDE // 2)
        inverse = ~file.transform
        places = (np.arange(_SIDE) + 0.5) * np.array([[fine.transform.a], [fine.transform.e]])
        columns = np.floor((left + places[0]) * inverse.a + inverse.c).astype(int)
        rows = np.floor((top + places[1]) * inverse.e + inverse.f).astype(int)
        window = Window(columns.min(), rows.min(), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
        values = file.read(window=window, boundless=True).astype(np.float64)
    return values[:, rows - rows.min()][:, :, columns - columns.min()]


def _stretched(tiles: Sequence[tuple[str, NDArray[np.float64]]]) -> Iterator[NDArray[np.uint8]]:
    """As red, green and blue, all by the levels of MS, PAN by its own."""
    for _, values in tiles:
        like = tiles[0][1] if len(values) >= 3 else values
        chosen = [2, 1, 0] if len(values) >= 3 else [0, 0, 0]
        low, high = (np.quantile(like[chosen], q, axis=(1, 2), keepdims=True) for q in (0.02, 0.98))
        scaled = np.clip((values[chosen] - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        yield (255 * scaled**0.8).astype(np.uint8).transpose(1, 2, 0)


def main() -> int:
    """Measure, print, draw, write, judge."""
    parser = argparse.ArgumentParser(description="Pan-sharpening of real pairs at full resolution.")
    parser.add_argument("--models", default=",".join(MODELS), metavar="A,B,C", help="names and model folders")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="fused images of another version, PAIR.tif")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where crops of each pair are put")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root = Path(os.environ["SEAMLINE_DATA"])
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        found = measure(options.models.split(","), options.before, root, Path(folder))
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            for name, rows in found.items():
                picture(name, rows, root).save(options.pictures / f"{name}.png")
    lines = list(lines_of(found))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
