"""Designs that were tried and not taken, beside those that were.

    SEAMLINE_DATA=FOLDER python -m benchmarks.satdifuser.attempts [NAME ...]

Prints the test scores of each attempt, or of those that are named.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch

from seamline.training.satdifuser.model import Design

from .runs import Cell, measure
from .tasks import TASKS


@dataclass(frozen=True, slots=True)
class Attempt:
    """A training that was tried.

    Attributes:
        cell: task, method and minutes of the processor.
        design: its shape.
        copies: most copies of a tile.
    """

    cell: Cell
    design: Design = field(default_factory=Design)
    copies: int = 2


ATTEMPTS: Mapping[str, Attempt] = MappingProxyType(
    {
        "buildings-unet": Attempt(Cell("both", "scratch", 1.0, 5.0), copies=4),
        "buildings-4px": Attempt(Cell("both", "gw", 1.0, 5.0), Design(head="upernet", finest=4, width=96), 4),
        "buildings-2px": Attempt(
            Cell("both", "gw", 1.0, 5.0), Design(head="upernet", width=64, bottleneck=24, channels=32), 3
        ),
        "buildings-beside": Attempt(Cell("both", "gw", 1.0, 5.0), copies=4),
        "eurosat-all-scales": Attempt(Cell("eurosat", "gw", 1.0, 3.0), Design(finest=1, pixels=False), 4),
        "eurosat-8px": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(pixels=False)),
        "eurosat-8px-copies": Attempt(Cell("eurosat", "gw", 1.0, 3.0), Design(pixels=False), copies=4),
        "eurosat-late": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(times=(0.4,), pixels=False)),
        "eurosat-zoom": Attempt(Cell("eurosat", "gw", 1.0, 2.0), Design(zoom=2, pixels=False)),
        "trees-8px": Attempt(Cell("trees", "gw", 1.0, 2.0), Design(pixels=False)),
        "eurosat-beside": Attempt(Cell("eurosat", "gw", 1.0, 5.0), copies=8),
        "trees-beside": Attempt(Cell("trees", "gw", 1.0, 5.0), copies=8),
        "trees-beside-4px": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(finest=4), 8),
        "trees-beside-wide": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(width=128, bottleneck=32), 8),
        "trees-beside-narrow": Attempt(Cell("trees", "gw", 1.0, 5.0), Design(width=48, bottleneck=16), 8),
    }
)
"""By name; what is not said is as the program has it."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Designs of heads that were tried.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTEMPTS)}; all otherwise")
    names = parser.parse_args().names or list(ATTEMPTS)
    if unknown := [name for name in names if name not in ATTEMPTS]:
        parser.error(f"there is no attempt {unknown[0]}")
    # More would be told as more time.
    torch.set_num_threads(1)
    print("| attempt | minutes | test scores | steps, kept |\n|---|---|---|---|", flush=True)
    for name in names:
        attempt = ATTEMPTS[name]
        kind = TASKS[attempt.cell.task].kind
        found = measure(attempt.cell, Path(os.environ["SEAMLINE_DATA"]), {kind: attempt.design}, attempt.copies)
        scores = ", ".join(f"{test} {next(iter(row.values())):.3f}" for test, row in found.scores.items())
        print(f"| {name} | {attempt.cell.minutes:g} | {scores} | {found.steps[0]}, {found.steps[1]} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
