"""What the instrument did to MS, measured against PAN: how it was blurred, and where it lies.

Delivered products are resampled and sharpened, so that neither the gain of a sensor's table nor the georeference holds
to the part of a pixel.  Here PAN is seen through a Gaussian modulation transfer function at a shifted place, sampled at
the MS pixels, and the best linear combination of the MS bands is fitted to it; the gain and the shift that leave the
least unexplained are those of the pair.  One gain for all bands: band by band it is several times less certain, and
meaningless where PAN hardly sees a band.

The response is not always a Gaussian: the curve tells by frequency what of PAN is in MS, and rises before it falls
where the vendor sharpened.

Frequencies are cycles per MS pixel, 0.5 is Nyquist.  Shifts are (row, column) in PAN px; positive: MS lies too far down
and right.  Arrays are float64, axes (bands, rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from ..ground.resample import Taps
from .consistency import CellAxis
from .mtf import filter_gain, gaussian_response

Array = NDArray[np.float64]
Shift = tuple[float, float]

RINGS = tuple(round(0.025 + 0.05 * i, 3) for i in range(10))
"""Frequencies of the curve."""

LEAST_CELLS = 500
"""MS pixels below which nothing is measured: the gain would be uncertain by more than a twentieth."""

LEAST_EXPLAINED = 0.3
"""Share of PAN below which the bands do not tell what it is."""

_GAINS = np.geomspace(0.1, 0.88, 12)
_FIRST_GAIN, _STEP_PX, _MOST_MOVES = 0.4, 0.5, 6
# A gain that hardly aliases, through which PAN is seen where the curve is taken.
_CURVE_GAIN = 0.15
# Share of a band that PAN must explain for a shift of its own.
_KNOWN_BAND = 0.6
_HIGHPASS_PX = 2.0
_RIM = 6
_SQUARE, _FLATTEST = 8, 0.1
# Of a descent along one weight after the other.
_SWEEPS = 500


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A piece of a pair.

    Attributes:
        pan: (h, w).
        ms: (bands, n, m) of the cells.
        rows, columns: where the cells lie on the px of ``pan``, both counted from this piece's corner.
    """

    pan: Array
    ms: Array
    rows: CellAxis
    columns: CellAxis

    def seen(self, gain: float, shift: Shift) -> Array:
        """PAN as MS would show it, (n, m)."""
        down, across = (
            _matrix(axis, gain, offset, length)
            for axis, offset, length in zip((self.rows, self.columns), shift, self.pan.shape, strict=True)
        )
        found: Array = down @ self.pan @ across.T
        return found


@dataclass(frozen=True, slots=True)
class Instrument:
    """What was measured.

    Attributes:
        gain: of the modulation transfer function at the MS Nyquist frequency.
        shift: of MS against PAN.
        band_shifts: of each band; None where PAN does not explain it.
        curve: response at each of ``RINGS`` relative to the lowest two; empty where it cannot be told.
        noise: standard deviation that each band's noise has at most, DN: that of its flattest parts.
        explained: share of PAN, seen so, that the bands explain.
        cells: MS pixels that it rests on.
    """

    gain: float
    shift: Shift
    band_shifts: tuple[Shift | None, ...]
    curve: tuple[float, ...]
    noise: tuple[float, ...]
    explained: float
    cells: int

    @property
    def sharpened(self) -> bool:
        """Whether the response rises before it falls, so that no Gaussian is near it."""
        return bool(self.curve) and max(self.curve) > _BOOST


_BOOST = 1.1
_ROUNDING = 1e-9


def measure(
    views: Sequence[View], start: Shift = (0.0, 0.0), check: Callable[[], None] = lambda: None
) -> Instrument | None:
    """Gain, shift and curve of a pair.

    Args:
        views: pieces of it, of valid pixels alone.
        start: a shift to begin at, PAN px.
        check: called before each look; may raise to stop.

    Returns:
        None where the pieces are too small or flat to tell, or PAN shows something else than the bands.
    """
    cells = sum(view.ms[0].size for view in views)
    pieces = [piece for piece in map(_Piece.of, views) if piece is not None]
    if cells < LEAST_CELLS or not pieces:
        return None

    def unexplained(gain: float, shift: Shift) -> float:
        check()
        return _share([piece.moments(gain, shift) for piece in pieces])

    gain, shift = _FIRST_GAIN, start
    for _ in range(2):
        shift = _best_shift(partial(unexplained, gain), shift)
        gain = _best_gain(partial(unexplained, shift=shift))
    left = unexplained(gain, shift)
    if not left < 1.0 - LEAST_EXPLAINED:
        return None
    weights = _weights([piece.moments(gain, shift) for piece in pieces])
    # Far coarser than its errors, and the same on every processor.
    return Instrument(
        gain=round(gain, 3),
        shift=_rounded(shift),
        band_shifts=tuple(s and _rounded(s) for s in _band_shifts(pieces, gain, shift, check)),
        curve=tuple(round(value, 3) for value in _curve(pieces, weights, shift)),
        noise=tuple(float(f"{_noise([v.ms[band] for v in views]):.3g}") for band in range(len(views[0].ms))),
        explained=round(1.0 - left, 4),
        cells=cells,
    )


