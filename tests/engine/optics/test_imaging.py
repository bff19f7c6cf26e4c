"""Simulated instruments: by seed alone, with the response, the place and the noise that were drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from seamline.engine.optics.consistency import CellAxis
from seamline.engine.optics.imaging import (
    JUDGED,
    Sharpening,
    delivered,
    draw_instrument,
    gaussian,
    panchromatic,
    saturate,
    with_odd_part,
)
from seamline.engine.optics.instrument import View, measure
from seamline.engine.optics.mtf import gaussian_response

SIDE, RATIO = 512, 4


def scene(bands: int = 4, seed: int = 0) -> np.ndarray:
    """Bands that share most of their structure, with a spectrum like a scene's; unit range."""
    rng = np.random.default_rng(seed)
    down, across = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE), indexing="ij")
    shape = 1.0 / (np.hypot(down, across) + 0.01)
    planes = [np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * shape).real for _ in range(bands + 1)]
    planes = [plane / plane.std() for plane in planes]
    mixed = np.stack([planes[0] + 0.3 * plane for plane in planes[1:]])
    return (0.4 + 0.08 * mixed).clip(0.02, None).astype(np.float32)


def plain(instrument):
    """The instrument without what is not looked at."""
    none = Sharpening()
    alike = (instrument.shift,) * len(instrument.shifts)
    return replace(
        instrument,
        sharpening=none,
        pan_sharpening=none,
        pan_gain=1.0,
        noise=80.0,
        pan_noise=80.0,
        odd=0.0,
        saturated=0.0,
        shifts=alike,
    )


def test_an_instrument_follows_from_its_seed_and_stays_in_its_ranges():
    for seed in range(40):
        one, two = (draw_instrument(np.random.default_rng(seed), 5, 4.0) for _ in range(2))
        assert one == two
        assert len(one.gains) == len(one.shifts) == 5
        assert all(JUDGED.gain[0] <= gain <= JUDGED.gain[1] for gain in one.gains)
        assert JUDGED.noise_db[0] <= one.noise <= JUDGED.noise_db[1]
        assert max(abs(v) for v in one.shift) <= JUDGED.phase + JUDGED.band_shift * 4.0
        assert 0.0 <= one.odd <= JUDGED.odd
    drawn = [draw_instrument(np.random.default_rng(seed), 3, 4.0) for seed in range(60)]
    for trait in ("odd", "saturated"):
        assert 0 < sum(getattr(each, trait) > 0 for each in drawn) < 60
    assert 0 < sum(each.sharpening.amount > 0 for each in drawn) < 60


@pytest.mark.parametrize("seed", range(4))
def test_what_was_drawn_is_what_a_measurement_finds(seed):
    truth = scene(seed=seed)
    instrument = plain(draw_instrument(np.random.default_rng(seed), 4, float(RATIO)))
    pan, ms = delivered(truth, truth.mean(axis=0, keepdims=True), instrument, np.random.default_rng(1))
    assert ms.shape == (4, SIDE // RATIO, SIDE // RATIO)
    axis = CellAxis(1 / RATIO, 0.0, SIDE // RATIO, SIDE)
    found = measure([View(pan[0].astype(float), ms.astype(float), axis, axis)])
    assert abs(math.log(found.gain / instrument.told().gain)) < 0.1
    assert np.hypot(*np.subtract(found.shift, instrument.shift)) < 0.1
    lift = np.interp(0.3, np.arange(0.025, 0.5, 0.05), found.curve)
    assert abs(lift - instrument.told().lift) < 0.08


def test_sharpening_lifts_the_response_and_softer_pan_too():
    instrument = plain(draw_instrument(np.random.default_rng(5), 3, 4.0))
    sharper = replace(instrument, sharpening=Sharpening(0.6, 0.8))
    softer_pan = replace(instrument, pan_gain=0.3)
    assert sharper.told().lift > instrument.told().lift + 0.1
    assert softer_pan.told().gain > instrument.told().gain
    image = scene(2)
    by_hand = image + np.float32(0.6) * (image - gaussian(image, 0.8))
    assert np.allclose(Sharpening(0.6, 0.8).applied(image), by_hand)
    assert Sharpening().applied(image) is image


def test_the_response_of_a_gaussian_is_its_gain_at_nyquist():
    assert gaussian_response(0.3, np.array([0.0, 0.5])) == pytest.approx([1.0, 0.3])
    plain_one = plain(draw_instrument(np.random.default_rng(6), 3, 4.0))
    assert plain_one.told().gain == pytest.approx(np.mean(plain_one.gains), rel=0.05)


def test_noise_is_what_was_asked_for():
    flat = np.full((3, 256, 256), 0.5, np.float32)
    instrument = replace(plain(draw_instrument(np.random.default_rng(7), 3, 4.0)), noise=40.0, pan_noise=40.0)
    pan, ms = delivered(flat, flat[:1], instrument, np.random.default_rng(2))
    for image in (pan, ms):
        assert float(image.mean() / image.std()) == pytest.approx(100.0, rel=0.1)


def test_the_odd_part_is_what_no_mixture_of_the_bands_explains():
    truth = scene()
    pan = panchromatic(truth, np.random.default_rng(0))
    odd = with_odd_part(pan, truth, 0.3)
    planes = np.concatenate([truth.reshape(4, -1), np.ones((1, SIDE * SIDE))]).T
    left = [1 - np.linalg.lstsq(planes, x.ravel(), rcond=None)[1][0] / (x.size * x.var()) for x in (pan, odd)]
    assert left[0] > 0.999
    assert left[1] < 0.97
    assert with_odd_part(pan, truth, 0.0) is pan
    assert float(odd.std()) == pytest.approx(float(pan.std()), rel=0.2)


def test_saturated_products_have_a_top():
    truth = scene()
    found = saturate(truth, 0.01)
    assert ((found == found.max(axis=(1, 2), keepdims=True)).mean(axis=(1, 2)) > 0.009).all()
    assert saturate(truth, 0.0) is truth
