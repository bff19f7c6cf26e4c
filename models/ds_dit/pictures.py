"""What the small model sees: LR at the size of the result, what the reference adds to it, and where they disagree.

The detail of the reference is fitted to LR as PAN's is to MS in pan-sharpening with local regression (MTF-GLP-CBD;
Aiazzi et al., PE&RS 2006), band by band: where the ground has not changed, adding it is nearly the answer already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from ...engine.facts import Response
from ..salad_pan.fusion import LIMIT, Conditions, injection
from ..salad_pan.vae import FACTOR
from .change import surprise

SEEN = Response.gaussian(0.3)
"""How LR is taken to have been seen: there is no PAN to measure it by."""

LOW_PLANES, REFERENCE_PLANES = 3, 4
_ERODED, _SMOOTHED = 7, 5
"""Cells around a hole of the reference that do not count, and over which the result goes over."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A batch, bands unrolled into the batch axis (N = B * C).

    Attributes:
        given: LR as ``base``, and the planes that the decoder filters: those of the reference as ``spatial`` (the band
            and its detail) and at places 1 and 4 of ``spectral`` (the fitted detail; how far the reference, seen as
            coarsely as LR, is from it), beside LR, its mean over the bands, and where there is a reference.
        low: cells of LR, (N, 3 * 16, H / 4, W / 4).
        reference: those of the reference, (N, 4 * 16, H / 4, W / 4).
        known: where there is a reference, (N, 1, H, W), 0..1, smooth.
        surprise: how far LR is from what the reference foretells, by cell, (B, 1, H / 4, W / 4).
    """

    given: Conditions
    low: torch.Tensor
    reference: torch.Tensor
    known: torch.Tensor
    surprise: torch.Tensor

    def trusting(self, trust: torch.Tensor) -> Conditions:
        """The decoder's planes, of which those of the reference count as far as it is trusted.

        Args:
            trust: (N, 1, H, W), 0..1.
        """
        band, fitted, mean, known, apart = torch.split(self.given.spectral, 1, dim=1)
        spectral = torch.cat((band, fitted * trust, mean, known, apart * trust), dim=1)
        return replace(self.given, spatial=self.given.spatial * trust, spectral=spectral)


def pictured(low: torch.Tensor, reference: torch.Tensor, valid: torch.Tensor, ratio: float) -> Pictured:
    """Fit the reference to LR.

    Args:
        low: LR at the size of the result, (B, C, H, W), unit range; sides are multiples of 8.
        reference: (B, C, H, W), likewise; anything finite where it is not valid.
        valid: (B, 1, H, W), 1 where there is a reference and 0 elsewhere.
        ratio: px of the result per px of LR.
    """
    images, bands, height, width = low.shape
    known = _smooth(valid.float()).expand(images, bands, height, width).reshape(-1, 1, height, width)
    there = valid.expand_as(low).reshape(-1, 1, height, width)
    band = low.float().reshape(-1, 1, height, width)
    other = torch.where(there > 0, reference.float().reshape(-1, 1, height, width), band)
    detail, fitted, local = injection(other, band, (ratio, ratio), SEEN)
    own, scale = band - local.ms_mean, local.ms_scale
    apart = (local.slope * (other - detail - local.low_mean) - own) / scale
    mean = (own / scale).reshape(images, bands, height, width).mean(dim=1, keepdim=True)
    mean = mean.expand(images, bands, height, width).reshape(-1, 1, height, width)
    planes = (own / scale, fitted / scale * known, mean, known, apart * known)
    spectral = torch.cat(planes, dim=1).clamp(-LIMIT, LIMIT)
    spatial = torch.cat(((other - local.low_mean) / local.low_scale, detail / local.low_scale), dim=1) * known
    spatial = spatial.clamp(-LIMIT, LIMIT)
    given = Conditions(
        base=band, scale=scale, spatial=spatial, spectral=spectral, told=band.new_zeros(len(band), 3), bands=bands
    )
    return Pictured(
        given=given,
        low=F.pixel_unshuffle(spectral[:, [0, 2, 3]], FACTOR),
        reference=F.pixel_unshuffle(torch.cat((spatial, spectral[:, [1, 4]]), dim=1), FACTOR),
        known=known,
        surprise=surprise(low, other.reshape(low.shape), valid, ratio, SEEN),
    )


def _smooth(valid: torch.Tensor) -> torch.Tensor:
    """Going down to 0 before the reference ends, so that nothing jumps there; (B, 1, H, W)."""
    cells = 1.0 - F.max_pool2d(1.0 - valid, FACTOR)
    half = _ERODED // 2
    holes = F.max_pool2d(F.pad(1.0 - cells, (half,) * 4, mode="replicate"), _ERODED, stride=1)
    half = _SMOOTHED // 2
    smooth = F.avg_pool2d(F.pad(1.0 - holes, (half,) * 4, mode="replicate"), _SMOOTHED, stride=1)
    return F.interpolate(smooth, scale_factor=float(FACTOR), mode="bilinear", align_corners=False)
