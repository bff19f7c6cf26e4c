"""What super-resolution costs: the student beside the teacher and a run of many steps, and the memory of a large scene.

    python -m benchmarks.superres.cost --teacher [--model FOLDER] [--rows N] [--device cuda] [--write PAGE]

Networks have random weights, which cost what trained ones do.  The teacher takes 5 GB of memory and minutes.  The exit
status is 1 where memory is above its bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import Any

import numpy as np
import rasterio
import torch
import yaml
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from rasterio.transform import from_origin
from rasterio.windows import Window
from torch import nn

from seamline.models.slimdiffsr.autoencoders import FullCodec
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.network import SlimDiffSR

from ..shared.processes import cost_of, seamline

STUDENT, SMALL, UNET, CODEC = "student, published size", "student, small", "teacher's UNet", "teacher's autoencoder"
IMAGE, STEPS = 512, 20
PRECISIONS, BATCHES = ("fp32", "bf16"), (1, 2, 4)
SIDE, BANDS, ROWS, MOST_BYTES = 10_980, 4, 2_000, 2e9
WIDTH, DIGITS = 118, 3
RECIPE = Path(__file__).parents[2] / "training" / "recipes" / "slimdiffsr_tiny_x4.yaml"
# Stable Diffusion 2.1; what is not named here is as diffusers has it.
_UNET = {
    "sample_size": IMAGE // 8,
    "attention_head_dim": (5, 10, 20, 20),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
_TOKENS = 77


@dataclass(frozen=True, slots=True)
class Network:
    """What is measured.

    Attributes:
        parameters: how many it has.
        call: one pass over so many images.
        batches: counts of images to measure.
        once: measured in one turn only, since a pass takes so long that a first one is as good.
    """

    parameters: int
    call: Callable[[int], object]
    batches: tuple[int, ...] = BATCHES
    once: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a large scene.

    Attributes:
        plan: what the plan foretells of the whole scene, bytes.
        tile: side of its tiles, px.
        peak: of the process that ran a slice, bytes.
        rows: of the slice.
        wall_s: that it took.
    """

    plan: int
    tile: int
    peak: int
    rows: int
    wall_s: float


Seconds = Mapping[tuple[str, str, int], float]
"""Per image, by network, precision and batch."""


def students(device: str, batches: tuple[int, ...] = BATCHES) -> dict[str, Network]:
    """The student at published size, and that of the recipe."""
    small = Config.of(yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["network"])
    configs = {STUDENT: Config(), SMALL: small}
    return {name: _of_images(SlimDiffSR(config), config.image, device, batches) for name, config in configs.items()}


