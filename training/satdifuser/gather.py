"""Features of all tiles within the time there is: every tile once, then turned copies of those that are trained on."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...engine.errors import RequestError, SeamlineWarning
from ...engine.events import Listener, Progress
from .features import WAYS, Example, Extractor, classes_of, coverage_first
from .split import Split
from .tiles import Tile

FIRST, COPIES = 0.7, 0.35
"""Shares of all the time at whose end no tile, and no turned copy, is begun any more."""
MOST_BYTES = 8 << 30
"""Most that the features of turned copies may take on disk; and half of what is free there."""


class ShortTimeWarning(SeamlineWarning):
    """There was not time enough for all tiles, so that some labels were not used."""


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Examples to train on and held-out ones; whatever the length, their beginning is a fair sample.

    Attributes:
        train, held_out: the examples.
        computed: how many features were not in the cache.
        seconds: that computing them took.
    """

    train: list[Example]
    held_out: list[Example]
    computed: int
    seconds: float


def gather(
    extractor: Extractor,
    parts: Split,
    names: Sequence[str],
    *,
    started: float,
    budget_s: float,
    copies: int,
    seed: int,
    folder: Path,
    listener: Listener,
    check: Callable[[], None],
) -> Gathered:
    """Make examples of the tiles.

    Args:
        extractor: makes them.
        parts: the tiles.
        names: of the classes.
        started: when the training began, s of the monotonic clock.
        budget_s: that all of the training may take.
        copies: most copies of a tile, the unturned one included.
        seed: of the order.
        folder: of the cache, whose disk is not filled.
        listener: gets ``start`` events, then progress.
        check: called before each tile; may raise to stop.

    Raises:
        RequestError: the time is too short for one tile of each class.

    Warns:
        ShortTimeWarning: it is too short for all tiles.
    """
    ledger = _Ledger(extractor, check)
    queue = _interleaved(parts, len(names), seed)
    listener.emit("start", doing="computing features", unit="tiles")
    progress = Progress(listener, len(queue))
    train: list[Example] = []
    held_out: list[Example] = []
    for done, (tile, is_held) in enumerate(queue):
        if time.monotonic() - started > FIRST * budget_s:
            _short(train, names, parts.train, done, len(queue), budget_s)
            break
        (held_out if is_held else train).append(ledger.example(tile, 0))
        progress.advance()
    reached = len(train) == len(parts.train)
    if reached and copies > 1:
        tiles = coverage_first(parts.train, len(names), seed)
        train += _copies(ledger, tiles, copies, started, budget_s, folder, listener)
    extractor.cache.flush()
    return Gathered(train, held_out, ledger.computed, ledger.seconds)


class _Ledger:
    """Makes examples and knows what their features cost."""

    def __init__(self, extractor: Extractor, check: Callable[[], None]) -> None:
        self._extractor, self._check = extractor, check
        self.computed, self.seconds, self.bytes = 0, 0.0, 0

    def example(self, tile: Tile, way: int) -> Example:
        self._check()
        before = time.monotonic()
        example, computed = self._extractor.example(tile, way)
        if computed:
            self.computed += 1
            self.seconds += time.monotonic() - before
        if not self.bytes:
            features = self._extractor.cache.get(example.key)
            self.bytes = sum(m.numel() * m.element_size() for scales in features for m in scales)
        return example


def _interleaved(parts: Split, classes: int, seed: int) -> list[tuple[Tile, bool]]:
    """All tiles, those held out spread evenly among the others, and early ones that show every class."""
    places = []
    for is_held, tiles in ((False, parts.train), (True, parts.held_out)):
        ordered = coverage_first(tiles, classes, seed)
        places += [((i + 0.5 * is_held) / len(ordered), is_held, i, tile) for i, tile in enumerate(ordered)]
    return [(tile, is_held) for _, is_held, _, tile in sorted(places, key=lambda place: place[:3])]


def _copies(
    ledger: _Ledger,
    tiles: Sequence[Tile],
    copies: int,
    started: float,
    budget_s: float,
    folder: Path,
    listener: Listener,
) -> list[Example]:
    """Turned copies, as many rounds as time and disk allow."""
    left = COPIES * budget_s - (time.monotonic() - started)
    a_round = len(tiles) * ledger.seconds / ledger.computed if ledger.computed else 0.0
    room = min(MOST_BYTES, shutil.disk_usage(folder).free // 2) // max(len(tiles) * ledger.bytes, 1)
    rounds = min(copies - 1, WAYS - 1, int(room), int(left / a_round) if a_round else WAYS)
    if rounds < 1:
        return []
    listener.emit("start", doing="computing features of turned copies", unit="tiles")
    progress = Progress(listener, rounds * len(tiles))
    found = []
    for way in range(1, rounds + 1):
        for tile in tiles:
            if time.monotonic() - started > COPIES * budget_s:
                return found
            # A copy that is turned by a quarter differs most from the first one.
            found.append(ledger.example(tile, _ORDER[way]))
            progress.advance()
    return found


_ORDER = (0, 5, 2, 7, 4, 1, 6, 3)
"""Ways in the order in which they are taken: mirrored and turned alternately."""


def _short(
    train: Sequence[Example], names: Sequence[str], tiles: Sequence[Tile], done: int, total: int, budget_s: float
) -> None:
    """Say that the time is too short, or refuse to go on."""
    wanted = sum((tile.counts(len(names)) for tile in tiles), np.zeros(len(names), np.int64)) > 0
    minutes = f"{budget_s / 60:g} minute(s)"
    if (wanted & (classes_of(train, len(names)) == 0)).any():
        raise RequestError(
            f"{minutes} are too few to look at one tile of each class ({done} of {total} were looked at)",
            where="--minutes",
            fix="give more minutes, or name a --cache and train again, which goes on from there",
        )
    text = (
        f"{minutes} sufficed for {done} of {total} tiles, so the others were not used; give more with --minutes, or "
        "name a --cache and train again, which goes on from there"
    )
    warnings.warn(ShortTimeWarning(text), stacklevel=3)
