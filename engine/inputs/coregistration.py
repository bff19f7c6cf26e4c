"""How far the coarse input of a pair lies from where the fine one says it should, and how to move it there.

The fine input is brought to the coarse cells as area means, the coarse bands are combined to what explains it best, and
the two are laid on each other by phase correlation (Kuglin and Hines, "The phase correlation image alignment method",
1975), on blocks spread over the whole scene, whatever the extent.  A shift that was found moves the coarse grid before
the next look, so that the last look measures a shift near zero, where neither the window nor the fit has a bias.

Shifts are (row, column) in px of the coarse input; positive: it lies too far down and right.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..errors import MisregistrationWarning, RequestError
from ..ground.grids import Window, ratio, relation
from ..ground.resample import Coordinates, area_taps
from ..request import OpenPolicy
from .pair_blocks import LEAST, pair_blocks
from .reading import InputReader
from .scene import Scene

Array = NDArray[np.float64]
Shift = tuple[float, float]

WARN_PX = 1.0
"""A shift that is worth a warning."""
REFERENCE = "reference"
"""Name of the guide whose shift is measured where there is no finer input: a finer image of the ground itself."""
LARGEST_PX = 8.0
"""A shift beyond which the inputs are taken for images of different ground."""

_MOST_BLOCKS = 32
_PASSES, _SETTLED = 4, 0.002
# Cycles per px at which a frequency weighs exp(-1/2): finer ones are aliased in one input and blurred in the other.
_TAPER = 0.2
_LEAST_VALID = 0.95
# Unrelated blocks have peaks of up to 9 standard deviations of the surface, real pairs of 18 to 200.
_PROMINENCE, _RIVAL, _PEAK_HALF = 10.0, 0.5, 3
_AGREE_PX = 1.0


@dataclass(frozen=True, slots=True)
class Misregistration:
    """A measured shift.

    Attributes:
        row, column: median over the reliable blocks, px of the coarse input, to a thousandth.
        spread: along (row, column), 1.4826 times the median distance from the median: one standard deviation of the
            blocks if they are normal.
        blocks: how many were reliable.
    """

    row: float
    column: float
    spread: Shift
    blocks: int

    @property
    def length(self) -> float:
        """Of the shift, px of the coarse input."""
        return math.hypot(self.row, self.column)

    def __str__(self) -> str:
        down = f"{abs(self.row):.2f} {'down' if self.row >= 0 else 'up'}"
        across = f"{abs(self.column):.2f} {'right' if self.column >= 0 else 'left'}"
        return f"{self.length:.2f} of its px ({down}, {across})"


def moved(scene: Scene, shift: Shift) -> Scene:
    """The scene with its grids moved back by a shift, px of the scene."""
    a = scene.grid.affine
    back = Affine.translation(a.a * -shift[1] + a.b * -shift[0], a.d * -shift[1] + a.e * -shift[0])
    parts = (replace(p, grid=GeoBox(p.grid.shape, back * p.grid.affine, p.grid.crs)) for p in scene.parts)
    return replace(scene, parts=tuple(parts))


def brought(fine: Scene, coarse: Scene, shift: Shift) -> Scene:
    """The fine scene with its grids moved to where the coarse one, which is shifted against it, lies."""
    rows, columns = ratio(fine.grid, coarse.grid)
    return moved(fine, (-shift[0] * rows, -shift[1] * columns))


def warn_if_shifted(found: Misregistration, fine: Scene, coarse: Scene) -> None:
    """Warn of a shift of more than one px of the coarse input."""
    if found.length > WARN_PX:
        fix = "pass --coregister to correct it" if found.length <= LARGEST_PX else "check the georeference of both"
        text = f"{coarse.source}: it is shifted against {fine.source} by {found}; {fix}"
        warnings.warn(MisregistrationWarning(text), stacklevel=3)


def correction(found: Misregistration | None, fine: Scene, coarse: Scene) -> Shift:
    """The shift to undo.

    Raises:
        RequestError: none could be measured, or it is implausible.
    """
    if found is None:
        raise RequestError(
            f"its shift against {fine.source} cannot be measured",
            where=coarse.source,
            fix="leave --coregister out: small, flat, masked or turned scenes do not tell",
        )
    if found.length > LARGEST_PX:
        raise RequestError(
            f"it is shifted against {fine.source} by {found}; --coregister corrects up to {LARGEST_PX:g}",
            where=coarse.source,
            fix="check that both show the same ground, and correct the georeference with gdal_edit.py -a_ullr",
        )
    return found.row, found.column


def measure(fine: Scene, coarse: Scene, policy: OpenPolicy, check: Callable[[], None]) -> Misregistration | None:
    """The shift of the coarse input against the fine one.

    At most 32 blocks of 64 x 64 coarse px are looked at, up to four times, so that time and memory do not depend on the
    size of the scene.

    Args:
        check: called once a block; raises ``Cancelled``.

    Returns:
        None where nothing can be said: grids that are turned against each other or differ too little or too much in
        pixel size, less than 32 x 32 coarse px in common, no reliable block, or blocks that contradict each other.
    """
    blocks = pair_blocks(fine.grid, coarse.grid, _MOST_BLOCKS)
    fine_reader, coarse_reader = (InputReader(scene, scene.grid, "cubic", policy) for scene in (fine, coarse))
    row = column = 0.0
    found: Misregistration | None = None
    try:
        for _ in range(_PASSES):
            mapping = relation(moved(coarse, (row, column)).grid, fine.grid)
            shifts: list[Shift] = []
            for block in blocks:
                check()
                views = _views(fine_reader, coarse_reader, block, mapping)
                peak = None if views is None else _peak(views[0], _explained(*views))
                if peak is not None:
                    shifts.append(peak)
            if not shifts:
                return None
            step, spread = _median(shifts)
            row, column = row + step[0], column + step[1]
            # Zero is added for no negative zero to stay.
            rounded = round(row, 3) + 0.0, round(column, 3) + 0.0
            found = Misregistration(*rounded, spread, len(shifts)) if _agree(shifts) else None
            if max(map(abs, step)) < _SETTLED:
                break
    finally:
        fine_reader.close()
        coarse_reader.close()
    return found


def _views(fine: InputReader, coarse: InputReader, block: Window, mapping: Affine) -> tuple[Array, Array] | None:
    """What both inputs hold in the cells of a block that the fine one covers; None where it is small or masked.

    Args:
        mapping: from coarse px to fine px.

    Returns:
        Area means of the fine input, (h, w), and the coarse bands, (C, h, w).
    """
    height, width = fine.scene.grid.shape
    rows = _covered(mapping.e * np.arange(block.row, block.rows[1] + 1) + mapping.f, height)
    columns = _covered(mapping.a * np.arange(block.column, block.columns[1] + 1) + mapping.c, width)
    if min(rows.stop - rows.first, columns.stop - columns.first) < LEAST:
        return None
    cells = Window(block.row + rows.first, block.column + columns.first, *(s.stop - s.first for s in (rows, columns)))
    under = Window(rows.low, columns.low, rows.high - rows.low, columns.high - columns.low)
    bands, pixels = coarse.patch(coarse.strip(cells), cells), fine.patch(fine.strip(under), under)
    for patch in (bands, pixels):
        if patch.valid is not None and patch.valid.all(axis=0).mean() < _LEAST_VALID:
            return None
    down, across = area_taps(rows.edges - rows.low, under.height), area_taps(columns.edges - columns.low, under.width)
    means = across.along(down.along(pixels.values, 1), 2).mean(axis=0)
    return means.astype(np.float64), bands.values.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Covered:
    """Cells first..stop-1 of a block, their edges in fine px, and the fine px low..high-1 that they touch."""

    first: int
    stop: int
    edges: Coordinates
    low: int
    high: int


def _covered(edges: Coordinates, length: int) -> _Covered:
    """The cells between ``edges`` that lie wholly in 0..length."""
    inside = np.flatnonzero((edges > -1e-6) & (edges < length + 1e-6))
    if inside.size < 2:
        return _Covered(0, 0, edges[:0], 0, 0)
    first, stop = int(inside[0]), int(inside[-1])
    kept = edges[first : stop + 1]
    low, high = max(math.floor(kept[0] + 1e-6), 0), min(math.ceil(kept[-1] - 1e-6), length)
    return _Covered(first, stop, kept, low, high)


def _explained(means: Array, bands: Array) -> Array:
    """The linear combination of the bands that is nearest to the fine input, (h, w), without its mean."""
    planes = bands.reshape(len(bands), -1)
    planes = planes - planes.mean(axis=1, keepdims=True)
    weights = np.linalg.pinv(planes @ planes.T, rcond=1e-10, hermitian=True) @ (planes @ means.ravel())
    combined: Array = (weights @ planes).reshape(means.shape)
    return combined


def _peak(fine: Array, coarse: Array) -> Shift | None:
    """The shift of one plane against the other by phase correlation; None where no peak stands out alone."""
    height, width = fine.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    if coarse.std() <= 1e-6 * fine.std():
        return None
    a, b = (np.fft.fft2((plane - np.average(plane, weights=window)) * window) for plane in (fine, coarse))
    spectrum = a.conj() * b
    size = np.abs(spectrum)
    if not size.any():
        return None
    across, down = np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(height))
    weight = np.exp(-(down**2 + across**2) / (2 * _TAPER**2))
    surface = np.fft.ifft2(spectrum / np.maximum(size, 1e-12 * size.max()) * weight).real
    # With the peak in the middle its neighbours and rivals are at fixed places.
    row, column = (int(i) for i in np.unravel_index(surface.argmax(), surface.shape))
    middle = height // 2, width // 2
    surface = np.roll(surface, (middle[0] - row, middle[1] - column), axis=(0, 1))
    top = surface[middle]
    far = surface.copy()
    far[tuple(slice(m - _PEAK_HALF, m + _PEAK_HALF + 1) for m in middle)] = 0.0
    if top <= _PROMINENCE * far.std() or far.max() >= _RIVAL * top:
        return None
    return (
        _signed(row, height) + _vertex(surface[middle[0] - 1 : middle[0] + 2, middle[1]]),
        _signed(column, width) + _vertex(surface[middle[0], middle[1] - 1 : middle[1] + 2]),
    )


def _signed(index: int, length: int) -> int:
    """The shift that an index of a periodic surface stands for."""
    return index - length if index > length // 2 else index


def _vertex(three: Array) -> float:
    """Where the parabola through a peak and its neighbours is highest, px from the peak."""
    before, top, after = (float(value) for value in three)
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _median(shifts: Sequence[Shift]) -> tuple[Shift, Shift]:
    """Median and robust standard deviation along (row, column)."""
    table = np.array(shifts)
    middle = np.median(table, axis=0)
    spread = 1.4826 * np.median(np.abs(table - middle), axis=0)
    return (float(middle[0]), float(middle[1])), (round(float(spread[0]), 3), round(float(spread[1]), 3))


def _agree(shifts: Sequence[Shift]) -> bool:
    """Whether most blocks lie near their median."""
    table = np.array(shifts)
    near = np.hypot(*(table - np.median(table, axis=0)).T) <= _AGREE_PX
    return bool(near.mean() > 0.5)
