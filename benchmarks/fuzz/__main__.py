"""Damaged and hostile files through the doors that read them: refused in a sentence, or read as GDAL reads them.

    python -m benchmarks.fuzz [--seed N] [--count N] [--only N ...] [--list] [--folder FOLDER] [--write DOCS]

Inputs are mutated from good ones by draws from a seed; each has a number, by which it can be repeated alone.  Linux
only.  The exit status is 1 where a law did not hold.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from ..shared.forks import load
from ..shared.law import Verdict, lines_of, told_of
from ..shared.listening import Listener
from ..shared.pages import published
from .execution import verdicts_on
from .inputs import COUNT, inputs
from .seeds import write_seeds

PAGE, PART, SEED = "faults.md", "fuzz", 2026


def main() -> int:
    """Choose, carry out, judge, write."""
    parser = argparse.ArgumentParser(description="Damaged and hostile files through the doors that read them.")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the draws: {SEED}")
    parser.add_argument("--count", type=int, default=COUNT, help=f"inputs: {COUNT}")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="inputs of these numbers alone")
    parser.add_argument("--list", action="store_true", help="print the inputs, try none")
    parser.add_argument("--folder", type=Path, help="where files lie meanwhile")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    chosen = [
        each for each in inputs(options.seed, options.count) if options.only is None or each.number in options.only
    ]
    if options.list:
        print("\n".join(f"{each.number} {each}" for each in chosen))
        return 0
    load()
    found: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="seamline-", dir=options.folder) as name, Listener() as listener:
        folder = Path(name).resolve()
        write_seeds(folder / "seeds")
        for verdict in verdicts_on(chosen, folder / "seeds", folder, listener):
            found.append(verdict)
            if verdict.breaches or options.only:
                print("\n".join(told_of(verdict)), flush=True)
    outcomes = Counter(verdict.outcome for verdict in found)
    lines = [*lines_of(found, "inputs"), "", ", ".join(f"{count} {name}" for name, count in outcomes.most_common())]
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
