"""Designs that were tried and not taken, beside those that were.

    SEAMLINE_DATA=FOLDER python -m benchmarks.satdifuser.attempts [--backbone FOLDER] [NAME ...]

Prints the scores of each attempt, or of those that are named, on the test splits.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import torch

from seamline.training.satdifuser.fit import FitSettings
from seamline.training.satdifuser.model import BACKBONE, Design

from .runs import Cell, measure
from .tasks import TASKS


@dataclass(frozen=True, slots=True)
class Attempt:
    """A training that was tried.

    Attributes:
        cell: task, method and minutes of the processor.
        design: its shape.
        copies: most copies of a tile.
        fit: its steps and rates.
    """

    cell: Cell
    design: Design = field(default_factory=Design)
    copies: int = 2
    fit: FitSettings = field(default_factory=FitSettings)


ATTEMPTS: Mapping[str, Attempt] = MappingProxyType(
    {
        "buildings-unet": Attempt(Cell("both", "scratch", 1.0, 5.0), copies=4),
        "buildings-4px": Attempt(Cell("both", "gw", 1.0, 5.0), Design(head="upernet", finest=4, width=96), 4),
        "buildings-2px": Attempt(
            Cell("both", "gw", 1.0, 5.0), Design(head="upernet", width=64, bottleneck=24, channels=32), 3
        ),
        "buildings-beside": Attempt(Cell("both", "gw", 1.0, 5.0), copies=4),
        "eurosat-all-scales": Attempt(Cell("eurosat", "gw", 1.0, 3.0), Design(finest=1, pixels=False), 4),
        "eurosat-8px": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(finest=8, pixels=False)),
        "eurosat-8px-copies": Attempt(Cell("eurosat", "gw", 1.0, 3.0), Design(finest=8, pixels=False), copies=4),
        "eurosat-late": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(times=(0.4,), finest=8, pixels=False)),
        "eurosat-zoom": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(zoom=2, finest=4, pixels=False)),
        "trees-8px": Attempt(Cell("trees", "gw", 1.0, 2.0), Design(finest=8, pixels=False)),
        "buildings-220-steps": Attempt(Cell("both", "gw", 1.0, 9.0), copies=1, fit=FitSettings(220, patience=20)),
        "eurosat-600-steps": Attempt(
            Cell("eurosat", "gw", 1.0, 3.0), Design(finest=8), 3, FitSettings(600, patience=20)
        ),
        "trees-raw": Attempt(Cell("trees", "pixels", 1.0, 5.0), copies=8),
        "eurosat-raw": Attempt(Cell("eurosat", "pixels", 1.0, 5.0), copies=8),
        "eurosat-beside": Attempt(Cell("eurosat", "gw", 1.0, 5.0), copies=8),
        "eurosat-beside-8px": Attempt(Cell("eurosat", "gw", 1.0, 5.0), Design(finest=8), 8),
        "trees-beside": Attempt(Cell("trees", "gw", 1.0, 5.0), copies=8),
        "trees-beside-8px": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(finest=8), 8),
        "trees-beside-wide": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(width=128, bottleneck=32), 8),
        "trees-beside-narrow": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(width=48, bottleneck=16), 8),
    }
)
"""By name; what is not said is as the program has it."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Designs of heads that were tried.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTEMPTS)}; all otherwise")
    parser.add_argument("--backbone", default=BACKBONE, metavar="NAME|FOLDER", help=f"of ours: {BACKBONE}")
    options = parser.parse_args()
    names = options.names or list(ATTEMPTS)
    if unknown := [name for name in names if name not in ATTEMPTS]:
        parser.error(f"there is no attempt {unknown[0]}")
    # More would be told as more time.
    torch.set_num_threads(1)
    print("| attempt | minutes | test scores | steps, kept |\n|---|---|---|---|", flush=True)
    for name in names:
        attempt = ATTEMPTS[name]
        kind = TASKS[attempt.cell.task].kind
        design = replace(attempt.design, backbone=options.backbone)
        found = measure(attempt.cell, Path(os.environ["SEAMLINE_DATA"]), {kind: design}, attempt.copies, attempt.fit)
        scores = ", ".join(f"{test} {next(iter(row.values())):.3f}" for test, row in found.scores.items())
        print(f"| {name} | {attempt.cell.minutes:g} | {scores} | {found.steps[0]}, {found.steps[1]} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
