"""Simulated pairs: true pixel centres, the gain that was asked for, and batches that depend on their number alone."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from seamline.engine.optics.imaging import degrade_matrix, gaussian, panchromatic
from seamline.engine.optics.mtf import filter_bands, mtf_kernel
from seamline.training.data.patches import Patches
from seamline.training.data.simulate import cubic_matrix, mix_bands, simulate_pair, with_common_detail
from seamline.training.data.sources import Source
from seamline.training.salad_pan_tiny.losses import deviation_loss, fusion_loss, lattice_loss, spectral_angle
from seamline.training.settings import SimulationSettings, SourceSettings, StageSettings, rate_at


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0, 2.5])
def test_coarse_pixels_lie_at_true_centres(ratio):
    length = 60
    ramp = np.arange(length) + 0.5  # fine px centres, in px of the fine grid
    coarse = degrade_matrix(length, ratio, 0.3) @ ramp
    centres = (np.arange(len(coarse)) + 0.5) * ratio
    assert np.abs(coarse - centres)[3:-4].max() < 1e-4
    back = cubic_matrix(length, len(coarse), ratio) @ coarse
    assert np.abs(back - ramp)[16:-18].max() < 1e-4


@pytest.mark.parametrize("gain", [0.18, 0.30, 0.42])
def test_a_wave_at_the_coarse_nyquist_frequency_keeps_the_gain(gain):
    # At a phase where the coarse samples meet the crests.
    at = np.arange(256)
    wave = np.cos(2 * np.pi * (at - 1.5) / 8)
    coarse = degrade_matrix(256, 4.0, gain) @ wave
    assert np.abs(coarse[8:-8]).mean() == pytest.approx(gain, abs=2e-3)


def test_the_degradation_is_that_of_the_engine():
    rng = np.random.default_rng(0)
    image = rng.random((96, 96))
    down = degrade_matrix(96, 3.0, 0.3)
    mine = down @ image @ down.T
    kernel = torch.from_numpy(mtf_kernel(0.3, 3.0).copy())[None]
    theirs = filter_bands(torch.from_numpy(image)[None, None], kernel)[0, 0, 1::3, 1::3].numpy()
    assert np.abs(mine - theirs)[8:-8, 8:-8].max() < 0.02
    assert np.corrcoef(mine[8:-8, 8:-8].ravel(), theirs[8:-8, 8:-8].ravel())[0, 1] > 0.995


@pytest.mark.parametrize("bands", [1, 3, 6])
def test_pairs_have_the_shapes_asked_for_and_ms_is_soft(bands):
    rng = np.random.default_rng(1)
    pair = simulate_pair(rng.random((4, 64, 64)).astype(np.float32), bands, 4.0, rng)
    assert (pair.pan.shape, pair.ms.shape, pair.target.shape) == ((1, 64, 64), (bands, 64, 64), (bands, 64, 64))
    assert pair.pan.dtype == pair.ms.dtype == pair.target.dtype == np.float32
    inner = np.s_[:, 8:-8, 8:-8]
    assert np.abs(np.diff(pair.ms[inner])).mean() < 0.2 * np.abs(np.diff(pair.target[inner])).mean()
    assert np.abs(pair.ms[inner].mean((1, 2)) - pair.target[inner].mean((1, 2))).max() < 0.05


def test_mixed_bands_are_never_negative_and_can_outnumber_the_source():
    rng = np.random.default_rng(2)
    mixed = mix_bands(rng.random((3, 8, 8)).astype(np.float32), 7, rng)
    assert mixed.shape == (7, 8, 8)
    assert mixed.min() >= 0.0


def test_pan_sees_nothing_of_the_shortwave_infrared():
    infrared = np.stack([np.zeros((8, 8)), np.ones((8, 8)), np.zeros((8, 8))]).astype(np.float32)
    known = [panchromatic(infrared, np.random.default_rng(k), (0.56, 1.61, 0.0)) for k in range(40)]
    assert max(float(np.abs(pan).max()) for pan in known) == 0.0
    unknown = [float(panchromatic(infrared, np.random.default_rng(k)).max()) for k in range(40)]
    assert max(unknown) > 0.2
    assert min(unknown) == 0.0  # some instruments leave a band out


def test_either_instrument_may_be_the_sharper_one():
    rng = np.random.default_rng(3)
    values = np.repeat(rng.random((1, 64, 64)), 4, axis=0).astype(np.float32)
    ratios = []
    for k in range(60):
        pair = simulate_pair(values, 3, 4.0, np.random.default_rng(k))
        ratios.append(contrast(pair.target).mean() / contrast(pair.pan).mean())
    assert min(ratios) < 0.9
    assert max(ratios) > 1.05


def contrast(image: np.ndarray) -> np.ndarray:
    """Mean step between neighbouring pixels over the standard deviation, by band."""
    return np.abs(np.diff(image[:, 8:-8, 8:-8])).mean((1, 2)) / image[:, 8:-8, 8:-8].std((1, 2))


def stream(seed: int) -> Patches:
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (4, 80, 80)).astype(np.uint8)
    whole = np.ones((80, 80), np.bool_)
    source = Source(SourceSettings("x"), (image,), (whole,), (np.full(4, 250.0, np.float32),))
    return Patches([source], SimulationSettings((source.settings,), patch=32), seed)


def test_batches_follow_from_their_number():
    one, two = stream(5), stream(5)
    two(3)
    a, b = one(17), two(17)
    assert torch.equal(a.target, b.target)
    assert torch.equal(a.ms, b.ms)
    assert (a.ratio, a.seed) == (b.ratio, b.seed)
    assert not torch.equal(stream(6)(17).pan, a.pan)
    assert {one(n).target.shape[1] for n in range(30)} == {3, 4, 6}


def test_schedule_warms_up_and_falls():
    settings = StageSettings(steps=100, rate=1.0, warmup=10)
    rates = [rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0.02 <= rates[-1] < 0.03


def test_loss_is_least_at_the_truth_and_blind_at_the_rim():
    truth = torch.rand(1, 3, 48, 48)
    assert float(fusion_loss(truth, truth)) < 1e-3
    wrong = truth.clone()
    wrong[..., :8, :] += 1.0
    assert float(fusion_loss(wrong, truth)) < 1e-3
    wrong[..., 20, 20] += 1.0
    assert float(fusion_loss(wrong, truth)) > 1e-3


def test_spectral_angle_is_half_the_chord():
    a, b = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1), torch.tensor([3.0, 3.0]).reshape(1, 2, 1, 1)
    assert float(spectral_angle(a, b)) == pytest.approx(math.sin(math.pi / 8), abs=1e-4)
    assert float(spectral_angle(a, 2 * a)) < 1e-3


def test_a_lattice_costs_and_errors_without_one_cost_little():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 1, 96, 96, generator=generator)
    cell = torch.randn(1, 1, 4, 4, generator=generator)
    lattice = (cell - cell.mean()).tile(4, 1, 24, 24)
    assert float(lattice_loss(torch.ones_like(noise), 4)) < 1e-5
    assert float(lattice_loss(noise, 4)) == pytest.approx(1 / 3, rel=0.1)
    assert float(lattice_loss(lattice, 4)) == pytest.approx(float(lattice.std()), rel=0.05)


def test_the_deviation_that_costs_least_is_that_of_the_errors():
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(2, 1, 256, 256, generator=generator) - 0.5
    errors = -0.5 * uniform.sign() * torch.log1p(-2 * uniform.abs())  # Laplace, of scale 0.5
    told = torch.linspace(-1.5, 0.5, 81)
    costs = [float(deviation_loss(errors, torch.full_like(errors, value))) for value in told]
    best = float(told[int(torch.tensor(costs).argmin())].exp())
    assert best == pytest.approx(0.5 * math.sqrt(2.0), rel=0.05)


def test_common_detail_is_that_of_the_mean_and_leaves_what_is_coarse():
    rng = np.random.default_rng(3)
    values = 0.3 + 0.1 * rng.random((3, 96, 96)).astype(np.float32)
    common = with_common_detail(values, 1.0, 2.0)
    details = [(image - gaussian(image, 2.0))[:, 12:-12, 12:-12].reshape(3, -1) for image in (values, common)]
    before, after = (np.corrcoef(each)[np.triu_indices(3, 1)] for each in details)
    assert before.max() < 0.1
    assert after.min() > 0.95
    assert np.abs(gaussian(common - values, 4.0)).max() < 0.01
    assert np.array_equal(with_common_detail(values, 0.0, 2.0), values)
