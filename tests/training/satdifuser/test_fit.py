"""The fit of a head on cached features: what is lost, what is kept, and that nothing but the seed decides."""

from __future__ import annotations

import time
from itertools import count

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Silence
from seamline.engine.ground.grids import Window
from seamline.tests.training.satdifuser.made_up import Head, Means, two_kinds
from seamline.training.satdifuser.batches import Batches, wholes
from seamline.training.satdifuser.cache import FeatureCache
from seamline.training.satdifuser.features import Extractor, coverage_first
from seamline.training.satdifuser.fit import FitSettings, class_weights, fit, loss_of, schedule
from seamline.training.satdifuser.gather import ShortTimeWarning, gather
from seamline.training.satdifuser.images import Image
from seamline.training.satdifuser.measure import confusion, label_sets
from seamline.training.satdifuser.split import Split
from seamline.training.satdifuser.tiles import IGNORE, Tile
from seamline.training.settings import rate_at

LEVELS = (1000.0, 1000.0, 1000.0)


def nothing():
    """A check that finds nothing."""


def make_tiles(count=6, side=64, seed=0, label=None):
    """Tiles whose classes can be told by brightness."""
    tiles = []
    for i in range(count):
        values, kind = two_kinds(side, side, seed=seed + i)

        def read(part, values=values):
            return values[:, slice(*part.rows), slice(*part.columns)].astype(np.float32), None

        image, window = Image(f"{i}", (side, side), ("",) * 3, read), Window(0, 0, side, side)
        tiles.append(Tile(image, window, window, kind if label is None else label(kind, i), f"{i}"))
    return tiles


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


def gathered(tiles, cache, **more):
    extractor = Extractor(more.pop("backbone", None) or Means(), "means", lambda where: None, LEVELS, cache)
    options = {"started": time.monotonic(), "budget_s": 1e6, "copies": 1, "seed": 0, "folder": cache._folder} | more
    parts = options.pop("parts", None) or Split(tiles[:-2], tiles[-2:])
    listener = options.pop("listener", Silence())
    return gather(extractor, parts, ("dark", "bright"), listener=listener, check=nothing, **options)


def fitted(found, cache, *, steps=40, look=None, seed=0, head=None, deadline=None, clock=time.monotonic, **settings):
    network = head or Head(seed=seed)
    batches = Batches(found.train, cache, (4, 8), network.patch, 8, 32, 4, seed)
    kinds = {"patch": network.patch, "classes": 2, "device": "cpu"}

    def accuracy(examples):
        matrix = confusion(network, examples, cache, **kinds)
        return matrix.trace() / matrix.sum()

    result = fit(
        network,
        batches,
        found.held_out,
        look or accuracy,
        torch.ones(2),
        FitSettings(steps=steps, rate=0.05, **settings),
        deadline=clock() + 1e6 if deadline is None else deadline,
        device="cpu",
        listener=Silence(),
        check=nothing,
        clock=clock,
    )
    return network, result, accuracy


def test_a_head_learns_what_can_be_told_and_the_seed_decides_it(cache):
    found = gathered(make_tiles(), cache)
    network, result, accuracy = fitted(found, cache)
    assert result.score > 0.95
    assert accuracy(found.held_out) == result.score
    again = fitted(found, cache)[0].state_dict()
    other = fitted(found, cache, seed=1)[0].state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())
    assert not all(torch.equal(value, other[name]) for name, value in network.state_dict().items())


def test_cached_features_train_as_fresh_ones_do(tmp_path):
    """Twice the same, the second time out of the cache of the first, without asking the backbone."""
    states = []
    for _ in range(2):
        cache, backbone = FeatureCache(tmp_path), Means()
        found = gathered(make_tiles(), cache, backbone=backbone, copies=3)
        states.append(fitted(found, cache)[0].state_dict())
        cache.close()
    assert backbone.calls == 0
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_early_stop_keeps_the_best_weights(cache):
    found = gathered(make_tiles(), cache)
    scores = iter([0.1, 0.5, 0.9, 0.4, 0.3, 0.2, 0.1, 0.95])
    seen = []
    network = Head()

    def look(examples):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(scores)

    _, result, _ = fitted(found, cache, steps=400, look=look, head=network, looks=20, patience=4)
    assert (result.kept, result.score, result.steps) == (40, 0.9, 120)
    assert all(torch.equal(value, seen[2][name]) for name, value in network.state_dict().items())
    assert not all(torch.equal(value, seen[-1][name]) for name, value in network.state_dict().items())


