"""A scene at reduced resolution, as windows to adapt a pan-sharpening model on: Wald's protocol, bounded in memory.

Every window is degraded by itself from a little more than it shows, so that no scene is ever held as a whole.  A fixed
fifth of the scene's cells, spread evenly, is held out of the loss to see when to stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...engine.errors import RequestError
from ...engine.ground.grids import Window
from ...engine.inputs.reading import InputReader, Patch
from ...engine.optics.degrade import FILTER_HALO, SPLINE_HALO, Rows, degrade_ms, degrade_pan_rows
from ...engine.plan.plan import Plan
from ...engine.quality.pairing import Pairing, pair
from ...engine.quality.validity import clear, whole_cells
from ...engine.request import OpenPolicy
from ..data.simulate import cubic_matrix
from ..salad_pan_tiny.losses import RIM

SIDE = 128
"""Largest side of a window, MS px."""
SMALLEST = 24
"""Smallest side of a scene that can be adapted to, MS px."""
FEWEST = 64 * 64
"""Fewest valid MS px: on scenes of 37 x 37 every way of adapting that was tried did harm, held-out cells or not."""
UNROLLED = 12
"""Bands of ``SIDE`` x ``SIDE`` px that a training step may hold; windows shrink where a scene has more."""
PER_AXIS = 8
"""Most windows along an axis."""
_ALIGN = 8
_CELL, _CELLS_ACROSS, _LARGEST_CELL = 8, 6, 32
_HELD_OUT = 5

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One window at reduced resolution, unit range.

    Attributes:
        pan: (1, n, n), PAN on the pixels of MS.
        ms: (C, n, n), MS degraded and sampled back onto them.
        target: (C, n, n), MS as it is.
        trained, held_out: (1, n, n), one where a pixel counts for the loss or for early stopping, else zero.
    """

    pan: torch.Tensor
    ms: torch.Tensor
    target: torch.Tensor
    trained: torch.Tensor
    held_out: torch.Tensor


def read_samples(
    plan: Plan, gains: tuple[float, ...], policy: OpenPolicy, check: Callable[[], None] = lambda: None
) -> tuple[list[Sample], float]:
    """The windows of a planned scene, and its ratio.

    Args:
        plan: of the whole scene, with its levels measured; its inputs are ``"pan"`` and ``"ms"``.
        gains: of the MTF that degrades MS, one a band.
        policy: what may be opened.
        check: called before each window; may raise to stop.

    Returns:
        Windows that hold pixels to train on or to hold out, from the top left, and PAN px per MS px.

    Raises:
        RequestError: the scene is too small, or too much of it is masked.
    """
    scenes = {scene.name: scene for scene in plan.scenes}
    ms, pan = scenes["ms"], scenes["pan"]
    pairing = pair(pan.grid, ms.grid, fine_name=pan.source, coarse_name=ms.source)
    height, width = pairing.coarse.height, pairing.coarse.width
    if min(height, width) < SMALLEST:
        raise _too_small(f"{width} x {height} MS px", ms.source)
    readers = [InputReader(scene.as_delivered, scene.grid, "cubic", policy) for scene in (ms, pan)]
    cutter = _Cutter(plan, pairing, gains, *readers)
    samples = []
    trained = held_out = 0.0
    try:
        for window in windows(height, width, len(ms.bands)):
            check()
            sample = cutter.sample(window)
            # A pixel that several windows show counts once.
            once = 1.0 / np.outer(_times_shown(window.rows, height), _times_shown(window.columns, width))
            trained += float((sample.trained.numpy() * once).sum())
            held_out += float((sample.held_out.numpy() * once).sum())
            if sample.trained.any() or sample.held_out.any():
                samples.append(sample)
    finally:
        for reader in readers:
            reader.close()
    if trained + held_out < FEWEST or held_out < FEWEST / (2 * _HELD_OUT):
        raise _too_small(f"{round(trained + held_out)} valid MS px", ms.source)
    return samples, pairing.ratio


