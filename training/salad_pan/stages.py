"""The two training stages of the published SALAD-Pan, as modules whose forward pass is a loss.

Stage I trains the autoencoder of one band.  Stage II trains the branches beside a frozen UNet to predict noise, and
judges the clean latents that follow from it, decoded, at every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import nn

from ...models.salad_pan.published.checkpoint import is_base
from ...models.salad_pan.published.conditioning import images
from ...models.salad_pan.published.network import SaladPan
from ...models.salad_pan.published.sampler import sample, schedule
from ...models.salad_pan.published.vae import decode
from .data import SensorBatch
from .losses import divergence, fused_loss, reconstruction_loss
from .recipe import FusionWeights, ReconstructionWeights

TIMES = 1000
LEAST_SIGNAL = 1e-6
"""Least share of the signal's variance that the noise is subtracted from."""


class ReconstructionStage(nn.Module):
    """Stage I: bands through the sampled posterior and back."""

    def __init__(self, vae: Any, weights: ReconstructionWeights) -> None:
        super().__init__()
        self.vae, self.weights = vae, weights

    def forward(self, batch: SensorBatch) -> torch.Tensor:
        """The loss of a batch."""
        bands = unrolled(batch.target)
        posterior = self.vae.encode(2.0 * bands - 1.0).latent_dist
        latents = posterior.sample(torch.Generator("cpu").manual_seed(batch.seed))
        found = (self.vae.decode(latents).sample.float() / 2.0 + 0.5).clamp(0.0, 1.0)
        with torch.autocast(bands.device.type, enabled=False):
            loss = reconstruction_loss(found, bands, self.weights)
            if self.weights.kl:
                loss = loss + self.weights.kl * divergence(posterior.mean.float(), posterior.logvar.float())
        return loss


class AdapterStage(nn.Module):
    """Stage II: the noise in the latents of the bands, told by PAN, MS and a sentence on each band.

    Its state dict holds what is trained and nothing else, so checkpoints are as large as the adapters.

    Args:
        network: of which all but the adapters is frozen here.
        text: (bands, tokens, length) embedded prompts of each sensor, or (1, tokens, length) for any number of bands.
        weights: of the loss.
        noise: ``"shared"``: one draw an image, as published; ``"band"``: one a band.
    """

    def __init__(
        self,
        network: SaladPan,
        text: Mapping[str, torch.Tensor],
        weights: FusionWeights,
        noise: Literal["shared", "band"],
    ) -> None:
        super().__init__()
        self.network, self.text, self.weights, self.noise = network, text, weights, noise
        network.requires_grad_(False)
        for name, value in network.unet.named_parameters():
            value.requires_grad_(not is_base(name))
        if network.config.coupling == "paper":
            # Nothing flows through these: they would stop training on several devices.
            for name in ("base_to_spa", "base_to_spe"):
                getattr(network.unet.mid_block, name).requires_grad_(False)
        self.signal = schedule(1).alphas_cumprod

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Of the adapters, by their names in the stage."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        return {key: value for key, value in state.items() if _is_adapter(key)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Of the adapters."""
        found = super().load_state_dict(state_dict, strict=False, assign=assign)
        missing = [key for key in found.missing_keys if _is_adapter(key)]
        if strict and (missing or found.unexpected_keys):
            raise RuntimeError(f"missing {missing}, unexpected {found.unexpected_keys}")
        return found

    def forward(self, batch: SensorBatch) -> torch.Tensor:
        """The loss of a batch."""
        network, bands = self.network, batch.target.shape[1]
        with torch.no_grad(), torch.autocast(batch.target.device.type, enabled=False):
            posterior = network.vae.encode(2.0 * unrolled(batch.target) - 1.0).latent_dist
            generator = torch.Generator("cpu").manual_seed(batch.seed)
            clean = posterior.sample(generator) * network.vae.config.scaling_factor
        time, noise = draws(len(batch.target), bands, clean.shape[1:], self.noise, generator)
        signal = self.signal[time].to(clean.device)[:, None, None, None]
        noisy = signal.sqrt() * clean + (1.0 - signal).sqrt() * noise.to(clean.device)
        found = self.denoise(noisy, time.to(clean.device), batch).float()
        with torch.autocast(batch.target.device.type, enabled=False):
            guess = (noisy - (1.0 - signal).sqrt() * found) / signal.clamp(min=LEAST_SIGNAL).sqrt()
            fused = decode(network.vae, guess).reshape(batch.target.shape)
            loss = self.weights.latent * (guess - clean).abs().mean()
            total: torch.Tensor = loss + fused_loss(fused, batch.target, batch.ratio, self.weights)
        return total

    def denoise(self, noisy: torch.Tensor, time: torch.Tensor, batch: SensorBatch) -> torch.Tensor:
        """Noise in latents (B x C, 4, h, w) of a batch's bands."""
        pairs, bands = batch.ms.shape[:2]
        text = self.text[batch.sensor].to(noisy.device).expand(bands, -1, -1).repeat(pairs, 1, 1)
        found: torch.Tensor = self.network.unet(noisy, time, text, images(batch.pan, batch.ms, 1.0), bands)
        return found

    @torch.no_grad()
    def fuse(self, batch: SensorBatch, steps: int) -> torch.Tensor:
        """Sampled images (B, C, H, W) in 0..1, from noise that follows from the batch's seed."""
        pairs, bands, height, width = batch.ms.shape
        generator = torch.Generator("cpu").manual_seed(batch.seed)
        noise = draws(pairs, bands, (4, height // 8, width // 8), self.noise, generator)[1].to(batch.ms.device)
        latents = sample(lambda x, time: self.denoise(x, time, batch), noise, steps, lambda: None)
        return decode(self.network.vae, latents).reshape(batch.ms.shape)


def draws(
    pairs: int, bands: int, cells: Iterable[int], noise: Literal["shared", "band"], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Time of each band, (pairs x bands,), one draw an image; and noise, (pairs x bands, *cells)."""
    time = torch.randint(0, TIMES, (pairs,), generator=generator).repeat_interleave(bands)
    each = torch.randn(pairs, 1 if noise == "shared" else bands, *cells, generator=generator)
    return time, each.expand(pairs, bands, *each.shape[2:]).flatten(0, 1)


def unrolled(image: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) as single bands, (B x C, 1, H, W)."""
    return image.flatten(0, 1)[:, None]


@contextmanager
def wearing(stage: nn.Module, state: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Give a stage other weights for a while."""
    own = {key: value.detach().cpu().clone() for key, value in stage.state_dict().items()}
    stage.load_state_dict(state)
    try:
        yield
    finally:
        stage.load_state_dict(own)


@torch.no_grad()
def measure_scaling(vae: Any, batches: Iterable[SensorBatch]) -> float:
    """One over the mean standard deviation of raw latents, posterior mode, batch by batch."""
    device = next(vae.parameters()).device
    inputs = (2.0 * unrolled(batch.target).to(device) - 1.0 for batch in batches)
    spreads = [vae.encode(image).latent_dist.mode().std().double() for image in inputs]
    return float(1.0 / torch.stack(spreads).mean())


def _is_adapter(key: str) -> bool:
    """Whether a key of the stage belongs to what is trained."""
    name = key.removeprefix("network.unet.")
    return name != key and not is_base(name)
