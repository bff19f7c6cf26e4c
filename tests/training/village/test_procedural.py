"""Procedural scenes are reproducible, physically plausible, of any size, and delivered as a sensor would."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.training.village.groundplan import plan_landscape
from seamline.training.village.landscape import SPECTRA, area, cut, inset, rectangle
from seamline.training.village.procedural import fractal, procedural_scene, simulate_pair

BLUE, GREEN, RED, NIR = range(4)


@pytest.fixture(scope="module")
def scene():
    return procedural_scene(3, (384, 448))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_seed_gives_the_same_bits_and_another_seed_another_scene():
    first, again, other = (procedural_scene(seed, (96, 80)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.95
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (63, 129), (257, 300)])
@pytest.mark.parametrize("gsd", [0.3, 0.5, 2.0])
def test_any_size_and_pixel_size_gives_finite_reflectance(size, gsd):
    image = procedural_scene(11, size, gsd)
    assert image.shape == (4, *size)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() > 0
    assert image.max() <= 0.95


@pytest.mark.parametrize(("size", "gsd"), [((0, 5), 0.5), ((5, 5), 0.0)])
def test_nothing_cannot_be_drawn(size, gsd):
    with pytest.raises(RequestError, match="cannot be drawn"):
        procedural_scene(0, size, gsd)


def test_a_scene_holds_vegetation_and_built_ground_with_their_spectra(scene):
    index = (scene[NIR] - scene[RED]) / (scene[NIR] + scene[RED])
    plants, built = index > 0.6, index < 0.2
    assert 0.1 < plants.mean() < 0.9
    assert built.mean() > 0.05
    assert (
        np.median(scene[:, plants], axis=1)[[BLUE, RED, GREEN, NIR]] == np.sort(np.median(scene[:, plants], 1))
    ).all()
    assert np.median(scene[NIR, plants]) > 4 * np.median(scene[RED, plants])
    assert np.median(scene[NIR, built]) < 1.5 * np.median(scene[RED, built])


def test_spectra_keep_the_order_of_their_kind():
    plants = [SPECTRA[kind] for kind in ("crop", "grass", "broadleaf", "conifer")]
    assert all(nir > 4 * red and green > blue and green > red for blue, green, red, nir in plants)
    assert all(b < g < r < n for b, g, r, n in (SPECTRA[kind] for kind in ("soil", "dark_soil", "straw")))
    assert SPECTRA["water"][NIR] == min(SPECTRA["water"])
    assert SPECTRA["tile"][RED] > 2 * SPECTRA["tile"][BLUE]


def test_detail_is_finer_than_an_ms_pixel(scene):
    h, w = (side // 4 * 4 for side in scene.shape[1:])
    cells = scene[:, :h, :w].reshape(4, h // 4, 4, w // 4, 4)
    within = cells.std((2, 4)).mean() / scene.std((1, 2)).mean()
    assert within > 0.15


def test_shadows_point_away_from_the_sun_and_trees_stand_clear_of_roads_and_water():
    plan = plan_landscape(rng(2), 420.0)
    footprint = rectangle(np.array([0.0, 0.0]), 8.0, 6.0, 0.3)
    plan.shades.clear()
    plan.block(footprint, 5.0)
    drift = plan.shades[0].mean(0) - footprint.mean(0)
    assert drift @ plan.sun[:2] < 0
    assert np.hypot(*drift) == pytest.approx(5.0 * np.hypot(*plan.sun[:2]) / plan.sun[2])
    centres = np.array([[tree.x, tree.y] for tree in plan.trees])
    assert len(centres) > 100
    assert all(plan.free(centre[None], 0.0) for centre in centres)


def test_a_cut_keeps_area_and_convexity():
    square = rectangle(np.array([3.0, -2.0]), 40.0, 25.0, 0.4)
    first, second, chord = cut(square, np.array([4.0, -1.0]), np.array([0.6, 0.8]))
    assert area(first) + area(second) == pytest.approx(area(square))
    assert min(area(first), area(second)) > 0
    assert chord.shape == (2, 2)
    assert inset(square, chord).max() == pytest.approx(0.0, abs=1e-9)
    assert inset(first, first.mean(0)[None])[0] > 0
    assert inset(first, second.mean(0)[None])[0] < 0


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (1, 1)])
def test_fractal_noise_is_normalised(size):
    waves = fractal(rng(), size, 2.0)
    assert waves.shape == size
    assert abs(waves.mean()) < 1e-5
    assert waves.std() == pytest.approx(1.0 if size != (1, 1) else 0.0, abs=1e-5)


@pytest.mark.parametrize("ratio", [1, 2, 3, 4])
def test_ms_is_a_smooth_scene_at_the_true_centres_of_its_pixels(ratio):
    h, w = 97, 110
    rows, columns = (np.arange(n, dtype=np.float64) for n in (h, w))
    plane = 0.2 + 0.001 * rows[:, None] + 0.002 * columns[None]
    ms, pan = simulate_pair(
        np.stack([plane] * 3).astype(np.float32), ratio=ratio, noise_dn=0.0, peak_dn=60000, generator=rng()
    )
    n, m = h // ratio, w // ratio
    assert ms.shape == (3, n, m)
    assert pan.shape == (1, n * ratio, m * ratio)
    mean = plane[: n * ratio, : m * ratio].reshape(n, ratio, m, ratio).mean((1, 3)) * 60000
    inner = (slice(24 // ratio, -24 // ratio), slice(24 // ratio, -24 // ratio))
    # A quarter of a pixel off along the columns would be 30 DN.
    np.testing.assert_allclose(ms[0][inner], mean[inner], atol=1.0)


def test_ms_of_a_scene_is_near_its_area_mean_and_pan_near_its_weighted_bands(scene):
    ms, pan = simulate_pair(scene, noise_dn=0.0, generator=rng())
    mean = scene.reshape(4, 96, 4, 112, 4).mean((2, 4)) * 2047
    smooth = np.abs(np.diff(mean, axis=2)[:, :, :-1]).max(0) < 0.03 * mean[:, :, 1:-1].min(0)
    error = np.abs(ms[:, :, 1:-1] - mean[:, :, 1:-1]) / mean[:, :, 1:-1]
    assert smooth.sum() > 300
    assert np.median(error[:, smooth]) < 0.03
    np.testing.assert_allclose(ms.mean((1, 2)), mean.mean((1, 2)), rtol=0.02)
    weighted = np.tensordot([0.12, 0.28, 0.34, 0.26], scene, 1) * 2047
    assert np.corrcoef(pan.ravel(), weighted.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("ratio", [2, 4])
def test_the_transfer_at_nyquist_is_the_stated_gain(ratio):
    # A wave of MS Nyquist frequency, its crests on MS pixel centres.
    x = np.arange(192)
    wave = 0.5 + 0.2 * np.cos(np.pi * (x - (ratio - 1) / 2) / ratio)
    scene = np.broadcast_to(wave, (1, 192, 192)).astype(np.float32)
    ms, _ = simulate_pair(scene, ratio=ratio, ms_gain=0.30, noise_dn=0.0, peak_dn=60000, generator=rng())
    # The toolbox designs its kernel on 41 samples with 40 steps, so that it reaches gain ** 1.05.
    line = ms[0, 48 // ratio, 48 // ratio : -48 // ratio].astype(float)
    assert np.abs(np.diff(line)).mean() / (2 * 0.2 * 60000) == pytest.approx(0.30, rel=0.07)


def test_noise_comes_from_the_generator_and_dn_stay_off_nodata(scene):
    dark = np.zeros((4, 64, 64), np.float32)
    first, again, other = (simulate_pair(dark + 0.2, noise_dn=3.0, generator=rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() == pytest.approx(3.0, rel=0.1)
    ms, pan = simulate_pair(dark, generator=rng())
    assert min(ms.min(), pan.min()) >= 1
    assert max(a.max() for a in simulate_pair(dark + 5.0, generator=rng())) == 2047


def test_a_scene_smaller_than_an_ms_pixel_is_refused():
    with pytest.raises(RequestError, match="holds no MS pixel"):
        simulate_pair(np.ones((4, 3, 9), np.float32), generator=rng())
