"""The base model on every test split: what its autoencoder keeps, and tiles against the whole.

    SEAMLINE_DATA=FOLDER python -m benchmarks.base_model.quality MODEL_FOLDER [TABLE.json]

For each band: PSNR (peak at the 99.9 percentile of the scene's valid pixels) of the reconstruction from the posterior's
mode before rounding to DN, of one from a sample of the posterior, of the forecast from the 4x4 means alone and of
cubic interpolation in its place; rate of the posterior, bits a pixel; largest error of the mean of a 32 px block.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.network import TerraLdmTiny, load_base
from seamline.models.terra_ldm.unet import MARGIN as UNET_MARGIN
from seamline.models.terra_ldm.vae import FACTOR, BandVae
from seamline.models.terra_ldm.vae import MARGIN as VAE_MARGIN
from seamline.training.data.sources import load_sources
from seamline.training.settings import SourceSettings
from seamline.training.terra_ldm.data import BandBatch
from seamline.training.terra_ldm.stages import bound

LEAST_DB, MOST_BLOCK, BLOCK = 38.0, 0.002, 32
LATENT_TOLERANCE, SHARE = 1e-4, 0.9999
LEFT_OUT = ("quality",)
"""Derived from pan-sharpening scenes, as float: no imagery of its own."""


@dataclass(frozen=True)
class Scene:
    """One image of a test split."""

    dataset: str
    image: NDArray[np.float32]
    valid: NDArray[np.bool_]


def scenes(root: Path) -> Iterator[Scene]:
    """All images of all test splits."""
    entries = json.loads((root / "splits.json").read_text(encoding="utf-8"))["datasets"]
    for name, entry in entries.items():
        if name in LEFT_OUT:
            continue
        if entry["unit"] == "folder":
            for path in sorted(p for folder in entry["test"] for p in (root / folder).glob("*.tif")):
                with rasterio.open(path) as file:
                    yield Scene(name, file.read().astype(np.float32), file.dataset_mask() > 0)
            continue
        for source in load_sources(root, [SourceSettings(name)], "test", 0):
            for image, valid in zip(source.images, source.valid, strict=True):
                yield Scene(name, image.astype(np.float32), valid)


def psnr(error: torch.Tensor, valid: torch.Tensor) -> float:
    """Of errors in units of the peak, over valid pixels."""
    return -10 * math.log10(max(float(error[valid].double().square().mean()), 1e-16))


@torch.inference_mode()
def measure(vae: BandVae, band: NDArray[np.float32], valid: NDArray[np.bool_]) -> dict[str, float]:
    """One band of a scene."""
    peak = max(float(np.quantile(band[valid], 0.999)), 1.0)
    h, w = band.shape
    rows, columns = -h % FACTOR, -w % FACTOR
    unit = torch.from_numpy(np.pad(band / np.float32(peak), ((0, rows), (0, columns)), mode="edge"))[None, None]
    inside = torch.from_numpy(valid)
    code = vae.code(unit)
    bare = code.clone()
    bare[:, 1:] = 0
    nothing = torch.zeros(1)
    sampled, rate = bound(vae, BandBatch(unit, nothing, nothing, nothing.long(), 1))
    back = vae.decode(vae.encode(unit))
    cubic = F.interpolate(F.avg_pool2d(unit, FACTOR), scale_factor=float(FACTOR), mode="bicubic")
    errors = {"mode": back - unit, "sample": sampled, "forecast": vae.image(bare) - unit, "cubic": cubic - unit}
    row = {f"{name} dB": psnr(error[0, 0, :h, :w], inside) for name, error in errors.items()}
    row["bits/px"] = float(rate.mean()) / math.log(2)
    row["exact"] = float(np.array_equal(np.rint(back[0, 0, :h, :w].numpy() * peak)[valid], band[valid]))
    if min(h, w) >= BLOCK:
        means, found = F.avg_pool2d(unit, BLOCK), F.avg_pool2d(back, BLOCK)
        bright = means > 0.01  # a share of next to nothing says nothing
        row["block"] = float(((found - means).abs() / means)[bright].max()) if bright.any() else 0.0
    return row


def table(vae: BandVae, root: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """By dataset: worst and mean values over the bands of its scenes."""
    for name, members in itertools.groupby(scenes(root), key=lambda scene: scene.dataset):
        rows = [measure(vae, band, s.valid) for s in members if s.valid.sum() >= 256 for band in s.image]
        if rows:
            yield name, summary(rows)


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Least and mean PSNR, mean rate, share of exact bands, largest block error."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if name != "block"}
    least = {f"least {name} dB": min(row[f"{name} dB"] for row in rows) for name in ("mode", "sample")}
    block = max((row.get("block", 0.0) for row in rows), default=0.0)
    return {"bands": float(len(rows)), **least, **means, "block": block}


@torch.inference_mode()
def tiles(network: TerraLdmTiny, root: Path) -> dict[str, float]:
    """Share of values within tolerance, tiles against the whole, the least over tile sizes: latents, pixels, steps."""
    source = load_sources(root, [SourceSettings("aerial_ngi")], "test", 0)[0]
    peak = float(np.quantile(source.images[0][0], 0.999))
    scene = torch.from_numpy(source.images[0][0, :704, :1024].astype(np.float32) / peak)[None, None]
    given = Conditioning.of([Band(0.62, 2.5, "photo")])
    whole = network.vae.encode(scene)
    noise = torch.randn(whole.shape, generator=torch.Generator().manual_seed(0))
    rough = whole + 0.2 * noise
    pixels, step = network.vae.decode(rough), network.denoise(rough, 0.3, given)
    shares: dict[str, list[float]] = {"latents": [], "pixels": [], "step": []}
    for side in (192, 256, 512):
        row, column = 704 - side - 16, 1024 - side - 32
        at = (..., slice(row, row + side), slice(column, column + side))
        cell = (..., slice(row // 4, (row + side) // 4), slice(column // 4, (column + side) // 4))
        found = {
            "latents": (network.vae.encode(scene[at]) - whole[cell], VAE_MARGIN // 4, LATENT_TOLERANCE),
            "pixels": ((network.vae.decode(rough[cell]) - pixels[at]) * peak, VAE_MARGIN, 1.0),
            "step": (network.denoise(rough[cell], 0.3, given) - step[cell], UNET_MARGIN, LATENT_TOLERANCE),
        }
        for name, (gap, rim, tolerance) in found.items():
            shares[name].append(float((gap[..., rim:-rim, rim:-rim].abs() <= tolerance).double().mean()))
    return {name: min(values) for name, values in shares.items()}


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="The base model on every test split.")
    parser.add_argument("model", metavar="MODEL_FOLDER")
    parser.add_argument("table", nargs="?", type=Path, metavar="TABLE.json", help="where the numbers go")
    options = parser.parse_args()
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    root, network = Path(os.environ["SEAMLINE_DATA"]), load_base(options.model)
    rows: dict[str, dict[str, float]] = {}
    for name, row in table(network.vae, root):
        if not rows:
            print("| test split | " + " | ".join(row) + " |\n|" + "---|" * (len(row) + 1))
        print(f"| {name} | " + " | ".join(f"{value:.3g}" for value in row.values()) + " |", flush=True)
        rows[name] = row
    shares = tiles(network, root)
    least, block = min(row["least mode dB"] for row in rows.values()), max(row["block"] for row in rows.values())
    good = least >= LEAST_DB and block <= MOST_BLOCK and min(shares.values()) >= SHARE
    print(f"reconstruction: least {least:.1f} dB (at least {LEAST_DB:g}), blocks within {100 * block:.2g} %")
    print("tiles within tolerance: " + ", ".join(f"{name} {100 * share:.3f} %" for name, share in shares.items()))
    print("ok" if good else "MISSED")
    if options.table:
        options.table.write_text(json.dumps({"splits": rows, "tiles": shares}, indent=2), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