def windows(height: int, width: int, bands: int) -> list[Window]:
    """Square windows spread evenly over a scene, at most 64; they overlap where the scene is no multiple of them."""
    most = math.isqrt(UNROLLED * SIDE * SIDE // bands)
    side = max(min(height, width, SIDE, most) // _ALIGN * _ALIGN, SMALLEST)
    return [Window(row, column, side, side) for row in _starts(height, side) for column in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    count = min(-(-length // side), PER_AXIS)
    return [int(start) for start in np.linspace(0, length - side, count).round()]


def _trusted(first: int, stop: int, length: int) -> tuple[int, int]:
    """The part of a window along an axis that has its surroundings inside: all but a rim where the scene goes on."""
    return first + (RIM if first > 0 else 0), stop - (RIM if stop < length else 0)


def _times_shown(span: tuple[int, int], length: int) -> NDArray[np.int64]:
    """For each pixel of a window along an axis, how many windows show it with its surroundings; at least 1."""
    pixels, side = np.arange(*span), span[1] - span[0]
    parts = [_trusted(start, start + side, length) for start in _starts(length, side)]
    shown = sum(((pixels >= first) & (pixels < stop)).astype(np.int64) for first, stop in parts)
    return np.maximum(shown, 1)


def _cell(height: int, width: int) -> int:
    """Side of the cells that are held out as a whole, MS px: larger than the reach of texture where there is room."""
    return min(max(min(height, width) // _CELLS_ACROSS, _CELL), _LARGEST_CELL)


def held_out_cells(window: Window, cell: int) -> Mask:
    """Pixels of a window in held-out cells of the scene, (n, n): one cell in five, in every row and column of them."""
    rows, columns = np.arange(*window.rows) // cell, np.arange(*window.columns) // cell
    chosen: Mask = (rows[:, None] + 2 * columns[None, :]) % _HELD_OUT == 2
    return chosen


def _too_small(what: str, where: str) -> RequestError:
    return RequestError(f"{what} are too few to adapt a model to", where=where, fix="leave --adapt out")


class _Cutter:
    """Degrades windows of one scene."""

    def __init__(
        self, plan: Plan, pairing: Pairing, gains: tuple[float, ...], ms: InputReader, pan: InputReader
    ) -> None:
        self._plan, self._pairing, self._gains, self._ms, self._pan = plan, pairing, gains, ms, pan
        self._reach = math.ceil(2 * pairing.ratio)
        self._halo = FILTER_HALO + SPLINE_HALO + self._reach

    def sample(self, window: Window) -> Sample:
        """The window (MS px inside the pairing) at reduced resolution."""
        height, width = self._pairing.coarse.height, self._pairing.coarse.width
        wide = window.padded(self._halo, height, width)
        real = self._read(self._ms, self._pairing.coarse, wide)
        inner = np.s_[:, window.row - wide.row :, window.column - wide.column :]
        ms, covered = self._seen(real)
        pan, seen = self._panchromatic(window)
        n = window.height
        whole: Mask = np.ones((wide.height, wide.width), np.bool_)
        valid = seen & (whole if real.valid is None else np.asarray(real.valid.all(axis=0)))[inner[1:]][:n, :n]
        valid = clear(Rows.of(valid[None]), 0, n, math.ceil(self._pairing.ratio), wrap=False)
        valid &= covered[inner[1:]][:n, :n] & self._inner(window)
        held = held_out_cells(window, _cell(height, width))
        levels = {k: np.array(v)[:, None, None] for k, v in self._plan.levels.items()}
        return Sample(
            _tensor(pan / levels["pan"]),
            _tensor(ms[inner][:, :n, :n] / levels["ms"]),
            _tensor(real.values[inner][:, :n, :n] / levels["ms"]),
            _tensor((valid & ~held)[None]),
            _tensor((valid & held)[None]),
        )

    def _read(self, reader: InputReader, inside: Window, window: Window) -> Patch:
        place = Window(inside.row + window.row, inside.column + window.column, window.height, window.width)
        return reader.patch(reader.strip(place), place)

    def _seen(self, real: Patch) -> tuple[NDArray[np.float64], Mask]:
        """MS degraded and sampled back onto its pixels, and which of them the coarse cells cover."""
        ratio = self._pairing.ratio
        coarse = degrade_ms(real.values, self._gains, ratio)
        height, width = real.values.shape[1:]
        down, across = (
            cubic_matrix(n, cells, ratio) for n, cells in zip((height, width), coarse.shape[1:], strict=True)
        )
        covered: Mask = np.zeros((height, width), np.bool_)
        covered[: round(coarse.shape[1] * ratio), : round(coarse.shape[2] * ratio)] = True
        return down @ coarse @ across.T, covered

    def _panchromatic(self, window: Window) -> tuple[NDArray[np.float64], Mask]:
        """PAN on the MS pixels of a window, (1, n, n), and which of them it covers with valid pixels."""
        ratio, inside = self._pairing.ratio, self._pairing.fine
        first, offset = zip(
            *(
                self._fine_start(start, shift)
                for start, shift in zip((window.row, window.column), self._pairing.offset, strict=True)
            ),
            strict=True,
        )
        spans = [
            min(math.ceil(shift + n * ratio) + self._reach + 2, length - begin)
            for shift, n, length, begin in zip(
                offset, (window.height, window.width), (inside.height, inside.width), first, strict=True
            )
        ]
        patch = self._read(self._pan, inside, Window(first[0], first[1], spans[0], spans[1]))
        n = window.height
        pan = degrade_pan_rows(Rows.of(patch.values), ratio, np.arange(n), n, offset)
        if patch.valid is None:
            return pan, np.ones((n, n), np.bool_)
        return pan, whole_cells(Rows.of(patch.valid), ratio, 0, n, n, offset)[0]

    def _fine_start(self, start: int, shift: float) -> tuple[int, float]:
        """First PAN px to read along an axis, and how far behind it the window begins, px."""
        position = start * self._pairing.ratio + shift
        first = max(math.floor(position) - self._reach - 2, 0)
        return first, position - first

    def _inner(self, window: Window) -> Mask:
        """Pixels of a window that may count: those with their surroundings inside it."""
        inside: Mask = np.zeros((window.height, window.width), np.bool_)
        top, bottom = _trusted(*window.rows, self._pairing.coarse.height)
        left, right = _trusted(*window.columns, self._pairing.coarse.width)
        inside[top - window.row : bottom - window.row, left - window.column : right - window.column] = True
        return inside


def _tensor(values: NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
