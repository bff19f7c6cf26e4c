"""Perceptual metrics: naive formulations of each, files that are right and wrong, scenes in patches, and no network."""

from __future__ import annotations

import re
import socket
import tomllib
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from safetensors.torch import save_file
from scipy import linalg, ndimage, optimize, special
from torch.nn import functional

from seamline.engine.errors import ModelError, RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.optics.degrade import Rows
from seamline.engine.quality.perceptual import (
    METRICS,
    Absent,
    Moments,
    Pixels,
    Pristine,
    alexnet,
    dists,
    fid,
    fit_pristine,
    graphs,
    load_metrics,
    lpips,
    measure,
    niqe,
    patch_windows,
    reader,
    registry,
    save_pristine,
    scored,
    steps,
    vgg16,
    weights,
)
from seamline.engine.quality.perceptual.frechet import frechet
from seamline.engine.quality.perceptual.niqe import BLOCK, FEATURES, asymmetric_fit, block_features
from seamline.tests.bounds import assert_same_but_rounding

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
CHANNELS = (5, 4)


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def arrays(fused, reference=None, valid=None):
    """Reads windows of arrays (C, h, w); ``valid`` is (h, w)."""
    more = [None if image is None else Rows.of(image) for image in (reference, None if valid is None else valid[None])]
    return reader(Rows.of(fused), *more)


def small_features(images):
    """Two maps of a made-up network, small enough to be followed by hand."""
    first = functional.relu(functional.conv2d(images, random(5, 3, 3, 3) - 0.5, stride=2))
    return first, functional.relu(functional.conv2d(first, random(4, 5, 3, 3, seed=1) - 0.5, stride=2))


def small_lpips():
    return lpips(small_features, [random(c, seed=2) for c in CHANNELS])


def small_dists():
    return dists(small_features, random(3 + sum(CHANNELS), seed=3), random(3 + sum(CHANNELS), seed=4))


def test_lpips_pixel_by_pixel():
    a, b = random(1, 3, 23, 19), random(1, 3, 23, 19, seed=9)
    expected = 0.0
    for k, (x, y) in enumerate(zip(small_features(a), small_features(b), strict=True)):
        head = random(CHANNELS[k], seed=2).double().numpy()
        x, y = x[0].double().numpy(), y[0].double().numpy()
        spots = []
        for row, column in np.ndindex(x.shape[1:]):
            u, v = x[:, row, column], y[:, row, column]
            spots.append(head @ (u / (np.linalg.norm(u) + 1e-10) - v / (np.linalg.norm(v) + 1e-10)) ** 2)
        expected += np.mean(spots)
    assert small_lpips()(a, b).item() == pytest.approx(expected, rel=1e-3)


def test_dists_channel_by_channel():
    a, b = random(1, 3, 23, 19), random(1, 3, 23, 19, seed=9)
    alpha, beta = random(12, seed=3).double().numpy(), random(12, seed=4).double().numpy()
    maps = [[channel.double().numpy() for m in (image, *small_features(image)) for channel in m[0]] for image in (a, b)]
    likeness = 0.0
    for k, (x, y) in enumerate(zip(*maps, strict=True)):
        covariance = np.mean(x * y) - x.mean() * y.mean()
        likeness += alpha[k] * (2 * x.mean() * y.mean() + 1e-6) / (x.mean() ** 2 + y.mean() ** 2 + 1e-6)
        likeness += beta[k] * (2 * covariance + 1e-6) / (x.var() + y.var() + 1e-6)
    assert small_dists()(a, b).item() == pytest.approx(1 - likeness / (alpha.sum() + beta.sum()), rel=1e-3)


