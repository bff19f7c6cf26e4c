"""SSIMULACRA2: what the published program gives, whatever the strips, the masks and the stored units are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from ssimulacra2 import compute_ssimulacra2

from seamline.engine.optics.degrade import Rows
from seamline.engine.quality.perceptual import Absent, measure_ssimulacra2, ssimulacra, ssimulacra2

RGB = (0, 1, 2)


def textured(height, width, seed=0):
    """(3, height, width) in 0..255, smooth and not alike in the bands, whole numbers."""
    noise = np.random.default_rng(seed).normal(size=(3, height, width))
    smooth = ndimage.gaussian_filter(noise, (0.4, 2, 2))
    return np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth))


def worse(image, how, seed=1):
    if how == "blurred":
        changed = ndimage.gaussian_filter(image, (0, 1, 1))
    elif how == "noisy":
        changed = image + np.random.default_rng(seed).normal(0, 6, image.shape)
    else:
        changed = np.roll(image, 1, axis=2)
    return np.rint(np.clip(changed, 0, 255))


def saved(path, image):
    Image.fromarray(image.transpose(1, 2, 0).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("how", ["blurred", "noisy", "moved"])
def test_it_is_what_the_published_one_gives(how, tmp_path, monkeypatch):
    reference = textured(400, 431)
    # That package mirrors the sides where the published program has zeros: what differs lies farther from them than
    # any window of the coarsest scale reaches.
    inside = np.zeros(reference.shape[1:], bool)
    inside[170:-170, 170:-170] = True
    fused = np.where(inside, worse(reference, how), reference)
    expected = compute_ssimulacra2(saved(tmp_path / "reference.png", reference), saved(tmp_path / "fused.png", fused))
    assert expected < 97, "there is nothing to see"
    assert ssimulacra2(fused / 255, reference / 255) == pytest.approx(expected, abs=0.05)
    # It also has a true Gaussian of 11 px; with that, nothing is left between the two but rounding.
    gauss = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    monkeypatch.setattr(ssimulacra, "_REACH", 5)
    monkeypatch.setattr(ssimulacra, "_KERNEL", gauss / gauss.sum())
    assert ssimulacra2(fused / 255, reference / 255) == pytest.approx(expected, abs=1e-4)


def test_its_filter_has_the_sum_and_the_spread_of_the_gaussian():
    offset, kernel = np.arange(-4, 5), ssimulacra._KERNEL
    assert kernel.sum() == pytest.approx(1.0)
    assert (kernel * offset**2).sum() == pytest.approx(1.5**2)
    assert np.abs(kernel - np.exp(-0.5 * (offset / 1.5) ** 2) / (1.5 * np.sqrt(2 * np.pi))).max() < 0.002


@pytest.mark.parametrize("shape", [(150, 131), (8, 40), (33, 9), (330, 341)])
def test_strips_do_not_show(shape, monkeypatch):
    reference = textured(*shape)
    fused = worse(reference, "noisy")
    corner = np.ones((1, *shape), bool)
    corner[0, :10, :13] = False
    found = []
    for strip in (32, 96, 512):
        monkeypatch.setattr(ssimulacra, "_STRIP", strip)
        masks = (None, Rows.of(corner)) if min(shape) > 320 else (None,)
        found.append([measure_ssimulacra2(Rows.of(fused), Rows.of(reference), mask, RGB) for mask in masks])
    assert found[1:] == [pytest.approx(found[0], rel=1e-9)] * 2


def test_the_scene_is_the_image_in_the_colours_of_the_reference():
    reference = textured(130, 140)
    fused = worse(reference, "blurred")
    low, high = np.percentile(reference.reshape(3, -1), (0.5, 99.5), axis=1)[..., None, None]
    shown = [np.clip((image - low) / (high - low), 0, 1) for image in (fused, reference)]
    expected = ssimulacra2(*shown)
    assert measure_ssimulacra2(Rows.of(fused), Rows.of(reference), None, RGB) == pytest.approx(expected)
    # Stored units do not matter, nor do bands that are not looked at.
    many = [
        np.stack([image[2] * 37 + 400, image[0] * 0, image[1] * 5 - 2, image[0] / 9]) for image in (fused, reference)
    ]
    assert measure_ssimulacra2(*map(Rows.of, many), None, (3, 2, 0)) == pytest.approx(expected)


def test_equal_images_are_perfect_and_more_noise_is_worse():
    reference = textured(120, 128)
    noise = np.random.default_rng(3).normal(size=reference.shape)
    scores = [ssimulacra2(np.clip(reference + k * noise, 0, 255) / 255, reference / 255) for k in (0, 2, 6, 20)]
    assert scores[0] == 100.0
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_what_is_masked_takes_no_part():
    reference = textured(330, 340)
    fused = worse(reference, "noisy")
    known = np.ones((1, 330, 340), bool)
    known[0, 5:25, :30] = False
    first = measure_ssimulacra2(Rows.of(fused), Rows.of(reference), Rows.of(known), RGB)
    fused[:, 5:25, :30], reference[:, 5:25, :30] = 0, 9999
    assert measure_ssimulacra2(Rows.of(fused), Rows.of(reference), Rows.of(known), RGB) == first
    assert measure_ssimulacra2(Rows.of(fused), Rows.of(reference), None, RGB) < first - 5


def test_what_cannot_be_measured_says_why():
    small, image = textured(7, 40), textured(64, 64)
    nothing = Rows.of(np.zeros((1, 64, 64), bool))
    holes = np.ones((1, 64, 64), bool)
    holes[0, ::16, ::16] = False
    found = [
        ssimulacra2(small, small),
        measure_ssimulacra2(Rows.of(small), Rows.of(small), None, RGB),
        measure_ssimulacra2(Rows.of(image), Rows.of(image), nothing, RGB),
        measure_ssimulacra2(Rows.of(image), Rows.of(image), Rows.of(holes), RGB),
    ]
    assert all(isinstance(each, Absent) for each in found)
    assert [str(each) for each in found[:2]] == ["absent (needs a scene of 8 px each way)"] * 2
    assert "no pixel is valid" in str(found[2])
    assert "coarsest scale" in str(found[3])


def test_progress_counts_every_strip():
    image, beats = textured(200, 70), []
    measure_ssimulacra2(Rows.of(image), Rows.of(image), None, RGB, lambda: beats.append(1))
    assert len(beats) == ssimulacra.steps((200, 70)) > 4
