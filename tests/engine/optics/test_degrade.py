"""Degradation reproduces the toolbox's images, keeps what it must keep, and is the same strip by strip."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from scipy import ndimage

from seamline.engine.errors import RequestError
from seamline.engine.optics.degrade import (
    EXPAND_HALO,
    FILTER_HALO,
    SPLINE_HALO,
    Rows,
    coarse_shape,
    degrade_ms,
    degrade_ms_rows,
    degrade_pan,
    degrade_pan_rows,
    expand,
    expand_centred_rows,
    expand_rows,
    filtered_rows,
)
from seamline.engine.optics.mtf import filter_bands, mtf_kernels

SCENES = {"landsat8_istanbul": 2, "spacenet6_wv2_1": 4}


def image(bands=2, rows=96, columns=80, seed=0):
    return np.random.default_rng(seed).uniform(100, 2000, (bands, rows, columns))


@pytest.fixture(params=SCENES)
def scene(request, data):
    def read(name):
        with rasterio.open(data / "quality" / request.param / f"{name}.tif") as dataset:
            return dataset.read().astype(np.float64)

    return read, SCENES[request.param]


def assert_like(got, expected, tolerance):
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= tolerance * expected.max()


@pytest.mark.parametrize(("phase", "name"), [("dlpan", "rr_ms"), ("area", "rr_ms_area")])
def test_ms_is_degraded_as_the_reference_was(scene, phase, name):
    read, ratio = scene
    ms = read("fr_ms")
    assert_like(degrade_ms(ms, (0.30,) * len(ms), ratio, phase=phase), read(name), 2e-7)


def test_pan_is_degraded_as_the_reference_was(scene):
    read, ratio = scene
    assert_like(degrade_pan(read("fr_pan"), ratio), read("rr_pan"), 2e-7)


@pytest.mark.parametrize(("ms", "exp"), [("rr_ms", "rr_fused_exp"), ("fr_ms", "fr_fused_exp")])
def test_exp_is_that_of_the_toolbox(scene, ms, exp):
    read, ratio = scene
    assert_like(expand(read(ms), ratio), read(exp), 2e-7)


def test_filtering_is_the_correlation_with_the_kernel():
    x, gains = image(3, 70, 300), (0.2, 0.3, 0.35)
    expected = filter_bands(torch.from_numpy(x)[None], mtf_kernels(gains, 3.7))[0].numpy()
    np.testing.assert_allclose(filtered_rows(Rows.of(x), gains, 3.7, 0, 70), expected, rtol=1e-6)


@pytest.mark.parametrize("ratio", [2, 3, 4, 2.6])
def test_area_phase_samples_the_spline_at_true_centres(ratio):
    x = image()
    filtered = filtered_rows(Rows.of(x), (0.3, 0.3), ratio, 0, 96)
    rows, columns = coarse_shape((96, 80), ratio)
    grid = np.meshgrid((np.arange(rows) + 0.5) * ratio - 0.5, (np.arange(columns) + 0.5) * ratio - 0.5, indexing="ij")
    expected = np.stack([ndimage.map_coordinates(band, grid, order=3, mode="nearest") for band in filtered])
    np.testing.assert_allclose(degrade_ms(x, (0.3, 0.3), ratio), expected, rtol=1e-6)


def test_phases_lie_half_a_pixel_apart_for_even_ratios_and_agree_for_odd_ones():
    y, x = np.mgrid[:120, :120].astype(float)
    plane = (1000 + 3 * x + 5 * y)[None]
    inner = np.s_[:, 8:-8, 8:-8]
    for ratio, apart in ((2, 0.5), (4, 0.5), (3, 0.0)):
        area, toolbox = (degrade_ms(plane, (0.3,), ratio, phase=phase) for phase in ("area", "dlpan"))
        np.testing.assert_allclose((toolbox - area)[inner], 8 * apart, atol=0.02)


@pytest.mark.parametrize("ratio", [2, 3, 4, 2.6])
def test_area_phases_agree_on_where_a_plane_lies(ratio):
    y, x = np.mgrid[:150, :150].astype(float)
    plane = (1000 + 3 * x + 5 * y)[None]
    rows, columns = coarse_shape((150, 150), ratio)
    cy, cx = np.mgrid[:rows, :columns]
    expected = 1000 + 3 * ((cx + 0.5) * ratio - 0.5) + 5 * ((cy + 0.5) * ratio - 0.5)
    inner = np.s_[10:-10, 10:-10]
    # A sampled cubic reproduces planes exactly where its samples repeat: at whole ratios.
    tolerance = 1e-9 if ratio == int(ratio) else 2e-5
    np.testing.assert_allclose(degrade_pan(plane, ratio)[0][inner], expected[inner], rtol=tolerance)
    # The MTF kernel is not normalised, so MS is lower by about a thousandth.
    np.testing.assert_allclose(degrade_ms(plane, (0.3,), ratio)[0][inner], expected[inner], rtol=3e-3)


@pytest.mark.parametrize("ratio", [2, 4, 2.6])
@pytest.mark.parametrize("offset", [(0.5, 0.25), (3.0, 0.0)])
def test_an_offset_moves_the_cells_and_nothing_else(ratio, offset):
    y, x = np.mgrid[:150, :170].astype(float)
    plane = Rows.of((1000 + 3 * x + 5 * y)[None])
    rows, columns = coarse_shape((150, 170), ratio, offset)
    assert rows * ratio + offset[0] <= 150 < (rows + 1) * ratio + offset[0]
    cy, cx = np.mgrid[:rows, :columns]
    expected = 1000 + 3 * ((cx + 0.5) * ratio + offset[1] - 0.5) + 5 * ((cy + 0.5) * ratio + offset[0] - 0.5)
    inner = np.s_[12:-12, 12:-12]
    pan = degrade_pan_rows(plane, ratio, np.arange(rows), columns, offset)[0]
    np.testing.assert_allclose(pan[inner], expected[inner], rtol=3e-5)
    ms = degrade_ms_rows(plane, (0.3,), ratio, 0, rows, offset=offset)[0]
    np.testing.assert_allclose(ms[inner], expected[inner], rtol=3e-3)
    back = expand_centred_rows(Rows.of(expected[None]), ratio, (150, 170), 0, 150, offset)[0]
    np.testing.assert_allclose(back[50:-50, 50:-50], plane.read(0, 150)[0, 50:-50, 50:-50], rtol=1e-6)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_exp_passes_through_the_pixels_at_the_toolbox_phase(ratio):
    x = image(rows=30, columns=26)
    fine = expand(x, ratio)
    assert fine.shape == (2, 30 * ratio, 26 * ratio)
    np.testing.assert_allclose(fine[:, ratio // 2 :: ratio, ratio // 2 :: ratio], x, rtol=1e-9)
    np.testing.assert_allclose(expand(np.full((1, 5, 7), 9.0), ratio), 9.0, rtol=1e-7)


def test_exp_is_a_zero_stuffed_circular_correlation():
    x = image(1, 9, 11)[0]
    half = [1.0, 0.610668182370, 0, -0.145397186478, 0, 0.043619155884, 0, -0.010385513306, 0, 0.001615524292]
    half += [0, -0.000120162964]
    taps = np.array(half[:0:-1] + half)
    for offset in (1, 0):
        stuffed = np.zeros((2 * x.shape[0], 2 * x.shape[1]))
        stuffed[offset::2, offset::2] = x
        x = ndimage.correlate1d(ndimage.correlate1d(stuffed, taps, 0, mode="wrap"), taps, 1, mode="wrap")
    np.testing.assert_allclose(expand(image(1, 9, 11), 4)[0], x, rtol=1e-9)


class Counted:
    """Rows that remember the widest stretch asked for at once."""

    def __init__(self, x):
        self.x, self.low, self.high = x, x.shape[1], 0
        self.rows = Rows(x.shape, self.read)

    def read(self, first, stop):
        self.low, self.high = min(self.low, first), max(self.high, stop)
        return self.x[:, first:stop]


@pytest.mark.parametrize(("phase", "ratio"), [("area", 2), ("area", 4), ("area", 2.6), ("dlpan", 2), ("dlpan", 4)])
def test_strips_of_ms_are_those_of_the_whole_within_their_halo(phase, ratio):
    x, gains = image(rows=400), (0.3, 0.25)
    whole = degrade_ms(x, gains, ratio, phase=phase)
    rows = whole.shape[1]
    for first in range(0, rows, 17):
        stop = min(first + 17, rows)
        counted = Counted(x)
        np.testing.assert_allclose(
            degrade_ms_rows(counted.rows, gains, ratio, first, stop, phase=phase), whole[:, first:stop], rtol=1e-9
        )
        halo = FILTER_HALO + SPLINE_HALO
        assert counted.low >= first * ratio - halo - 1
        assert counted.high <= stop * ratio + halo + 1


@pytest.mark.parametrize("ratio", [2, 4])
def test_strips_of_exp_are_those_of_the_whole_within_their_halo(ratio):
    x = image(rows=60)
    whole = expand(x, ratio)
    for first in range(0, whole.shape[1], 37):
        stop = min(first + 37, whole.shape[1])
        np.testing.assert_array_equal(expand_rows(Rows.of(x), ratio, first, stop), whole[:, first:stop])
    counted = Counted(x)
    expand_rows(counted.rows, ratio, 30 * ratio, 31 * ratio)
    assert (counted.low, counted.high) == (30 - EXPAND_HALO, 31 + EXPAND_HALO)


def test_rows_of_pan_are_those_of_the_whole():
    x = image(1)
    whole = degrade_pan(x, 2.6)
    order = np.array([20, 0, 35, 1])
    np.testing.assert_allclose(degrade_pan_rows(Rows.of(x), 2.6, order, whole.shape[2]), whole[:, order])


def test_expansion_at_true_centres_undoes_nothing_of_a_plane():
    y, x = np.mgrid[:60, :60].astype(float)
    fine = expand_centred_rows(Rows.of((100 + 3 * x + 5 * y)[None]), 3, (180, 180), 0, 180)[0]
    fy, fx = np.mgrid[:180, :180]
    expected = 100 + 3 * ((fx + 0.5) / 3 - 0.5) + 5 * ((fy + 0.5) / 3 - 0.5)
    np.testing.assert_allclose(fine[60:-60, 60:-60], expected[60:-60, 60:-60], rtol=1e-6)


@pytest.mark.parametrize(("first", "stop"), [(-7, 3), (3, 9), (8, 25), (-23, 40)])
def test_rows_beyond_the_rim(first, stop):
    x = np.arange(10.0)[None, :, None]
    reach = 60
    rows = Rows.of(x)
    for got, mode in ((rows.replicated, "edge"), (rows.wrapped, "wrap"), (rows.mirrored, "symmetric")):
        padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)), mode=mode)
        np.testing.assert_array_equal(got(first, stop), padded[:, reach + first : reach + stop])


@pytest.mark.parametrize("ratio", [1, 0, -2, np.nan, np.inf])
def test_ratios_that_do_not_degrade_are_refused(ratio):
    with pytest.raises(RequestError, match="does not degrade"):
        degrade_pan(image(1), ratio)


def test_bad_requests_are_refused():
    x = image()
    with pytest.raises(RequestError, match="1 MTF gains for 2 bands"):
        degrade_ms(x, (0.3,), 2)
    with pytest.raises(RequestError, match="no phase of the toolbox"):
        degrade_ms(x, (0.3, 0.3), 2.5, phase="dlpan")
    with pytest.raises(RequestError, match="smaller than one cell"):
        degrade_ms(x[:, :3], (0.3, 0.3), 4)
    with pytest.raises(RequestError, match="not \\(bands, rows, columns\\)"):
        degrade_ms(x[0], (0.3, 0.3), 4)
    for ratio in (3, 1, 0):
        with pytest.raises(RequestError, match="does not reach"):
            expand(x, ratio)
    x[0, 5, 5] = np.nan
    with pytest.raises(RequestError, match="not finite"):
        degrade_ms(x, (0.3, 0.3), 2)