def test_a_short_fit_uses_its_time_and_never_keeps_what_was_not_trained(cache):
    """Where there is time for few steps, looks come every few of them, and the first ones tell little."""
    found = gathered(make_tiles(), cache)
    scores = iter([0.9, *[0.5] * 19, 0.6])
    _, result, _ = fitted(found, cache, steps=40, look=lambda examples: next(scores), looks=20, patience=4)
    assert (result.steps, result.kept, result.score) == (40, 40, 0.6)


def test_with_nothing_held_out_the_last_weights_stay(cache):
    tiles = make_tiles(3)
    found = gathered(tiles, cache, parts=Split(tiles, []))
    _, result, _ = fitted(found, cache, steps=5)
    assert (result.steps, result.kept, result.score) == (5, 5, None)


def test_a_fit_ends_at_its_deadline(cache):
    found = gathered(make_tiles(), cache)
    # A clock that goes on by one whenever it is looked at.
    _, result, _ = fitted(found, cache, steps=10**6, deadline=60, clock=count().__next__)
    assert 0 < result.steps < 60
    assert fitted(found, cache, deadline=0, clock=count().__next__)[1].steps == 0


def test_the_loss_ignores_what_is_unknown_and_weighs_classes():
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.full((2, 4, 4), IGNORE)
    labels[0, 0, 0], labels[1, 2, 3] = 2, 0
    weights = torch.tensor([1.0, 5.0, 3.0])
    apart = -F.log_softmax(logits, 1)
    expected = (3 * apart[0, 2, 0, 0] + apart[1, 0, 2, 3]) / 4
    assert loss_of(logits, labels, weights) == pytest.approx(float(expected))
    assert loss_of(logits, torch.full((2, 4, 4), IGNORE), weights) == 0
    several = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    patches = logits[..., 0, 0]
    assert loss_of(patches, several, weights) == F.binary_cross_entropy_with_logits(patches, several)
    one = (3 * -F.log_softmax(patches, 1)[0, 2] - F.log_softmax(patches, 1)[1, 0]) / 4
    assert loss_of(patches, torch.tensor([2, 0]), weights) == pytest.approx(float(one))


def test_class_weights_are_smoothed_and_one_on_average():
    counts = np.array([9000, 900, 100])
    weights = class_weights(counts)
    assert float((weights * torch.tensor(counts / counts.sum())).sum()) == pytest.approx(1.0)
    assert float(weights[2] / weights[0]) == pytest.approx(90**0.5)
    assert torch.isfinite(class_weights(np.array([5, 0]))).all()


def test_the_rate_rises_and_falls():
    rates = [rate_at(step, schedule(100, FitSettings(rate=1.0, warmup=0.1))) for step in range(100)]
    assert rates[9] == max(rates) == 1.0
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 0.03


def test_batches_follow_from_their_number_and_show_every_example(cache):
    found = gathered(make_tiles(7), cache, parts=Split(make_tiles(7), []))
    batches = Batches(found.train, cache, (4, 8), 1, 8, 32, 3, 5)
    assert torch.equal(batches(4).labels, batches(4).labels)
    assert not torch.equal(batches(4).labels, batches(5).labels)
    shown = [batches._nth(turn) for turn in range(14)]
    assert sorted(shown[:7]) == sorted(shown[7:]) == list(range(7))
    assert shown[:7] != shown[7:]
    batch = batches(0)
    assert batch.labels.shape == (3, 32, 32)
    assert [tuple(m.shape) for m in batch.features[1]] == [(3, 6, 8, 8), (3, 6, 4, 4)]


def test_cuts_of_features_and_of_labels_are_of_one_place(cache):
    """Brightness stands in the features and the class in the labels: wherever a cut lies, they agree."""
    tiles = make_tiles(4)
    found = gathered(tiles, cache, parts=Split(tiles, []), copies=4)
    assert len(found.train) == 16
    batches = Batches(found.train, cache, (4, 8), 1, 8, 24, 8, 0)
    for number in range(4):
        batch = batches(number)
        bright = F.interpolate(batch.features[0][0][:, :1], (24, 24), mode="nearest")[:, 0] > 0.65
        assert (bright == (batch.labels == 1)).float().mean() > 0.99


