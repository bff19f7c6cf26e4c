"""Tiles of a scene: where they start, where one hands over to the next, which rows a row band holds.

The tile grid belongs to the *scene*, never to the requested extent, so that a preview and the full run cut the same
tiles.  All quantities are in pixels of the base grid; (row, column) order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..errors import RequestError

_MOST = 1 << 16
"""Tiles along an axis: the sizes that a file claims decide how many are listed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Tiles along one axis of a scene.

    Attributes:
        length: pixels of the scene along the axis, > 0.
        tile: pixels of a tile.
        starts: first pixel of each tile, ascending; the last tile may overhang the scene.
        ramp: width of every hand-over between neighbours, px; the ramps of an axis never meet, so at most two tiles
            share a pixel.
    """

    length: int
    tile: int
    starts: tuple[int, ...]
    ramp: int

    @property
    def count(self) -> int:
        """How many tiles."""
        return len(self.starts)

    def up(self, index: int) -> int:
        """First pixel in which tile ``index`` counts; the ramp from its predecessor starts here."""
        if index <= 0:
            return 0
        if index >= self.count:
            return self.length
        return centre(self.starts[index - 1], self.starts[index], self.tile) - self.ramp // 2

    def down(self, index: int) -> int:
        """One past the last pixel in which tile ``index`` counts."""
        return self.length if index >= self.count - 1 else self.up(index + 1) + self.ramp

    def stop(self, index: int) -> int:
        """One past the last pixel of the scene inside tile ``index``."""
        return min(self.starts[index] + self.tile, self.length)

    def counting(self, first: int, stop: int) -> range:
        """Indices of the tiles that count in any of the pixels ``first .. stop - 1``."""
        hits = [i for i in range(self.count) if self.up(i) < stop and self.down(i) > first]
        return range(hits[0], hits[-1] + 1)

    def boundaries(self) -> tuple[int, ...]:
        """The pixel line between each two neighbours at which both weigh one half."""
        return tuple(self.up(i) + self.ramp // 2 for i in range(1, self.count))


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The tiles of a scene and the row bands that its tile rows finish.

    Attributes:
        rows, columns: the two axes.
        halo: rows by which a row band lags behind its tile row, so that a step after blending sees ``halo`` finished
            rows beyond both of its rims.
    """

    rows: Axis
    columns: Axis
    halo: int = 0

    def row_band(self, index: int) -> tuple[int, int]:
        """First row and one past the last row of row band ``index``: what tile rows 0..index make final."""
        first = max(self.rows.up(index) - self.halo, 0) if index else 0
        stop = self.rows.length if index == self.rows.count - 1 else max(self.rows.up(index + 1) - self.halo, 0)
        return first, stop

    def row_bands(self, first: int, stop: int) -> range:
        """Indices of the row bands that hold any of the rows ``first .. stop - 1``."""
        hits = [i for i in range(self.rows.count) if self.row_band(i)[0] < stop and self.row_band(i)[1] > first]
        return range(hits[0], hits[-1] + 1)

    def first_row(self, band: int) -> int:
        """The tile row to start from when row band ``band`` is the first one wanted.

        The rows above are computed again, never restored: as many as reach two halos above the band's own ramp.
        """
        rows = self.rows
        highest = max(rows.up(band) - 2 * self.halo, 0)
        row = max(band - 1, 0)
        while row and rows.up(row) + rows.ramp > highest:
            row -= 1
        return row

    @property
    def count(self) -> int:
        """How many tiles in the whole scene."""
        return self.rows.count * self.columns.count


def centre(before: int, after: int, tile: int) -> int:
    """The middle of the pixels that two neighbouring tiles share."""
    return (before + tile + after) // 2


def even_axis(
    length: int, *, tile: int, overlap: int, align: int, margin: int = 0, patch: int = 1, fitted: bool = False
) -> Axis:
    """Spread tiles evenly over ``length`` pixels: at least ``overlap`` shared, no sliver at the end.

    Args:
        fitted: tiles are made smaller, as long as no more of them are needed, so that fewer pixels are computed twice.
        margin: pixels at a tile's rim that are never used, where a neighbour has better ones.
        patch: pixels that no hand-over cuts; above 1, ``align`` is a multiple of two.

    Raises:
        RequestError: the tile is not a multiple of ``align``, or the overlap does not fit tile and margin.
    """
    if tile <= 0 or tile % align:
        raise RequestError(
            f"a tile of {tile} px does not fit this model, which works in steps of {align} px",
            where="--tile",
            fix=f"pass --tile {max(tile - tile % align, align)}",
        )
    if overlap < 0 or 2 * overlap > tile or overlap + align > tile:
        raise RequestError(
            f"an overlap of {overlap} px leaves no room in a tile of {tile} px",
            where="--overlap",
            fix=f"pass an overlap of 0 to {min(tile // 2, tile - align)} px",
        )
    if overlap < 2 * margin:
        raise RequestError(
            f"an overlap of {overlap} px is less than twice this model's margin of {margin} px",
            where="--overlap",
            fix=f"pass --overlap {2 * margin} or more, and --tile {4 * margin} or more",
        )
    if patch > 1 and tile < 2 * align:
        # The last tile would hold less of the scene than one patch, and what it mirrors would depend on the tiles.
        raise RequestError(
            f"a tile of {tile} px is too small for this model, which speaks of patches of {patch} px",
            where="--tile",
            fix=f"pass --tile {2 * align} or more",
        )
    # Counted in steps of ``align`` from here on, so that every start is a whole number of them.
    stride = tile // align - -(-overlap // align)
    last = max(0, -(-(length - tile) // align))  # rounds up: the last tile overhangs by less than one step
    intervals = -(-last // stride) if last else 0
    if not intervals:
        # One tile, no larger than the scene asks for: its rim then lies where that of a smaller tile would lie, and the
        # pixels there do not depend on the tile.
        return Axis(length, -(-length // align) * align, (0,), 0)
    if fitted:
        shared = -(-overlap // align)
        # Below twice what is shared, three tiles would meet.
        steps = max(-(-(-(-length // align) + intervals * shared) // (intervals + 1)), 2 * shared)
        steps = min(steps, tile // align)
        tile, last = steps * align, max(0, -(-length // align) - steps)
    if intervals >= _MOST:
        raise RequestError(
            f"{length} px are {intervals + 1} tiles along one side, and more than {_MOST} are not planned",
            where="--tile",
            fix="pass a larger --tile, or cut the scene",
        )
    starts = tuple(last * i // intervals * align for i in range(intervals + 1))
    ramp = _ramp(starts, tile, overlap - 2 * margin)
    # Half of a ramp lies on either side of a centre, which lies between two patches as all starts do.
    return Axis(length, tile, starts, ramp - ramp % (2 * patch) if patch > 1 else ramp)


def _ramp(starts: tuple[int, ...], tile: int, widest: int) -> int:
    """The widest ramp, at most ``widest``, that keeps neighbouring ramps apart."""
    centres = [centre(a, b, tile) for a, b in pairwise(starts)]
    return min([widest, *(b - a for a, b in pairwise(centres))])
