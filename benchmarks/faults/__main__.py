"""Faults that befall runs, and what comes of them: no wrong pixel, no traceback, and always a way out.

    python -m benchmarks.faults [--seed N] [--share X] [--only N ...] [--list] [--folder FOLDER] [--write DOCS]

Every trial is a run of the program in a process of its own, and the runs that lead out of what happened to it.  They
are drawn from a seed; each has a number, by which it can be repeated alone.  Linux only.  The exit status is 1 where a
law did not hold.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..shared.forks import load
from ..shared.law import Verdict, lines_of, told_of
from ..shared.listening import Listener
from ..shared.pages import published
from .execution import perform
from .jobs import Bench
from .judging import judge
from .trials import Trial, trials

PAGE, PART, SEED = "faults.md", "faults", 2026


def verdicts_on(chosen: Sequence[Trial], folder: Path) -> Iterator[Verdict]:
    """Carry trials out one after another, and judge each."""
    load()
    bench = Bench(folder / "jobs")
    with Listener() as listener:
        for trial in chosen:
            place = folder / f"trial-{trial.number}"
            place.mkdir()
            yield judge(perform(trial, bench, place, listener))
            shutil.rmtree(place)


def main() -> int:
    """Choose, carry out, judge, write."""
    parser = argparse.ArgumentParser(description="Runs that are killed, starved, disturbed or damaged.")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the draws: {SEED}")
    parser.add_argument("--share", type=float, default=1.0, help="of the trials of each family: 1")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="trials of these numbers alone")
    parser.add_argument("--list", action="store_true", help="print the trials, carry none out")
    parser.add_argument("--folder", type=Path, help="where scenes and outputs lie meanwhile")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    chosen = [t for t in trials(options.seed, options.share) if options.only is None or t.number in options.only]
    if options.list:
        print("\n".join(f"{trial.number} {trial.family}: {trial.job}, {trial.fault}" for trial in chosen))
        return 0
    found = []
    with tempfile.TemporaryDirectory(prefix="seamline-", dir=options.folder) as name:
        for verdict in verdicts_on(chosen, Path(name).resolve()):
            found.append(verdict)
            if verdict.breaches or options.only:
                print("\n".join(told_of(verdict)), flush=True)
    return published(list(lines_of(found, "trials")), options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
