"""The second-order chain: seeded, any bands, nothing moves, radiometry kept, noise as strong as said."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seamline.engine.errors import RequestError
from seamline.training.degradation import second_order
from seamline.training.degradation.mixed import Mixed
from seamline.training.degradation.noise import add_gaussian, add_poisson
from seamline.training.degradation.second_order import SecondOrder
from seamline.training.degradation.sensor import SensorTrue
from seamline.training.degradation.settings import (
    DegradationSettings,
    Round,
    SecondOrderSettings,
    SecondRound,
    SensorSettings,
)

KINDS = (
    SecondOrder(SecondOrderSettings()),
    SecondOrder(SecondOrderSettings(stored="8-bit")),
    SensorTrue(SensorSettings()),
    Mixed(DegradationSettings()),
)
QUIET = {"gaussian": 1.0, "noise": (0.0, 0.0), "jpeg": (100.0, 100.0)}
CLEAN = SecondOrderSettings(Round(**QUIET), SecondRound(**QUIET))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=generator(99))


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_everything_and_no_global_generator_moves(kind):
    hr = images(2, 3, 64, 64)
    before, kept = hr.clone(), torch.get_rng_state()
    one, two = kind(hr, 4, generator(5)), kind(hr, 4, generator(5))
    assert torch.equal(one, two)
    assert not torch.equal(one, kind(hr, 4, generator(6)))
    assert torch.equal(torch.get_rng_state(), kept)
    assert torch.equal(hr, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bands", [1, 3, 4, 13])
@pytest.mark.parametrize(("side", "scale"), [(48, 2), (48, 4), (64, 8), (50, 2.5), (8, 8)])
def test_any_bands_and_scale_give_the_size_asked_for(kind, bands, side, scale):
    for seed in range(3):
        lr = kind(images(2, bands, side, 2 * side), scale, generator(seed))
        assert lr.shape == (2, bands, round(side / scale), round(2 * side / scale))
        assert lr.dtype == torch.float32
        assert lr.is_contiguous()
        assert lr.isfinite().all()


@pytest.mark.parametrize("scale", [2, 4, 5])
def test_the_chain_moves_nothing(scale):
    side = 160 * scale // 2
    # Steep, so that the rounding of JPEG is small beside a pixel.
    at = 0.5 * (torch.arange(side) + 0.5)
    ramps = torch.stack([at[:, None].expand(side, side), at.expand(side, side)])[None]
    centres = (torch.arange(side // scale) + 0.5) * scale
    inner = slice(26, -26)
    for seed in range(12):
        rows, columns = SecondOrder(CLEAN)(ramps, scale, generator(seed))[0, :, inner, inner] / 0.5
        for error in (rows - centres[inner, None], columns - centres[inner]):
            assert error.mean().abs() < 0.02 * scale, seed
            # Areas that cut pixels miss a ramp by up to an eighth of a pixel of each grid on the way.
            assert error.abs().max() < 0.15 * scale, seed


def test_reflectance_above_one_survives_and_means_are_kept():
    bright = torch.full((3, 4, 96, 96), 2.7)
    bright[:, 1] = 0.0123
    for seed in range(8):
        lr = SecondOrder(CLEAN)(bright, 4, generator(seed))
        # What is left is the rounding of JPEG at quality 100.
        assert (lr - bright[..., :24, :24]).abs().max() < 4 / 255
        assert (lr.mean((2, 3)) - bright[..., 0, 0]).abs().max() < 1 / 255
        noisy = SecondOrder(SecondOrderSettings())(bright, 4, generator(seed))
        assert (noisy.mean((2, 3)) - bright[..., 0, 0]).abs().max() < 0.03


def test_values_between_the_grey_levels_survive_unless_stored_in_8_bits():
    hr = images(2, 3, 64, 64)
    hr[1] = 1.2 + 0.2 * hr[1]
    real = SecondOrder(SecondOrderSettings())(hr, 4, generator())
    stored = SecondOrder(SecondOrderSettings(stored="8-bit"))(hr, 4, generator())
    levels = stored * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert stored.min() >= 0.0
    assert stored.max() <= 1.0
    assert stored[0].max() < 1.0
    assert real[1].mean() > 1.2
    assert (real * 255 - (real * 255).round()).abs().mean() > 0.2


def test_detail_is_lost_and_the_image_is_not():
    hr = torch.nn.functional.interpolate(images(4, 3, 6, 6), size=(128, 128), mode="bicubic").clamp(0, 1)
    for seed in range(6):
        lr = SecondOrder(SecondOrderSettings())(hr, 4, generator(seed))
        plain = torch.nn.functional.avg_pool2d(hr, 4)
        likeness = torch.corrcoef(torch.stack([lr.flatten(), plain.flatten()]))[0, 1]
        assert 0.9 < likeness < 0.9999


def test_each_round_draws_sizes_and_qualities_from_its_own_ranges(monkeypatch):
    sizes, qualities = [], []
    plain_resize, plain_compress = second_order.resize, second_order.compress
    monkeypatch.setattr(second_order, "resize", lambda x, size, mode: sizes.append(size) or plain_resize(x, size, mode))
    monkeypatch.setattr(second_order, "compress", lambda x, q: qualities.append(float(q)) or plain_compress(x, q))
    for seed in range(80):
        SecondOrder(SecondOrderSettings())(images(1, 1, 120, 120), 4, generator(seed))
    first, second, last = (torch.tensor(sizes[k::3])[:, 0] / 120 for k in range(3))
    assert (last == 0.25).all()
    # The second range is relative to the size of the result, a quarter.
    for values, low, high in ((first, 0.3, 1.5), (second, 0.6 / 4, 1.2 / 4)):
        assert low - 0.01 <= values.min() < 1.1 * low
        assert 0.93 * high < values.max() <= high + 0.01
    for shrunk, share in ((first < 1, 0.7), (second < 0.25, 0.4)):
        assert float(shrunk.double().mean()) == pytest.approx(share, abs=0.17)
    for values, low, high in ((qualities[::2], 60, 95), (qualities[1::2], 60, 100)):
        assert low <= min(values) < low + 3
        assert high - 3 < max(values) <= high


def test_each_round_draws_noise_from_its_own_ranges(monkeypatch):
    seen = []
    plain = second_order.add_gaussian
    monkeypatch.setattr(second_order, "add_gaussian", lambda x, s, *a: seen.append(float(s) * 255) or plain(x, s, *a))
    settings = SecondOrderSettings(Round(gaussian=1.0), SecondRound(gaussian=1.0))
    for seed in range(80):
        SecondOrder(settings)(images(1, 1, 16, 16), 4, generator(seed))
    for values, high in ((seen[::2], 15), (seen[1::2], 12)):
        assert 1 <= min(values) < 1.5
        assert high - 0.5 < max(values) <= high


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("poisson", [False, True])
def test_noise_of_a_round_reaches_the_result(which, poisson):
    # Nothing but noise, and resizing from one round to the next in the case of the first.
    still = {**QUIET, "blur": 0.0, "up": 0.0, "down": 0.0, "keep": 1.0}
    loud = {"gaussian": 0.0, "poisson": (2.0, 2.0)} if poisson else {"noise": (10.0, 10.0)}
    rounds = {"first": Round(**still), "second": SecondRound(**still)}
    rounds[which] = replace(rounds[which], **loud)
    flat = torch.full((1, 2, 400, 400), 0.64)
    lr = SecondOrder(SecondOrderSettings(**rounds, sinc=0.0))(flat, 4, generator(1))
    deviation = 2 * 0.8 / 16 if poisson else 10 / 255
    if which == "second":
        assert float(lr.std()) == pytest.approx(deviation, rel=0.05)
    else:
        assert 0.2 * deviation < float(lr.std()) < 1.02 * deviation


def test_the_last_low_pass_takes_detail_away():
    hr = images(4, 2, 128, 128)
    left = {
        sinc: sum(SecondOrder(replace(CLEAN, sinc=sinc))(hr, 4, generator(seed)).std() for seed in range(8))
        for sinc in (0.0, 1.0)
    }
    assert left[1.0] < 0.9 * left[0.0]


@pytest.mark.parametrize("grey", [True, False])
def test_noise_is_as_strong_as_said_and_shared_when_grey(grey):
    level = torch.tensor([0.1, 0.4])[:, None, None, None]
    flat = level.expand(2, 3, 200, 200).contiguous()
    shared = torch.tensor([grey, grey])
    gaussian = add_gaussian(flat, torch.tensor([0.01, 0.05]), shared, generator()) - flat
    poisson = add_poisson(flat, torch.tensor([1.0, 0.5]), shared, 256.0, generator()) - flat
    assert gaussian.std((2, 3)).flatten().tolist() == pytest.approx([0.01] * 3 + [0.05] * 3, rel=0.02)
    # Counting: the variance is factor² * signal / photons.
    expected = [0.1 / 256] * 3 + [0.25 * 0.4 / 256] * 3
    assert poisson.var((2, 3)).flatten().tolist() == pytest.approx(expected, rel=0.03)
    for noise in (gaussian, poisson):
        assert noise.mean((2, 3)).abs().max() < 1e-3
        likeness = torch.corrcoef(noise[0].flatten(1))[0, 1]
        assert float(likeness) == pytest.approx(float(grey), abs=0.02)


def test_images_of_a_batch_choose_grey_noise_on_their_own():
    flat = torch.full((2, 3, 64, 64), 0.5)
    mixed = torch.tensor([True, False])
    for noise in (
        add_gaussian(flat, torch.full((2,), 0.1), mixed, generator()) - flat,
        add_poisson(flat, torch.ones(2), mixed, 256.0, generator()) - flat,
    ):
        assert torch.equal(noise[0, 0], noise[0, 2])
        assert not torch.equal(noise[1, 0], noise[1, 2])


def test_values_below_zero_have_no_noise_of_counting():
    below = torch.full((1, 2, 8, 8), -0.2)
    assert torch.equal(add_poisson(below, torch.ones(1), torch.tensor([False]), 256.0, generator()), below)


def test_the_mixture_is_as_often_sensor_true_as_asked():
    hr = images(1, 3, 16, 16)
    settings = DegradationSettings(0.3)
    counts = 0
    for seed in range(200):
        lr = Mixed(settings)(hr, 4, generator(seed))
        # A 12-bit instrument leaves whole DN, the chain in real values does not.
        counts += bool((lr * 4095 - (lr * 4095).round()).abs().max() < 1e-2)
    assert 40 <= counts <= 80


@pytest.mark.parametrize(
    "change",
    [
        {"sigma": (1.0, 0.5)},
        {"jpeg": (0.0, 95.0)},
        {"up": 0.5},
        {"sizes": (8, 20)},
        {"sizes": (7.5, 21)},
        {"resize": (1.1, 1.5)},
        {"plateau": (1.2, 1.5)},
        {"blur": 1.5},
        {"bells": (1.0,)},
    ],
)
def test_settings_that_are_no_ranges_are_refused(change):
    with pytest.raises(RequestError):
        replace(Round(), **change)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("kind", KINDS[2:])
def test_a_gpu_gets_the_draws_of_the_cpu(kind):
    hr = images(2, 4, 64, 64)
    for seed in range(4):
        cpu, gpu = kind(hr, 4, generator(seed)), kind(hr.cuda(), 4, generator(seed))
        assert (cpu - gpu.cpu()).abs().mean() < 2e-3