def _rounded(shift: Shift) -> Shift:
    # Zero is added for no negative zero to stay.
    return round(shift[0], 3) + 0.0, round(shift[1], 3) + 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums of products of the bands, of the bands with PAN, and of PAN with itself."""

    bands: Array
    cross: Array
    pan: float


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A view whose bands are freed of what is coarse, once for all looks."""

    view: View
    bands: Array
    looks: dict[tuple[float, Shift], Array] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View) -> _Piece | None:
        if min(view.ms.shape[1:]) < 2 * _RIM + 4:
            return None
        return cls(view, _detail(view.ms))

    def seen(self, gain: float, shift: Shift) -> Array:
        """Detail of PAN as MS would show it; the bands ask for the same, one after the other."""
        if (gain, shift) not in self.looks:
            self.looks[gain, shift] = _detail(self.view.seen(gain, shift)[None])[0].ravel()
        return self.looks[gain, shift]

    def moments(self, gain: float, shift: Shift) -> _Moments:
        pan = self.seen(gain, shift)
        bands = self.bands.reshape(len(self.bands), -1)
        return _Moments(bands @ bands.T, bands @ pan, float(pan @ pan))


def _detail(planes: Array) -> Array:
    """What a Gaussian of two px takes away, without the rim, which would know what lies beyond."""
    smooth = planes
    for axis in (1, 2):
        smooth = np.moveaxis(_smoothing(planes.shape[axis]) @ np.moveaxis(smooth, axis, 1), 1, axis)
    detail = (planes - smooth)[:, _RIM:-_RIM, _RIM:-_RIM]
    # Of a constant image only rounding is left, which would be compared as if it were texture.
    detail[np.abs(detail) <= _ROUNDING * np.abs(planes).max()] = 0.0
    return detail


def _smoothing(length: int) -> Array:
    distance = np.arange(length)[:, None] - np.arange(length)[None, :]
    weight = np.exp(-0.5 * (distance / _HIGHPASS_PX) ** 2)
    found: Array = weight / weight.sum(axis=1, keepdims=True)
    return found


# A search asks for the same few again and again, for every piece.
@lru_cache(maxsize=256)
def _matrix(axis: CellAxis, gain: float, offset: float, length: int) -> Array:
    """What the cells of an axis see of its fine px, (n, length), where MS lies ``offset`` px too far."""
    moved = CellAxis(axis.slope, axis.shift + axis.slope * offset, axis.coarse_length, axis.fine_length)
    return dense(moved.down((0, axis.coarse_length), 0, length, filter_gain(gain)), length)


def dense(taps: Taps, length: int) -> Array:
    """The taps as a matrix (n, length)."""
    matrix = np.zeros((len(taps.index), length))
    np.add.at(matrix, (np.arange(len(taps.index))[:, None], taps.index), taps.weight)
    return matrix


def _share(moments: Sequence[_Moments]) -> float:
    """Share of PAN that the bands do not explain, over all pieces."""
    total = sum(each.pan for each in moments)
    if total <= 0.0:
        return math.inf
    cross = np.sum([each.cross for each in moments], axis=0)
    return 1.0 - float(cross @ _weights(moments)) / total


def _weights(moments: Sequence[_Moments]) -> Array:
    """Of the bands, fitted to PAN."""
    bands, cross = (np.sum([getattr(each, name) for each in moments], axis=0) for name in ("bands", "cross"))
    found: Array = np.linalg.pinv(bands, rcond=1e-10, hermitian=True) @ cross
    return found


def weights_in_pan(views: Sequence[View], gain: float, shift: Shift) -> tuple[float, ...]:
    """Weights of the bands, none negative, whose sum comes nearest to the detail of PAN as MS would show it.

    A response to light is never negative, and bands that are near copies of each other share it.

    Args:
        views: pieces of the pair, of valid pixels alone.
        gain, shift: how MS was seen, as in ``Instrument``.

    Returns:
        One a band; none where the pieces are too small or flat to tell, or PAN shows something else than the bands.
    """
    pieces = [piece for piece in map(_Piece.of, views) if piece is not None]
    if sum(view.ms[0].size for view in views) < LEAST_CELLS or not pieces:
        return ()
    moments = [piece.moments(gain, shift) for piece in pieces]
    bands, cross = (np.sum([getattr(each, name) for each in moments], axis=0) for name in ("bands", "cross"))
    found = np.zeros(len(cross))
    for _ in range(_SWEEPS):
        for i in np.flatnonzero(np.diag(bands) > 0.0):
            found[i] = max(found[i] + (cross[i] - bands[i] @ found) / bands[i, i], 0.0)
    total = sum(each.pan for each in moments)
    if not 2.0 * cross @ found - found @ bands @ found > LEAST_EXPLAINED * total:
        return ()
    # Far coarser than their errors, and the same on every processor.
    return tuple(round(float(value), 3) for value in found)