@pytest.mark.parametrize("make", [small_lpips, small_dists])
def test_a_distance_is_zero_for_equals_symmetric_grows_with_noise_and_ignores_the_batch(make):
    distance = make()
    images, noise = random(3, 3, 40, 40), random(3, 3, 40, 40, seed=7) - 0.5
    assert distance(images, images).abs().max() < 1e-9
    noisy = [distance(images, images + level * noise) for level in (0.02, 0.1, 0.4)]
    assert (noisy[0] > 0).all()
    assert (noisy[0] < noisy[1]).all()
    assert (noisy[1] < noisy[2]).all()
    assert_same_but_rounding(distance(images + 0.1 * noise, images), noisy[1])
    singly = torch.cat([distance(i[None], i[None] + 0.1 * n[None]) for i, n in zip(images, noise, strict=True)])
    assert_same_but_rounding(noisy[1], singly)


def convolved(state, key, weight, **more):
    return functional.relu(functional.conv2d(state, weight[f"{key}.weight"], weight[f"{key}.bias"], **more))


def test_alexnet_has_the_layers_and_keys_of_the_shared_file():
    network = alexnet()
    weight = network.state_dict()
    x = random(1, 3, 64, 64)
    state, maps = (x - MEAN) / DEVIATION, []
    for key, kernel, stride, padding in ((0, 11, 4, 2), (3, 5, 1, 2), (6, 3, 1, 1), (8, 3, 1, 1), (10, 3, 1, 1)):
        assert weight[f"features.{key}.weight"].shape[2:] == (kernel, kernel)
        state = functional.max_pool2d(state, 3, 2) if key in (3, 6) else state
        state = convolved(state, f"features.{key}", weight, stride=stride, padding=padding)
        maps.append(state)
    assert len(weight) == 10
    assert sum(value.numel() for value in weight.values()) == 2_469_696  # of the published 61 M, the rest classifies
    for ours, theirs in zip(network(x), maps, strict=True):
        assert_same_but_rounding(ours, theirs)


@pytest.mark.parametrize("smooth", [False, True])
def test_vgg16_has_the_layers_and_keys_of_the_shared_file(smooth):
    network = vgg16(smooth=smooth)
    weight = network.state_dict()
    x = random(1, 3, 33, 32)
    window = np.hanning(5)[1:-1]
    window = torch.tensor(np.outer(window, window) / window.sum() ** 2, dtype=torch.float32)
    state, maps = (x - MEAN) / DEVIATION, []
    for stage in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        if maps and smooth:
            padded = functional.pad(state**2, (1, 1, 1, 1))
            cells = padded.unfold(2, 3, 2).unfold(3, 3, 2)
            state = torch.sqrt((cells * window).sum(dim=(4, 5)) + 1e-12)
        elif maps:
            state = functional.max_pool2d(state, 2)
        for key in stage:
            state = convolved(state, f"features.{key}", weight, padding=1)
        maps.append(state)
    assert len(weight) == 26
    assert sum(value.numel() for value in weight.values()) == 14_714_688
    for ours, theirs in zip(network(x), maps, strict=True):
        assert_same_but_rounding(ours, theirs)


def gaussian_rows(n=400, seed=0, shift=0.0, mixing=None):
    rows = np.random.default_rng(seed).normal(size=(n, 6))
    return (rows if mixing is None else rows @ mixing) + shift


