"""How near two results must come that are the same but for rounding.

Processors, batch sizes and devices add up in different orders, so what one of them happens to give is no bound.  Exact
promises (identity, masks, anchored noise, one run identity on one kind of device) are tested for equal bits, not here.
"""

from __future__ import annotations

import torch
from numpy.typing import NDArray

UNIT_DN = 1 / 4095
"""One DN of a unit-range image, as 12 bits store it."""

ROUNDING = 1e-3
"""What a float32 network may lose to rounding, as a share of the root mean square of its result.

A thousand times the spacing of float32 times the layers a value goes through; a layer that is left out, an input that
is not looked at, or a neighbour that is, moves a result by far more.
"""

Values = torch.Tensor | NDArray


def assert_within_one_dn(found: Values, expected: Values, dn: float = UNIT_DN) -> None:
    """Assert the bound across batch sizes and devices: 99.99 % of the pixels differ by at most one DN.

    Args:
        found, expected: images of the same shape.
        dn: one DN in their unit; 1 for stored integers.
    """
    near = (_apart(found, expected) <= dn).double().mean()
    assert float(near) >= 0.9999, f"only {float(near):.4%} of the pixels agree within one DN"


def assert_same_but_rounding(found: Values, expected: Values, share: float = ROUNDING) -> None:
    """Assert that no value differs by more than a share of the root mean square of all.

    Args:
        found, expected: any tensors of the same shape.
        share: of the root mean square of ``expected``.
    """
    size = float(torch.as_tensor(expected).detach().double().square().mean().sqrt())
    apart = float(_apart(found, expected).max())
    assert apart <= share * size, f"apart by {apart:.3g}, where {share:g} of {size:.3g} is allowed"


def _apart(found: Values, expected: Values) -> torch.Tensor:
    one, two = torch.as_tensor(found).detach(), torch.as_tensor(expected).detach()
    assert one.shape == two.shape
    assert one.dtype == two.dtype
    return (one.double() - two.double()).abs()
