"""The MTF kernel has the gain it was designed for, and filtering is what a plain convolution gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from seamline.engine.optics.mtf import MS_GAINS, filter_bands, mtf_kernel, mtf_kernels


def response(kernel, frequency):
    """Gain at a frequency along the columns, cycles per px."""
    offset = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    return float((kernel.sum(axis=0) * np.cos(2 * np.pi * frequency * offset)).sum())


@pytest.mark.parametrize("gain", [0.15, 0.30, 0.35])
@pytest.mark.parametrize("ratio", [2, 3.7, 4])
def test_the_gain_at_the_coarse_nyquist_frequency_is_the_one_asked_for(gain, ratio):
    kernel = mtf_kernel(gain, ratio)
    assert kernel.shape == (41, 41)
    # 40 / 41: the design counts sigma on N - 1 intervals but samples N frequencies.
    assert response(kernel, 0.5 / ratio * 40 / 41) == pytest.approx(gain, abs=0.005)
    assert response(kernel, 0.0) == pytest.approx(kernel.sum()) == pytest.approx(1.0, abs=0.002)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-15)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-15)


def test_unequal_ratios_act_along_their_own_axis():
    kernel = mtf_kernel(0.3, (2.0, 4.0))
    assert response(kernel, 0.125 * 40 / 41) == pytest.approx(0.3, abs=0.005)
    assert response(kernel.T, 0.25 * 40 / 41) == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize(("gain", "ratio", "size"), [(0.0, 4, 41), (1.0, 4, 41), (0.3, 0, 41), (0.3, 4, 40)])
def test_impossible_kernels_are_refused(gain, ratio, size):
    with pytest.raises(ValueError, match="no MTF kernel"):
        mtf_kernel(gain, ratio, size)


def direct(x, kernels):
    half = kernels.shape[-1] // 2
    return functional.conv2d(
        functional.pad(x, (half,) * 4, mode="replicate"), kernels[:, None].to(x), groups=x.shape[1]
    )


def test_bands_are_filtered_by_their_own_kernels():
    x = torch.rand(2, 8, 45, 61, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    kernels = mtf_kernels(MS_GAINS["wv2"], 4)
    got = filter_bands(x, kernels)
    # In float64: what is left out of a kernel of low rank is below 1e-7 of its sum.
    torch.testing.assert_close(got, direct(x, kernels), rtol=0, atol=2e-7)
    assert not torch.equal(filter_bands(x[:, :1], kernels[:1]), filter_bands(x[:, :1], kernels[7:]))


def test_a_kernel_of_full_rank_and_no_symmetry_is_correlated_as_it_is():
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(1, 2, 12, 9, generator=generator, dtype=torch.float64)
    kernels = torch.rand(2, 5, 5, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(filter_bands(x, kernels), direct(x, kernels))


def test_one_kernel_serves_all_bands_and_gradients_flow():
    x = torch.rand(1, 3, 50, 50, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()
    kernels = mtf_kernels((0.3,), 2)
    got = filter_bands(x, kernels)
    torch.testing.assert_close(got, filter_bands(x, kernels.expand(3, -1, -1)))
    got[0, 1, 25, 25].backward()
    assert x.grad[0, 1, 25, 25] == pytest.approx(mtf_kernel(0.3, 2)[20, 20], rel=1e-5)
    assert not x.grad[0, 0].any()


def test_edges_are_replicated():
    flat = torch.full((1, 1, 30, 30), 7.0, dtype=torch.float64)
    kernels = mtf_kernels((0.3,), 4)
    torch.testing.assert_close(filter_bands(flat, kernels), flat * float(kernels.sum()), rtol=1e-6, atol=0)