def test_the_frechet_distance_by_a_matrix_root():
    a, b = gaussian_rows(), gaussian_rows(seed=1, shift=0.3, mixing=np.random.default_rng(2).normal(size=(6, 6)))
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    apart = a.mean(axis=0) - b.mean(axis=0)
    expected = apart @ apart + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert frechet(Moments.of(a), Moments.of(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet(Moments.of(a), Moments.of(a)) == pytest.approx(0.0, abs=1e-9)
    parts = Moments.of(b[:50]) + (Moments.of(b[50:51]) + Moments.of(b[51:]))
    assert frechet(Moments.of(a), parts) == pytest.approx(expected, rel=1e-9)


def test_fid_with_fewer_patches_than_features_is_zero_for_equals_and_grows():
    def features(images):
        return torch.cat([m.mean(dim=(2, 3)) for m in small_features(images)], dim=1)

    scene, noise = random(3, 700, 600).numpy(), random(3, 700, 600, seed=8).numpy() - 0.5

    def score(image):
        return measure({"FID": fid(features)}, arrays(image, scene), (700, 600), peak=1.0)["FID"]

    assert score(scene) == pytest.approx(0.0, abs=1e-9)
    values = [score(scene + level * noise) for level in (0.1, 0.3, 0.6)]
    assert 0 < values[0] < values[1] < values[2]
    alone = measure({"FID": fid(features)}, arrays(scene[:, :256, :256], scene[:, :256, :256]), (256, 256), peak=1.0)
    assert alone["FID"] == Absent("needs two patches or more")


def naive_fit(values):
    """Shape and scales of one sample, the shape by a root finder."""
    left, right = np.sqrt(np.mean(values[values < 0] ** 2)), np.sqrt(np.mean(values[values > 0] ** 2))
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    gamma = special.gamma
    shape = optimize.brentq(lambda a: gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio, 0.2, 10)
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


@pytest.mark.parametrize(("shape", "left", "right"), [(1.0, 1.0, 1.0), (2.0, 0.5, 1.5), (0.8, 2.0, 0.5)])
def test_the_asymmetric_fit_finds_what_was_drawn(shape, left, right):
    rng = np.random.default_rng(0)
    magnitude = rng.gamma(1 / shape, size=1_000_000) ** (1 / shape)
    negative = rng.uniform(size=magnitude.size) < left / (left + right)
    values = np.where(negative, -left, right) * magnitude
    found = [float(each[0]) for each in asymmetric_fit(values[None])]
    assert found == pytest.approx([shape, left, right], rel=0.03)
    # Shapes are tried in steps of a thousandth.
    assert found == pytest.approx(naive_fit(values), rel=2e-3)


def texture(rows, columns, seed=0):
    return np.clip(
        128 + 400 * ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(rows, columns)), 1.5), 0, 255
    )


def test_niqe_features_block_by_block():
    image = texture(200, 300)
    found, _ = block_features(image)
    assert found.shape == (2 * 3, FEATURES)
    offset = np.arange(-3, 4)
    kernel = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * (7 / 6) ** 2))
    kernel /= kernel.sum()
    image = image[:192, :288]
    small = functional.interpolate(
        torch.from_numpy(np.pad(image, 8, mode="symmetric"))[None, None],
        scale_factor=0.5,
        mode="bicubic",
        antialias=True,
    )[0, 0, 4:-4, 4:-4].numpy()
    expected = [[] for _ in range(6)]
    for scale, side in ((image, 96), (small, 48)):
        mean = ndimage.correlate(scale, kernel, mode="nearest")
        variance = ndimage.correlate(scale**2, kernel, mode="nearest") - mean**2
        normal = (scale - mean) / (np.sqrt(np.abs(variance)) + 1)
        for k in range(6):
            row, column = k // 3 * side, k % 3 * side
            block = normal[row : row + side, column : column + side]
            shape, left, right = naive_fit(block.ravel())
            expected[k] += [shape, (left + right) / 2]
            for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
                pairs = block * np.roll(np.roll(block, down, axis=0), across, axis=1)
                shape, left, right = naive_fit(pairs.ravel())
                expected[k] += [
                    shape,
                    (right - left) * special.gamma(2 / shape) / special.gamma(1 / shape),
                    left,
                    right,
                ]
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-3)


def test_niqe_looks_at_luma():
    colours = np.stack([texture(192, 192, seed) for seed in range(3)]) / 255
    seen = niqe(Pristine(np.zeros(FEATURES), np.eye(FEATURES))).observe(torch.from_numpy(colours)[None])[0]
    grey = block_features(255 * (0.299 * colours[0] + 0.587 * colours[1] + 0.114 * colours[2]))[0]
    np.testing.assert_allclose(seen.mean, grey.mean(axis=0), rtol=1e-9)


