"""What super-resolution with a reference costs on one thread of a processor, by steps and guidance.

    python -m benchmarks.reference.cost [--model NAME] [--side N] [--write DOCS]

One made-up scene of four bands.  Only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry

from ..shared.pages import published
from ..shared.scenes import large_scene, write_scene
from .runs import SCALE

MODEL, SIDE = "ds-dit-tiny-x4", 256
PAGE, PART = "reference.md", "cost"
WAYS: dict[str, dict[str, Any]] = {
    "1 step, no reference": {},
    "1 step": {"reference": True},
    "1 step, guidance 1.2": {"reference": True, "guidance": 1.2},
    "4 steps": {"reference": True, "steps": 4},
    "40 steps": {"reference": True, "steps": 40},
    "40 steps, guidance 1.2": {"reference": True, "steps": 40, "guidance": 1.2},
}


def scenes(folder: Path, side: int) -> tuple[Path, Path]:
    """LR and a reference of the same ground in another light."""
    whole = large_scene(folder / "whole.tif", height=side, width=side)
    with rasterio.open(whole) as file:
        values, crs, place = file.read().astype(np.float64), str(file.crs), file.transform
    cells = values.reshape(len(values), side // SCALE, SCALE, side // SCALE, SCALE).mean(axis=(2, 4))
    low, reference = folder / "low.tif", folder / "reference.tif"
    write_scene(low, cells.astype(np.uint16), place * place.scale(SCALE), crs)
    write_scene(reference, (0.8 * values + 100).astype(np.uint16), place, crs)
    return low, reference


def measured(model: str, side: int) -> dict[str, float]:
    """CPU seconds a megapixel of the result, by way; the model is loaded before the first."""
    source = registry.resolve(model, "superres")
    found = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        low, reference = scenes(folder, side)
        for way, options in {"": {}, **WAYS}.items():
            given = dict(options)
            inputs = {"image": str(low)} | ({"reference": str(reference)} if given.pop("reference", False) else {})
            start = time.process_time()
            run(Request(inputs=inputs, out=str(folder / "out.tif"), threads=1, overwrite=True, **given), source)
            found[way] = (time.process_time() - start) / (side**2 / 1e6)
            print(f"{way:>24} {found[way]:.2f}", flush=True)
    return {way: found[way] for way in WAYS}


def lines_of(found: dict[str, float]) -> Iterator[str]:
    """The measured part of the page."""
    yield from ("| way | CPU s a megapixel | against one step |", "|---|---|---|")
    for way, seconds in found.items():
        yield f"| {way} | {seconds:.1f} | {seconds / found['1 step']:.2f} |"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Cost of super-resolution with a reference.")
    parser.add_argument("--model", default=MODEL, help=f"name or folder: {MODEL}")
    parser.add_argument("--side", type=int, default=SIDE, help=f"of the result, px: {SIDE}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    lines = list(lines_of(measured(options.model, options.side)))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
