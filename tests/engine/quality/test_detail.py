"""Detail measures: what blur and noise do to them, strips, masks, and values that can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from seamline.engine.errors import RequestError
from seamline.engine.quality.detail import (
    BLOCK,
    HALO,
    DetailSums,
    FlatImageWarning,
    detail_scores,
    detail_sums,
    luma,
    luma_scores,
)


def texture(bands=2, rows=300, columns=200, seed=0):
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.normal(500, 400, (bands, rows, columns)), (0, 1, 1))


def test_an_image_equals_itself():
    x = texture()
    scores = detail_scores(x, x, peak=2047)
    assert (scores.gradient_error, scores.spectrum_error) == (0.0, 0.0)
    assert set(scores.spectrum) == {0.0}
    assert scores.ssim == pytest.approx(1.0, abs=1e-12)
    assert len(scores.spectrum) == BLOCK // 2


def test_half_the_contrast_is_half_the_gradient_and_six_db():
    x = texture()
    scores = detail_scores(0.5 * x, x, peak=2047)
    assert scores.gradient_error == pytest.approx(0.5)
    assert scores.spectrum == pytest.approx([20 * np.log10(0.5)] * (BLOCK // 2))
    assert scores.spectrum_error == pytest.approx(20 * np.log10(2))
    assert scores.as_dict().keys() == {"gradient_error", "spectrum_error", "SSIM"}


def test_a_blur_follows_its_transfer_function():
    x = np.random.default_rng(3).normal(500, 100, (1, 640, 640))
    spectrum = np.array(detail_scores(ndimage.gaussian_filter(x, (0, 1, 1)), x, peak=2047).spectrum)
    frequency = np.arange(1, BLOCK // 2 + 1) / BLOCK
    expected = -10 * np.log10(np.e) * (2 * np.pi * frequency) ** 2
    # A ring has a width, and blocks a rim: near enough where the power is not yet gone.
    np.testing.assert_allclose(spectrum[2:20], expected[2:20], atol=0.5)


def test_more_blur_is_worse_by_every_measure():
    x = texture()
    scores = [detail_scores(ndimage.gaussian_filter(x, (0, s, s)), x, peak=2047) for s in (0.5, 1.0, 2.0)]
    for name in ("gradient_error", "spectrum_error"):
        values = [getattr(s, name) for s in scores]
        assert values == sorted(values)
    assert [s.ssim for s in scores] == sorted((s.ssim for s in scores), reverse=True)


def test_a_window_of_ssim_by_hand():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 255, (2, 1, 11, 11))
    offset = np.arange(-5, 6)
    w = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    w /= w.sum()
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, c = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mx * my + c1) * (2 * c + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert detail_scores(x, y, peak=255).ssim == pytest.approx(expected)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("strip", [64, 128])
def test_strips_with_their_halo_add_up_to_the_whole(strip, masked):
    x = texture()
    y = x + np.random.default_rng(2).normal(0, 30, x.shape)
    valid = np.ones(x.shape[1:], bool)
    valid[100:140, 20:50] = not masked
    whole = detail_scores(y, x, peak=2047, valid=valid)
    total: DetailSums | None = None
    starts = list(range(0, 300 - strip + 1, strip))
    for start, stop in zip(starts, [*starts[1:], 300], strict=True):
        top, bottom = max(start - HALO, 0), min(stop + HALO, 300)
        part = detail_sums(
            y[:, top:bottom], x[:, top:bottom], start - top, stop - top, peak=2047, valid=valid[top:bottom]
        )
        total = part if total is None else total + part
    got = total.scores()
    assert got.as_dict() == pytest.approx(whole.as_dict(), rel=1e-9)
    assert got.spectrum == pytest.approx(whole.spectrum, abs=1e-9)


def test_what_is_masked_never_matters():
    x, valid = texture(), np.ones((300, 200), bool)
    valid[60:90, 10:40] = False
    y = x + np.random.default_rng(2).normal(0, 30, x.shape)
    first = detail_scores(y, x, peak=2047, valid=valid)
    first_luma = luma_scores(y.repeat(2, 0)[:3], x.repeat(2, 0)[:3], peak=2047, valid=valid)
    assert first != detail_scores(y, x, peak=2047)
    for junk in (np.nan, 1e30):
        a, b = y.copy(), x.copy()
        a[:, ~valid], b[:, ~valid] = junk, -junk
        assert detail_scores(a, b, peak=2047, valid=valid) == first
        assert luma_scores(a.repeat(2, 0)[:3], b.repeat(2, 0)[:3], peak=2047, valid=valid) == first_luma


def test_no_spectral_block_without_a_mask_is_no_perfect_spectrum():
    x, valid = texture(rows=64, columns=64), np.ones((64, 64), bool)
    valid[0, 0] = False
    scores = detail_scores(0.5 * x, x, peak=2047, valid=valid)
    assert (scores.spectrum_error, scores.spectrum) == (None, ())
    assert "spectrum_error" not in scores.as_dict()


def test_small_images_use_smaller_blocks():
    assert len(detail_scores(texture(rows=40, columns=90), texture(rows=40, columns=90), peak=1).spectrum) == 16


def test_a_constant_image_has_limiting_values_and_a_warning():
    x, flat = texture(), np.full((2, 300, 200), 0.1)
    with pytest.warns(FlatImageWarning):
        scores = detail_scores(flat, x, peak=2047)
    assert scores.gradient_error == pytest.approx(1.0)
    assert scores.spectrum_error == np.inf
    with pytest.warns(FlatImageWarning):
        assert detail_scores(x, flat, peak=2047).gradient_error == np.inf
    with pytest.warns(FlatImageWarning):
        both = detail_scores(flat, flat, peak=2047)
    assert (both.gradient_error, both.spectrum_error) == (0.0, 0.0)
    assert both.ssim == pytest.approx(1.0)


def test_luma_runs_from_16_to_235():
    assert luma(np.zeros((3, 1, 1)), peak=255)[0, 0, 0] == pytest.approx(16.0)
    assert luma(np.full((3, 1, 1), 1.0), peak=1.0)[0, 0, 0] == pytest.approx(235 / 255)
    primaries = luma(255.0 * np.eye(3)[:, None], peak=255)[0, 0]
    np.testing.assert_allclose(primaries - 16, [65.481, 128.553, 24.966])


def test_luma_psnr_is_that_of_y():
    x = texture(3)
    scores = luma_scores(x + 10, x, peak=1023)
    # Ten in every band is ten times 219 / 255 in Y.
    assert scores.psnr == pytest.approx(20 * np.log10(1023 / (10 * 219 / 255)))
    equal = luma_scores(x, x, peak=1023)
    assert (equal.psnr, equal.ssim) == (np.inf, pytest.approx(1.0))


def test_bad_requests_are_refused():
    x = texture(3, 64, 64)
    bad = x.copy()
    bad[0, 5, 5] = np.nan
    cases = [
        (lambda: detail_scores(x, x[:2], peak=1), "must be one"),
        (lambda: detail_scores(x[0], x[0], peak=1), "must be one"),
        (lambda: detail_scores(x, x, peak=1, valid=np.ones((3, 3), bool)), "the mask"),
        (lambda: detail_scores(x, x, peak=0), "data range"),
        (lambda: detail_scores(x, x, peak=np.nan), "data range"),
        (lambda: detail_scores(bad, x, peak=1), "not finite"),
        (lambda: detail_scores(x, x, peak=1, valid=np.zeros((64, 64), bool)), "free of masked pixels"),
        (lambda: detail_scores(x[:, :8], x[:, :8], peak=1), "free of masked pixels"),
        (lambda: luma_scores(x[:2], x[:2], peak=1), "has? 2 bands|have 2 bands"),
        (lambda: luma_scores(x, x, peak=1, valid=np.zeros((64, 64), bool)), "free of masked pixels"),
    ]
    for call, sentence in cases:
        with pytest.raises(RequestError, match=sentence):
            call()