def test_niqe_is_the_distance_of_two_gaussians():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(FEATURES, FEATURES))
    pristine = Pristine(rng.normal(size=FEATURES), mixing @ mixing.T)
    rows = rng.normal(size=(100, FEATURES))
    apart = pristine.mean - rows.mean(axis=0)
    expected = np.sqrt(apart @ np.linalg.inv((pristine.covariance + np.cov(rows.T)) / 2) @ apart)
    assert niqe(pristine).conclude((Moments.of(rows),)) == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def crops(data):
    """Real aerial crops of 288 px or more: (for the fit, held out)."""
    paths = sorted((data / "hr_rgb" / "brighton").glob("*.*"))
    images = []
    for path in paths:
        if path.suffix in {".png", ".webp", ".tif"}:
            with rasterio.open(path) as dataset:
                images.append(dataset.read((1, 2, 3)))
    return images[::2], images[1::2][:3]


@pytest.mark.parametrize("spoil", ["noise", "blur"])
def test_niqe_fitted_on_real_imagery_sees_noise_and_blur(crops, spoil):
    fitted, held_out = crops
    metric = {"NIQE": niqe(fit_pristine(fitted, peak=255))}
    for image in held_out:
        values = []
        for level in (0.0, 1.0, 2.0, 4.0):
            if spoil == "noise":
                spoilt = image + np.random.default_rng(0).normal(0, 8 * level, image.shape)
            else:
                spoilt = ndimage.gaussian_filter(image.astype(float), (0, level, level))
            values.append(measure(metric, arrays(spoilt), image.shape[1:], peak=255)["NIQE"])
        assert values == sorted(values)
        assert values[-1] > 1.5 * values[0]


def test_niqe_does_not_fit_on_too_little_or_judge_what_is_flat():
    with pytest.raises(RequestError, match="too few to fit 36 features"):
        fit_pristine([texture(300, 300)[None]] * 2, peak=255)
    flat = np.full((3, 300, 300), 7.0)
    metric = {"NIQE": niqe(Pristine(np.zeros(FEATURES), np.eye(FEATURES)))}
    assert measure(metric, arrays(flat), (300, 300), peak=255)["NIQE"] == Absent(
        f"needs two blocks of {BLOCK} px that are not flat"
    )


def test_a_fitted_model_comes_back_from_its_file(tmp_path):
    images = [texture(400, 500, seed)[None] for seed in range(4)]
    model = fit_pristine(images, peak=255)
    save_pristine(model, tmp_path / "niqe.safetensors")
    loaded = load_metrics(tmp_path)["NIQE"]
    seen = loaded.observe(torch.from_numpy(images[0] / 255).float().expand(3, -1, -1)[None])
    assert loaded.conclude(seen) == niqe(model).conclude(seen)


def alex_files(folder):
    """Writes the two files of LPIPS as they are shared; returns the distance that they make."""
    torch.manual_seed(0)
    network = alexnet()
    heads = [random(c, seed=c) for c in network.channels]
    save_file({**network.state_dict(), "classifier.6.bias": torch.zeros(1000)}, folder / "alexnet.safetensors")
    torch.save(
        {f"lin{k}.model.1.weight": h.reshape(1, -1, 1, 1) for k, h in enumerate(heads)}, folder / "lpips_alex.pth"
    )
    return lpips(network, heads)


def test_lpips_and_dists_from_files(tmp_path):
    distance = alex_files(tmp_path)
    network = vgg16(smooth=True)
    alpha, beta = random(1, 1475, 1, 1), random(1, 1475, 1, 1, seed=1)
    save_file(network.state_dict(), tmp_path / "vgg16.safetensors")
    save_file({"alpha": alpha, "beta": beta}, tmp_path / "dists.safetensors")
    a, b = random(1, 3, 64, 70), random(1, 3, 64, 70, seed=1)
    loaded = load_metrics(tmp_path)
    values = measure(
        {name: loaded[name] for name in ("LPIPS", "DISTS")}, arrays(a[0].numpy(), b[0].numpy()), (64, 70), peak=1.0
    )
    assert values["LPIPS"] == pytest.approx(distance(a, b).item(), rel=1e-3)
    assert values["DISTS"] == pytest.approx(dists(network, alpha.flatten(), beta.flatten())(a, b).item(), rel=1e-3)


