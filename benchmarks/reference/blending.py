"""Tiles of the published network that meet at the end, as pixels, or after every step too, as latents.

    python -m benchmarks.reference.blending [--steps N] [--write DOCS]

There are no trained weights here: transformer and autoencoder are narrow and random, and what is measured is how the
wiring takes to tiles.  One made-up scene of 4 x 4 tiles and more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rasterio.transform import from_origin
from scipy import ndimage

from seamline.engine.request import Blending, Request
from seamline.engine.run import run
from seamline.models import registry
from seamline.models.ds_dit.config import Config
from seamline.models.ds_dit.published.tile import Autoencoder, Published, card
from seamline.models.folder import write_folder

from ..shared.pages import published
from ..shared.scenes import write_scene
from .runs import SCALE

PAGE, PART = "reference.md", "blending"
SHAPE = Config(depth=2, width=64, heads=2, table=48)
WIDTHS = Autoencoder(channels=(16, 16, 16, 16), blocks=1, groups=4)
SPREAD = 0.05
"""Of the transformer's weights, those that start at zero too, so that everything matters."""
SIZES = (1, 4, 16)
"""Of what is seen in the scene, px of the result."""
SIDE, TILE, OVERLAP, STEPS = 160, 48, 16, 8
"""Px of LR: of the scene, of a tile, and where tiles overlap; and steps of a run."""
SEAMS = 1.02
"""Bound of the seam score, unless it lies in its control band."""
BLENDS: tuple[Blending, ...] = ("pixel", "latent")


@dataclass(frozen=True, slots=True)
class Row:
    """Of a blending: seam score, variance in the middle of overlaps against elsewhere, their bands, and CPU s."""

    seams: float
    seams_band: tuple[float, float]
    variance: float
    variance_band: tuple[float, float]
    seconds: float


def model(folder: Path) -> str:
    """A model folder with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Published(SHAPE, WIDTHS)
        for parameter in network.transformer.parameters():
            torch.nn.init.normal_(parameter, std=SPREAD)
        network.transformer.pos_embed.normal_(std=2 * SPREAD)
    said = {"licence": "CC0-1.0", "training_data": "none", "citation": "none"}
    write_folder(folder, card(SHAPE, WIDTHS, SCALE, **said), network.state_dict())
    return str(folder)


def scene(folder: Path) -> dict[str, str]:
    """LR of 8 bits and a reference of the same ground in another light."""
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=(3, SIDE * SCALE, SIDE * SCALE)) for _ in SIZES]
    fine = sum(size * ndimage.gaussian_filter(each, (0, size, size)) for size, each in zip(SIZES, noise, strict=True))
    fine = 120 + 30 * fine / fine.std()
    cells = fine.reshape(3, SIDE, SCALE, SIDE, SCALE).mean(axis=(2, 4))
    images = {"image": (cells, SCALE), "reference": (0.8 * fine + 15, 1)}
    for name, (values, px) in images.items():
        stored = np.clip(np.round(values), 1, 255).astype(np.uint8)
        write_scene(folder / f"{name}.tif", stored, from_origin(500_000, 5_000_000, px, px), "EPSG:32633")
    return {name: str(folder / f"{name}.tif") for name in images}


def measured(steps: int) -> dict[str, Row]:
    """By blending."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        source, inputs = registry.resolve(model(folder / "model"), "superres"), scene(folder)
        for blend in BLENDS:
            request = Request(
                inputs=inputs,
                out=str(folder / f"{blend}.tif"),
                tile=TILE,
                overlap=OVERLAP,
                steps=steps,
                blend=blend,
                threads=1,
            )
            start = time.process_time()
            told = run(request, source).facts["metrics"]
            seconds = time.process_time() - start
            found[blend] = Row(
                told["seam_score"],
                tuple(told["seam_control_band"]),
                told["overlap_variance_ratio"],
                tuple(told["overlap_variance_control_band"]),
                seconds,
            )
            print(blend, found[blend], flush=True)
    return found


def lines_of(found: Mapping[str, Row], steps: int) -> Iterator[str]:
    """The measured part of the page."""
    yield from (f"{steps} steps, tiles of {TILE} px of LR that overlap by {OVERLAP}, a scene of {SIDE} px.", "")
    yield "| blending | seam score | by chance | variance in mid-overlap | by chance | CPU s against pixels |"
    yield "|---" * 6 + "|"
    for name, row in found.items():
        seams, variance = (f"{low:.3f} to {high:.3f}" for low, high in (row.seams_band, row.variance_band))
        cost = row.seconds / found["pixel"].seconds
        yield f"| {name} | {row.seams:.3f} | {seams} | {row.variance:.3f} | {variance} | {cost:.2f} |"
    default = found["pixel"]
    held = default.seams <= max(SEAMS, default.seams_band[1])
    verdict = "held" if held else "MISSED"
    yield from ("", f"- seam score by default {default.seams:.3f} (bound {SEAMS}, or chance): {verdict}")


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Two ways in which tiles of the published network meet.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of a run: {STEPS}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    lines = list(lines_of(measured(options.steps), options.steps))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
