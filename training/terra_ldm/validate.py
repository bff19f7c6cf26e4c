"""Validation of the base model: what the autoencoder keeps, what the UNet knows at each time, how samples look."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ...models.terra_ldm.network import TerraLdmTiny
from ...models.terra_ldm.vae import BandVae
from .data import BandBatch
from .spectrum import radial_spectrum, spectrum_error
from .stages import bound, velocity_error

Row = dict[str, float]
TIMES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)


def psnr(error: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of errors in the unit range, dB; capped at 150, where rounding is all there is."""
    return min(150.0, -10 * math.log10(max(float(error.double().square().mean()), 1e-15)))


@torch.no_grad()
def vae_row(vae: BandVae, batches: Sequence[BandBatch]) -> Row:
    """PSNR (dB) of the posterior's mode, of a sample of it and of the forecast alone, and its rate (bits a pixel).

    ``"cubic"`` is what plain cubic interpolation of the 4x4 means gives where the forecast stands alone.
    """
    errors: dict[str, list[torch.Tensor]] = {}
    rates: list[torch.Tensor] = []
    for batch in batches:
        code = vae.code(batch.image)
        bare = code.clone()
        bare[:, 1:] = 0
        small = F.avg_pool2d(batch.image, 4)
        sampled, rate = bound(vae, batch)
        found = {
            "mode": vae.image(code) - batch.image,
            "sample": sampled,
            "forecast": vae.image(bare) - batch.image,
            "cubic": F.interpolate(small, scale_factor=4.0, mode="bicubic") - batch.image,
        }
        for name, error in found.items():
            errors.setdefault(name, []).append(error.flatten())
        rates.append(rate.flatten())
    row = {f"{name} dB": psnr(torch.cat(parts)) for name, parts in errors.items()}
    return row | {"bits/px": float(torch.cat(rates).mean()) / math.log(2)}


@torch.no_grad()
def time_row(model: TerraLdmTiny, batches: Sequence[BandBatch]) -> Row:
    """Mean squared error of the velocity at fixed times, by time; 1 would be a network that knows nothing."""
    rows: dict[str, list[float]] = {f"{time:g}": [] for time in TIMES}
    for batch in batches:
        clean = model.vae.encode(batch.image)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(batch.seed))
        for time in TIMES:
            error = velocity_error(model, clean, noise, torch.full((len(clean),), time), batch.given)
            rows[f"{time:g}"].append(float(error.mean()))
    return {name: sum(values) / len(values) for name, values in rows.items()}


@torch.no_grad()
def spectrum_row(model: TerraLdmTiny, batches: Sequence[BandBatch], steps: int = 20) -> Row:
    """Error of the radial power spectrum against the batches' own, dB, for each of ``made_up``."""
    errors: dict[str, list[float]] = {}
    for batch in batches:
        truth = radial_spectrum(batch.image)
        for name, image in made_up(model, batch, steps).items():
            errors.setdefault(name, []).append(spectrum_error(radial_spectrum(image), truth))
    return {name: sum(values) / len(values) for name, values in errors.items()}


@torch.no_grad()
def made_up(model: TerraLdmTiny, batch: BandBatch, steps: int) -> dict[str, torch.Tensor]:
    """As many images as a batch has, (N, 1, H, W): samples, and two baselines without a UNet.

    ``"told"`` are samples that know the batch's bands, ``"unconditional"`` know nothing; ``"vae"`` decodes white noise;
    ``"gaussian"`` is white noise with the mean and variance of each image of the batch.
    """
    count, _, h, w = batch.image.shape
    generator = torch.Generator().manual_seed(batch.seed)
    noise = torch.randn(count, 16, h // 4, w // 4, generator=generator)
    spread, mean = torch.std_mean(batch.image, dim=(2, 3), keepdim=True)
    white = mean + spread * torch.randn(batch.image.shape, generator=generator)
    return {
        "told": model(noise, batch.given, steps),
        "unconditional": model(noise, batch.given.unknown(), steps),
        "vae": model.vae.decode(noise),
        "gaussian": white,
    }
