"""Evidence that ground has changed, where LR and the reference are seen equally coarsely.

A fit around each pixel that is as narrow as an object explains the object away.  A wider one of the same ground, from
which what does not fit is left out again and again, does not: iteratively reweighted as in IR-MAD (Nielsen, IEEE TIP
2007), with one line a band, as light and season change smoothly.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from ...engine.facts import Response
from ..salad_pan.fusion import FLOOR, blur, low_pass, mtf_sigma
from ..salad_pan.vae import FACTOR

WINDOW, REACH, FITS = 3.9, 2.3, 2
"""Standard deviation of the window of a fit, cells; deviations at which it ends; and fits, so many that all of them
together see no farther than three blocks of the transformer."""
_LEAST = 0.002
"""Deviation from the line that may always be, unit range: half a level of 8 bits."""
_TAIL = 1e-3
"""Least weight of a cell, so that no window is empty."""


def sight(ratio: float, seen: Response) -> int:
    """How far around a cell counts, px of the result."""
    return FITS * math.ceil(REACH * WINDOW) * FACTOR + math.ceil(4.0 * mtf_sigma(seen.gain, ratio))


def surprise(
    low: torch.Tensor, reference: torch.Tensor, valid: torch.Tensor, ratio: float, seen: Response
) -> torch.Tensor:
    """How far LR is from what the reference foretells, by cell: (B, 1, H / 4, W / 4).

    The mean over the bands of squared deviations from the fit, in those of the ground around; about 1 where nothing
    has changed.

    Args:
        low: LR at the size of the result, (B, C, H, W), unit range.
        reference: likewise, finite.
        valid: (B, 1, H, W), 1 where there is a reference and 0 elsewhere.
        ratio: px of the result per px of LR.
        seen: how LR was seen.
    """
    images, bands = low.shape[:2]
    with torch.autocast(low.device.type, enabled=False):
        coarse = low_pass(reference.float().flatten(0, 1)[:, None], (ratio, ratio), seen)
        told = F.avg_pool2d(coarse.reshape(low.shape), FACTOR)
        now = F.avg_pool2d(low.float(), FACTOR)
        known = 1.0 - F.max_pool2d(1.0 - valid.float(), FACTOR)
        weight, squared = known, torch.ones_like(known)
        for _ in range(FITS):
            sums = torch.cat((weight, *(weight * each for each in (told, now, told**2, now**2, told * now))), dim=1)
            around = blur(sums, (WINDOW, WINDOW), REACH)
            means = around[:, 1:] / around[:, :1].clamp(min=_TAIL**2)
            mean, mean_now, power, power_now, product = means.reshape(images, 5, bands, *means.shape[-2:]).unbind(1)
            covariance = product - mean * mean_now
            slope = covariance / ((power - mean**2).clamp(min=0.0) + FLOOR**2)
            spread = (power_now - mean_now**2 - slope * covariance).clamp(min=0.0) + _LEAST**2
            squared = ((now - mean_now - slope * (told - mean)) ** 2 / spread).mean(dim=1, keepdim=True)
            weight = known * torch.exp(-squared / 4.0).clamp(min=_TAIL)
    return torch.where(known > 0, squared, torch.ones_like(squared))