def teachers(device: str) -> dict[str, Network]:
    """UNet and autoencoder of Stable Diffusion 2.1, without adapters and predictors."""
    with torch.device(device):
        unet = UNet2DConditionModel(**_UNET).eval()
        codec = FullCodec(Config(codec="kl")).eval()
    cells, text = torch.randn(1, 4, IMAGE // 8, IMAGE // 8, device=device), torch.randn(1, _TOKENS, 1024, device=device)
    image, slow = torch.rand(1, 3, IMAGE, IMAGE, device=device), device == "cpu"
    return {
        UNET: Network(_count(unet), lambda _: unet(cells, 500, text), (1,), once=slow),
        CODEC: Network(_count(codec), lambda _: codec.decode(codec.encode(image)), (1,), once=slow),
    }


def _of_images(network: nn.Module, bands: int, device: str, batches: tuple[int, ...]) -> Network:
    network = network.eval().to(device)
    images = torch.rand(max(batches), bands, IMAGE, IMAGE, device=device)
    return Network(_count(network), lambda count: network(images[:count]), batches)


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def measure(networks: Mapping[str, Network], device: str, rounds: int) -> dict[tuple[str, str, int], float]:
    """Medians over rounds in which all take turns; on a processor its time on one thread, else that of the wall."""
    torch.set_num_threads(1)
    clock = time.process_time if device == "cpu" else time.perf_counter
    found: dict[tuple[str, str, int], list[float]] = {}
    for turn in range(rounds + 1):
        for (name, network), precision in product(networks.items(), PRECISIONS):
            for batch in network.batches if turn == 1 or not network.once else ():
                started = clock()
                with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
                    network.call(batch)
                if device != "cpu":
                    torch.cuda.synchronize()
                seconds = (clock() - started) / batch
                print(f"{name:>24} {precision} batch {batch}: {seconds:.3f} s an image, turn {turn}", flush=True)
                # The first turn pays for memory and for the choice of kernels.
                if turn:
                    found.setdefault((name, precision, batch), []).append(seconds)
    return {key: median(values) for key, values in found.items()}


def constant_scene(path: Path) -> Path:
    """Write a scene of one value, which takes no space on disk; no pixel is cheaper for being like its neighbour."""
    profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint16", "compress": "zstd", "crs": "EPSG:32633"}
    profile |= {"width": SIDE, "height": SIDE, "count": BANDS, "tiled": True, "blockxsize": 512, "blockysize": 512}
    strip = np.full((BANDS, 512, SIDE), 1000, np.uint16)
    with rasterio.open(path, "w", transform=from_origin(500000, 5000000, 10, 10), **profile) as file:
        for row in range(0, SIDE, 512):
            rows = min(512, SIDE - row)
            file.write(strip[:, :rows], window=Window(0, row, SIDE, rows))
    return path


def memory(model: str, rows: int, folder: Path) -> Memory:
    """Plan a large scene and run a slice of it, by the model's default options, each in a process of its own."""
    command = seamline("superres", constant_scene(folder / "scene.tif"), folder / "out.tif", "--model", model)
    planned = subprocess.run([*command, "--dry-run", "--json"], check=True, capture_output=True, text=True)
    events = [json.loads(line) for line in planned.stdout.splitlines()]
    (plan,) = (event["plan"] for event in events if event["event"] == "plan")
    cost = cost_of([*command, "--window", "0", "0", str(SIDE), str(rows)])
    return Memory(plan["estimate"]["memory_bytes"], plan["tile"], cost.peak_bytes, rows, cost.wall_s)


def page(networks: Mapping[str, int], seconds: Seconds, found: Memory, device: str) -> Iterator[str]:
    """The page, line by line; ``networks`` are parameters by name."""
    where = "" if device == "cpu" else f" --device {device}"
    where += "" if found.rows == ROWS else f" --rows {found.rows}"
    yield "# What super-resolution costs"
    yield ""
    yield f"    python -m benchmarks.superres.cost --teacher{where} --write docs/results/superres-cost.md"
    yield ""
    yield from (*image_table(networks, seconds, device), "", *ratios(seconds), "", *_memory(found), "")
    yield from ("## What is claimed", "", *verdicts(found))


def best(seconds: Seconds, name: str, precision: str) -> float:
    """Seconds per image in the best batch."""
    return min(value for (other, kind, _), value in seconds.items() if (other, kind) == (name, precision))


def verdicts(found: Memory) -> Iterator[str]:
    """What is claimed of memory; a slice of fewer rows than claimed proves nothing."""
    scene = f"{SIDE:,} x {SIDE:,} x {BANDS} uint16"
    yield _verdict(f"{scene}, plan {_gb(found.plan)}, at most {_gb(MOST_BYTES)}", found.plan <= MOST_BYTES)
    good = found.peak <= MOST_BYTES and found.rows >= ROWS
    yield _verdict(
        f"{found.rows:,} rows of it ({ROWS:,} wanted) run in {_gb(found.peak)}, at most {_gb(MOST_BYTES)}", good
    )


def image_table(networks: Mapping[str, int], seconds: Seconds, device: str) -> Iterator[str]:
    """Seconds by network, precision and batch."""
    batches = sorted({batch for _, _, batch in seconds})
    yield f"## One image of {IMAGE} x {IMAGE} px"
    yield ""
    what, but = f"seconds on {device}", ""
    if device == "cpu":
        what, but = "processor seconds on one thread", ", the teacher in one of them"
    yield from wrap(
        f"Networks alone, random weights; {what} per image, medians of rounds in which all take turns{but}.  bf16 is "
        "autocast.  Compare the ratios: the seconds depend on the machine and on what else it does.",
        WIDTH,
    )
    yield ""
    yield "| network | parameters | precision | " + " | ".join(f"batch {batch}" for batch in batches) + " |"
    yield "|---" * (3 + len(batches)) + "|"
    for (name, count), precision in product(networks.items(), PRECISIONS):
        values = [seconds.get((name, precision, batch)) for batch in batches]
        cells = " | ".join("" if value is None else f"{value:.{DIGITS}g}" for value in values)
        yield f"| {name} | {count:,} | {precision} | {cells} |"


def ratios(seconds: Seconds) -> Iterator[str]:
    """Teacher and many steps, as multiples of the students."""
    yield f"## Against the teacher and {STEPS} steps"
    yield ""
    yield from wrap(
        "Times as much per image as the student takes, at batch 1 and, in brackets, in the student's best batch; "
        "teacher and steps at batch 1.  The one-step teacher: its autoencoder both ways and one pass of its UNet, "
        f"without adapters and predictors.  {STEPS} steps: the autoencoder once both ways and {STEPS} times the "
        "measured pass, without guidance.",
        WIDTH,
    )
    yield ""
    yield "| student | precision | one-step teacher | " + f"{STEPS} steps |"
    yield "|---|---|---|---|"
    for name, precision in product((STUDENT, SMALL), PRECISIONS):
        codec, unet = (seconds[part, precision, 1] for part in (CODEC, UNET))
        alone, batched = seconds[name, precision, 1], best(seconds, name, precision)
        cells = [f"{whole / alone:.1f} ({whole / batched:.1f})" for whole in (codec + unet, codec + STEPS * unet)]
        yield f"| {name} | {precision} | " + " | ".join(cells) + " |"
    yield ""
    yield from wrap(
        "For context, not measured here: the paper (arXiv 2605.02198) gives 37 ms for the student on an RTX 3090, and "
        "200 times less than methods of many steps.",
        WIDTH,
    )


def _memory(found: Memory) -> Iterator[str]:
    yield "## Memory of a large scene"
    yield ""
    yield from wrap(
        f"A scene of {SIDE:,} x {SIDE:,} px with {BANDS} uint16 bands, enlarged by the small student with its default "
        f"options (tiles of {found.tile} px).  The plan (`--dry-run`) foretells {_gb(found.plan)}.  A run of "
        f"{found.rows:,} rows at full width peaked at {_gb(found.peak)} resident, libraries included, in "
        f"{found.wall_s:.0f} s.  The plan counts with whole rows of tiles, and leaves out what the network itself "
        "works with.",
        WIDTH,
    )


def _gb(count: float) -> str:
    return f"{count / 1e9:.2f} GB"


def _verdict(what: str, good: bool) -> str:
    return f"- {what}: {'ok' if good else 'MISSED'}"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="What super-resolution costs.")
    parser.add_argument("--model", default="slimdiffsr-tiny-x4", help="name or folder of the small student")
    parser.add_argument("--teacher", action="store_true", help="measure the teacher too; a page needs it")
    parser.add_argument("--rows", type=int, default=ROWS, help="input rows of the slice that is run")
    parser.add_argument("--rounds", type=int, default=3, help="turns that count")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where the networks are measured")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page")
    options = parser.parse_args()
    if options.write and not options.teacher:
        parser.error("a page needs --teacher")
    # First of all: what a process is said to have used at its peak begins with the peak of its parent.
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        found = memory(options.model, options.rows, Path(name))
    print("\n".join(verdicts(found)), flush=True)
    networks = students(options.device) | (teachers(options.device) if options.teacher else {})
    seconds = measure(networks, options.device, options.rounds)
    counts = {name: network.parameters for name, network in networks.items()}
    if options.teacher:
        text = "\n".join(page(counts, seconds, found, options.device)) + "\n"
        print(text)
        if options.write:
            options.write.write_text(text, encoding="utf-8")
    return 1 if any(line.endswith("MISSED") for line in verdicts(found)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
