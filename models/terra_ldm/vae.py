"""Band autoencoder: a two-level pyramid whose details are coded against a learned forecast.

A cell of 4x4 px has 16 latent channels: its mean, and 15 details less what a small network foretells of them from the
coarser levels.  No dimension is dropped: in 0.1 m aerial imagery the spectrum inside a cell is so flat that the best
linear code stays below 38 dB even with 15 channels (``benchmarks/base_model/latent_rank.py``), and smoother scenes
share the code.  What is learned is how to say the same with small, independent numbers: the forecast, and how much
noise each number bears.

The decoder adds the same forecast that the encoder took away, so the reconstruction is exact up to rounding whatever
the weights, and the mean of every cell, channel 0, is the image at a quarter of its resolution.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .layers import zeroed
from .pyramid import merge, split

FACTOR = 4
"""Image px per latent cell."""

LATENT = FACTOR * FACTOR
"""Channels: the mean, 3 details between 4 and 2 px, 12 between 2 and 1 px."""

MARGIN = 32
"""Image px beyond which nothing outside a tile reaches its latents or its decoded pixels."""

KNEE = 0.02
"""Detail, in the unit range, from which on the code grows with its logarithm instead of the detail itself."""

_LIMIT = 12.0  # of a code: far beyond any image, near enough that sinh stays finite


class Forecast(nn.Module):
    """Details of 2x2 cells from their means; commutes with gain and offset.

    The first taps sum to zero and nothing after them has a bias or bends but at zero (cf. Mohan et al., arXiv
    1906.05478), so f(g x + o) = g f(x) for g > 0: a dark band is foretold like a bright one, and no statistics of the
    image are needed.

    Args:
        width: channels.
        depth: residual blocks; each looks one cell further.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.randn(width, 1, 5, 5) / 5)
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate", bias=False) for _ in range(depth)
        )
        self.mixes = nn.ModuleList(zeroed(nn.Conv2d(width, width, 1, bias=False)) for _ in range(depth))
        self.out = zeroed(nn.Conv2d(width, 3, 1, bias=False))

    def forward(self, means: torch.Tensor) -> torch.Tensor:
        """(N, 1, h, w) to (N, 3, h, w), in the same units."""
        out: torch.Tensor = self.out(self.hidden(means))
        return out

    def hidden(self, means: torch.Tensor) -> torch.Tensor:
        """Maps that the details are read from: (N, 1, h, w) to (N, width, h, w), in the same units."""
        taps = self.taps - self.taps.mean(dim=(2, 3), keepdim=True)
        # The offset would drop out anyway; taken away first it does not cost digits.
        h = F.relu(F.conv2d(F.pad(means, (2, 2, 2, 2), mode="replicate"), taps))
        for conv, mix in zip(self.convs, self.mixes, strict=True):
            h = h + mix(F.relu(conv(h)))
        return h


class BandVae(nn.Module):
    """Autoencoder of one band; bands are unrolled into the batch axis, so any band count works.

    Runs in float32 under autocast too: it costs little, and codes grow with a logarithm.

    Args:
        width: channels of the forecasts.
        depth: residual blocks of each forecast.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.coarse = Forecast(width, depth)
        self.fine = Forecast(width, depth)
        self.spread = nn.Sequential(nn.Conv2d(LATENT, 32, 1), nn.SiLU(), zeroed(nn.Conv2d(32, LATENT, 1)))
        self.register_buffer("centre", torch.zeros(LATENT, 1, 1))
        self.register_buffer("scaling", torch.ones(LATENT, 1, 1))
        self.centre: torch.Tensor
        self.scaling: torch.Tensor

    def code(self, image: torch.Tensor) -> torch.Tensor:
        """Posterior mean of images, before scaling.

        Args:
            image: (N, 1, H, W), unit range (a little beyond is fine); H and W multiples of 4.

        Returns:
            (N, 16, H / 4, W / 4).
        """
        return self._coded(image)[0]

    def _coded(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Code of images, and the maps that the details at 4 and at 2 px are foretold from."""
        with torch.autocast(image.device.type, enabled=False):
            half, fine = split(image.float())
            quarter, coarse = split(half)
            second, first = self.coarse.hidden(quarter), self.fine.hidden(half)
            fine = F.pixel_unshuffle(_compress(fine - self.fine.out(first)), 2)
            code = torch.cat((4 * quarter - 2, _compress(coarse - self.coarse.out(second)), fine), dim=1)
            return code, second, first

    def log_variance(self, code: torch.Tensor) -> torch.Tensor:
        """Logarithm of the posterior's variance at a code, same shape."""
        out: torch.Tensor = self.spread(code) - 4.0
        return out.clamp(-14.0, 2.0)

    def image(self, code: torch.Tensor) -> torch.Tensor:
        """Inverse of ``code``: (N, 16, h, w) to (N, 1, 4h, 4w)."""
        with torch.autocast(code.device.type, enabled=False):
            code = code.float()
            quarter = (code[:, :1] + 2) / 4
            half = merge(quarter, _expand(code[:, 1:4]) + self.coarse(quarter))
            return merge(half, _expand(F.pixel_shuffle(code[:, 4:], 2)) + self.fine(half))

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Latents of images, zero mean and unit variance a channel over the training imagery: mode of the posterior.

        Args:
            image: (N, 1, H, W), unit range; H and W multiples of 4.

        Returns:
            (N, 16, H / 4, W / 4), float32.
        """
        return (self.code(image) - self.centre) * self.scaling

    def trace(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As ``encode``, with the maps that the details are foretold from, for feature readers.

        Returns:
            Latents, and maps (N, width, H / 4, W / 4) and (N, width, H / 2, W / 2) in the units of ``KNEE``.
        """
        code, second, first = self._coded(image)
        return (code - self.centre) * self.scaling, second / KNEE, first / KNEE

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Images (N, 1, 4h, 4w), unit range, from latents (N, 16, h, w)."""
        return self.image(latent.float() / self.scaling + self.centre)


def _compress(detail: torch.Tensor) -> torch.Tensor:
    return torch.asinh(detail / KNEE)


def _expand(code: torch.Tensor) -> torch.Tensor:
    return KNEE * torch.sinh(code.clamp(-_LIMIT, _LIMIT))
