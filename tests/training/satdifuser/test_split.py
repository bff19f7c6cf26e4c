"""The split: no block on both sides, every class on both where it can be, the same for the same seed."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest

from seamline.engine.ground.grids import Window
from seamline.training.satdifuser.images import Image
from seamline.training.satdifuser.split import SplitWarning, split
from seamline.training.satdifuser.tiles import IGNORE, Tile

IMAGE = Image("image", (8, 8), ("",), lambda window: None)


def tile(block, labels, side=None):
    window = Window(0, 0, 8, 8)
    return Tile(IMAGE, window, window, np.array([labels], np.uint8), block, side)


def some(count, classes, seed):
    """Tiles in blocks of about three, some classes rare."""
    rng = np.random.default_rng(seed)
    chances = 1.0 / np.arange(1, classes + 1) ** 2
    return [
        tile(f"{rng.integers(count // 3 + 1)}", rng.choice(classes, 5, p=chances / chances.sum())) for _ in range(count)
    ]


@pytest.mark.parametrize("count", [4, 20, 150])
@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("seed", range(6))
def test_no_block_is_cut_and_classes_in_two_blocks_are_on_both_sides(count, classes, seed):
    tiles = some(count, classes, seed)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = split(tiles, [f"class {i}" for i in range(classes)], 0.25, seed)
    assert Counter(map(id, found.train + found.held_out)) == Counter(map(id, tiles))
    assert not {t.block for t in found.train} & {t.block for t in found.held_out}
    sides = [sum((t.counts(classes) for t in side), np.zeros(classes)) > 0 for side in (found.train, found.held_out)]
    here = sides[0] | sides[1]
    assert sides[0][here].all(), "a class is not trained on"
    alone = {f"class {i}" for i in range(classes) if here[i] and not sides[1][i]}
    assert alone == {name for name in alone if any(name in str(w.message) for w in said)}


def test_classes_of_two_blocks_are_held_out_and_one_block_is_warned_of():
    tiles = [tile("a", [0, 1]), tile("b", [0, 0]), tile("c", [1, 1]), tile("d", [0, 1]), tile("e", [2])]
    with pytest.warns(SplitWarning, match="^rare: labelled in one place alone"):
        found = split(tiles, ["one", "two", "rare"], 0.2, 0)
    held = sum(t.counts(3) for t in found.held_out)
    assert (held > 0).tolist() == [True, True, False]


def test_the_share_is_about_what_was_asked_for():
    tiles = [tile(f"{i}", np.random.default_rng(i).integers(0, 3, 50)) for i in range(200)]
    for share in (0.1, 0.3, 0.6):
        found = split(tiles, ["a", "b", "c"], share, 1)
        held = sum(t.counts(3) for t in found.held_out) / sum(t.counts(3) for t in tiles)
        assert np.abs(held - share).max() < 0.05
    assert split(tiles, ["a", "b", "c"], 0.0, 1).held_out == []


def test_the_seed_decides_and_given_sides_stay():
    tiles = [tile(f"{i}", [i % 2]) for i in range(40)]
    first, again, other = (split(tiles, ["a", "b"], 0.2, seed).held_out for seed in (3, 3, 4))
    assert first == again != other
    given = [tile("x", [0, 1], "val"), tile("y", [1, 0], "train")]
    found = split(given, ["a", "b"], 0.2, 0)
    assert (found.train, found.held_out) == ([given[1]], [given[0]])
    assert (found.train[0].labels != IGNORE).all()
    some_given = [*given, *tiles]
    found = split(some_given, ["a", "b"], 0.2, 0)
    assert given[1] in found.train
    assert given[0] in found.held_out
    assert len(found.held_out) == 1 + 8
    assert split(some_given, ["a", "b"], 0.0, 0).held_out == [given[0]]
