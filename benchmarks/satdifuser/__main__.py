"""Heads on the features of our own backbone beside what they must beat, at the same time and on the same labels.

    SEAMLINE_DATA=FOLDER python -m benchmarks.satdifuser RESULTS.jsonl [--minutes M] [--tasks A,B] [--methods A,B]
        [--shares 1,0.3,0.1] [--seeds N] [--write DOCS]

Results are kept in the file, a line each, and what is there is not measured again.  All methods get the same minutes of
one processor core.  The exit status is 1 where a rival is better than the best of ours.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from seamline.models.registry import info

from ..shared.pages import published
from .designs import DESIGNS
from .page import PAGE, PART, lines_of
from .runs import METHODS, Cell, Ledger, measure
from .tasks import TASKS


def main() -> int:
    """Measure what is missing, print, write, judge."""
    parser = argparse.ArgumentParser(
        description="SatDiFuser beside supervised networks, raw pixels, a random backbone."
    )
    parser.add_argument("results", type=Path, help="file of the results, made or gone on with")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each training, features included")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--shares", default="1", help="of the labels")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each, that differ in chance alone: 1")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    # More would be told as more time.
    torch.set_num_threads(1)
    ledger = Ledger(options.results)
    cells = [
        Cell(task, method, float(share), options.minutes, seed)
        for seed in range(options.seeds)
        for share in options.shares.split(",")
        for task in options.tasks.split(",")
        for method in options.methods.split(",")
    ]
    for cell in ledger.missing(cells):
        found = measure(cell, Path(os.environ["SEAMLINE_DATA"]), DESIGNS)
        ledger.add(found)
        print(found, flush=True)
    lines = list(lines_of(list(ledger), info(DESIGNS["segment"].backbone)))
    return published(lines, options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
