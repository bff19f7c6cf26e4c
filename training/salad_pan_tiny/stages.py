"""The two training stages of the small SALAD-Pan model, as modules whose forward pass is a loss.

Stage I trains the band autoencoder on residuals against the classical fusion; stage II trains the denoising UNet and,
unlike the paper, goes on training the decoder, which at this size pays more than keeping the latent space fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from ...models.salad_pan.fusion import Conditions
from ...models.salad_pan.network import SaladPanTiny, assembled
from ...models.salad_pan.vae import FACTOR, BandVae, Decoded
from ...models.terra_ldm.sampler import ddim_step, levels
from ..data.simulate import Batch
from .given import given_of
from .losses import deviation_loss, fusion_loss, lattice_loss

KL_WEIGHT = 1e-4
LATENT_WEIGHT = 0.1
LATTICE_WEIGHT = 0.2
DEVIATION_WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch with its conditions and the residual that is to be found, (N, 1, H, W) in local units."""

    given: Conditions
    residual: torch.Tensor
    target: torch.Tensor


def prepare(batch: Batch) -> Prepared:
    """Fuse classically and take the residual."""
    given = given_of(batch)
    target = batch.target.reshape(given.base.shape)
    return Prepared(given, (target - given.base) / given.scale, batch.target)


def image_loss(decoded: Decoded, ready: Prepared) -> torch.Tensor:
    """Distance of what was decoded to the target, its lattice, and how well it knows its own errors."""
    fused = assembled(decoded, ready.given)
    image = fused.image.reshape(ready.target.shape)
    error = (fused.image - ready.given.base) / ready.given.scale - ready.residual
    return (
        fusion_loss(image, ready.target)
        + LATTICE_WEIGHT * lattice_loss(error, FACTOR)
        + DEVIATION_WEIGHT * deviation_loss(error.detach(), decoded.log_deviation)
    )


class VaeStage(nn.Module):
    """Stage I: reconstruction through the sampled posterior, with a small Kullback-Leibler term."""

    def __init__(self, model: SaladPanTiny) -> None:
        super().__init__()
        self.vae = model.vae

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch."""
        return reconstruction_loss(self.vae, prepare(batch), batch.seed)


def reconstruction_loss(vae: BandVae, ready: Prepared, seed: int) -> torch.Tensor:
    """Distance of what comes back through the sampled posterior, with a small Kullback-Leibler term."""
    mean, log_variance = vae.posterior(ready.residual)
    draw = torch.randn(mean.shape, generator=torch.Generator(device="cpu").manual_seed(seed)).to(mean)
    latent = mean + draw * (0.5 * log_variance).exp()
    divergence = 0.5 * (mean.float().square() + log_variance.float().exp() - 1.0 - log_variance.float()).mean()
    return image_loss(vae.decode(latent, ready.given), ready) + KL_WEIGHT * divergence


class DiffusionStage(nn.Module):
    """Stage II: clean latents from noisy ones, judged after decoding at every time.

    Three fifths of the batches start from pure noise, as every run does and most end; one fifth from a truly diffused
    latent; one fifth from where the model's own first step leads, so that later steps correct what earlier ones leave.
    """

    def __init__(self, model: SaladPanTiny) -> None:
        super().__init__()
        self.model = model
        for part in (model.vae.encoder_in, model.vae.encoder, model.vae.encoder_out):
            part.requires_grad_(False)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch."""
        ready = prepare(batch)
        with torch.no_grad():
            clean = self.model.vae.encode(ready.residual).float()
        generator = torch.Generator(device="cpu").manual_seed(batch.seed)
        noise = bands_noise(clean, ready.given.bands, generator)
        kind, draw = torch.rand(2, generator=generator).tolist()
        time, noisy = self._start(kind, draw, clean, noise, ready)
        found = self.model.denoise(noisy, time, ready.given)
        loss = image_loss(self.model.vae.decode(found, ready.given), ready)
        return loss + LATENT_WEIGHT * (found.float() - clean).abs().mean()

    def _start(
        self, kind: float, draw: float, clean: torch.Tensor, noise: torch.Tensor, ready: Prepared
    ) -> tuple[float, torch.Tensor]:
        """Time and noisy latents to start from."""
        if kind < 0.6:
            return 1.0, noise
        if kind < 0.8:
            signal, sigma = levels(draw)
            return draw, signal * clean + sigma * noise
        after = (0.5, 0.5, 0.75, 0.25)[int(draw * 4)]
        with torch.no_grad():
            first = self.model.denoise(noise, 1.0, ready.given)
        return after, ddim_step(noise, first.float(), 1.0, after)


def bands_noise(like: torch.Tensor, bands: int, generator: torch.Generator) -> torch.Tensor:
    """Standard normal, of the shape of ``like``, (N, latent, h, w); the bands of an image share it, as in the paper."""
    noise = torch.randn(len(like) // bands, 1, *like.shape[1:], generator=generator)
    return noise.expand(-1, bands, -1, -1, -1).reshape(like.shape).to(like)


@torch.no_grad()
def calibrate(vae: BandVae, residuals: Iterable[torch.Tensor]) -> None:
    """Set the scaling of the latents to one over their standard deviation, from a trained autoencoder."""
    codes = torch.cat([vae.posterior(each)[0].transpose(0, 1).flatten(1) for each in residuals], dim=1)
    vae.scaling.copy_((1.0 / codes.std(dim=1).clamp(min=1e-3))[:, None, None])
