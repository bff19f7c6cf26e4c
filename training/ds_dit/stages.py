"""The two stages, as modules whose forward pass is a loss: the band autoencoder, then flow matching.

As with the small pan-sharpening model the decoder goes on being trained in the second stage, and the image is judged
after decoding.  The trust is taught by what the reference is worth: the share of its fitted detail that is right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from ...models.ds_dit.flow import drawn
from ...models.ds_dit.pictures import Pictured, pictured
from ...models.ds_dit.small import DsDitSmall
from ...models.salad_pan.vae import FACTOR
from ..salad_pan_tiny.stages import Prepared, bands_noise, image_loss, reconstruction_loss
from .data import Batch
from .recipe import Weights

_WEAK = 0.1
"""Share of the batches that are seen without reference, as the weak pass of the guidance sees all."""

_ONE_STEP = 0.6
"""Share of the batches that start from pure noise, as every run does and most end."""

_DOUBT = 2.0
"""How much more it counts to trust what is wrong than not to trust what is right."""

_LEAST_DETAIL = 0.02
"""Mean square of fitted detail, local units, at which the worth counts half: without detail there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch as the network sees it, with the residual against LR."""

    seen: Pictured
    residual: torch.Tensor
    target: torch.Tensor


def prepare(batch: Batch) -> Ready:
    """Fit the reference and take the residual."""
    seen = pictured(batch.low, batch.reference, batch.valid, batch.ratio)
    target = batch.target.reshape(seen.given.base.shape)
    return Ready(seen, (target - seen.given.base) / seen.given.scale, batch.target)


def worth(ready: Ready, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of the fitted detail that is right, 0..1, and how much the share counts, by token: (N, 1, h, w) each.

    The least-squares gain of the detail on the residual.  In a window wider than a token, the ground around a small
    object that has changed would speak for it.

    Args:
        side: px of a token.
    """
    fitted = ready.seen.given.spectral[:, 1:2]
    product, power = F.avg_pool2d(torch.cat((fitted * ready.residual, fitted.square()), dim=1), side).chunk(2, dim=1)
    return (product / (power + 1e-6)).clamp(0.0, 1.0), power / (power + _LEAST_DETAIL)


class VaeStage(nn.Module):
    """Reconstruction through the sampled posterior, as the reference is worth, with a small divergence."""

    def __init__(self, model: DsDitSmall) -> None:
        super().__init__()
        self.vae = model.vae
        self._token = FACTOR * model.config.transformer.patch

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch."""
        ready = prepare(batch)
        share, _ = worth(ready, self._token)
        trust = F.interpolate(share, scale_factor=float(self._token), mode="bilinear", align_corners=False)
        given = ready.seen.trusting(trust * ready.seen.known)
        return reconstruction_loss(self.vae, Prepared(given, ready.residual, ready.target), batch.seed)


class FlowStage(nn.Module):
    """Clean latents from noisy ones, judged after decoding, and the trust."""

    def __init__(self, model: DsDitSmall, weights: Weights) -> None:
        super().__init__()
        self.model, self.weights = model, weights
        self._token = FACTOR * model.config.transformer.patch
        for part in (model.vae.encoder_in, model.vae.encoder, model.vae.encoder_out):
            part.requires_grad_(False)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch."""
        generator = torch.Generator(device="cpu").manual_seed(batch.seed)
        weak, one_step = torch.rand(2, generator=generator).tolist()
        sigma = 1.0 if one_step < _ONE_STEP else float(drawn(1, generator))
        ready = prepare(replace(batch, valid=torch.zeros_like(batch.valid)) if weak < _WEAK else batch)
        with torch.no_grad():
            clean = self.model.vae.encode(ready.residual).float()
        noise = bands_noise(clean, ready.seen.given.bands, generator)
        told = self.model.tell(sigma * noise + (1.0 - sigma) * clean, sigma, ready.seen, float(weak >= _WEAK))
        given = ready.seen.trusting(told.trust)
        loss = image_loss(self.model.vae.decode(told.latents, given), Prepared(given, ready.residual, ready.target))
        loss = loss + self.weights.latent * (told.latents.float() - clean).abs().mean()
        if told.logits is None:
            return loss
        share, counts = worth(ready, self._token)
        counts = counts * (1.0 + _DOUBT * (1.0 - share))
        return loss + self.weights.trust * F.binary_cross_entropy_with_logits(told.logits, share, weight=counts)
