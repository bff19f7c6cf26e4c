"""CPU seconds of whole runs by default options, against another version of the program, in turns on one machine.

    python -m benchmarks.engine.against FOLDER [--side N] [--rounds N] [--bound X] [--write DOCS]

FOLDER holds the other version as a package, FOLDER/seamline: a checkout, or a link to one.  Both read one made-up scene
of four bands, on one thread, and are started as commands, so that what starting costs is in it.  Only ratios mean
something on another machine.  The exit status is 1 where a median ratio is above the bound.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import rasterio

import seamline

from ..shared.pages import published
from ..shared.processes import cost_of
from ..shared.processes import seamline as command
from ..shared.scenes import large_scene, write_scene

RATIO, BANDS, ROUNDS, SIDE, BOUND = 4, 4, 3, 2048, 1 / 3
PAGE, PART = "cost.md", "against"


def make_scenes(folder: Path, side: int) -> tuple[Path, Path]:
    """MS and PAN of ``side`` PAN px: the mean of the bands, and each band's mean over the cells of MS."""
    whole = large_scene(folder / "whole.tif", height=side, width=side, bands=BANDS)
    with rasterio.open(whole) as file:
        values, crs, place = file.read().astype(np.float64), str(file.crs), file.transform
    cells = values.reshape(BANDS, side // RATIO, RATIO, side // RATIO, RATIO).mean(axis=(2, 4))
    ms, pan = folder / "ms.tif", folder / "pan.tif"
    write_scene(pan, values.mean(axis=0, keepdims=True).astype(np.uint16), place, crs)
    write_scene(ms, cells.astype(np.uint16), place * place.scale(RATIO), crs)
    return ms, pan


def seconds(arguments: Sequence[object], packages: Path) -> float:
    """CPU seconds of a command of the version whose package lies in that folder."""
    single = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment = [f"{name}={value}" for name, value in {"PYTHONPATH": packages, **single}.items()]
    return cost_of(["env", "-C", str(packages), *environment, *command(*arguments)]).processor_s


def measure(other: Path, side: int, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """By task, CPU seconds a megapixel of the result: of the other version and of this one, round by round."""
    own = Path(seamline.__file__).absolute().parents[1]
    found: dict[str, tuple[list[float], list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        ms, pan = make_scenes(folder, side)
        out = [folder / "out.tif", "--threads", 1, "--overwrite"]
        tasks = {
            "pansharpen": ["pansharpen", ms, pan, *out],
            "superres": ["superres", ms, *out],
        }
        for task, arguments in tasks.items():
            both: tuple[list[float], list[float]] = ([], [])
            for turn in range(rounds):
                # Who goes first changes from round to round.
                order = (0, 1) if turn % 2 == 0 else (1, 0)
                for which in order:
                    both[which].append(seconds(arguments, (other, own)[which].absolute()) / (side**2 / 1e6))
            print(task, both, flush=True)
            found[task] = both
    return found


def lines_of(found: Mapping[str, tuple[Sequence[float], Sequence[float]]], bound: float) -> Iterator[str]:
    """The measured part of the page."""
    yield "| task | before, CPU s a megapixel | now | ratio of medians | ratios by round |"
    yield "|---|---|---|---|---|"
    verdicts = []
    for task, (old, new) in found.items():
        ratio = median(new) / median(old)
        rounds = ", ".join(f"{b / a:.3f}" for a, b in zip(old, new, strict=True))
        yield f"| {task} | {median(old):.2f} | {median(new):.2f} | {ratio:.3f} | {rounds} |"
        verdicts.append(f"- {task}: {ratio:.3f}, bound {bound:.3f}: {'held' if ratio <= bound else 'MISSED'}")
    yield from ("", *verdicts)


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Whole runs against another version of the program.")
    parser.add_argument("other", type=Path, metavar="FOLDER", help="where the other version's package lies")
    parser.add_argument("--side", type=int, default=SIDE, help=f"of the result, px: {SIDE}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each: {ROUNDS}")
    parser.add_argument("--bound", type=float, default=BOUND, help="largest ratio: 1/3")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    if not (options.other / "seamline").is_dir():
        parser.error(f"{options.other} holds no folder seamline")
    lines = list(lines_of(measure(options.other, options.side, options.rounds), options.bound))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
