"""A cluster on this machine, and lazy arrays: what they cost, whole runs by the command line in turns.

    python -m benchmarks.engine.cluster [efficiency|overhead|memory ...] [--rounds N] [--write DOCS]

Efficiency: wall seconds with one worker over twice those with two, by a model that keeps the processor busy; the
scheduler and its workers stand ready, with nothing of this program loaded.  Overhead: CPU seconds of the identity with
a cluster that the run starts for itself, of two workers, over those with ``--workers 2``.  Memory: the peak of a
process that computes a lazy scene of 20,000 x 20,000 px.  Medians are judged.  Efficiency needs two idle cores; only
ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dask
import distributed

from seamline.engine.run.cluster import QUIET

from ..shared.pages import published
from ..shared.processes import Cost, cost_of, seamline
from ..shared.scenes import large_scene

ROUNDS = 3
# As many tile rows as a scene of 20,000 px has, in one column of tiles: what starting costs, and a row that two workers
# compute, are as small a share as in the runs that a cluster is for.
_STRIP, _WIDTH, _LARGE, _LAZY = 20_480, 368, 20_000, 20_000
LEAST_EFFICIENCY, MOST_OVERHEAD, MOST_BYTES = 0.85, 1.05, 2 * 10**9
PAGE = "cost.md"

_COMPUTE = """
import sys
import dask.array as da, numpy as np, rioxarray, xarray as xr
import seamline
side = int(sys.argv[1])
values = da.random.default_rng(1).integers(0, 3000, (1, side, side), chunks=(1, 2000, 2500)).astype("uint16")
places = {"y": 5e6 - 10 * np.arange(side), "x": 4e5 + 10 * np.arange(side)}
scene = xr.DataArray(values, places, ("band", "y", "x")).rio.write_crs(32633)
print(int(seamline.superres(scene, model="identity").max()))
"""


_SINGLE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _cost(*arguments: object) -> Cost:
    """Of the program, with one thread a process."""
    threads = (f"{name}={value}" for name, value in _SINGLE.items())
    return cost_of(["env", *threads, *seamline("superres", *arguments, "--threads", 1, "--overwrite")])


def _with_workers(count: int, *arguments: object) -> Cost:
    """Of the program, beside a scheduler that stands ready with its workers."""
    with (
        dask.config.set(QUIET),
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, memory_limit=0, dashboard_address=None, env=_SINGLE
        ) as cluster,
    ):
        cluster.wait_for_workers(count)
        return _cost(*arguments, "--scheduler", cluster.scheduler_address)


def efficiency(folder: Path, rounds: int) -> Iterator[float]:
    """Round by round."""
    strip = large_scene(folder / "strip.tif", height=_STRIP, width=_WIDTH, bands=4)
    for _ in range(rounds):
        one, two = (_with_workers(count, strip, folder / "a.tif", "--scale", 2).wall_s for count in (1, 2))
        yield one / (2 * two)


def overhead(folder: Path, rounds: int) -> Iterator[float]:
    """Round by round."""
    large = large_scene(folder / "large.tif", height=_LARGE, width=_LARGE, bands=4)
    for _ in range(rounds):
        here = ([], ["--scheduler", "local"])
        plain, cluster = (
            _cost(large, folder / "b.tif", "--model", "identity", "--workers", 2, *more).processor_s for more in here
        )
        yield cluster / plain


def memory(_folder: Path, _rounds: int) -> Iterator[float]:
    """Of one computation, bytes; a peak hardly varies."""
    yield cost_of([sys.executable, "-W", "ignore", "-c", _COMPUTE, str(_LAZY)]).peak_bytes


@dataclass(frozen=True)
class Claim:
    """What is measured, and its bound.

    Attributes:
        what: for the table.
        measure: gives a value for each round.
        bound: the least where ``is_least``, else the most.
        unit: of a shown value, and how many of those of a measured one it has.
    """

    what: str
    measure: Callable[[Path, int], Iterator[float]]
    bound: float
    is_least: bool = False
    unit: tuple[str, float] = ("", 1.0)

    def lines(self, values: Sequence[float]) -> Iterator[str]:
        """The measured part of the page."""
        middle, (name, size) = median(values), self.unit
        held = middle >= self.bound if self.is_least else middle <= self.bound
        shown = [f"{value / size:.2f}" for value in (middle, min(values), max(values), self.bound)]
        of = f"; {len(values)} rounds gave {shown[1]} to {shown[2]}" if len(values) > 1 else ""
        yield f"- {self.what}: {shown[0]}{name}{of}; bound {shown[3]}{name}: {'held' if held else 'MISSED'}"


CLAIMS = {
    "efficiency": Claim("efficiency of two workers", efficiency, LEAST_EFFICIENCY, is_least=True),
    "overhead": Claim("CPU seconds of the identity over those of `--workers`", overhead, MOST_OVERHEAD),
    "memory": Claim("peak memory of a lazy scene", memory, MOST_BYTES, unit=(" GB", 1e9)),
}


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="A cluster on this machine, and lazy arrays.")
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help=f"some of {', '.join(CLAIMS)}; all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each: {ROUNDS}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("a median needs a round")
    if unknown := set(options.claims) - CLAIMS.keys():
        parser.error(f"nothing is claimed of {', '.join(sorted(unknown))}")
    missed = 0
    for name in options.claims or CLAIMS:
        found = []
        with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
            for value in CLAIMS[name].measure(Path(folder), options.rounds):
                print(f"{name}: {value:.4g}", flush=True)
                found.append(value)
        page = options.write and options.write / "results" / PAGE
        missed |= published(list(CLAIMS[name].lines(found)), page, f"cluster {name}")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
