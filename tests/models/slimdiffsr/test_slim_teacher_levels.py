"""From uncertainty to a timestep: estimator, noise levels and the table, against formulae in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seamline.models.slimdiffsr.teacher.noise_level import FixedLevel, NoiseLevelPredictor, total_variation
from seamline.models.slimdiffsr.teacher.stable import stable_table
from seamline.models.slimdiffsr.teacher.table import NoiseTable
from seamline.models.slimdiffsr.teacher.terra import terra_table
from seamline.models.slimdiffsr.teacher.uncertainty import (
    LEAST,
    MOST,
    Estimate,
    UncertaintyEstimator,
    uncertainty_loss,
)
from seamline.models.terra_ldm.sampler import levels as terra_levels

SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
TABLES = {"terra": terra_table, "stable": lambda: stable_table(SCHEDULE)}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def as_numpy(table: NoiseTable) -> tuple[np.ndarray, np.ndarray]:
    return table.levels.double().numpy(), table.times.double().numpy()


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_papers_entries_and_are_inverted(name):
    table = TABLES[name]()
    levels, times = as_numpy(table)
    assert len(levels) == 1001
    assert np.abs(table.time(table.levels).numpy() - times).max() <= 1e-4 * times.max()
    between = np.random.default_rng(0).uniform(levels[0], levels[-1], (2, 1, 5, 7))
    found = table.time(torch.from_numpy(between))
    assert found.shape == (2, 1, 5, 7)
    # Levels are stored as float32, whose steps near 1 are 6e-8: entries are some 1e-6 apart at the ends.
    assert np.abs(found.numpy() - np.interp(between, levels, times)).max() < 1e-3 * times.max()


def test_entries_are_those_of_the_processes():
    levels, times = as_numpy(terra_table())
    for entry in (0, 300, 777, 1000):
        assert levels[entry] == pytest.approx(terra_levels(times[entry])[0] ** 2, abs=1e-5)
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    levels, times = as_numpy(stable_table(SCHEDULE))
    for entry in (0, 400, 999):
        assert levels[entry] == pytest.approx(kept[int(times[entry])], rel=1e-4)
    assert times[0] == 999
    assert (levels[-1], times[-1]) == (1.0, 0.0)


@pytest.mark.parametrize("name", TABLES)
def test_the_gradient_is_the_slope_of_the_line(name):
    table = TABLES[name]()
    levels, times = as_numpy(table)
    middles = (levels[100:900:50] + levels[101:901:50]) / 2
    steps = (levels[101:901:50] - levels[100:900:50]) / 10
    asked = torch.tensor(middles, dtype=torch.float32, requires_grad=True)
    (slope,) = torch.autograd.grad(table.time(asked).sum(), asked)
    wanted = (np.interp(middles + steps, levels, times) - np.interp(middles - steps, levels, times)) / (2 * steps)
    np.testing.assert_allclose(slope.numpy(), wanted, rtol=2e-3)
    assert (slope < 0).all()


def test_beyond_the_ends_times_stay_and_have_no_gradient():
    table = stable_table(SCHEDULE)
    asked = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    time = table.time(asked)
    assert time.tolist() == [999.0, 999.0, 0.0]
    (slope,) = torch.autograd.grad(time.sum(), asked)
    assert slope.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("levels", [[0.1, 0.1, 0.5], [0.5, 0.1], [0.5]])
def test_a_table_that_cannot_be_inverted_is_refused(levels):
    with pytest.raises(ValueError, match="ascending"):
        NoiseTable(torch.tensor(levels), torch.arange(len(levels)))


def test_a_new_estimator_returns_what_it_was_given():
    torch.manual_seed(0)
    estimator = UncertaintyEstimator(4)
    latents = noise(2, 4, 8, 8)
    found = estimator(latents)
    assert torch.equal(found.mean, latents)
    assert found.log_variance.shape == latents.shape
    assert float(found.log_variance.detach().abs().max()) < 0.1
    widths = [(block.conv1.in_channels, block.conv2.out_channels) for block in estimator.blocks]
    assert widths == [(4, 64), (64, 64), (64, 64), (64, 64), (64, 8)]
    assert not any("bias" in name for name, _ in estimator.named_parameters())


def test_the_log_variance_keeps_its_bounds_and_its_precision():
    estimator = UncertaintyEstimator(2, width=8, depth=2)
    for parameter in estimator.parameters():
        torch.nn.init.normal_(parameter, std=3.0, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = estimator(100 * noise(1, 2, 8, 8))
    assert found.log_variance.dtype == torch.float32
    assert float(found.log_variance.min()) >= LEAST
    assert float(found.log_variance.max()) <= MOST
    assert float(found.log_variance.max() - found.log_variance.min()) > 0.9 * (MOST - LEAST)


def test_the_loss_is_equation_5():
    mean, log_variance, truth = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1), noise(2, 3, 4, 5, seed=2)
    m, s, z = (x.double().numpy() for x in (mean, log_variance, truth))
    wanted = np.sum(np.exp(-s) * (z - m) ** 2 + 3 * s) / (2 * m.size)
    assert float(uncertainty_loss(Estimate(mean, log_variance), truth)) == pytest.approx(wanted, rel=1e-5)


def test_the_best_variance_is_a_third_of_the_squared_error():
    error = torch.tensor([0.1, 0.5, 2.0])
    best = (error.square() / 3).log().requires_grad_()
    (slope,) = torch.autograd.grad(uncertainty_loss(Estimate(torch.zeros(3), best), error), best)
    assert float(slope.abs().max()) < 1e-6


def test_training_finds_where_the_truth_is_uncertain():
    torch.manual_seed(0)
    estimator = UncertaintyEstimator(1, width=16, depth=3)
    optimiser = torch.optim.Adam(estimator.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        latents = torch.rand(8, 1, 8, 8, generator=generator).round() * 2 - 1
        deviation = torch.where(latents > 0, 1.0, 0.1)
        truth = 0.5 * latents + deviation * torch.randn(latents.shape, generator=generator)
        loss = uncertainty_loss(estimator(latents), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = estimator(latents)
    high, low = found.log_variance[latents > 0].mean(), found.log_variance[latents < 0].mean()
    # Three times the variance is the squared error: 1 and 0.01.
    assert float(3 * high.exp()) == pytest.approx(1.0, rel=0.4)
    assert float(3 * low.exp()) == pytest.approx(0.01, rel=0.6)
    assert float((found.mean - 0.5 * latents)[latents < 0].abs().mean()) < 0.1


def test_prediction_starts_at_equation_9_and_moves():
    torch.manual_seed(0)
    predictor = NoiseLevelPredictor(3, width=8, depth=2)
    latents, log_variance = noise(2, 3, 6, 6), noise(2, 3, 6, 6, seed=1)
    level = predictor(latents, log_variance)
    variance = log_variance.mean(dim=1, keepdim=True).exp()
    torch.testing.assert_close(level, 0.1 + 0.8 / (1 + variance))
    level.sum().backward()
    assert float(predictor.leave.weight.grad.abs().sum()) > 0
    torch.nn.init.normal_(predictor.leave.weight, std=0.1)
    assert not torch.allclose(predictor(latents + 1, log_variance), predictor(latents, log_variance))


def test_noise_levels_keep_their_bounds():
    predictor = NoiseLevelPredictor(3, width=8, depth=1, bounds=(0.2, 0.7))
    torch.nn.init.normal_(predictor.leave.weight, std=100.0, generator=torch.Generator().manual_seed(0))
    level = predictor(noise(2, 3, 6, 6), noise(2, 3, 6, 6, seed=1))
    assert float(level.min()) == pytest.approx(0.2)
    assert float(level.max()) == pytest.approx(0.7)


def test_ablations_know_no_uncertainty_or_nothing():
    torch.manual_seed(0)
    predictor = NoiseLevelPredictor(3, width=8, depth=1, uncertainty=False)
    torch.nn.init.normal_(predictor.leave.weight, std=0.1)
    latents = noise(2, 3, 6, 6)
    with torch.no_grad():
        one, two = (predictor(latents, noise(2, 3, 6, 6, seed=seed)) for seed in (1, 2))
    assert torch.equal(one, two)
    assert float(one.std()) > 0
    fixed = FixedLevel(0.3)(latents, latents)
    assert fixed.shape == (2, 1, 6, 6)
    assert bool((fixed == 0.3).all())


def test_total_variation_is_equation_21_over_the_cells():
    level = noise(2, 1, 4, 5).sigmoid()
    values = level.double().numpy()
    wanted = (np.diff(values, axis=2) ** 2).sum() + (np.diff(values, axis=3) ** 2).sum()
    assert float(total_variation(level)) == pytest.approx(wanted / values.size, rel=1e-5)
    assert float(total_variation(level[..., :1, :1])) == 0.0
