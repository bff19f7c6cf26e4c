"""What the output changed of the input's spectra, seen with the input's pixels: NDVI, ratios of bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..engine.ground.grids import Window
from .rasters import Cells, Values

_RED, _NIR = ("red", "b04", "b4"), ("nir", "nir1", "b08", "b8")
CELLS_AT_ONCE = 256
"""Pixels of an input that are compared at a time, along either axis."""
_NOTABLE = 0.05


@dataclass(frozen=True, slots=True)
class Index:
    """A number that two bands make.

    Attributes:
        name: for people.
        first, second: positions of the bands.
        normalised: (first - second) / (first + second), else first / second.
    """

    name: str
    first: int
    second: int
    normalised: bool

    def of(self, values: Values) -> Values:
        """Its value at each pixel of (bands, rows, columns); NaN where it has none."""
        a, b = values[self.first], values[self.second]
        above, below = (a - b, a + b) if self.normalised else (a, b)
        found: Values = np.divide(above, below, out=np.full_like(a, np.nan), where=below != 0)
        return found


@dataclass(slots=True)
class Change:
    """How an index of the output differs from that of the input, over pixels of the input.

    Attributes:
        pixels: that were compared.
        before, after: sums of the index.
        squares: of the differences.
        notable: pixels that differ by more than 0.05, or for a ratio by more than 5 % of it.
    """

    index: Index
    pixels: int = 0
    before: float = 0.0
    after: float = 0.0
    squares: float = 0.0
    notable: int = 0

    def add(self, after: Values, before: Values) -> None:
        """Take further pixels of both."""
        one, two = self.index.of(after).astype(np.float64), self.index.of(before).astype(np.float64)
        known: NDArray[np.bool_] = np.isfinite(one) & np.isfinite(two)
        one, two = one[known], two[known]
        apart = np.abs(one - two)
        self.pixels += int(known.sum())
        self.before += float(two.sum())
        self.after += float(one.sum())
        self.squares += float((apart**2).sum())
        self.notable += int((apart > (_NOTABLE if self.index.normalised else _NOTABLE * np.abs(two))).sum())

    def plain(self) -> dict[str, float | str]:
        """For the page."""
        return {
            "name": self.index.name,
            "before": self.before / self.pixels,
            "after": self.after / self.pixels,
            "rms": math.sqrt(self.squares / self.pixels),
            "notable": self.notable / self.pixels,
        }


def indices(names: Sequence[str]) -> list[Index]:
    """NDVI where the names tell red and near infrared, and the ratios of neighbouring bands."""
    plain = [name.strip().lower() for name in names]
    red, nir = (next((i for i, name in enumerate(plain) if name in words), None) for words in (_RED, _NIR))
    titles = [name or f"band {i}" for i, name in enumerate(names, 1)]
    ratios = [Index(f"{titles[b]} / {titles[a]}", b, a, False) for a, b in pairwise(range(len(names)))]
    return ratios if red is None or nir is None else [Index("NDVI", nir, red, True), *ratios]


def changes(cells: Cells, names: Sequence[str], beat: Callable[[], None]) -> list[Change]:
    """Compare all cells; what has no cell to compare is left out.

    Args:
        beat: called after each piece; may raise to stop.

    Raises:
        RunError: a file cannot be read.
    """
    found = [Change(index) for index in indices(names)]
    for piece in blocks(cells.window, CELLS_AT_ONCE):
        seen, coarse = cells.read(piece)
        for change in found:
            change.add(seen, coarse)
        beat()
    return [change for change in found if change.pixels]


def blocks(window: Window, side: int) -> list[Window]:
    """A window in pieces, at most ``side`` px along either axis."""
    rows, columns = (
        [(a, min(a + side, stop)) for a in range(first, stop, side)] for first, stop in (window.rows, window.columns)
    )
    return [Window(top, left, bottom - top, right - left) for top, bottom in rows for left, right in columns]
