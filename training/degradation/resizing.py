"""Resizing that moves nothing: the corners of both grids coincide, and every pixel stands for its true centre.

One matrix an axis.  Area weights cut pixels by their share, and give way to bilinear ones where the image grows: there
they would repeat pixels up to half a pixel off their places, as the published chain does.  Bilinear and bicubic sample
without a low-pass, so that they alias where the image shrinks, as that chain has it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.errors import RequestError
from ...engine.ground.resample import Taps, area_taps, point_taps

Mode = Literal["area", "bilinear", "bicubic"]
MODES: tuple[Mode, ...] = ("area", "bilinear", "bicubic")


def coarse_size(hr: torch.Tensor, scale: float) -> tuple[int, int]:
    """(rows, columns) of a batch at ``scale`` times its pixel size.

    Raises:
        RequestError: it is not a batch (B, C, H, W) of float32, or a side is no whole multiple of ``scale``.
    """
    if hr.ndim != 4 or hr.dtype != torch.float32 or 0 in hr.shape:
        raise RequestError(f"a {hr.dtype} tensor of shape {tuple(hr.shape)} is not a batch (B, C, H, W) of float32")
    if not scale > 1.0:
        raise RequestError(f"a scale of {scale:g} does not degrade", fix="give one above 1")
    rows, columns = (round(n / scale) for n in hr.shape[-2:])
    if min(rows, columns) < 1 or any(
        abs(n / scale - k) > 1e-6 for n, k in zip(hr.shape[-2:], (rows, columns), strict=True)
    ):
        raise RequestError(
            f"{hr.shape[-2]} x {hr.shape[-1]} px make no whole number of pixels at a scale of {scale:g}",
            fix="choose a patch whose sides are multiples of the scale",
        )
    return rows, columns


def resize(x: torch.Tensor, size: tuple[int, int], mode: Mode) -> torch.Tensor:
    """Resize (B, C, h, w) to (B, C, *size)."""
    if tuple(x.shape[-2:]) == size:
        return x
    down, across = (resize_matrix(n, m, mode).to(x) for n, m in zip(x.shape[-2:], size, strict=True))
    return down @ (x @ across.T)


def resize_matrix(length: int, size: int, mode: Mode) -> torch.Tensor:
    """Map from ``length`` to ``size`` pixels along one axis: (size, length), float64; rows sum to one."""
    edges = np.arange(size + 1) * (length / size)
    centres = (edges[:-1] + edges[1:]) / 2
    if mode == "area" and size < length:
        taps = area_taps(edges, length)
    elif mode == "bicubic":
        taps = point_taps(centres, length, "cubic")
    else:
        taps = _linear_taps(centres, length)
    matrix = np.zeros((size, length))
    np.add.at(matrix, (np.arange(size)[:, None], taps.index), taps.weight)
    return torch.from_numpy(matrix)


def _linear_taps(centres: NDArray[np.float64], length: int) -> Taps:
    position = np.clip(centres - 0.5, 0.0, length - 1.0)
    first = np.minimum(np.floor(position).astype(np.int64), max(length - 2, 0))
    part = position - first
    index = np.stack([first, np.minimum(first + 1, length - 1)], axis=1)
    return Taps(index, np.stack([1.0 - part, part], axis=1))
