"""How often the truth lies within the standard deviation that pan-sharpening tells, on the drawn pairs of protocol fr.

    SEAMLINE_DATA=FOLDER python -m benchmarks.pansharpening.coverage [--model M] [--draws N] [--sets A,B] [--write DOCS]

The exit status is 1 where the mean share is out of its bound.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from seamline.engine.contract import UNCERTAINTY, ModelSource
from seamline.engine.quality.known_truth import Draw
from seamline.engine.request import Request
from seamline.engine.run import run

from ..shared.pages import published
from ..shared.scenes import read
from .draws import DRAWS, PAGE, RIM, SETS, pairs_of
from .full import SUBJECT
from .runs import source_of

ONE_SIGMA, OFF = 0.68, 0.05
"""Share of the values whose truth should lie within one standard deviation, and how far it may be off."""
PART = "coverage"


def covered(source: ModelSource, draw: Draw, folder: Path) -> float:
    """Share of the values of a drawn pair, fused by default options."""
    image, deviation = folder / "fused.tif", folder / "deviation.tif"
    inputs, also = {"ms": str(draw.ms), "pan": str(draw.pan)}, {UNCERTAINTY.name: str(deviation)}
    run(Request(inputs=inputs, out=str(image), dtype="float32", also=also, overwrite=True), source)
    fused, told, truth = (read(path)[:, RIM:-RIM, RIM:-RIM] for path in (image, deviation, draw.truth))
    return float((np.abs(fused - truth) <= told).mean())


def lines_of(found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The measured part of the page, from the shares by image."""
    yield "| image | truth within one deviation | least | most |"
    yield "|---|---|---|---|"
    for name, shares in found.items():
        yield f"| {name} | {np.mean(shares):.1%} | {min(shares):.1%} | {max(shares):.1%} |"
    mean = float(np.mean([np.mean(shares) for shares in found.values()]))
    verdict = "held" if abs(mean - ONE_SIGMA) <= OFF else "MISSED"
    yield ""
    yield f"- truth within one deviation {mean:.1%}, bound {ONE_SIGMA:.0%} by {OFF:.0%}: {verdict}"


def main() -> int:
    """Draw, measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="How well pan-sharpening tells its own errors.")
    parser.add_argument("--model", default=SUBJECT, help="name or model folder")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"instruments an image: {DRAWS}")
    parser.add_argument("--sets", default=",".join(SETS), metavar="A,B,C")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    root, source = Path(os.environ["SEAMLINE_DATA"]), source_of(options.model)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        for each in options.sets.split(","):
            found[each] = [
                covered(source, draw, Path(name)) for draw in pairs_of(each, options.draws, root, Path(name))
            ]
            print(each, f"{np.mean(found[each]):.1%}", flush=True)
    return published(list(lines_of(found)), options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
