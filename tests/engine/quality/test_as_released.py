"""Each deviation of the released metrics, against a plain formula of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from seamline.engine.errors import FlatImageWarning, RequestError
from seamline.engine.quality.as_released import released_full, released_reduced
from seamline.engine.quality.full import universal_q
from seamline.engine.quality.reduced import reduced_scores


def pair(bands=4, rows=64, columns=48, seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(100, 900, (bands, rows, columns))
    return reference + rng.normal(20, 60, reference.shape), reference


def test_sam_is_the_usual_one():
    fused, reference = pair()
    usual = reduced_scores(fused, reference, ratio=4, bits=11).sam
    assert released_reduced(fused, reference).sam == pytest.approx(usual)


def test_ergas_divides_by_the_prediction_with_a_ratio_of_four():
    _, reference = pair()
    # Twice the reference: swapping the roles makes the usual ERGAS divide by the same mean.
    fused = 2 * reference
    expected = reduced_scores(reference, fused, ratio=4, bits=11).ergas
    assert released_reduced(fused, reference).ergas == pytest.approx(expected)
    assert expected != pytest.approx(reduced_scores(fused, reference, ratio=4, bits=11).ergas)


def hamilton(p, q):
    a, b, c, d = p
    e, f, g, h = q
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ]
    )


def test_q4_is_one_quaternion_index_of_the_whole_image():
    fused, reference = pair()
    x, y = reference.reshape(4, -1), fused.reshape(4, -1)
    mx, my = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    conjugate = np.array([1.0, -1, -1, -1])[:, None]
    covariance = np.linalg.norm(hamilton(x - mx, conjugate * (y - my)).mean(axis=1))
    vx, vy = ((x - mx) ** 2).sum(axis=0).mean(), ((y - my) ** 2).sum(axis=0).mean()
    nx, ny = np.linalg.norm(mx), np.linalg.norm(my)
    expected = 4 * covariance * nx * ny / ((vx + vy) * (nx**2 + ny**2))
    assert released_reduced(fused, reference).q2n == pytest.approx(expected)


@pytest.mark.parametrize("bands", [4, 8])
def test_an_image_equals_itself(bands):
    _, reference = pair(bands)
    scores = released_reduced(reference, reference)
    assert (scores.ergas, scores.q2n, scores.scc) == pytest.approx((0.0, 1.0, 1.0))
    assert scores.sam == pytest.approx(0.0, abs=1e-5)


def test_q_of_other_band_counts_is_not_released():
    assert released_reduced(*pair(3)).q2n is None


def test_scc_filters_along_the_band_axis():
    fused, reference = pair()
    a, b = (ndimage.sobel(np.moveaxis(x, 0, -1), mode="constant") for x in (fused, reference))
    expected = np.mean([np.corrcoef(a[..., k].ravel(), b[..., k].ravel())[0, 1] for k in range(4)])
    assert released_reduced(fused, reference).scc == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(64, 48), (9, 1)])
def test_psnr_and_ssim_see_all_bands_and_zeros_outside(rows, columns):
    fused, reference = pair(3, rows, columns)
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def mean(x):
        return ndimage.correlate1d(ndimage.correlate1d(x, taps, 1, mode="constant"), taps, 2, mode="constant")

    a, b = fused / 1023, reference / 1023
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    ssim = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
    scores = released_reduced(fused, reference, 1023.0)
    assert scores.ssim == pytest.approx(ssim.mean(), rel=0, abs=1e-9)
    assert scores.psnr == pytest.approx(-10 * np.log10(((a - b) ** 2).mean()), rel=0, abs=1e-9)
    assert released_reduced(reference, reference, 1023.0).psnr == np.inf
    without = released_reduced(fused, reference)
    assert (without.psnr, without.ssim) == (None, None)


def full(bands=3, rows=64, columns=72):
    rng = np.random.default_rng(1)
    pan = rng.uniform(100, 900, (1, rows, columns))
    fused = pan * rng.uniform(0.5, 1.5, (bands, 1, 1)) + rng.normal(0, 50, (bands, rows, columns))
    return fused, pan, rng.uniform(100, 900, (bands, -(-rows // 4), -(-columns // 4)))


@pytest.mark.parametrize(("rows", "columns"), [(64, 72), (63, 70)])
def test_indices_of_whole_images(rows, columns):
    fused, pan, ms = full(rows=rows, columns=columns)
    low = pan[0]
    for _ in range(2):
        taps = np.array([1, 4, 6, 4, 1]) / 16
        low = ndimage.correlate1d(ndimage.correlate1d(low, taps, 0, mode="mirror"), taps, 1, mode="mirror")[::2, ::2]

    def q(x, y):
        return universal_q(x.ravel(), y.ravel())

    between = [abs(q(fused[i], fused[j]) - q(ms[i], ms[j])) for i in range(3) for j in range(i)]
    d_s = np.mean([abs(q(f, pan[0]) - q(m, low)) for f, m in zip(fused, ms, strict=True)])
    scores = released_full(fused, pan, ms)
    assert scores.d_lambda == pytest.approx(np.mean(between))
    assert scores.d_s == pytest.approx(d_s)
    assert scores.hqnr == pytest.approx((1 - np.mean(between)) * (1 - d_s))


def test_one_band_has_no_spectral_distortion():
    fused, pan, ms = full(bands=1)
    assert released_full(fused, pan, ms).d_lambda == 0.0


def test_degenerate_images_have_a_value_and_a_warning():
    zero = np.zeros((4, 16, 16))
    with pytest.warns(FlatImageWarning) as warned:
        assert released_reduced(zero, pair(rows=16, columns=16)[1]).ergas == np.inf
    assert [str(w.message).split(";")[0] for w in warned] == [
        "a band of the prediction has mean zero",
        "differences between bands are constant",
    ]
    with pytest.warns(FlatImageWarning, match="differences between bands"):
        scores = released_reduced(zero, zero)
    assert (scores.sam, scores.ergas, scores.q2n, scores.scc) == (0.0, 0.0, 1.0, 0.0)
    flat = np.full((2, 16, 16), 7.0)
    assert released_full(flat, flat[:1], flat[:, :4, :4]).hqnr == pytest.approx(1.0)


def test_bad_requests_are_refused():
    fused, reference = pair()
    with pytest.raises(RequestError, match="must be one"):
        released_reduced(fused, reference[:3])
    with pytest.raises(RequestError, match="bands, rows, columns"):
        released_reduced(fused[0], reference[0])
    fused[0, 0, 0] = np.nan
    with pytest.raises(RequestError, match="not finite"):
        released_reduced(fused, reference)
    f, p, m = full()
    for wrong in ((f, p[:, 1:], m), (f, p, m[:, 1:]), (f, p, m[:2])):
        with pytest.raises(RequestError, match="do not fit"):
            released_full(*wrong)