def _best_shift(error: Callable[[Shift], float], start: Shift, steps: int = 2) -> Shift:
    """The least of a grid of half px round ``start``, moved until it lies inside, then a parabola on each axis.

    Args:
        steps: of the grid, to either side.
    """
    known: dict[tuple[int, int], float] = {}

    def at(row: int, column: int) -> float:
        if (row, column) not in known:
            known[row, column] = error((start[0] + row * _STEP_PX, start[1] + column * _STEP_PX))
        return known[row, column]

    middle = (0, 0)
    for _ in range(_MOST_MOVES):
        offsets = range(-steps, steps + 1)
        around = [(middle[0] + i, middle[1] + j) for i in offsets for j in offsets]
        best = min(around, key=lambda place: at(*place))
        if max(abs(best[0] - middle[0]), abs(best[1] - middle[1])) < steps:
            break
        middle = best
    row, column = best
    down = _vertex(at(row - 1, column), at(row, column), at(row + 1, column))
    across = _vertex(at(row, column - 1), at(row, column), at(row, column + 1))
    return start[0] + (row + down) * _STEP_PX, start[1] + (column + across) * _STEP_PX


def _best_gain(error: Callable[[float], float]) -> float:
    """The least over gains at even steps of their logarithm, then a parabola."""
    found = [error(float(gain)) for gain in _GAINS]
    best = int(np.argmin(found))
    step = math.log(_GAINS[1] / _GAINS[0])
    if 0 < best < len(found) - 1:
        return float(_GAINS[best] * math.exp(step * _vertex(*found[best - 1 : best + 2])))
    return float(_GAINS[best])


def _vertex(before: float, least: float, after: float) -> float:
    """Where the parabola through three values is least, steps from the middle one."""
    bend = before - 2 * least + after
    return 0.5 * (before - after) / bend if bend > 0 else 0.0


def _band_shifts(
    pieces: Sequence[_Piece], gain: float, shift: Shift, check: Callable[[], None]
) -> Iterator[Shift | None]:
    """The shift of each band by itself, where PAN explains it."""
    for band in range(len(pieces[0].bands)):
        alone = [replace(piece, bands=piece.bands[band : band + 1]) for piece in pieces]

        def unexplained(at: Shift, alone: Sequence[_Piece] = alone) -> float:
            check()
            return _share([piece.moments(gain, at) for piece in alone])

        known = 1.0 - unexplained(shift)
        yield _best_shift(unexplained, shift, steps=1) if known > _KNOWN_BAND else None


def _curve(pieces: Sequence[_Piece], weights: Array, shift: Shift) -> tuple[float, ...]:
    """The response by frequency: the mixture of the bands against PAN, along rings of the cross spectrum."""
    cross, power = np.zeros(len(RINGS)), np.zeros(len(RINGS))
    for piece in pieces:
        view = piece.view
        seen, mixed = view.seen(_CURVE_GAIN, shift), np.tensordot(weights, view.ms, 1)
        window = np.outer(*(np.hanning(length + 2)[1:-1] for length in seen.shape))
        a, b = (np.fft.fft2((plane - np.average(plane, weights=window)) * window) for plane in (seen, mixed))
        ring = _ring_of(seen.shape)
        inside = ring < len(RINGS)
        cross += np.bincount(ring[inside], (a.conj() * b).real[inside], len(RINGS))
        power += np.bincount(ring[inside], (np.abs(a) ** 2)[inside], len(RINGS))
    if not (power > 0).all():
        return ()
    response = cross / power * gaussian_response(_CURVE_GAIN, np.array(RINGS))
    low = response[:2].mean()
    return tuple(float(value) for value in response / low) if low > 0 else ()


def _noise(planes: Sequence[Array]) -> float:
    """Standard deviation of the flattest tenth of small squares, by second differences both ways, which see no slopes.

    Immerkaer, "Fast noise variance estimation", CVIU 1996.  Texture adds to it where nothing is flat.
    """
    found = []
    for plane in planes:
        bent = np.diff(np.diff(plane, 2, axis=0), 2, axis=1) / 6.0
        height, width = (length // _SQUARE * _SQUARE for length in bent.shape)
        squares = bent[:height, :width].reshape(height // _SQUARE, _SQUARE, width // _SQUARE, _SQUARE)
        found.append(np.sqrt((squares**2).mean(axis=(1, 3))).ravel())
    return float(np.quantile(np.concatenate(found), _FLATTEST))


def _ring_of(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The ring that each frequency of a spectrum belongs to."""
    down, across = (np.fft.fftfreq(length) for length in shape)
    found: NDArray[np.int64] = np.floor(np.hypot(down[:, None], across[None, :]) / 0.05).astype(np.int64)
    return found
