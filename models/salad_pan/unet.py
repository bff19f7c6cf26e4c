"""Stage II: a small denoising UNet with a PAN branch and an MS branch beside it.

The wiring follows SALAD-Pan (arXiv 2602.04473, stage II): two ControlNet-XS-like branches, "spatial" (PAN) and
"spectral" (MS), run through encoder and middle next to the base network, exchange features with it in both directions
through GLU-gated zero convolutions, feed the decoder, and are fused by frequency: high frequencies from PAN, low ones
from MS.  Text prompts are left out; resolution ratio and measured response take their place.  Without a pretrained base
network, base and branches are trained together.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ..terra_ldm.layers import Block, ChannelNorm, conv3, zeroed
from .fusion import Conditions
from .layers import CrossBandAttention, GatedZeroConv, TimeEmbedding, fuse
from .vae import CELL, FACTOR


class Branch(nn.Module):
    """One conditioning branch: embedder, one encoder block, downsampler, middle block with cross-band attention.

    Args:
        planes: condition planes at PAN resolution.
        latent: latent channels.
        base: channels of the base network at (latent resolution, half of it).
        width: channels of the branch at both.
        embedding: length of the embedding vector.
    """

    def __init__(self, planes: int, latent: int, base: tuple[int, int], width: int, embedding: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            conv3(planes * CELL, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 1),
            nn.SiLU(),
            zeroed(nn.Conv2d(width, width, 1)),
        )
        self.conv_in = nn.Conv2d(latent, width, 1)
        self.from_base = nn.ModuleList(GatedZeroConv(channels, width) for channels in base)
        self.to_base = nn.ModuleList(GatedZeroConv(width, base[i]) for i in (0, 0, 1, 0))
        self.encoder = Block(2 * width, width, embedding)
        self.down = nn.Conv2d(width, width, 2, stride=2)
        self.middle = Block(2 * width, width, embedding)
        self.across = CrossBandAttention(width, heads=4)

    def start(self, noisy: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Features of the noisy latents (N, latent, h, w) and the condition (N, planes, 4h, 4w): (N, width, h, w)."""
        out: torch.Tensor = self.conv_in(noisy) + self.embed(F.pixel_unshuffle(condition, FACTOR))
        return out


class DualBranchUNet(nn.Module):
    """Predicts clean latents from noisy ones, PAN and MS.

    Args:
        latent: latent channels.
        base: channels of the base network at latent resolution and at half of it.
        width: channels of each branch.
        embedding: length of the embedding vector.
    """

    def __init__(self, latent: int, base: tuple[int, int], width: int, embedding: int) -> None:
        super().__init__()
        fine, coarse = base
        self.embedding = TimeEmbedding(embedding, told=3)
        self.conv_in = conv3(latent, fine)
        self.encoder = Block(fine, fine, embedding)
        self.down = nn.Conv2d(fine, coarse, 2, stride=2)
        self.middle = Block(coarse, coarse, embedding)
        self.middle_mix = Block(coarse, coarse, embedding)
        self.up = nn.Conv2d(coarse, fine, 1)
        self.decoder = Block(2 * fine, fine, embedding)
        self.decoder_mix = Block(fine, fine, embedding)
        self.norm_out = ChannelNorm(fine)
        self.conv_out = nn.Conv2d(fine, latent, 1)
        self.spatial = Branch(2, latent, base, width, embedding)
        self.spectral = Branch(5, latent, base, width, embedding)

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, given: Conditions) -> torch.Tensor:
        """Clean latents.

        Args:
            noisy: (N, latent, h, w) with N = B * C, h and w even.
            time: (N,) diffusion time, 0 (clean) to 1 (noise).
            given: conditions at 4h x 4w.
        """
        emb = self.embedding(time, given.told)
        h = self.conv_in(noisy)
        branches = (self.spatial, self.spectral)
        states = [self.spatial.start(noisy, given.spatial), self.spectral.start(noisy, given.spectral)]
        h = self._inject(h, states, 0)
        states = [
            b.encoder(torch.cat((s, b.from_base[0](h)), dim=1), emb) for b, s in zip(branches, states, strict=True)
        ]
        skip = self._inject(self.encoder(h, emb), states, 1)
        fine_states = states
        h = self.down(skip)
        states = [
            b.across(b.middle(torch.cat((b.down(s), b.from_base[1](h)), dim=1), emb), given.bands)
            for b, s in zip(branches, states, strict=True)
        ]
        h = self.middle_mix(self._inject(self.middle(h, emb), states, 2), emb)
        return self._decode(h, self._inject(skip, fine_states, 3), emb)

    def _inject(self, h: torch.Tensor, states: list[torch.Tensor], crossing: int) -> torch.Tensor:
        """Bring both branches into the base network at one of its crossings."""
        spatial, spectral = states
        return fuse(h, self.spatial.to_base[crossing](spatial), self.spectral.to_base[crossing](spectral))

    def _decode(self, h: torch.Tensor, skip: torch.Tensor, emb: torch.Tensor) -> torch.Tensor:
        """From the middle and the skip connection to latents."""
        # Not the nearest: pairs of cells would show.
        up = F.interpolate(self.up(h), scale_factor=2.0, mode="bilinear", align_corners=False)
        h = self.decoder_mix(self.decoder(torch.cat((up, skip), dim=1), emb), emb)
        out: torch.Tensor = self.conv_out(F.silu(self.norm_out(h)))
        return out
