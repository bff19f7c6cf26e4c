"""Detail that the mean absolute error averages away: steepness, and power at every scale.

A network that minimises the error gives the mean of all that a pixel could be, which is smoother than any of it.  Both
terms are ours; they ask for as much slope and as much power as the truth has, not for the same pixels.
"""

from __future__ import annotations

import torch

_FLAT = 1e-3
"""Added to slopes, images in -1..1: a root has no slope at zero."""
_SILENT = 1e-3
"""Power of a frequency of a block, image in -1..1, below which none is asked for: a fifth of the steps of 8 bits."""

BLOCK = 64
"""Side of the blocks whose spectra are compared, px; smaller images are one block."""


def slope_loss(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of gradient magnitudes over their mean in the truth, float32.

    Args:
        found, truth: (N, C, H, W) in -1..1; sides of 3 px and more.
    """
    with torch.autocast(found.device.type, enabled=False):
        mine, wanted = steepness(found.float()), steepness(truth.float())
        return (mine - wanted).abs().mean() / wanted.mean()


def steepness(image: torch.Tensor) -> torch.Tensor:
    """Magnitudes of central differences, (N, C, H - 2, W - 2); flat places have a small one."""
    down = image[..., 2:, 1:-1] - image[..., :-2, 1:-1]
    across = image[..., 1:-1, 2:] - image[..., 1:-1, :-2]
    return 0.5 * (down.square() + across.square() + (2 * _FLAT) ** 2).sqrt()


def spectrum_loss(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute log ratio of the power in rings of spatial frequency, in nepers, float32.

    Rings are one frequency step wide, up to the Nyquist frequency; power is that of an image and band, summed over its
    blocks.

    Args:
        found, truth: (N, C, H, W) in -1..1; sides of 8 px and more.
    """
    with torch.autocast(found.device.type, enabled=False):
        mine, wanted = (ring_power(image.float()) for image in (found, truth))
        return ((mine + _SILENT) / (wanted + _SILENT)).log().abs().mean()


def ring_power(image: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) to (N, C, rings): mean power of a ring's frequencies, behind a Hann window, mean over blocks."""
    side = min(BLOCK, *image.shape[-2:])
    bands, down, across = image.shape[:2], image.shape[-2] // side, image.shape[-1] // side
    cut = image[..., : down * side, : across * side].reshape(*bands, down, side, across, side)
    blocks = cut.transpose(3, 4).flatten(2, 3)
    taper = torch.hann_window(side, device=image.device)
    centred = (blocks - blocks.mean(dim=(-2, -1), keepdim=True)) * taper[:, None] * taper
    power = torch.fft.fft2(centred).abs().square().mean(dim=2).flatten(2)
    ring = _rings(side, image.device)
    rings = side // 2
    total = torch.zeros(*bands, rings + 1, device=image.device).index_add_(2, ring, power)
    count = torch.bincount(ring, minlength=rings + 1)
    return (total / count)[..., :rings]


def _rings(side: int, device: torch.device) -> torch.Tensor:
    """Ring of every frequency of a block, 0 for the lowest; the last one holds what belongs to none.

    A lattice of 2, 4 or 8 px belongs to none, as in the metric: it would pass for detail.
    """
    step = torch.fft.fftfreq(side, 1.0 / side)
    ring = torch.hypot(step[:, None], step).round().long() - 1
    lattice = step.abs() % (side // 8) == 0
    none = side // 2
    outside = (ring < 0) | (ring >= none) | (lattice[:, None] & lattice)
    return ring.masked_fill(outside, none).flatten().to(device)