def altered(change):
    def write(folder):
        state = {f"lin{k}.model.1.weight": torch.ones(1, c, 1, 1) for k, c in enumerate(alexnet().channels)}
        change(state)
        save_file(state, folder / "lpips_alex.safetensors")

    return write


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (altered(lambda s: s.pop("lin2.model.1.weight")), "lin2.model.1.weight missing"),
        (altered(lambda s: s.update(lin9=torch.ones(1))), "lin9 unexpected"),
        (altered(lambda s: s.update({"lin0.model.1.weight": torch.ones(64)})), "lin0.model.1.weight of another shape"),
        (altered(lambda s: s["lin1.model.1.weight"].fill_(np.nan)), "lin1.model.1.weight not finite"),
        (lambda folder: (folder / "lpips_alex.safetensors").write_bytes(b"nothing"), "not readable as tensors"),
        (lambda folder: torch.save([1, 2], folder / "lpips_alex.pth"), "more than tensors by name"),
        (lambda folder: (folder / "lpips_alex.pth").write_bytes(b"\x80\x02."), "not readable as tensors"),
    ],
)
def test_a_wrong_file_is_refused_and_named(tmp_path, spoil, says):
    alex_files(tmp_path)
    (tmp_path / "lpips_alex.pth").unlink()
    spoil(tmp_path)
    with pytest.raises(ModelError, match=re.escape(says)) as caught:
        load_metrics(tmp_path)
    assert "lpips_alex" in caught.value.where


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


