"""What runs cost on a GPU: pan-sharpening by denoising steps, the super-resolution networks, and how close the CPU is.

    python -m benchmarks.gpu [--device cuda] [--side N] [--log LOG] [--write PAGE]

It needs no imagery: a scene made of noise at several scales costs what any scene does.  Super-resolution networks have
random weights, which cost what trained ones do.  ``--log`` makes the page of what a run printed, also of one that was
cut short.  The exit status is 1 where the devices differ by more than they may.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from textwrap import wrap

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio.transform import from_origin

from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.registry import resolve

from ..shared.agreement import share_within
from ..shared.scenes import write_scene
from ..superres.cost import Seconds, image_table, measure, ratios, students, teachers

MODEL, RATIO, BANDS = "salad-pan-tiny", 4, 4
STEPS = (1, 2, 4, 8, 20)
BATCHES = (1, 4, 16, 64)
ROUNDS = 3
CROP, AGREE = 512, 0.9999
"""Side of the part that both devices fuse, PAN px, and the share of its values that have to be within 1 DN."""
WIDTH = 118
LINE = MODEL + ", {steps} steps: {seconds:.3f} s a megapixel"


Turns = dict[int, list[float]]
"""Wall seconds per megapixel of PAN by steps, one value a round."""


@dataclass(frozen=True, slots=True)
class Fused:
    """Pan-sharpening on the device.

    Attributes:
        side: of the PAN image, px.
        turns: what it took.
        within: share of the values of the same part on the CPU that are within 1 DN; None where it was not measured.
    """

    side: int
    turns: Turns
    within: float | None


def scene(folder: Path, side: int) -> dict[str, str]:
    """Write MS and PAN of 11 bits: noise at five scales, and its area means."""
    fine = np.stack([_noise(side, seed) for seed in range(BANDS)])
    shape = (BANDS, side // RATIO, RATIO, side // RATIO, RATIO)
    images = {"pan": (fine.mean(axis=0)[None], 1.0), "ms": (fine.reshape(shape).mean(axis=(2, 4)), float(RATIO))}
    for name, (values, size) in images.items():
        grid = from_origin(500000, 5000000, size, size)
        write_scene(folder / f"{name}.tif", values.round().astype(np.uint16), grid, "EPSG:32633")
    return {name: str(folder / f"{name}.tif") for name in images}


def _noise(side: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    total = np.full((side, side), 900.0)
    for factor in (1, 2, 4, 16, 64):
        part = rng.normal(0.0, 20.0 * factor**0.5, (-(-side // factor),) * 2)
        total += part.repeat(factor, 0).repeat(factor, 1)[:side, :side]
    return total.clip(1.0, 2047.0)


def fused(inputs: dict[str, str], side: int, device: str, folder: Path) -> Fused:
    """Fuse whole scenes by several steps, and a part on both devices."""
    source, out = resolve(MODEL, "pansharpen"), folder / "out.tif"

    def timed(steps: int) -> float:
        started = time.perf_counter()
        run(Request(inputs=inputs, out=str(out), steps=steps, device=device, overwrite=True), source)
        seconds = (time.perf_counter() - started) / (side**2 / 1e6)
        print(LINE.format(steps=steps, seconds=seconds), flush=True)
        return seconds

    timed(STEPS[0])  # Pays for memory and for the choice of kernels.
    turns: Turns = {}
    for steps in STEPS * ROUNDS:
        turns.setdefault(steps, []).append(timed(steps))
    paths = [folder / "here.tif", folder / "cpu.tif"]
    for path, where in zip(paths, (device, "cpu"), strict=True):
        run(Request(inputs=inputs, out=str(path), device=where, overwrite=True, window=(0, 0, CROP, CROP)), source)
    return Fused(side, turns, share_within(*paths))


def logged(text: str, side: int) -> Fused:
    """What a run printed of pan-sharpening; the first line is the one that paid for memory."""
    turns: Turns = {}
    for found in list(re.finditer(LINE.format(steps=r"(\d+)", seconds=0).replace("0.000", r"([\d.]+)"), text))[1:]:
        turns.setdefault(int(found[1]), []).append(float(found[2]))
    return Fused(side, turns, None)


def page(device: str, found: Fused, parameters: dict[str, int], seconds: Seconds, made: str = "") -> Iterator[str]:
    """The page, line by line; without seconds the networks were not measured."""
    yield "# What runs cost on a GPU"
    yield ""
    yield f"    python -m benchmarks.gpu {made}--write docs/results/gpu.md"
    yield ""
    yield from wrap(f"Measured on: {device}.  Compare the ratios.", WIDTH)
    yield ""
    yield f"## Pan-sharpening by steps: {MODEL}"
    yield ""
    yield from wrap(
        f"Whole runs through the engine by default options, reading and writing included: {BANDS} bands, PAN of "
        f"{found.side} x {found.side} px, medians of rounds in which the step counts take turns.  What steps "
        "do to the quality stands on [its page](pansharpening-quality.md).",
        WIDTH,
    )
    yield ""
    yield from ("| steps | rounds | s per megapixel | ratio to 1 step |", "|---|---|---|---|")
    first = median(found.turns[STEPS[0]])
    for steps, values in found.turns.items():
        yield f"| {steps} | {len(values)} | {median(values):.3f} | {median(values) / first:.2f} |"
    yield ""
    if seconds:
        yield from (*image_table(parameters, seconds, device), "", *ratios(seconds), "")
    else:
        yield "The run was cut short: the super-resolution networks were not measured on this device."
        yield ""
    yield from ("## What is claimed", "", verdict(found))


def verdict(found: Fused) -> str:
    """Whether the devices agree."""
    if found.within is None:
        return "- GPU and CPU within 1 DN: not measured: MISSED"
    good = found.within >= AGREE
    return f"- GPU and CPU within 1 DN: {found.within:.4%} of values: {'ok' if good else 'MISSED'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="What runs cost on a GPU.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--side", type=int, default=2048, help="of the PAN image, px; a multiple of the ratio")
    parser.add_argument("--log", type=Path, help="output of an earlier run, and --title what it ran on")
    parser.add_argument("--title", default="", help="what the device is called; asked of it by default")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page")
    options = parser.parse_args(arguments)
    title, parameters, seconds = options.title, {}, {}
    if options.log:
        found = logged(options.log.read_text(encoding="utf-8"), options.side)
    else:
        with tempfile.TemporaryDirectory(prefix="seamline-") as name:
            found = fused(scene(Path(name), options.side), options.side, options.device, Path(name))
        networks = students(options.device, BATCHES) | teachers(options.device)
        parameters = {name: network.parameters for name, network in networks.items()}
        seconds = measure(networks, options.device, ROUNDS)
        title = title or (torch.cuda.get_device_name() if options.device.startswith("cuda") else "the CPU")
    made = f'--log {options.log} --title "{options.title}" ' if options.log else ""
    text = "\n".join(page(title, found, parameters, seconds, made)) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 1 if verdict(found).endswith("MISSED") else 0


if __name__ == "__main__":
    raise SystemExit(main())
