"""Deviations that a model tells, made as large as its errors are; the same for every system that tells them."""

from __future__ import annotations

from collections.abc import Callable

import torch

ONE_SIGMA = 0.6827
"""Share of normal errors that are within one standard deviation."""

_ROUNDS, _SETTLED = 8, 1e-3
_MOST_RANKED = 2**22


def calibrate(widen: Callable[[float], None], relative_errors: Callable[[], torch.Tensor]) -> None:
    """Make deviations larger or smaller until ``ONE_SIGMA`` of the errors are within one.

    Args:
        widen: multiplies all deviations; to first order only, as they have bounds, so that it is asked again.
        relative_errors: errors over deviations as they are now, one-dimensional.
    """
    for _ in range(_ROUNDS):
        errors = relative_errors()
        # No more than can be ranked.
        factor = float(torch.quantile(errors[:: -(-len(errors) // _MOST_RANKED)], ONE_SIGMA))
        widen(factor)
        if abs(factor - 1.0) < _SETTLED:
            return


def coverage(relative_errors: torch.Tensor) -> float:
    """Share of the errors that are within one deviation."""
    return float((relative_errors <= 1.0).double().mean())
