"""Distances of distributions and of features, against values worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from seamline.engine.errors import RequestError
from seamline.training.distill.features import FeatureDistillation
from seamline.training.distill.mmd import mmd_squared, sample_vectors


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed))


def test_two_vectors_each_by_hand():
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    # Distances of all pairs are 0, 1, 1, 1, 2, 2: the lower of the middle ones is 1.
    near, far = math.exp(-0.5), math.exp(-2.0)
    wanted = (2 + 2 * near) / 4 + (2 + 2 * far) / 4 - 2 * (1 + far + 2 * near) / 4
    assert float(mmd_squared(a, b)) == pytest.approx(wanted, rel=1e-4)
    assert float(mmd_squared(10 * a, 10 * b)) == pytest.approx(wanted, rel=1e-4)


def test_equal_sets_are_at_zero_in_any_order_and_anywhere():
    a = noise(60, 8)
    assert abs(float(mmd_squared(a, a))) < 1e-5
    assert abs(float(mmd_squared(a, a.flip(0)))) < 1e-5
    shifted = 10_000.0 + a
    assert float(mmd_squared(shifted, shifted + 1)) == pytest.approx(float(mmd_squared(a, a + 1)), rel=1e-2)


def test_it_grows_with_a_shift_and_with_the_spread():
    a, b = noise(200, 4), noise(200, 4, seed=1)
    values = [float(mmd_squared(a, b + shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert all(low < high for low, high in pairwise(values))
    assert values[0] < 0.02
    assert float(mmd_squared(a, 3 * b)) > 5 * values[0]


def test_its_gradient_pulls_the_sets_together():
    a, b = noise(100, 4).requires_grad_(), noise(100, 4, seed=1) + 2
    (slope,) = torch.autograd.grad(mmd_squared(a, b), a)
    assert bool(torch.isfinite(slope).all())
    assert bool((slope.mean(dim=0) < 0).all())


def test_it_is_exact_under_autocast():
    a, b = noise(50, 16), noise(50, 16, seed=1) + 0.3
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mmd_squared(a, b)
    assert found.dtype == torch.float32
    assert torch.equal(found, mmd_squared(a, b))


def test_positions_are_shared_and_follow_the_generator():
    maps = noise(2, 3, 4, 5)
    one, two = sample_vectors(maps, 2 * maps, 7, generator(3))
    assert one.shape == (7, 3)
    assert torch.equal(two, 2 * one)
    everything = maps.permute(0, 2, 3, 1).reshape(-1, 3)
    assert all(bool((everything == row).all(dim=1).any()) for row in one)
    assert torch.equal(one, sample_vectors(maps, maps, 7, generator(3))[0])
    assert not torch.equal(one, sample_vectors(maps, maps, 7, generator(4))[0])
    assert len(sample_vectors(maps, maps, 100, generator())[0]) == 40


def identity(channels: dict[str, int]) -> FeatureDistillation:
    network = FeatureDistillation(channels, channels)
    for adapter in network.adapters.values():
        nn.init.dirac_(adapter.weight)
        nn.init.zeros_(adapter.bias)
    return network


def test_equal_features_cost_nothing_and_a_shift_its_square():
    network = identity({"mid": 4, "up0": 2})
    maps = {"mid": noise(2, 4, 3, 3), "up0": noise(2, 2, 6, 6, seed=1)}
    same = network(maps, maps, generator())
    assert float(same.squares.detach()) == 0.0
    assert abs(float(same.mmd)) < 1e-5
    moved = {"mid": maps["mid"] + 0.5, "up0": maps["up0"]}
    found = network(moved, maps, generator())
    assert float(found.squares) == pytest.approx(0.25 / 2, rel=1e-4)
    assert float(found.mmd) > 1e-3
    assert float(found.loss()) == pytest.approx(float(found.squares + 0.1 * found.mmd))
    assert float(found.loss(0.0)) == float(found.squares)


def test_the_finer_map_is_averaged_to_the_coarser():
    network = identity({"mid": 2})
    fine = noise(1, 2, 8, 8)
    coarse = nn.functional.avg_pool2d(fine, 2)
    assert float(network({"mid": fine}, {"mid": coarse}, generator()).squares) < 1e-9
    assert float(network({"mid": coarse}, {"mid": fine}, generator()).squares) < 1e-9


def test_the_student_learns_and_the_teacher_does_not():
    network = FeatureDistillation({"mid": 3}, {"mid": 5})
    student, teacher = noise(1, 3, 6, 6).requires_grad_(), noise(1, 5, 6, 6, seed=1).requires_grad_()
    network({"mid": student, "more": student}, {"mid": teacher}, generator()).loss().backward()
    assert bool(student.grad.any())
    assert teacher.grad is None
    assert all(bool(parameter.grad.any()) for parameter in network.parameters())


def test_other_layers_are_refused():
    with pytest.raises(RequestError, match="down0 and mid"):
        FeatureDistillation({"down0": 3}, {"mid": 3})
