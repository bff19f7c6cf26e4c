"""What the base model's UNet has learned: error by time, power spectra, and a picture of made-up imagery.

    SEAMLINE_DATA=FOLDER python benchmarks/base_samples.py MODEL_FOLDER [PICTURE.png]

Rows of the picture: samples that know nothing, samples told the bands of a held-out batch, and that batch itself.
Spectra are those of the told samples against the held-out batches, beside decoded white noise (``vae``) and white
noise with the batches' own mean and variance (``gaussian``); the samples must be nearer than both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from seamline.models.base.network import TerraLdmTiny, load_base
from seamline.training.base_data import BandBatch
from seamline.training.base_run import validation_bands
from seamline.training.base_validate import spectrum_row, time_row
from seamline.training.recipe import read_recipe

RECIPE = Path(__file__).resolve().parents[1] / "training" / "recipes" / "terra_unet.yaml"
STEPS, SHOWN = 20, 8


@torch.inference_mode()
def picture(network: TerraLdmTiny, batch: BandBatch) -> Image.Image:
    """Three rows of up to eight patches."""
    real = batch.image[:SHOWN]
    given = type(batch.given)(batch.wavelength[:SHOWN], batch.gsd[:SHOWN], batch.kind[:SHOWN])
    count, _, h, w = real.shape
    noise = torch.randn(count, 16, h // 4, w // 4, generator=torch.Generator().manual_seed(batch.seed))
    rows = (network(noise, given.unknown(), STEPS), network(noise, given, STEPS), real)
    lines = [np.concatenate(list(row[:, 0].clamp(0, 1).numpy()), axis=1) for row in rows]
    grey = np.rint(255 * np.concatenate(lines)).astype(np.uint8)
    return Image.fromarray(grey).resize((3 * grey.shape[1], 3 * grey.shape[0]), Image.Resampling.NEAREST)


def main() -> int:
    """Measure, print, judge, draw."""
    network = load_base(sys.argv[1])
    batches = validation_bands(read_recipe(RECIPE))
    for name, value in time_row(network, batches).items():
        print(f"velocity error at time {name}: {value:.3f}")
    spectra = spectrum_row(network, batches[:4], STEPS)
    print("spectrum error, dB: " + ", ".join(f"{name} {value:.2f}" for name, value in spectra.items()))
    if len(sys.argv) > 2:
        large = max(batches, key=lambda batch: batch.image.shape[-1])
        picture(network, large).save(sys.argv[2])
    good = spectra["samples"] < min(spectra["vae"], spectra["gaussian"])
    print("ok" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
