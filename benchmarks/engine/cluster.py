"""A cluster on this machine, and lazy arrays: what they cost, whole runs by the command line in turns.

    python -m benchmarks.engine.cluster [--rounds N] [--write DOCS]

Efficiency: wall seconds with one worker over twice those with two, by a model that keeps the processor busy.  Overhead:
CPU seconds of the identity with two workers of a cluster over those with ``--workers 2``.  Memory: the peak of a
process that computes a lazy scene of 20,000 x 20,000 px.  A bound is missed where the whole 95 % interval of the median
lies beyond it.  Two idle cores are needed; only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from ..shared.pages import published
from ..shared.processes import cost_of, seamline
from ..shared.scenes import large_scene
from .classics import interval

ROUNDS, _LEAST_ROUNDS = 7, 6
# Large enough that what starting costs is as small a share as in the runs that a cluster is for.
_SMALL, _LARGE, _LAZY = 2048, 20_000, 20_000
LEAST_EFFICIENCY, MOST_OVERHEAD, MOST_BYTES = 0.85, 1.05, 2 * 10**9
PAGE, PART = "cost.md", "cluster"

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


def measure(rounds: int) -> dict[str, list[float]]:
    """Efficiency, overhead and bytes, round by round."""
    found: dict[str, list[float]] = {"efficiency": [], "overhead": [], "bytes": []}
    single = ["env", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1"]
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        small = large_scene(folder / "small.tif", height=_SMALL, width=_SMALL, bands=4)
        large = large_scene(folder / "large.tif", height=_LARGE, width=_LARGE, bands=4)
        learned = ["superres", small, folder / "a.tif", "--scale", 2, "--threads", 1, "--overwrite"]
        identity = ["superres", large, folder / "b.tif", "--model", "identity", "--threads", 1, "--overwrite"]
        for _ in range(rounds):
            here = ["--scheduler", "local", "--workers"]
            one, two = (cost_of([*single, *seamline(*learned, *here, count)]).wall_s for count in (1, 2))
            found["efficiency"].append(one / (2 * two))
            cluster = cost_of([*single, *seamline(*identity, *here, 2)]).processor_s
            processes = cost_of([*single, *seamline(*identity, "--workers", 2)]).processor_s
            found["overhead"].append(cluster / processes)
            print({key: round(values[-1], 3) for key, values in found.items() if values}, flush=True)
        found["bytes"].append(cost_of([sys.executable, "-W", "ignore", "-c", _COMPUTE, str(_LAZY)]).peak_bytes)
    return found


def lines_of(found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The measured part of the page."""
    (low, high), (least, most) = interval(found["efficiency"]), interval(found["overhead"])
    efficiency, overhead, peak = median(found["efficiency"]), median(found["overhead"]), max(found["bytes"])
    yield "| what | median | 95 % interval |"
    yield "|---|---|---|"
    yield f"| efficiency of two workers | {efficiency:.2f} | {low:.2f} to {high:.2f} |"
    yield f"| CPU seconds of the identity over those of `--workers` | {overhead:.2f} | {least:.2f} to {most:.2f} |"
    yield f"| peak memory of a lazy scene, GB | {peak / 1e9:.2f} | |"
    yield ""
    yield f"- efficiency: {efficiency:.2f}, bound {LEAST_EFFICIENCY}: {_verdict(high >= LEAST_EFFICIENCY)}"
    yield f"- overhead: {overhead:.2f}, bound {MOST_OVERHEAD}: {_verdict(least <= MOST_OVERHEAD)}"
    yield f"- memory: {peak / 1e9:.2f} GB, bound {MOST_BYTES / 1e9:.0f} GB: {_verdict(peak <= MOST_BYTES)}"


def _verdict(held: bool) -> str:
    return "held" if held else "MISSED"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="A cluster on this machine, and lazy arrays.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each: {ROUNDS}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    if options.rounds < _LEAST_ROUNDS:
        parser.error(f"fewer than {_LEAST_ROUNDS} rounds tell no interval")
    lines = list(lines_of(measure(options.rounds)))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
