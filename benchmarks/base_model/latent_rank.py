"""How many numbers a 4x4 cell needs: PSNR of the best linear code by channels kept, per dataset.

    SEAMLINE_DATA=FOLDER python -m benchmarks.base_model.latent_rank

The cell's mean is always kept; the rest are principal components of the cells of all train splits, every dataset with
equal say.  Judged on the val split, on the train split where there is none: least over the bands of the scenes, peak
at the 99.9 percentile.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seamline.training.data.sources import Source, load_sources
from seamline.training.settings import SourceSettings

DATASETS = (
    "sentinel2_native_T33UUB",
    "sentinel2_native_T49JGM",
    "sentinel2_aquileia",
    "sentinel2_australia_fire",
    "naip",
    "aerial_crosssensor",
    "aerial_ngi",
    "aerial_neon",
    "planet",
    "buildings",
    "trees",
    "hr_rgb",
)
CHANNELS = (4, 8, 10, 12, 14, 15)
SIDE, SCENES, LEAST_CELLS = 4, 24, 50

Array = NDArray[np.float64]


def cells(source: Source) -> list[Array]:
    """Deviations from the cell mean, (cells, 16), of each band of up to ``SCENES`` scenes, in units of its peak."""
    found = []
    every = max(1, len(source.images) // SCENES)
    for image, valid in zip(source.images[::every], source.valid[::every], strict=True):
        h, w = (n // SIDE * SIDE for n in valid.shape)
        whole = valid[:h, :w].reshape(h // SIDE, SIDE, w // SIDE, SIDE).all(axis=(1, 3)).ravel()
        for band in image:
            unit = band[:h, :w] / max(float(np.quantile(band[valid], 0.999)), 1.0)
            rows = unit.reshape(h // SIDE, SIDE, w // SIDE, SIDE).transpose(0, 2, 1, 3).reshape(-1, SIDE**2)[whole]
            if len(rows) >= LEAST_CELLS:
                found.append(rows - rows.mean(axis=1, keepdims=True))
    return found


def components(sources: list[Source]) -> Array:
    """Principal components, (16, 15), largest first."""
    total = np.zeros((SIDE**2, SIDE**2))
    for source in sources:
        rows = np.concatenate(cells(source))
        moment = rows.T @ rows
        total += moment / np.trace(moment)
    vectors: Array = np.linalg.eigh(total)[1][:, :0:-1]
    return vectors


def least(source: Source, vectors: Array) -> list[float]:
    """Least PSNR over bands and scenes, by channels kept."""
    rows = []
    for band in cells(source):
        power = np.square(band @ vectors).mean(axis=0)
        lost = [max(float(power[kept - 1 :].sum()) / SIDE**2, 1e-15) for kept in CHANNELS]
        rows.append([-10 * np.log10(value) for value in lost])
    return [min(column) for column in zip(*rows, strict=True)]


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description="How many numbers a 4x4 cell needs.").parse_args()
    root = Path(os.environ["SEAMLINE_DATA"])
    settings = [SourceSettings(name) for name in DATASETS]
    train = load_sources(root, settings, "train", 0)
    vectors = components(train)
    held_out = {source.settings.dataset: source for source in load_sources(root, settings, "val", 0)}
    print("| least dB with | " + " | ".join(f"{n} of 16" for n in CHANNELS) + " |\n|" + "---|" * (len(CHANNELS) + 1))
    for source in train:
        name = source.settings.dataset
        values = least(held_out.get(name, source), vectors)
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |")


if __name__ == "__main__":
    main()
