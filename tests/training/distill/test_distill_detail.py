"""Detail as a loss: what is as steep and as rough as the truth costs nothing, wherever it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seamline.engine.quality.detail import _magnitude, _power_sums
from seamline.training.distill.detail import ring_power, slope_loss, spectrum_loss, steepness


def image(seed: int = 0, side: int = 64) -> torch.Tensor:
    return 0.3 * torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_equal_images_cost_nothing_and_blurred_ones_something():
    truth = image()
    blurred = F.avg_pool2d(truth, 3, 1, 1)
    assert slope_loss(truth, truth) == spectrum_loss(truth, truth) == 0.0
    assert slope_loss(blurred, truth) > 0.4
    assert spectrum_loss(blurred, truth) > 1.0


def test_other_texture_of_the_same_power_costs_the_spectrum_little():
    truth, other = image(0), image(1)
    flat = torch.zeros_like(truth)
    assert spectrum_loss(other, truth) < 0.5 * spectrum_loss(flat, truth)
    assert slope_loss(other, truth) < slope_loss(flat, truth)


def test_slopes_are_those_of_the_metric():
    one = image()[0]
    torch.testing.assert_close(
        steepness(one[None])[0].double().numpy(), _magnitude(one.double().numpy()), atol=2e-3, rtol=0
    )


def test_rings_are_those_of_the_metric():
    one = image()[0]
    known = np.ones(one.shape[1:], np.bool_)
    _, wanted, _ = _power_sums(one.double().numpy(), one.double().numpy(), known)
    mine = ring_power(one[None])[0]
    ratio = mine.double().numpy() / wanted
    assert mine.shape == (3, 32)
    # Means of a ring against sums over it: their ratio is one over its number of frequencies, the same for all bands.
    np.testing.assert_allclose(ratio[0, :-1], ratio[1, :-1], rtol=1e-4)
    np.testing.assert_allclose(1.0 / ratio[0, 0], 8.0, rtol=1e-4)


@pytest.mark.parametrize("loss", [slope_loss, spectrum_loss])
def test_gradients_are_finite_where_nothing_is_steep(loss):
    found = torch.zeros(1, 1, 16, 16, requires_grad=True)
    loss(found, image(side=16)[:1, :1]).backward()
    assert found.grad is not None
    assert torch.isfinite(found.grad).all()
