"""The published losses and schedules against formulae written out in numpy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from seamline.training.reading import read_recipe
from seamline.training.salad_pan.losses import (
    divergence,
    ergas,
    fused_loss,
    psnr,
    reconstruction_loss,
    spectral_angle,
    ssim,
)
from seamline.training.salad_pan.recipe import FusionWeights, ReconstructionWeights
from seamline.training.settings import StageSettings, rate_at

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
RNG = np.random.default_rng(4)
TARGET = RNG.uniform(0.1, 0.9, (2, 3, 24, 28))
FOUND = np.clip(TARGET + RNG.normal(0, 0.1, TARGET.shape), 0, 1)


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(FOUND), torch.from_numpy(TARGET)


def numpy_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Of images (N, H, W), zeros outside."""
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(x):
        return correlate1d(correlate1d(x, taps, axis=1, mode="constant"), taps, axis=2, mode="constant")

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a**2) - ma**2, mean(b**2) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 1e-4, 9e-4
    return float(np.mean((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))))


def numpy_psnr() -> float:
    return float(10 * np.log10(1 / np.mean((FOUND - TARGET) ** 2)))


def numpy_angle() -> float:
    a, b = FOUND.transpose(0, 2, 3, 1).reshape(-1, 3), TARGET.transpose(0, 2, 3, 1).reshape(-1, 3)
    cosine = [float(x @ y / math.sqrt(x @ x) / math.sqrt(y @ y)) for x, y in zip(a, b, strict=True)]
    return float(np.mean([math.acos(min(max(c, -1 + 1e-6), 1 - 1e-6)) for c in cosine]))


def numpy_ergas(ratio: float) -> float:
    terms = [(np.sqrt(np.mean((FOUND - TARGET)[:, c] ** 2)) / TARGET[:, c].mean()) ** 2 for c in range(3)]
    return float(100 / ratio * np.sqrt(np.mean(terms)))


def test_every_index_is_that_of_its_formula():
    found, target = tensors()
    bands = (FOUND.reshape(6, 24, 28), TARGET.reshape(6, 24, 28))
    assert float(ssim(found.reshape(6, 1, 24, 28), target.reshape(6, 1, 24, 28))) == pytest.approx(numpy_ssim(*bands))
    assert float(psnr(found, target)) == pytest.approx(numpy_psnr())
    assert float(spectral_angle(found, target)) == pytest.approx(numpy_angle())
    for ratio in (4.0, 2.0):
        assert float(ergas(found, target, ratio)) == pytest.approx(numpy_ergas(ratio))


def test_the_fusion_loss_weighs_its_terms():
    found, target = tensors()
    similarity = numpy_ssim(FOUND.reshape(6, 24, 28), TARGET.reshape(6, 24, 28))
    wanted = {
        "ssim": 0.475 * (1 - similarity),
        "psnr": 0.025 * (1 - numpy_psnr() / 50),
        "angle": 0.5 * numpy_angle(),
        "ergas": 0.01 * numpy_ergas(4.0),
    }
    published = FusionWeights()
    for name, value in wanted.items():
        alone = FusionWeights(**{n: getattr(published, n) if n == name else 0.0 for n in (*wanted, "latent")})
        assert float(fused_loss(found, target, 4.0, alone)) == pytest.approx(value), name
    assert float(fused_loss(found, target, 4.0, published)) == pytest.approx(sum(wanted.values()))
    # What is better than 50 dB is good enough.
    assert float(fused_loss(target, target + 1e-4, 4.0, FusionWeights(0, 0, 1, 0, 0))) == 0.0


def test_the_reconstruction_loss_weighs_its_terms():
    found, target = (x.reshape(6, 1, 24, 28) for x in tensors())
    error = FOUND - TARGET
    pooled = [x.reshape(6, 12, 2, 14, 2).mean((2, 4)) for x in (FOUND, TARGET)]
    wanted = {
        "charbonnier": 1.2 * np.mean(np.sqrt(error**2 + 1e-6)),
        "ssim": 1.75 * (1 - numpy_ssim(*pooled)),
        "mse": np.mean(error**2),
        "mae": np.mean(np.abs(error)),
        "psnr": 0.05 * (1 - numpy_psnr() / 50),
    }
    published = ReconstructionWeights()
    for name, value in wanted.items():
        alone = ReconstructionWeights(**{n: getattr(published, n) if n == name else 0.0 for n in wanted})
        assert float(reconstruction_loss(found, target, alone)) == pytest.approx(float(value)), name
    assert float(reconstruction_loss(found, target, published)) == pytest.approx(float(sum(wanted.values())))


def test_the_divergence_is_that_of_two_gaussians():
    mean, log_variance = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), torch.linspace(-2, 1, 4)
    log_variance = log_variance.expand(5, 4)
    own = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = torch.distributions.kl_divergence(own, torch.distributions.Normal(0.0, 1.0)).mean()
    assert float(divergence(mean, log_variance)) == pytest.approx(float(wanted), rel=1e-5)


def test_losses_have_finite_gradients_where_everything_fits_and_where_it_is_dark():
    for value in (0.0, 0.5):
        found = torch.full((1, 3, 24, 24), value, requires_grad=True)
        target = torch.full((1, 3, 24, 24), value)
        loss = fused_loss(found, target, 4.0, FusionWeights())
        loss = loss + reconstruction_loss(found[:, :1], target[:, :1], ReconstructionWeights())
        loss.backward()
        assert torch.isfinite(loss.detach())
        assert torch.isfinite(found.grad).all(), value


def test_the_published_schedules_can_be_said():
    stage_two = StageSettings(45000, rate=2.5e-4, warmup=2000, floor=0.0, stretch=1.1)
    assert rate_at(999, stage_two) == pytest.approx(1.25e-4)
    assert rate_at(2000, stage_two) == pytest.approx(2.5e-4)
    done = (45000 - 2000) / (1.1 * 45000 - 2000)
    assert rate_at(45000, stage_two) == pytest.approx(2.5e-4 * 0.5 * (1 + math.cos(math.pi * done)))
    stage_one = read_recipe(RECIPES / "salad_pan_vae.yaml").vae
    done = (30000 - 100) / (1.05 * 30000 - 100)
    assert rate_at(30000, stage_one) == pytest.approx(3e-4 * 0.5 * (1 + math.cos(math.pi * done)))
    assert rate_at(1000, StageSettings(1000, rate=3e-4, floor=0.0)) == pytest.approx(0.0, abs=1e-12)
    assert rate_at(1000, StageSettings(1000, rate=3e-4)) == pytest.approx(6e-6)
