"""Fill masked cells from valid ones, so that no model ever sees what lies under a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill_masked(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Replace masked cells by the mean of the valid cells around them, at the finest scale that has any.

    A pyramid of 2 x 2 means over valid cells is climbed until every hole is covered; each hole takes the value of the
    finest level that covers it.  The result depends on valid cells only.  A band without any valid cell becomes 0.

    Args:
        values: (C, h, w); anything, NaN included, where masked.
        valid: (C, h, w).

    Returns:
        (C, h, w), finite; the valid cells unchanged.
    """
    if valid.all():
        return values
    known = np.where(valid, values, np.float32(0))
    if not valid.any():
        return known
    if min(values.shape[1:]) <= 1 and max(values.shape[1:]) <= 1:
        return known
    coarse, coarse_valid = _halve(known, valid)
    coarse = fill_masked(coarse, coarse_valid)
    h, w = values.shape[1:]
    upsampled = np.repeat(np.repeat(coarse, 2, axis=1), 2, axis=2)[:, :h, :w]
    filled: NDArray[np.float32] = np.where(valid, known, upsampled)
    return filled


def _halve(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means of the valid cells in 2 x 2 blocks, and where there were any."""
    pad = [(0, 0), (0, values.shape[1] % 2), (0, values.shape[2] % 2)]
    total = _block_sum(np.pad(values, pad).astype(np.float64))
    count = _block_sum(np.pad(valid, pad).astype(np.float64))
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return mean.astype(np.float32), count > 0


def _block_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    c, h, w = values.shape
    total: NDArray[np.float64] = values.reshape(c, h // 2, 2, w // 2, 2).sum(axis=(2, 4))
    return total
