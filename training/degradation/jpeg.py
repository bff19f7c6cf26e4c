"""What JPEG loses, without the file: blocks, cosine transform, quantisation and thinned colour (ITU-T T.81, JFIF).

Three bands are taken for red, green and blue: luminance at full and colour at half resolution.  Any other number of
bands is compressed band by band as grey images.  Entropy coding loses nothing and is left out; so is the rounding of
pixels to 8 bits.  Values outside the unit range are kept.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

# ITU-T T.81, tables K.1 and K.2.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
# Luma of ITU-R BT.601.  JFIF stores the colour differences around 128; here they stay around zero, with the same steps.
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_SIDE = 8


def compress(x: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """An image after JPEG; deterministic, and without a gradient, as it rounds.

    Args:
        x: (B, C, h, w), unit range, 1 standing for 255.
        quality: (B,), 1 to 100, as libjpeg counts it; need not be whole.

    Returns:
        (B, C, h, w).
    """
    height, width = x.shape[-2:]
    colour = x.shape[1] == 3
    step = 2 * _SIDE if colour else _SIDE
    padded = functional.pad(x, (0, -width % step, 0, -height % step), mode="replicate") * 255.0
    if not colour:
        return _coded(padded - 128.0, _table(_LUMINANCE, quality)).add_(128.0).div_(255.0)[..., :height, :width]
    red, green, blue = padded.unbind(1)
    luma = _RED * red + _GREEN * green + _BLUE * blue
    differences = torch.stack([(blue - luma) / (2 - 2 * _BLUE), (red - luma) / (2 - 2 * _RED)], dim=1)
    luma = _coded(luma[:, None] - 128.0, _table(_LUMINANCE, quality))[:, 0] + 128.0
    differences = _coded(functional.avg_pool2d(differences, 2), _table(_CHROMINANCE, quality))
    to_blue, to_red = functional.interpolate(differences, scale_factor=2, mode="bilinear", align_corners=False).unbind(
        1
    )
    red, blue = luma + (2 - 2 * _RED) * to_red, luma + (2 - 2 * _BLUE) * to_blue
    green = (luma - _RED * red - _BLUE * blue) / _GREEN
    return torch.stack([red, green, blue], dim=1).div_(255.0)[..., :height, :width]


def quantisation(table: tuple[tuple[int, ...], ...], quality: torch.Tensor) -> torch.Tensor:
    """Steps of the coefficients at a quality, as libjpeg scales the standard tables: (B, 8, 8), 1 to 255."""
    percent = torch.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality)[:, None, None]
    steps = torch.tensor(table, dtype=percent.dtype, device=percent.device) * percent
    return ((steps + 50.0) / 100.0).floor().clamp(1.0, 255.0)


def _table(table: tuple[tuple[int, ...], ...], quality: torch.Tensor) -> torch.Tensor:
    """Steps for coefficients laid out as (B, C, blocks down, 8, blocks across, 8)."""
    return quantisation(table, quality)[:, None, None, :, None, :]


def _coded(x: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Planes (B, C, h, w) through transform, quantisation and back; h and w are multiples of 8."""
    basis = _cosines().to(x)
    blocked = (*x.shape[:2], x.shape[2] // _SIDE, _SIDE, x.shape[3] // _SIDE, _SIDE)
    steps = steps.to(x)
    rows = (x.reshape(-1, _SIDE) @ basis.T).reshape(-1, _SIDE, x.shape[3])
    coefficients = (basis @ rows).reshape(blocked)
    kept = coefficients.div_(steps).round_().mul_(steps)
    rows = basis.T @ kept.reshape(-1, _SIDE, x.shape[3])
    return (rows.reshape(-1, _SIDE) @ basis).reshape(x.shape)


def _cosines() -> torch.Tensor:
    """The orthonormal cosine transform of eight values: (frequencies, places), float64."""
    at = torch.arange(_SIDE, dtype=torch.float64)
    basis = torch.cos(math.pi / _SIDE * at[:, None] * (at[None, :] + 0.5)) * math.sqrt(2.0 / _SIDE)
    basis[0] /= math.sqrt(2.0)
    return basis
