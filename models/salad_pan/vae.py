"""Stage I: a variational autoencoder for one band at a time.

As in SALAD-Pan (arXiv 2602.04473, stage I) the bands are unrolled into the batch axis, so any band count works.  Two
things differ at this size: what is coded is the residual of the band against the classical fusion, in local units,
and the decoder is guided by PAN and MS, which carry most of the structure already.

The decoder does not draw the pixels of a cell one by one, which leaves a lattice of cells (Odena et al.,
"Deconvolution and checkerboard artifacts", Distill 2016): it says how much of each of some filters of PAN and MS goes
into the image, smoothly from cell to cell, as bilateral-guided upsampling does (Gharbi et al., "Deep bilateral learning
for real-time image enhancement", SIGGRAPH 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..terra_ldm.layers import Block, conv3, zeroed
from .fusion import LIMIT, Conditions

FACTOR = 4
"""PAN px per latent cell."""

CELL = FACTOR * FACTOR

PLANES, FILTERS = 7, 8
"""Planes of the conditions, and filters of them at full size."""

LEAST, MOST = math.log(0.005), math.log(4.0)
"""Bounds of the logarithm of a pixel's deviation, local units."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder says.

    Attributes:
        residual: (N, 1, H, W), local units.
        log_deviation: (N, 1, H, W), logarithm of how far the residual may be off, local units, within the bounds.
    """

    residual: torch.Tensor
    log_deviation: torch.Tensor


class BandVae(nn.Module):
    """Autoencoder of a residual band.

    Args:
        latent: latent channels.
        width: channels of the feature maps.
    """

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.encoder_in = conv3(CELL, width)
        self.encoder = Block(width, width)
        self.encoder_out = nn.Conv2d(width, 2 * latent, 1)
        self.guide_in = conv3(PLANES * CELL, width)
        self.decoder_in = nn.Conv2d(latent, width, 1)
        self.decoder = Block(2 * width, width)
        self.decoder_mix = Block(width, width)
        self.gates = zeroed(nn.Conv2d(width, FILTERS + 1, 1))
        self.filters = _started(conv3(PLANES, FILTERS))
        self.deviation_out = zeroed(nn.Conv2d(width, CELL, 1))
        self.register_buffer("scaling", torch.ones(latent, 1, 1))
        self.scaling: torch.Tensor

    def posterior(self, residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance, each (N, latent, H / 4, W / 4), of the code of a residual (N, 1, H, W)."""
        h = self.encoder(self.encoder_in(F.pixel_unshuffle(residual.clamp(-LIMIT, LIMIT), FACTOR)))
        mean, log_variance = self.encoder_out(h).chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 4.0)

    def encode(self, residual: torch.Tensor) -> torch.Tensor:
        """Posterior mode, scaled to unit variance: (N, 1, H, W) to (N, latent, H / 4, W / 4)."""
        return self.posterior(residual)[0] * self.scaling

    @torch.no_grad()
    def widen(self, factor: float) -> None:
        """Make every deviation ``factor`` times as large (to first order near a bound, where none is any more)."""
        self.deviation_out.state_dict()["bias"].add_(math.log(factor))

    def decode(self, latent: torch.Tensor, given: Conditions) -> Decoded:
        """Residual and how certain it is from scaled latents (N, latent, H / 4, W / 4)."""
        planes = torch.cat((given.spatial, given.spectral), dim=1)
        guide = self.guide_in(F.pixel_unshuffle(planes, FACTOR))
        maps = self.decoder_mix(self.decoder(torch.cat((self.decoder_in(latent / self.scaling), guide), dim=1)))
        # What the maps are is learned from the image alone, so that nothing is given up for the deviation.
        raw = F.pixel_shuffle(self.deviation_out(maps.detach()), FACTOR).float()
        middle, half = (MOST + LEAST) / 2, (MOST - LEAST) / 2
        gates = F.interpolate(self.gates(maps), scale_factor=float(FACTOR), mode="bilinear", align_corners=False)
        residual = (gates[:, :-1] * self.filters(planes)).sum(dim=1, keepdim=True) + gates[:, -1:]
        return Decoded(residual.float(), middle + half * torch.tanh(raw / half))


def _started(conv: nn.Conv2d) -> nn.Conv2d:
    """The same convolution, whose first outputs are its inputs."""
    with torch.no_grad():
        for plane in range(min(conv.in_channels, conv.out_channels)):
            conv.weight[plane] = 0.0
            conv.weight[plane, plane, 1, 1] = 1.0
    return conv
