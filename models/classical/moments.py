"""First and second moments of PAN, its low-passes and the MS bands over a scene, and what regressions need of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.errors import RunError

Array = NDArray[np.float64]


def gram(planes: torch.Tensor, valid: torch.Tensor) -> Array:
    """Sums of products of all pairs of planes and a plane of ones, over the valid pixels.

    Args:
        planes: (n, h, w).
        valid: bool (h, w).

    Returns:
        ((n + 1) * (n + 1),), float64; the first row holds the count and the sums.
    """
    # On the CPU, since not every device has float64.
    chosen = planes.cpu()[:, valid.cpu()].to(torch.float64)
    rows = torch.cat([torch.ones_like(chosen[:1]), chosen])
    product: Array = (rows @ rows.T).numpy().reshape(-1)
    return product


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of n planes.

    Attributes:
        mean: (n,).
        second: (n, n) means of products.
        covariance: (n, n), divided by the count.
    """

    mean: Array
    second: Array
    covariance: Array

    @classmethod
    def of(cls, statistics: Array) -> Moments:
        """Read the sums of ``gram``.

        Raises:
            RunError: no pixel was counted.
        """
        side = round(statistics.size**0.5)
        if statistics.size == 0 or statistics[0] <= 0.0:
            raise RunError("no valid pixel was measured in the scene", fix="check the nodata value and the overlap")
        table = statistics.reshape(side, side) / statistics[0]
        mean, second = table[0, 1:], table[1:, 1:]
        return cls(mean, second, second - np.outer(mean, mean))

    @property
    def deviation(self) -> Array:
        """(n,) standard deviations."""
        root: Array = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return root


def least_squares(matrix: Array, right: Array) -> Array:
    """Solve normal equations ``matrix @ x = right``; directions without variance get no weight."""
    solution: Array = np.linalg.pinv(matrix, rcond=1e-10, hermitian=True) @ right
    return solution


def nonnegative_least_squares(matrix: Array, right: Array) -> Array:
    """Solve normal equations under x >= 0 by active sets (Lawson and Hanson, "Solving Least Squares Problems", 1974).

    Args:
        matrix: (n, n) Gram matrix.
        right: (n,) inner products with the target.
    """
    n = right.size
    x = np.zeros(n)
    free = np.zeros(n, dtype=bool)
    tolerance = 1e-10 * max(float(np.abs(right).max(initial=0.0)), 1e-300)
    for _ in range(3 * n):
        gradient = right - matrix @ x
        candidates = ~free & (gradient > tolerance)
        if not candidates.any():
            break
        free[np.argmax(np.where(candidates, gradient, -np.inf))] = True
        trial = _restricted(matrix, right, free)
        while np.any(free & (trial <= 0.0)):
            falling = np.flatnonzero(free & (trial <= 0.0))
            steps = x[falling] / np.maximum(x[falling] - trial[falling], 1e-300)
            x = x + steps.min() * (trial - x)
            free[falling[steps == steps.min()]] = False
            x[~free] = 0.0
            trial = _restricted(matrix, right, free)
        x = trial
    return x


def _restricted(matrix: Array, right: Array, free: NDArray[np.bool_]) -> Array:
    """The solution over the free unknowns, zero elsewhere."""
    x = np.zeros(right.size)
    x[free] = least_squares(matrix[np.ix_(free, free)], right[free])
    return x


def ratio_or_zero(top: Array | float, bottom: float) -> Array:
    """``top / bottom``, or zero where the scene has no variance to divide by."""
    value: Array = np.zeros_like(np.asarray(top, dtype=np.float64)) if bottom == 0.0 else np.asarray(top) / bottom
    return value
