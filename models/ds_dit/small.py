"""The model at the size that ships: the transformer of DS-DiT over the latents of a band autoencoder.

What differs from the published one: bands go through one by one, so that any number of them will do; the autoencoder
codes the residual against interpolation and decodes it by filters of what LR and the reference show; attention sees
windows; the network tells data rather than velocity, which is the same for every step and better for a single one; and
the weights of the last block say how far the reference is trusted, which is trained and can be written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..salad_pan.network import Fused, assembled
from ..salad_pan.vae import CELL, FACTOR, BandVae
from .config import Config
from .flow import Solver, guided, sampled
from .network import DsDit
from .pictures import LOW_PLANES, REFERENCE_PLANES, Pictured

LATENT = 8
DOUBT = 3
"""Power of the weight that becomes the trust: a wrong detail does more harm than a missing one, so that what is as
likely as not counts an eighth.  Trained with 2.
"""
SURPRISE, USUAL = 1.0, 1.0
"""How fast trust falls with the square of how far LR is from what the reference foretells, in deviations, and up to
where it does not.  All three come from comparisons on the val strips: as steep as hardly any object appears that is not
there.
"""
_SIZE: Mapping[str, Any] = {"latent": LATENT, "low": LOW_PLANES * CELL, "reference": REFERENCE_PLANES * CELL}


def _small() -> Config:
    return Config(depth=3, width=128, heads=4, table=0, hidden=2, window=4, **_SIZE)


@dataclass(frozen=True, slots=True)
class SmallConfig:
    """Widths of the network.

    Attributes:
        vae_width: channels of the autoencoder.
        transformer: of which latents and cells have the sizes of the autoencoder and of what it is given.
    """

    vae_width: int = 40
    transformer: Config = field(default_factory=_small)

    def __post_init__(self) -> None:
        own = self.transformer
        if any(getattr(own, name) != size for name, size in _SIZE.items()) or own.table or not own.window:
            raise ValueError(f"the small transformer sees windows, has no table, and {_SIZE}")

    @property
    def weighs(self) -> bool:
        """Whether it tells how far it trusts the reference; other transformers are for ablations."""
        return self.transformer.kind == "siamese" and self.transformer.injection == "weighted"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SmallConfig:
        """From a card or a recipe."""
        return cls(int(values["vae_width"]), Config.of(values["transformer"]))

    def values(self) -> dict[str, Any]:
        """As a card has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Told:
    """What the transformer says: clean latents (N, latent, h, w), and the trust in the reference, (N, 1, H, W), 0..1.

    ``logits`` are those of the trust, by token, (N, 1, h / 2, w / 2); None where nothing is weighed.
    """

    latents: torch.Tensor
    trust: torch.Tensor
    logits: torch.Tensor | None


class DsDitSmall(nn.Module):
    """Band autoencoder and transformer."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = BandVae(LATENT, config.vae_width)
        self.transformer = DsDit(config.transformer)

    def tell(self, noisy: torch.Tensor, sigma: float, seen: Pictured, ref_scale: float = 1.0) -> Told:
        """Clean latents from noisy ones, all at one noise level, and the trust; none at a ``ref_scale`` of 0."""
        time = torch.full((len(noisy),), 1000.0 * sigma, device=noisy.device)
        share = 1.0 if self.config.transformer.kind == "joint" else ref_scale
        latents, passed = self.transformer.with_streams(noisy, time, seen.low, seen.reference, share)
        if not self.config.weighs:
            return Told(latents, min(ref_scale, 1.0) * seen.known, None)
        block: Any = self.transformer.joint_blocks[-1]
        weights = block.weighting.logits(*passed[-1]).float()
        patch = self.config.transformer.patch
        size = (len(noisy), 1, noisy.shape[-2] // patch, noisy.shape[-1] // patch)
        logits = (weights[..., 1] - weights[..., 0]).reshape(size)
        trust = self._trust(logits, seen)
        fine = F.interpolate(trust, scale_factor=float(patch * FACTOR), mode="bilinear", align_corners=False)
        return Told(latents, min(ref_scale, 1.0) * fine * seen.known, logits)

    def _trust(self, logits: torch.Tensor, seen: Pictured) -> torch.Tensor:
        """One for all bands, as ground changes in all at once; less where LR itself tells of a change."""
        bands = seen.given.bands
        shared = logits.reshape(-1, bands, *logits.shape[1:]).mean(dim=1).sigmoid() ** DOUBT
        # An object is seen whole where its clearest cell is.
        clearest = F.max_pool2d(seen.surprise, self.config.transformer.patch)
        trust: torch.Tensor = shared * torch.exp(-SURPRISE * (clearest - USUAL).clamp(min=0.0))
        return trust.repeat_interleave(bands, dim=0)

    def forward(
        self,
        seen: Pictured,
        noise: torch.Tensor,
        steps: int,
        guidance: float = 1.0,
        checkpoint: Callable[[], None] = lambda: None,
        solver: Solver = "euler",
    ) -> tuple[Fused, torch.Tensor]:
        """Bands with the detail that was found, and the trust in the reference, (N, 1, H, W).

        Args:
            seen: of ``pictured``.
            noise: (N, latent, H / 4, W / 4), standard normal.
            steps: network evaluations.
            guidance: above 1 away from what the network says without the reference, at twice the cost.
            checkpoint: called before each of them.
            solver: how steps are taken.
        """
        last: list[torch.Tensor] = []

        def velocity(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
            told = self.tell(noisy, sigma, seen)
            last[:] = [told.trust]
            data = told.latents
            if guidance != 1.0:
                data = guided(data, self.tell(noisy, sigma, seen, 0.0).latents, guidance)
            return (noisy - data.float()) / sigma

        latents = sampled(velocity, noise, steps, solver=solver, checkpoint=checkpoint)
        trust = last[0]
        given = seen.trusting(trust)
        return assembled(self.vae.decode(latents, given), given), trust