def test_small_tiles_are_grown_with_nothing_known(cache):
    tiles = make_tiles(3, side=24)
    found = gathered(tiles, cache, parts=Split(tiles, []))
    batch = Batches(found.train, cache, (4, 8), 1, 8, 32, 3, 0)(0)
    assert batch.labels.shape == (3, 32, 32)
    assert (batch.labels[:, 24:] == IGNORE).all()
    assert (batch.labels[:, :24, :24] != IGNORE).all()
    (whole,) = wholes(found.train, cache, 1, 4)
    assert whole.size == (24, 24)
    assert torch.equal(batch.features[0][0][..., 6:, :6], batch.features[0][0][..., 5:6, :6].expand(-1, -1, 2, -1))


def test_chips_of_several_classes_are_counted_as_sets(cache):
    tiles = make_tiles(5, side=8, label=lambda kind, i: np.array([i % 2, 1], np.uint8))
    found = gathered(tiles, cache, parts=Split(tiles[:3], tiles[3:]))
    head = Head(patch=8)
    counts = label_sets(head, found.held_out, cache, patch=8, classes=2, device="cpu")
    batch = next(iter(wholes(found.held_out, cache, 8, 4)))
    given = head(batch.features, batch.size) > 0
    truth = batch.labels > 0
    assert counts[:, 0].tolist() == (given & truth).sum(0).tolist()
    assert counts[:, 1].tolist() == (given & ~truth).sum(0).tolist()
    assert counts[:, 2].tolist() == (~given & truth).sum(0).tolist()


class Clock:
    """Time that passes only when features are computed."""

    def __init__(self, backbone, monkeypatch):
        self.backbone = backbone
        monkeypatch.setattr("seamline.training.satdifuser.gather.time.monotonic", lambda: 10.0 * backbone.calls)
        # One image at a time.
        monkeypatch.setattr("seamline.training.satdifuser.gather._TOGETHER", 1)


def one_class(i):
    return np.full((64, 64), 1 if i == 3 else 0, np.uint8)


def test_what_there_is_no_time_for_is_left_out_with_a_warning(cache, monkeypatch):
    tiles = make_tiles(10, label=lambda kind, i: one_class(i))
    backbone = Means()
    Clock(backbone, monkeypatch)
    with pytest.warns(ShortTimeWarning, match="sufficed for 6 of 10 tiles"):
        found = gathered(tiles, cache, backbone=backbone, started=0.0, budget_s=80.0, copies=4)
    assert len(found.train) + len(found.held_out) == 6
    assert any((example.labels == 1).any() for example in found.train), "the rare class comes first"
    with pytest.raises(RequestError, match="too few to look at one tile of each class"):
        gathered(tiles, FeatureCache(cache._folder / "2"), backbone=Means(), started=-1e9, budget_s=1.0)


def test_turned_copies_fill_the_time_there_is(cache, monkeypatch):
    backbone = Means()
    Clock(backbone, monkeypatch)
    tiles = make_tiles(6)
    # 6 tiles take 60 s of 400; 35 % of it leave room for two rounds of 4 tiles.
    found = gathered(tiles, cache, backbone=backbone, started=0.0, budget_s=400.0, copies=8)
    assert len(found.train) == 4 * 3
    assert len({example.key for example in found.train}) == 12
    assert len(found.held_out) == 2
    assert len(gathered(tiles, FeatureCache(cache._folder / "2"), copies=2).train) == 8


def test_cover_comes_first():
    tiles = make_tiles(30, label=lambda kind, i: one_class(i))
    for seed in range(5):
        ordered = coverage_first(tiles, 2, seed)
        assert sum(tile.counts(2) for tile in ordered[:2]).all()
        assert sorted(map(id, ordered)) == sorted(map(id, tiles))


def test_cancelling_stops_before_the_next_step(cache):
    found = gathered(make_tiles(), cache)

    def stop():
        raise Cancelled()

    network = Head()
    batches = Batches(found.train, cache, (4, 8), 1, 8, 32, 4, 0)
    with pytest.raises(Cancelled):
        fit(
            network,
            batches,
            [],
            lambda examples: 0.0,
            torch.ones(2),
            FitSettings(steps=5),
            deadline=time.monotonic() + 1e6,
            device="cpu",
            listener=Silence(),
            check=stop,
        )
    assert torch.equal(network.conv.weight, Head().conv.weight)
