"""Features of all tiles within the time there is: every tile once, then turned copies of those that are trained on."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...engine.errors import RequestError, SeamlineWarning
from ...engine.events import Listener, Progress
from .features import WAYS, Example, Extractor, classes_of, coverage_first
from .split import Split
from .tiles import Sheet, Tile, sheets_of

FIRST, COPIES = 0.7, 0.35
"""Shares of all the time at whose end no tile, and no turned copy, is begun any more."""
MOST_BYTES = 8 << 30
"""Most that the features of turned copies may take on disk; and half of what is free there."""
_TOGETHER = 512**2
"""Most px of sheets that go through the backbone at once."""


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
    clock: Callable[[], float] | None = None,
) -> Gathered:
    """Make examples of the tiles.

    Args:
        extractor: makes them.
        parts: the tiles.
        names: of the classes.
        started: when the training began, s of the clock.
        budget_s: that all of the training may take.
        copies: most copies of a tile, the unturned one included.
        seed: of the order.
        folder: of the cache, whose disk is not filled.
        listener: gets ``start`` events, then progress.
        check: called before each tile; may raise to stop.
        clock: s, by which the time is told; None for that of the wall.

    Raises:
        RequestError: the time is too short for one tile of each class.

    Warns:
        ShortTimeWarning: it is too short for all tiles.
    """
    now = clock or time.monotonic
    ledger = _Ledger(extractor, check, now)
    held = {id(tile) for tile in parts.held_out}
    sheets = coverage_first(sheets_of([*parts.train, *parts.held_out]), len(names), seed)
    total = len(parts.train) + len(parts.held_out)
    listener.emit("start", doing="computing features", unit="tiles")
    progress, done = Progress(listener, total), 0
    train: list[Example] = []
    held_out: list[Example] = []
    for batch in batches_of(sheets):
        if now() - started > FIRST * budget_s:
            _short(train, names, parts.train, done, total, budget_s)
            break
        tiles = [tile for sheet in batch for tile in sheet.tiles]
        for tile, example in zip(tiles, ledger.examples(batch, 0), strict=True):
            (held_out if id(tile) in held else train).append(example)
        progress.advance(len(tiles))
        done += len(tiles)
    if len(train) == len(parts.train) and copies > 1:
        sheets = coverage_first(sheets_of(parts.train), len(names), seed)
        train += _copies(ledger, sheets, copies, started, budget_s, folder, listener)
    extractor.cache.flush()
    return Gathered(train, held_out, ledger.computed, ledger.seconds)


def batches_of(sheets: Sequence[Sheet]) -> Iterator[list[Sheet]]:
    """Sheets in their order, small ones of one size together."""
    batch: list[Sheet] = []
    for sheet in sheets:
        size, pixels = (sheet.window.height, sheet.window.width), sheet.window.height * sheet.window.width
        alike = not batch or size == (batch[0].window.height, batch[0].window.width)
        if batch and (not alike or (len(batch) + 1) * pixels > _TOGETHER):
            yield batch
            batch = []
        batch.append(sheet)
    if batch:
        yield batch


class _Ledger:
    """Makes examples and knows what their features cost."""

    def __init__(self, extractor: Extractor, check: Callable[[], None], now: Callable[[], float]) -> None:
        self._extractor, self._check, self.now = extractor, check, now
        self.computed, self.seconds, self.bytes = 0, 0.0, 0

    def examples(self, sheets: Sequence[Sheet], way: int) -> list[Example]:
        self._check()
        before = self.now()
        examples, computed = self._extractor.examples(sheets, way)
        if computed:
            self.computed += computed
            self.seconds += self.now() - before
        if not self.bytes:
            features = self._extractor.cache.get(examples[0].key)
            self.bytes = sum(m.numel() * m.element_size() for scales in features for m in scales)
        return examples


def _copies(
    ledger: _Ledger,
    sheets: Sequence[Sheet],
    copies: int,
    started: float,
    budget_s: float,
    folder: Path,
    listener: Listener,
) -> list[Example]:
    """Turned copies, as many rounds as time and disk allow."""
    tiles = sum(len(sheet.tiles) for sheet in sheets)
    left = COPIES * budget_s - (ledger.now() - started)
    a_round = tiles * ledger.seconds / ledger.computed if ledger.computed else 0.0
    room = min(MOST_BYTES, shutil.disk_usage(folder).free // 2) // max(tiles * ledger.bytes, 1)
    rounds = min(copies - 1, WAYS - 1, int(room), int(left / a_round) if a_round else WAYS)
    if rounds < 1:
        return []
    listener.emit("start", doing="computing features of turned copies", unit="tiles")
    progress = Progress(listener, rounds * tiles)
    found: list[Example] = []
    for way in _ORDER[1 : rounds + 1]:
        for batch in batches_of(sheets):
            if ledger.now() - started > COPIES * budget_s:
                return found
            examples = ledger.examples(batch, way)
            found += examples
            progress.advance(len(examples))
    return found


_ORDER = (0, 5, 2, 7, 4, 1, 6, 3)
"""Ways in the order in which they are taken: a mirrored and turned one differs most from the first."""


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
