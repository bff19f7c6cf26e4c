"""The instrument is found again: gain, shift, curve and noise of pairs that were made with known ones."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.optics.consistency import CellAxis
from seamline.engine.optics.instrument import LEAST_CELLS, RINGS, View, measure
from seamline.engine.optics.mtf import filter_gain, mtf_axis

SIDE = 72


def rough(rng, length):
    """A field whose spectrum falls as that of land does, deviation 1."""
    down, across = np.fft.fftfreq(length)[:, None], np.fft.fftfreq(length)[None, :]
    radius = np.maximum(np.hypot(down, across), 1 / length)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((length, length))) / radius**1.2).real
    return field / field.std()


def pair(seed, *, ratio=4, gain=0.4, shift=(0.0, 0.0), noise=0.0, boost=0.0, odd=0.15, side=SIDE, shifts=()):
    """PAN and four bands of one ground; by Fourier alone, which the measurement does not use.

    Args:
        shift: of MS, PAN px down and right.
        boost: by how much the vendor sharpened: the response is that of the gain times 1 + boost sin^2(pi f).
        shifts: of single bands, by number, in place of the common one.
    """
    rng, length = np.random.default_rng(seed), side * ratio
    common = rough(rng, length)
    bands = np.stack([common * (1 + 0.2 * band) + 0.5 * rough(rng, length) for band in range(4)])
    pan = bands.mean(axis=0) + odd * rough(rng, length)
    down, across = np.fft.fftfreq(length)[:, None], np.fft.fftfreq(length)[None, :]
    frequency = np.hypot(down, across) * ratio
    response = gain ** ((frequency / 0.5) ** 2) * (1 + boost * np.sin(np.pi * np.clip(frequency, 0, 1)) ** 2)
    middle, ms = (ratio - 1) / 2, []
    for number, band in enumerate(bands):
        row, column = dict(shifts).get(number, shift)
        moved = np.exp(2j * np.pi * (down * (middle - row) + across * (middle - column)))
        ms.append(np.fft.ifft2(np.fft.fft2(band) * response * moved).real[::ratio, ::ratio])
    return pan, np.stack(ms) + noise * rng.standard_normal((4, side, side))


def view(pan, ms):
    axis = CellAxis(ms.shape[1] / pan.shape[0], 0.0, ms.shape[1], pan.shape[0])
    return View(pan, ms, axis, axis)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("gain", [0.2, 0.35, 0.55, 0.7])
def test_gain_and_shift_are_found_again(ratio, gain):
    shift = (0.9 - gain, gain - 0.6)
    found = measure([view(*pair(1, ratio=ratio, gain=gain, shift=shift, noise=0.02))])
    assert found is not None
    # Four percent, which is what a gain is known to.
    assert abs(np.log(found.gain / gain)) < 0.05
    assert np.abs(np.subtract(found.shift, shift)).max() < 0.03
    assert found.explained > 0.9


def test_a_shift_beyond_the_first_look_is_followed():
    found = measure([view(*pair(2, shift=(-2.6, 1.8)))])
    assert np.abs(np.subtract(found.shift, (-2.6, 1.8))).max() < 0.03


def test_several_pieces_are_one_measurement():
    pieces = [view(*pair(seed, gain=0.5, side=32)) for seed in range(4)]
    found = measure(pieces)
    assert abs(np.log(found.gain / 0.5)) < 0.08
    assert found.cells == 4 * 32**2


def test_the_curve_of_a_plain_instrument_is_its_gaussian():
    found = measure([view(*pair(3, gain=0.3))])
    wanted = 0.3 ** ((np.array(RINGS) / 0.5) ** 2)
    assert np.abs(np.array(found.curve) - wanted / wanted[:2].mean()).max() < 0.1
    assert not found.sharpened


def test_the_curve_of_a_sharpened_product_rises_before_it_falls():
    found = measure([view(*pair(4, gain=0.5, boost=0.8))])
    frequency = np.array(RINGS)
    wanted = 0.5 ** ((frequency / 0.5) ** 2) * (1 + 0.8 * np.sin(np.pi * frequency) ** 2)
    assert np.abs(np.array(found.curve) - wanted / wanted[:2].mean()).max() < 0.1
    assert found.sharpened


def test_bands_that_lie_apart_have_shifts_of_their_own():
    found = measure([view(*pair(5, shifts={2: (0.5, -0.4)}))])
    assert np.abs(np.subtract(found.band_shifts[2], (0.5, -0.4))).max() < 0.1
    assert np.abs(found.band_shifts[0]).max() < 0.1


def test_a_band_that_pan_does_not_see_has_none():
    pan, ms = pair(6)
    ms[3] = rough(np.random.default_rng(60), SIDE)
    found = measure([view(pan, ms)])
    assert found.band_shifts[3] is None
    assert found.band_shifts[0] is not None


@pytest.mark.parametrize("deviation", [0.5, 2.0])
def test_noise_is_bounded_from_above(deviation):
    pan, ms = pair(7)
    ms = 100 * ms
    ms[:, : SIDE // 2] = 300.0
    ms += deviation * np.random.default_rng(70).standard_normal(ms.shape)
    found = measure([view(100 * pan, ms)])
    assert all(0.75 * deviation < each < 1.5 * deviation for each in found.noise)


def test_what_cannot_be_told_is_not_made_up():
    pan, ms = pair(8)
    small = int(LEAST_CELLS**0.5) - 1
    assert measure([view(pan[: 4 * small, : 4 * small], ms[:, :small, :small])]) is None
    assert measure([view(np.full_like(pan, 7.0), ms)]) is None
    assert measure([view(pan, np.full_like(ms, 7.0))]) is None
    # Values that sums round, so that constants leave a texture of their own.
    for value in (0.1, 500.1, 1e6 / 3):
        assert measure([view(np.full_like(pan, value), np.full_like(ms, value))]) is None
    assert measure([view(pan, pair(80)[1])]) is None


def test_the_unit_of_stored_values_does_not_matter():
    pan, ms = pair(9)
    one, other = measure([view(pan, ms)]), measure([view(1000 * pan + 50, 30 * ms - 5)])
    assert one.gain == pytest.approx(other.gain, rel=1e-6)
    assert one.shift == pytest.approx(other.shift, abs=1e-6)


def test_a_filter_of_the_toolbox_has_the_gain_that_is_asked_for():
    for gain in (0.2, 0.4, 0.6):
        taps = mtf_axis(filter_gain(gain), 4.0)
        at_nyquist = (taps * np.cos(2 * np.pi * 0.125 * (np.arange(41) - 20))).sum()
        assert at_nyquist == pytest.approx(gain, abs=0.01)
