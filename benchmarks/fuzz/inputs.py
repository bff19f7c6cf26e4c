"""The inputs: which seed, and which mutations of which of its files, drawn from a seed of draws."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from .mutations import Mutation, drawn, mutated
from .seeds import SEEDS, Seed

COUNT = 10_000
_SHARES = {"raster": 3.0, "trusted raster": 2.0, "recipe": 0.7}
"""How often seeds of a door are taken, against 1."""


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation of one of a seed's files."""

    file: int
    mutation: Mutation


@dataclass(frozen=True, slots=True)
class Input:
    """A mutated input.

    Attributes:
        number: from 0.
        seed: that it is made from.
        changes: one after another.
    """

    number: int
    seed: Seed
    changes: tuple[Change, ...]

    @property
    def is_cut(self) -> bool:
        """Whether all that happened to it is that its main file lost its end."""
        return [(self.seed.files[c.file][0], c.mutation.how) for c in self.changes] == [(self.seed.main, "cut")]

    def __str__(self) -> str:
        return f"{self.seed.name}: " + "; ".join(f"{self.seed.files[c.file][0]} {c.mutation}" for c in self.changes)


def inputs(seed: int, count: int = COUNT) -> Iterator[Input]:
    """So many inputs; each depends on its number alone."""
    weights = [_SHARES.get(each.door, 1.0) for each in SEEDS]
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        chosen = rng.choices(SEEDS, weights)[0]
        changes = tuple(_change(rng, chosen) for _ in range(rng.choice((1, 1, 1, 2, 4))))
        yield Input(number, chosen, changes)


def _change(rng: random.Random, seed: Seed) -> Change:
    file = rng.randrange(len(seed.files))
    return Change(file, drawn(rng, seed.files[file][1]))


def write(made: Input, seeds: Path, folder: Path) -> Path:
    """Write an input into a new folder; the path that its door takes."""
    shutil.copytree(seeds / made.seed.name, folder)
    in_order = sorted(made.changes, key=lambda change: made.seed.files[change.file][0])
    for (name, form), changes in groupby(in_order, key=lambda change: made.seed.files[change.file]):
        path = folder / name
        content = path.read_bytes()
        for change in changes:
            content = mutated(content, form, change.mutation)
        path.write_bytes(content)
    return folder / made.seed.main
