"""Adapting to a scene: what is learned from, what is held out, and that nothing gets worse by it."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel, Silence
from seamline.engine.facts import Response
from seamline.engine.optics.imaging import degrade_matrix
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run
from seamline.models import registry
from seamline.models.folder import load_folder
from seamline.models.salad_pan.tile import build
from seamline.training.adapt import data as adapt_data
from seamline.training.adapt import fine_tune as adapt_loop
from seamline.training.adapt.data import PER_AXIS, held_out_cells, read_samples, windows
from seamline.training.adapt.fine_tune import fine_tune
from seamline.training.adapt.make import _put
from seamline.training.data.simulate import cubic_matrix

GAINS = (0.3, 0.3, 0.3)


def pair_of(folder, *, side=56, hidden=None, seed=3):
    """Paths of MS (3 bands of ``side`` px at 2 m) and PAN (0.5 m); ``hidden`` is stored under the mask of a corner."""
    rng = np.random.default_rng(seed)
    smooth = rng.normal(0, 30, (3, 4 * side, 4 * side)).cumsum(axis=1).cumsum(axis=2) / 60
    shapes = 150 * (rng.random((1, side, side)).repeat(4, axis=1).repeat(4, axis=2) > 0.7)
    fine = 900 + smooth + shapes * np.array([0.6, 1.0, 1.6])[:, None, None]
    pan = fine.mean(axis=0, keepdims=True)
    ms = fine.reshape(3, side, 4, side, 4).mean(axis=(2, 4))
    if hidden is not None:
        ms[:, :12, :12], pan[:, :48, :48] = hidden, hidden
    paths = folder / "ms.tif", folder / "pan.tif"
    for path, values, gsd in zip(paths, (ms, pan), (2.0, 0.5), strict=True):
        valid = np.ones(values.shape[1:], bool)
        if hidden is not None:
            valid[: int(24 / gsd), : int(24 / gsd)] = False
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=len(values),
            height=values.shape[1],
            width=values.shape[2],
            dtype="uint16",
            crs="EPSG:32633",
            transform=from_origin(5e5, 5e6, gsd, gsd),
        ) as file:
            file.write(np.clip(values, 1, 60000).astype(np.uint16))
            if hidden is not None:
                file.write_mask(valid)
    return paths


@pytest.fixture(scope="module", autouse=True)
def small_scenes_will_do():
    """Small scenes are fast, and nothing here asks whether they teach anything."""
    before, adapt_data.FEWEST = adapt_data.FEWEST, 64
    yield before
    adapt_data.FEWEST = before


def samples_of(paths, tmp_path):
    request = Request(
        inputs={"ms": str(paths[0]), "pan": str(paths[1])}, out=str(tmp_path / "out.tif"), threads=1, sensor="none"
    )
    plan, _ = plan_run(request, registry.resolve("salad-pan-tiny", "pansharpen"))
    samples, ratio = read_samples(plan, GAINS, OpenPolicy())
    assert ratio == 4
    return samples, plan


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return samples_of(pair_of(folder, side=32), folder)[0]


def network():
    folder, state = load_folder(registry.WEIGHTS / "salad-pan-tiny")
    model = build(folder.card.architecture.config)
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model


def tune(model, samples, *, steps=5, seed=0, cancel=None, listener=None):
    check = (cancel or Cancel()).check
    silent = listener or Silence()
    torch.set_num_threads(1)
    options = {"steps": steps, "run_steps": 2, "seed": seed, "device": "cpu", "listener": silent, "check": check}
    return fine_tune(model, samples, 4.0, Response.gaussian(0.3), **options)


def test_the_target_is_the_scene_and_the_inputs_are_degraded(tmp_path):
    (sample,), plan = samples_of(pair_of(tmp_path), tmp_path)
    with rasterio.open(tmp_path / "ms.tif") as ms:
        real = ms.read() / np.array(plan.levels["ms"])[:, None, None]
    assert np.allclose(sample.target.numpy(), real, atol=1e-6)
    # An independent way: a Gaussian of the same gain as matrices, away from the rim.
    down, up = degrade_matrix(56, 4, 0.3), cubic_matrix(56, 14, 4)
    expected = up @ (down @ real @ down.T) @ up.T
    inner = np.s_[:, 12:-12, 12:-12]
    lost = (real - expected)[inner].std()
    assert np.abs(sample.ms.numpy() - expected)[inner].std() < 0.1 * lost
    # PAN is the mean of the bands, so that its own means over the pixels of MS are that of MS.
    seen, mean = (x[inner] - x[inner].mean() for x in (sample.pan.numpy(), real.mean(axis=0, keepdims=True)))
    best = max((float((np.roll(seen, (y, x), (1, 2)) * mean).sum()), (y, x)) for y in (-1, 0, 1) for x in (-1, 0, 1))
    assert best[1] == (0, 0)
    assert np.corrcoef(seen.ravel(), mean.ravel())[0, 1] > 0.95


def test_held_out_pixels_are_a_fifth_and_never_trained_on(samples):
    trained = sum(float(s.trained.sum()) for s in samples)
    held_out = sum(float(s.held_out.sum()) for s in samples)
    assert all(not (s.trained * s.held_out).any() for s in samples)
    assert 0.15 < held_out / (trained + held_out) <= 0.25


def test_windows_that_overlap_hold_out_the_same_ground():
    first, second = windows(60, 100, 3)[:2]
    apart = second.column - first.column
    a, b = held_out_cells(first, 8), held_out_cells(second, 8)
    assert 0 < apart < first.width
    assert np.array_equal(a[:, apart:], b[:, : first.width - apart])


def test_a_large_scene_is_sampled_evenly_and_not_read_whole():
    chosen = windows(40_000, 30_000, 8)
    assert len(chosen) == PER_AXIS**2
    assert {w.row for w in chosen} >= {0, 40_000 - chosen[0].height}
    assert max(w.rows[1] for w in chosen) == 40_000
    assert max(w.columns[1] for w in chosen) == 30_000
    # More bands, smaller windows: a step holds as much.
    assert windows(40_000, 30_000, 100)[0].height < chosen[0].height


def test_what_is_masked_never_matters(tmp_path):
    each = []
    for name, hidden in (("a", 5), ("b", 60000)):
        (tmp_path / name).mkdir()
        each.append(samples_of(pair_of(tmp_path / name, hidden=hidden), tmp_path)[0])
    for a, b in zip(*each, strict=True):
        assert all(torch.equal(getattr(a, n), getattr(b, n)) for n in ("pan", "ms", "target", "trained", "held_out"))
        assert not (a.trained + a.held_out)[0, :12, :12].any()


def test_a_scene_of_few_pixels_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"20 x 20 MS px are too few.*leave --adapt out"):
        samples_of(pair_of(tmp_path, side=20), tmp_path)


def test_a_scene_of_few_valid_pixels_is_refused(tmp_path, monkeypatch, small_scenes_will_do):
    monkeypatch.setattr(adapt_data, "FEWEST", small_scenes_will_do)
    samples_of(pair_of(tmp_path, side=64), tmp_path)
    with pytest.raises(RequestError, match=r"\d+ valid MS px are too few.*leave --adapt out"):
        samples_of(pair_of(tmp_path, side=64, hidden=9), tmp_path)


def test_the_same_seed_gives_the_same_weights_and_they_are_better(samples, monkeypatch):
    monkeypatch.setattr(adapt_loop, "LEAST_GAIN", 0.0)
    first, second, other = network(), network(), network()
    found = tune(first, samples)
    assert found.kept == 5
    assert found.after < found.before
    assert tune(second, samples) == found
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    tune(other, samples, seed=1)
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_the_shipped_weights_stay_where_nothing_was_gained(samples, monkeypatch):
    monkeypatch.setattr(adapt_loop, "RATE", 10.0)
    model, shipped = network(), network()
    found = tune(model, samples, steps=1)
    assert (found.kept, found.after) == (0, found.before)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), shipped.parameters(), strict=True))


def test_cancel_is_looked_at_before_every_step(samples):
    cancel = Cancel()

    class Stop:
        def emit(self, event, **fields):
            assert fields["done"] == 1
            cancel.set()

    with pytest.raises(Cancelled):
        tune(network(), samples, cancel=cancel, listener=Stop())


def test_whoever_comes_second_takes_what_is_there(tmp_path):
    def write(text):
        def into(part):
            part.mkdir()
            (part / "model.json").write_text(text)

        return into

    for text in ("first", "second"):
        _put(tmp_path / "model", write(text))
    assert (tmp_path / "model/model.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
