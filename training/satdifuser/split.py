"""The split between what is trained on and what is held out, by blocks of ground that it never cuts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...engine.errors import SeamlineWarning
from .tiles import Tile


class SplitWarning(SeamlineWarning):
    """A class is not on both sides of the split, so that it is not learned or not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Tiles to train on and tiles that are held out."""

    train: list[Tile]
    held_out: list[Tile]


def split(tiles: Sequence[Tile], names: Sequence[str], share: float, seed: int) -> Split:
    """Hold out blocks until every class has given about its share, rare classes first.

    Where a class lies in two blocks or more, it comes to lie on both sides.

    Args:
        tiles: those whose side is given keep it.
        names: of the classes.
        share: of each class's labels to hold out, 0 to below 1.
        seed: of the draw.

    Warns:
        SplitWarning: a class is on one side alone.
    """
    free = [tile for tile in tiles if tile.side is None]
    train, held_out = _drawn(free, len(names), share, seed) if share else (free, [])
    train += [tile for tile in tiles if tile.side == "train"]
    held_out += [tile for tile in tiles if tile.side == "val"]
    if held_out or share:
        _warn(train, held_out, names)
    return Split(train, held_out)


def _drawn(tiles: Sequence[Tile], classes: int, share: float, seed: int) -> tuple[list[Tile], list[Tile]]:
    blocks = sorted({tile.block for tile in tiles})
    place = {block: i for i, block in enumerate(blocks)}
    counts = np.zeros((len(blocks), classes), np.int64)
    for tile in tiles:
        counts[place[tile.block]] += tile.counts(classes)
    present = counts > 0
    held = np.zeros(len(blocks), np.bool_)
    left, taken = present.sum(axis=0), np.zeros(classes, np.int64)
    order = np.random.default_rng([seed, 2]).permutation(len(blocks))
    for number in np.argsort(counts.sum(axis=0), kind="stable"):
        wanted = share * counts[:, number].sum()
        for block in order:
            missing = wanted - taken[number]
            if missing <= 0:
                break
            if held[block] or not present[block, number]:
                continue
            # The last block of any class stays with the training, and none is taken that overshoots by more than it
            # helps, but for the first.
            stays = left[present[block]].min() < 2
            too_much = taken[number] > 0 and counts[block, number] > 2 * missing
            if not (stays or too_much):
                held[block] = True
                left, taken = left - present[block], taken + counts[block]
    out = {block for block, is_held in zip(blocks, held, strict=True) if is_held}
    return [tile for tile in tiles if tile.block not in out], [tile for tile in tiles if tile.block in out]


def _warn(train: Sequence[Tile], held_out: Sequence[Tile], names: Sequence[str]) -> None:
    sides = [
        sum((tile.counts(len(names)) for tile in side), np.zeros(len(names), np.int64)) for side in (train, held_out)
    ]
    alone = [name for name, count in zip(names, sides[1], strict=True) if not count]
    if alone:
        listed = ", ".join(alone)
        text = f"{listed}: labelled in one place alone, so nothing is held out to measure it; label it elsewhere too"
        warnings.warn(SplitWarning(text), stacklevel=3)
    unseen = [name for name, count in zip(names, sides[0], strict=True) if not count]
    if unseen:
        text = f"{', '.join(unseen)}: held out alone, so the model cannot learn it; label it elsewhere too"
        warnings.warn(SplitWarning(text), stacklevel=3)