def test_a_file_that_would_run_code_does_not(tmp_path):
    alex_files(tmp_path)
    trap = Trap()
    trap.path = str(tmp_path / "ran")
    torch.save({"lin0.model.1.weight": trap}, tmp_path / "lpips_alex.pth")
    with pytest.raises(ModelError, match="not readable as tensors"):
        load_metrics(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_too_large_is_not_opened(tmp_path, monkeypatch):
    alex_files(tmp_path)
    monkeypatch.setattr(weights, "FILE_BYTES", 1000)
    with pytest.raises(ModelError, match="more than 1000"):
        load_metrics(tmp_path)


def test_an_empty_folder_gives_reasons_and_opens_no_connection(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    loaded = load_metrics(tmp_path)
    assert list(loaded) == ["LPIPS", "DISTS", "FID", "CLIPIQA", "MUSIQ", "MANIQA", "NIQE"]
    values = measure(loaded, arrays(np.ones((3, 300, 300))), (300, 300), peak=1.0)
    for name, value in values.items():
        assert isinstance(value, Absent)
        assert METRICS[name].files[0][0] in str(value)
    assert "no folder" in str(load_metrics(None)["LPIPS"])
    with pytest.raises(RequestError, match="no such folder"):
        load_metrics(tmp_path / "nowhere")


def test_only_metrics_that_there_are_can_be_injected():
    with pytest.raises(RequestError, match="no metric is called SSIM"):
        load_metrics(None, {"SSIM": scored(small_lpips())})


@pytest.mark.parametrize("shape", [(256, 256), (700, 513), (100, 900), (257, 80)])
def test_patches_cover_the_scene_and_are_whole(shape):
    seen = np.zeros(shape, int)
    for window in patch_windows(shape, 256):
        assert (window.height, window.width) == (min(256, shape[0]), min(256, shape[1]))
        seen[slice(*window.rows), slice(*window.columns)] += 1
    assert seen.min() == 1
    assert seen.max() <= 4
    assert (seen[: shape[0] // 256 * 256 - 256, : shape[1] // 256 * 256 - 256] == 1).all()


def test_a_score_is_the_mean_over_patches_without_masked_pixels():
    scene, reference = random(3, 512, 600).numpy(), random(3, 512, 600, seed=1).numpy()
    valid = np.ones((512, 600), np.bool_)
    valid[300, 10] = False
    scene[:, ~valid] = np.nan
    columns, kept = (0, 256, 344), []
    for row in (0, 256):
        for column in columns:
            if (row, column) != (256, 0):
                a, b = (
                    torch.from_numpy(x[:, row : row + 256, column : column + 256])[None] for x in (scene, reference)
                )
                kept.append(small_lpips()(a, b).item())
    loaded = {"LPIPS": scored(small_lpips())}
    value = measure(loaded, arrays(scene, reference, valid), (512, 600), peak=1.0)["LPIPS"]
    assert value == pytest.approx(np.mean(kept), rel=1e-3)
    masked = measure(loaded, arrays(scene, reference, valid & False), (512, 600), peak=1.0)["LPIPS"]
    assert masked == Absent("no patch is free of masked pixels")


def test_only_one_patch_of_the_scene_is_asked_for_at_a_time():
    asked = []

    def read(window: Window):
        asked.append(window)
        return Pixels(np.zeros((3, window.height, window.width)), np.ones((window.height, window.width), np.bool_))

    loaded = {"MUSIQ": scored(lambda x: x.mean(dim=(1, 2, 3))), "CLIPIQA": scored(lambda x: x.amax(dim=(1, 2, 3)))}
    assert measure(loaded, read, (1000, 1000), peak=1.0) == {"MUSIQ": 0.0, "CLIPIQA": 0.0}
    assert asked == list(patch_windows((1000, 1000), 256))


def test_progress_is_told_and_can_stop():
    scene, counted = random(3, 600, 300).numpy(), []
    loaded = {"MUSIQ": scored(lambda x: x.mean(dim=(1, 2, 3))), "NIQE": niqe(Pristine(np.zeros(36), np.eye(36)))}
    measure(loaded, arrays(scene), (600, 300), peak=1.0, beat=lambda: counted.append(1))
    assert len(counted) == steps(loaded, (600, 300)) == 3 * 2 + 3 * 2

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(loaded, arrays(scene), (600, 300), peak=1.0, beat=stop)


def test_bands_are_named_or_there_are_three():
    scene = np.stack([np.full((256, 256), level) for level in (100, 200, 300, 4095)]).astype(np.uint16)
    loaded = {"MUSIQ": scored(lambda x: x[:, 0].mean(dim=(1, 2)) + 10 * x[:, 2].mean(dim=(1, 2)))}

    def score(image, bands):
        return measure(loaded, arrays(image), (256, 256), peak=1000, bands=bands)["MUSIQ"]

    assert score(scene, (2, 1, 0)) == pytest.approx(0.3 + 1.0, rel=1e-4)
    assert score(scene, (3, 1, 3)) == pytest.approx(1.0 + 10.0, rel=1e-4)  # clipped to the peak
    assert score(scene[:1], (0, 0, 0)) == pytest.approx(0.1 + 1.0, rel=1e-4)
    assert score(scene[:3], None) == pytest.approx(0.1 + 3.0, rel=1e-4)
    for image, bands in ((scene, None), (scene[:1], None), (scene[:3], (0, 1, 3)), (scene, (-1, 1, 0))):
        with pytest.raises(RequestError):
            score(image, bands)


def test_what_cannot_be_measured_is_absent_or_refused():
    scene = np.ones((3, 256, 256))
    loaded = {"LPIPS": scored(small_lpips()), "MUSIQ": scored(lambda x: x.mean(dim=(1, 2, 3)))}
    values = measure(loaded, arrays(scene), (256, 256), peak=1.0)
    assert values == {"LPIPS": Absent("needs a reference"), "MUSIQ": 1.0}
    small = measure(loaded, arrays(scene[:, :100], scene[:, :100]), (100, 256), peak=1.0)
    assert small["LPIPS"] == 0.0
    assert small["MUSIQ"] == Absent("needs a scene of 256 px each way")
    with pytest.raises(RequestError, match="not finite"):
        measure(loaded, arrays(scene * np.nan), (256, 256), peak=1.0)
    with pytest.raises(RequestError, match="data range"):
        measure(loaded, arrays(scene), (256, 256), peak=0.0)
    for wrong in (lambda x: x, lambda x: x.mean(dim=(1, 2, 3)) * np.nan):
        with pytest.raises(RequestError, match="finite values"):
            measure({"MUSIQ": scored(wrong)}, arrays(scene), (256, 256), peak=1.0)


def field(number, content):
    """One field of a protocol buffer: a number or bytes."""
    if isinstance(content, int):
        return bytes(
            [number * 8 % 128 + (128 if number > 15 else 0), *([number * 8 // 128] if number > 15 else []), content]
        )
    content = content.encode() if isinstance(content, str) else content
    assert len(content) < 128 * 128
    size = [len(content)] if len(content) < 128 else [len(content) % 128 + 128, len(content) // 128]
    return bytes([number * 8 + 2, *size]) + content


def mean_graph(axes, inputs=("x",)):
    """An ONNX file that takes (1, 3, 256, 256) and returns its mean over some axes."""

    def tensor(name, *sizes):
        dims = b"".join(
            field(1, field(2, f"{name}{k}") if size is None else field(1, size)) for k, size in enumerate(sizes)
        )
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    over = field(1, "axes") + b"".join(field(8, axis) for axis in axes) + field(20, 7)
    flat = field(1, "keepdims") + field(3, 0) + field(20, 2)
    node = field(1, "x") + field(2, "y") + field(4, "ReduceMean") + field(5, over) + field(5, flat)
    graph = (
        field(1, node)
        + field(2, "g")
        + b"".join(field(11, tensor(name, 1, 3, None, None)) for name in inputs)
        + field(12, tensor("y", *[None] * (4 - len(axes))))
    )
    return field(1, 8) + field(8, field(1, "") + field(2, 13)) + field(7, graph)


def test_networks_as_graphs(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="onnxruntime, of the extra `perceptual`, is not installed")
    for name in ("clipiqa", "musiq", "maniqa"):
        (tmp_path / f"{name}.onnx").write_bytes(mean_graph((1, 2, 3)))
    (tmp_path / "inception.onnx").write_bytes(mean_graph((2, 3)))
    scene = random(3, 512, 256).numpy()
    reference = np.clip(scene * np.array([0.5, 1.0, 0.8])[:, None, None], 0, 1)
    values = measure(load_metrics(tmp_path), arrays(scene, reference), (512, 256), peak=1.0)
    assert values["MUSIQ"] == values["CLIPIQA"] == values["MANIQA"] == pytest.approx(scene.mean(), rel=1e-5)
    rows = [np.stack([x[:, k : k + 256].mean(axis=(1, 2)) for k in (0, 256)]) for x in (scene, reference)]
    assert values["FID"] == pytest.approx(frechet(*(Moments.of(r.astype(float)) for r in rows)), rel=1e-3)
    for content, says in ((b"no graph", "not readable as a graph"), (mean_graph((1, 2, 3), ("x", "z")), "2 inputs")):
        (tmp_path / "musiq.onnx").write_bytes(content)
        with pytest.raises(ModelError, match=says):
            load_metrics(tmp_path)
    monkeypatch.setattr(graphs, "FILE_BYTES", 10)
    with pytest.raises(ModelError, match="more than 10 bytes"):
        load_metrics(tmp_path)


def test_a_graph_without_its_runtime_is_absent(tmp_path, monkeypatch):
    (tmp_path / "musiq.onnx").write_bytes(mean_graph((1, 2, 3)))
    monkeypatch.setattr(registry, "runtime_is_there", lambda: False)
    assert "pip install 'seamline[perceptual]'" in str(load_metrics(tmp_path)["MUSIQ"])


def test_nothing_that_needs_torchvision_is_a_dependency():
    project = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]
    needed = [r for part in (project["dependencies"], *project["optional-dependencies"].values()) for r in part]
    names = {re.match(r"[A-Za-z0-9_-]+", requirement)[0].lower() for requirement in needed}
    assert "torch" in names
    assert not names & {"torchvision", "lpips", "piq", "timm", "pyiqa", "spandrel", "torchgeo", "dists-pytorch"}
