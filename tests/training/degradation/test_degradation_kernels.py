"""Blur kernels and resizing: normalised, of the widths and sizes asked for, and nothing moves."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from seamline.engine.errors import RequestError
from seamline.training.degradation.kernels import (
    bell_kernels,
    draw_final_kernels,
    draw_kernels,
    filter_images,
    low_pass_kernels,
)
from seamline.training.degradation.resizing import MODES, coarse_size, resize
from seamline.training.degradation.settings import Round, SecondRound


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moments(kernels: torch.Tensor) -> torch.Tensor:
    """Second moments (yy, xx, xy) of each kernel, px²."""
    at = torch.arange(kernels.shape[-1], dtype=torch.float64) - kernels.shape[-1] // 2
    y, x = at[:, None], at[None, :]
    return torch.stack([(kernels * product).sum((1, 2)) for product in (y * y, x * x, y * x)], dim=1)


def widths(kernels: torch.Tensor) -> set[int]:
    used = (kernels != 0).any(dim=1)
    return {int(row.nonzero().max() - row.nonzero().min()) + 1 for row in used}


@pytest.mark.parametrize("settings", [Round(), SecondRound(), Round(sinc=1.0)])
def test_kernels_sum_to_one_and_are_symmetric(settings):
    kernels = draw_kernels(300, settings, generator())
    assert kernels.shape == (300, 21, 21)
    assert (kernels.sum((1, 2)) - 1).abs().max() < 1e-12
    assert (kernels - kernels.flip((1, 2))).abs().max() < 1e-12


def test_sizes_are_odd_and_cover_their_range():
    # Wide bells, so that a kernel reaches its rim.
    wide = draw_kernels(400, Round(sinc=0.0, sigma=(3.0, 3.0)), generator())
    assert widths(wide) == {7, 9, 11, 13, 15, 17, 19, 21}
    assert widths(draw_kernels(200, Round(sinc=0.0, sigma=(3.0, 3.0), sizes=(5, 9)), generator())) == {5, 7, 9}


def test_isotropic_gaussians_have_deviations_of_their_range():
    bells = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    kernels = draw_kernels(200, Round(sinc=0.0, bells=bells, sigma=(0.8, 1.5), sizes=(21, 21)), generator())
    deviation = moments(kernels)[:, :2].sqrt()
    assert (deviation[:, 0] - deviation[:, 1]).abs().max() < 1e-6
    assert 0.79 < deviation.min() < 0.83
    assert 1.47 < deviation.max() < 1.51


def test_anisotropic_gaussians_lie_as_their_angle_says():
    half = torch.tensor([math.pi / 6])
    one, no, side = torch.ones(1), torch.zeros(1, dtype=torch.bool), torch.tensor([21])
    yy, xx, xy = moments(bell_kernels(torch.tensor([[2.0, 1.0]]), half, one, no, side, 21))[0]
    assert float(xx) == pytest.approx(4 * 0.75 + 1 * 0.25, abs=0.01)
    assert float(yy) == pytest.approx(4 * 0.25 + 1 * 0.75, abs=0.01)
    assert float(xy) == pytest.approx(3 * math.sqrt(0.75) / 2, abs=0.01)


def test_exponents_sharpen_bells_and_plateaus_are_flat_on_top():
    angle, side, sigma = torch.zeros(3), torch.full((3,), 21), torch.full((3, 2), 2.0)
    exponent, plateau = torch.tensor([0.5, 2.0, 2.0]), torch.tensor([False, False, True])
    peaked, flat, table = bell_kernels(sigma, angle, exponent, plateau, side, 21)[:, 10]
    # By hand: exp(-(1/4)**.5 / 2), exp(-(1/4)**2 / 2), 1 / (1 + (1/4)**2).
    assert float(peaked[11] / peaked[10]) == pytest.approx(math.exp(-0.25))
    assert float(flat[11] / flat[10]) == pytest.approx(math.exp(-1 / 32))
    assert float(table[11] / table[10]) == pytest.approx(16 / 17)


@pytest.mark.parametrize("family", range(6))
def test_each_family_of_bells_has_its_form_and_its_exponents(family):
    bells = tuple(float(k == family) for k in range(6))
    settings = Round(sinc=0.0, bells=bells, sigma=(1.5, 3.0), sizes=(21, 21))
    kernels = draw_kernels(200, settings, generator())
    yy, xx, _ = moments(kernels).T
    assert bool(((yy - xx).abs() < 1e-9).all()) is (family % 2 == 0)
    # Along a row the squared distance grows as 1, 4, 9, whatever the angle.
    middle = kernels[:, 10] / kernels[:, 10, 10:11]
    distance = 1.0 / middle - 1.0 if family >= 4 else -middle.log()
    exponent = (distance[:, 12] / distance[:, 11]).log() / math.log(4)
    assert ((distance[:, 13] / distance[:, 11]).log() / math.log(9) - exponent).abs().max() < 1e-6
    low, high = ((1.0, 1.0), (0.5, 2.0), (1.0, 1.5))[family // 2]
    assert low - 1e-6 <= exponent.min() < low + 0.05
    assert high - 0.05 < exponent.max() <= high + 1e-6
    if family // 2 == 1:
        assert 0.4 < (exponent < 1).double().mean() < 0.6


def test_families_are_as_frequent_as_asked():
    # Isotropic ones are .45 + .12 + .12.
    yy, xx, _ = moments(draw_kernels(1500, Round(sinc=0.0, sigma=(1.0, 1.5)), generator())).T
    assert float(((yy - xx).abs() < 1e-9).double().mean()) == pytest.approx(0.69, abs=0.04)
    negative = (draw_kernels(1500, Round(), generator()) < 0).any(dim=(1, 2))
    assert float(negative.double().mean()) == pytest.approx(0.1, abs=0.025)


def test_low_passes_pass_low_frequencies_alone():
    kernel = low_pass_kernels(torch.tensor([math.pi / 2]), torch.tensor([21]), 21)[0]
    at = torch.arange(21, dtype=torch.float64) - 10
    response = {f: float((kernel * torch.cos(f * math.pi * at)).sum()) for f in (0.0, 0.25, 0.5, 0.75, 1.0)}
    assert response[0.0] == pytest.approx(1.0)
    assert response[0.25] == pytest.approx(1.0, abs=0.1)
    assert response[0.5] == pytest.approx(0.5, abs=0.1)
    assert response[0.75] == pytest.approx(0.0, abs=0.1)
    assert response[1.0] == pytest.approx(0.0, abs=0.1)


def test_final_kernels_are_low_passes_as_often_as_asked():
    pulses = (draw_final_kernels(1000, 0.8, SecondRound(), generator()) == 1.0).any(dim=(1, 2))
    assert 0.16 < pulses.double().mean() < 0.24


def test_filtering_is_correlation_with_the_kernel_of_each_image():
    x = torch.rand(2, 3, 20, 33, generator=generator())
    kernels = torch.rand(2, 7, 7, generator=generator(1))
    padded = functional.pad(x, (3, 3, 3, 3), mode="replicate")
    for image, kernel, mine in zip(padded, kernels, filter_images(x, kernels), strict=True):
        theirs = functional.conv2d(image[:, None], kernel[None, None])[:, 0]
        assert (mine - theirs).abs().max() < 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(24, 96), (37, 61), (64, 48)])
def test_resizing_keeps_every_place(mode, size):
    height, width = 48, 64
    y, x = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    ramps = torch.stack([y[:, None].expand(height, width), x.expand(height, width)])[None]
    resized = resize(ramps, size, mode)[0, :, 4:-4, 4:-4]
    rows = ((torch.arange(size[0]) + 0.5) * height / size[0])[4:-4, None]
    columns = ((torch.arange(size[1]) + 0.5) * width / size[1])[None, 4:-4]
    # A pixel is flat within: an area that cuts it misses a ramp by up to an eighth of a pixel.
    largest = 0.126 if mode == "area" else 1e-4
    for error in (resized[0] - rows, resized[1] - columns):
        assert error.abs().max() < largest
        assert error.mean().abs() < 5e-3


@pytest.mark.parametrize("mode", MODES)
def test_resizing_keeps_a_constant_and_area_keeps_the_mean(mode):
    assert (resize(torch.full((1, 1, 30, 40), 3.0), (11, 57), mode) - 3.0).abs().max() < 1e-5
    x = torch.rand(1, 2, 60, 60, generator=generator())
    if mode == "area":
        assert (resize(x, (23, 31), mode).mean((2, 3)) - x.mean((2, 3))).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("x", "scale", "word"),
    [
        (torch.zeros(1, 3, 30, 32), 4.0, "whole number"),
        (torch.zeros(3, 32, 32), 4.0, "batch"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), 4.0, "batch"),
        (torch.zeros(1, 3, 32, 32), 1.0, "does not degrade"),
    ],
)
def test_batches_that_do_not_fit_are_refused(x, scale, word):
    with pytest.raises(RequestError, match=word):
        coarse_size(x, scale)


def test_fractional_scales_fit_where_they_divide_the_sides():
    assert coarse_size(torch.zeros(1, 1, 300, 250), 2.5) == (120, 100)
    assert coarse_size(torch.zeros(1, 1, 300, 306), 1.2) == (250, 255)
