"""What the base model's UNet has learned: error by time, power spectra, and pictures of made-up imagery.

    SEAMLINE_DATA=FOLDER python -m benchmarks.base_model.samples MODEL_FOLDER [PICTURES]

Judged on the held-out batches of the recipe: told and unconditional samples must both have a radial power spectrum
nearer to real imagery than decoded white noise and than white noise with each image's own mean and variance.  Into the
folder PICTURES go ``terra-samples.png`` (four rows: unconditional, told, decoded noise, the held-out patches whose
bands were told), ``terra-time.png`` and ``terra-spectra.png``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from seamline.models.terra_ldm.network import TerraLdmTiny, load_base
from seamline.training.reading import read_recipe
from seamline.training.terra_ldm.data import BandBatch
from seamline.training.terra_ldm.run import validation_bands
from seamline.training.terra_ldm.spectrum import radial_spectrum
from seamline.training.terra_ldm.stages import velocity_error
from seamline.training.terra_ldm.validate import made_up, spectrum_row
from seamline.training.trainer import Run

RECIPE = Path(__file__).resolve().parents[2] / "training" / "recipes" / "terra_unet.yaml"
STEPS, SHOWN, JUDGED = 20, 8, 8
TIMES = tuple(np.linspace(0.025, 0.975, 20).round(3).tolist())


@torch.inference_mode()
def error_by_time(network: TerraLdmTiny, batches: list[BandBatch]) -> list[tuple[float, float, float]]:
    """(time, error of the velocity, error of the best constant) on held-out batches."""
    rows = []
    for time in TIMES:
        found, blind = [], []
        for batch in batches:
            clean = network.vae.encode(batch.image)
            noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(batch.seed))
            error = velocity_error(network, clean, noise, torch.full((len(clean),), time), batch.given)
            angle = np.pi / 2 * time
            found.append(float(error.mean()))
            blind.append(float((np.cos(angle) * noise - np.sin(angle) * clean).square().mean()))
        rows.append((time, float(np.mean(found)), float(np.mean(blind))))
    return rows


def picture(images: dict[str, torch.Tensor], real: torch.Tensor) -> Image.Image:
    """Four rows of up to eight patches, each stretched like the others."""
    rows = (images["unconditional"], images["told"], images["vae"], real)
    lines = [np.concatenate(list(row[:SHOWN, 0].clamp(0, 1).numpy()), axis=1) for row in rows]
    grey = np.rint(255 * np.concatenate(lines)).astype(np.uint8)
    return Image.fromarray(grey).resize((2 * grey.shape[1], 2 * grey.shape[0]), Image.Resampling.NEAREST)


def plots(folder: Path, errors: list[tuple[float, float, float]], spectra: dict[str, np.ndarray]) -> None:
    """Error by time and power by frequency."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    times, found, blind = zip(*errors, strict=True)
    axes.plot(times, found, marker="o", label="terra-ldm-tiny")
    axes.plot(times, blind, linestyle="--", label="predicting nothing")
    axes.set(xlabel="diffusion time (0 clean, 1 noise)", ylabel="mean squared error of the velocity", ylim=(0, None))
    axes.legend()
    figure.savefig(folder / "terra-time.png", dpi=110)
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, power in spectra.items():
        frequency = (np.arange(len(power)) + 0.5) / (2 * len(power))
        axes.semilogy(frequency, power, label=name, linewidth=2.5 if name == "real" else 1.2)
    axes.set(xlabel="cycles a px", ylabel="power")
    axes.legend()
    figure.savefig(folder / "terra-spectra.png", dpi=110)


def main() -> int:
    """Measure, print, judge, draw."""
    parser = argparse.ArgumentParser(description="What the base model's UNet has learned.")
    parser.add_argument("model", metavar="MODEL_FOLDER")
    parser.add_argument("pictures", nargs="?", type=Path, metavar="PICTURES", help="folder of the pictures")
    options = parser.parse_args()
    network = load_base(options.model)
    batches = validation_bands(Run(read_recipe(RECIPE), RECIPE.parent))[:JUDGED]
    errors = error_by_time(network, batches)
    for time, found, blind in errors:
        print(f"velocity error at time {time:.3f}: {found:.3f} (predicting nothing: {blind:.3f})")
    spectra = spectrum_row(network, batches, STEPS)
    print("spectrum error, dB: " + ", ".join(f"{name} {value:.2f}" for name, value in spectra.items()))
    if folder := options.pictures:
        folder.mkdir(parents=True, exist_ok=True)
        large = max(batches, key=lambda batch: batch.image.shape[-1])
        images = made_up(network, large, STEPS)
        picture(images, large.image).save(folder / "terra-samples.png")
        power = {"real": radial_spectrum(large.image)} | {name: radial_spectrum(i) for name, i in images.items()}
        plots(folder, errors, {name: value.numpy() for name, value in power.items()})
    good = max(spectra["told"], spectra["unconditional"]) < min(spectra["vae"], spectra["gaussian"])
    print("ok" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
