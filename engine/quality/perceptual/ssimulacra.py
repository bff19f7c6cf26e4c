"""SSIMULACRA2: errors of structure and edges over six scales, weighted as people judged compressed photographs.

By Jon Sneyers (Cloudinary), version 2.1 of 2023, as the tools of libjxl publish it: XYB colours, a map of SSIM and two
maps of edges a scale, their means and 4-norms, 108 weights.  It needs no files.  Rows go through a cascade of scales,
each of which keeps the few that its windows still need, so that memory depends on the width alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...optics.degrade import Rows
from ..reduced import strips
from ..validity import clear
from .moments import Absent

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NAME = "SSIMULACRA2"
SMALLEST = 8
"""Rows and columns that an image needs, px; a scale is measured where the one before it has as many."""

_TOO_SMALL = Absent(f"needs a scene of {SMALLEST} px each way")
_SCALES, _REACH, _SIGMA = 6, 4, 1.5
_STRIP = 64
# Columns that are taken at once: what they are computed with stays in the processor's cache.
_GROUP_COLUMNS = 256
# Stored values become colours as a viewer shows them: from black to white between these percentiles of the reference,
# of so many pixels.
_BLACK, _WHITE = 0.5, 99.5
_SAMPLE = 1 << 20
# Opsin absorbance of red, green and blue, and its bias, as in JPEG XL.
_ABSORBANCE = np.array(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536],
    ]
)
_BIAS = 0.0037930732552754493
_STABLE = 0.0009
# A row for each channel, scale and norm (mean, 4-norm), in this order; columns for SSIM, ringing and blurring.
_WEIGHTS = np.array(
    [
        (0.0, 0.0007376606707406586, 0.0),
        (0.0, 0.0007793481682867309, 0.0),
        (0.0, 0.0004371155730107379, 0.0),
        (1.1041726426657346, 0.00066284834129271, 0.00015231632783718752),
        (0.0, 0.0016406437456599754, 0.0),
        (1.8422455520539298, 11.441172603757666, 0.0),
        (0.0007989109436015163, 0.000176816438078653, 0.0),
        (1.8787594979546387, 10.94906990605142, 0.0),
        (0.0007289346991508072, 0.9677937080626833, 0.0),
        (0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053),
        (0.0004550992113792063, 0.0, 0.0),
        (0.0013648766163243398, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (7.466890328078848, 0.0, 17.445833984131262),
        (0.0006235601634041466, 0.0, 0.0),
        (6.683678146179332, 0.00037724407979611296, 1.027889937768264),
        (225.20515300849274, 0.0, 0.0),
        (19.213238186143016, 0.0011401524586618361, 0.001237755635509985),
        (176.39317598450694, 0.0, 0.0),
        (24.43300999870476, 0.28520802612117757, 0.0004485436923833408),
        (0.0, 0.0, 0.0),
        (34.77906344483772, 44.835625328877896, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.0008680556573291698, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.0005313191874358747, 0.0),
        (0.00016533814161379112, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0004179171803251336, 0.0017290828234722833, 0.0),
        (0.0020827005846636437, 0.0, 0.0),
        (8.826982764996862, 23.19243343998926, 0.0),
        (95.1080498811086, 0.9863978034400682, 0.9834382792465353),
        (0.0012286405048278493, 171.2667255897307, 0.9807858872435379),
        (0.0, 0.0, 0.0),
        (0.0005130064588990679, 0.0, 0.00010854057858411537),
    ]
).ravel()  # fmt: skip


def ssimulacra2(fused: Array, reference: Array) -> float | Absent:
    """The score of an image in memory: 100 is equal, 90 not to be told apart, 50 and less plainly worse.

    Args:
        fused, reference: (3, H, W) red, green and blue in 0..1, encoded as sRGB.
    """
    shape = (reference.shape[1], reference.shape[2])
    if min(shape) < SMALLEST:
        return _TOO_SMALL
    whole = _Scale(shape)
    whole.take(_planes(fused, reference, np.ones(shape, np.bool_)))
    return whole.score()


def measure_ssimulacra2(
    fused: Rows,
    reference: Rows,
    valid: Rows | None,
    bands: tuple[int, int, int],
    beat: Callable[[], None] = lambda: None,
) -> float | Absent:
    """The score of a scene of any size, in colours between black and white of its reference.

    A pixel of a scale counts where no masked pixel lies in its window.

    Args:
        fused, reference: (C, H, W), stored values.
        valid: (1, H, W), where both hold values; None: everywhere.
        bands: indices, from 0, of red, green and blue.
        beat: called after each strip, ``steps`` times in all; it may raise to stop.
    """
    _, height, width = reference.shape
    if min(height, width) < SMALLEST:
        return _TOO_SMALL
    chosen = list(bands)

    def known(first: int, stop: int) -> Mask:
        seen: Mask = np.ones((stop - first, width), np.bool_)
        return seen if valid is None else np.asarray(valid.read(first, stop))[0] != 0

    step = math.ceil(math.sqrt(height * width / _SAMPLE))
    sampled = []
    for first, stop in strips(height, _STRIP):
        own = slice(-first % step, None, step)
        values = reference.replicated(first, stop)[chosen][:, own, ::step]
        sampled.append(values[:, known(first, stop)[own, ::step]])
        beat()
    shown = _Stretch.of(np.concatenate(sampled, axis=1))
    if shown is None:
        return Absent("no pixel is valid")
    finest = _Scale((height, width))
    for first, stop in strips(height, _STRIP):
        f, r = (shown(rows.replicated(first, stop)[chosen]) for rows in (fused, reference))
        finest.take(_planes(f, r, known(first, stop)))
        beat()
    return finest.score()


def steps(shape: tuple[int, int]) -> int:
    """How often :func:`measure_ssimulacra2` calls ``beat``, for a progress bar."""
    return 2 * len(strips(shape[0], _STRIP)) if min(shape) >= SMALLEST else 0


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Stored values to 0..1, each band linearly.

    Attributes:
        low, span: (3, 1, 1).
    """

    low: Array
    span: Array

    @classmethod
    def of(cls, values: Array) -> _Stretch | None:
        """Of the (3, n) values of a reference; None where there are none."""
        if not values.shape[1]:
            return None
        low, high = np.percentile(values, (_BLACK, _WHITE), axis=1)
        return cls(low[:, None, None], np.where(high > low, high - low, 1.0)[:, None, None])

    def __call__(self, values: Array) -> Array:
        return np.clip((values - self.low) / self.span, 0.0, 1.0)


def _planes(fused: Array, reference: Array, known: Mask) -> Array:
    """(7, h, w): linear red, green and blue of the fused image and of the reference, alike where masked; 1 if valid."""
    encoded = np.concatenate([fused, reference]).astype(np.float64)
    # IEC 61966-2-1.
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.concatenate([np.where(known, linear, 0.0), known[None]])


class _Scale:
    """One scale of the cascade; takes rows from the top down and hands means of two by two on to the next.

    Args:
        shape: rows and columns of the whole scale.
        left: scales from this one on.
    """

    def __init__(self, shape: tuple[int, int], left: int = _SCALES) -> None:
        self._shape = shape
        self._kept, self._first, self._done = np.zeros((7, 0, shape[1])), 0, 0
        self._odd = self._kept
        self._pixels, self._sums = 0, np.zeros((3, 2, 3))
        coarse = (-(-shape[0] // 2), -(-shape[1] // 2))
        self._next = _Scale(coarse, left - 1) if left > 1 and min(shape) >= SMALLEST else None

    def take(self, planes: Array) -> None:
        """The next rows, as ``_planes`` makes them."""
        self._kept = np.concatenate([self._kept, planes], axis=1)
        seen = self._first + self._kept.shape[1]
        is_last = seen == self._shape[0]
        stop = seen if is_last else seen - _REACH
        if stop > self._done:
            self._add(self._done, stop, is_last)
            self._done = stop
            spare = max(stop - _REACH - self._first, 0)
            self._kept, self._first = self._kept[:, spare:].copy(), self._first + spare
        if self._next is not None:
            self._hand_on(self._next, np.concatenate([self._odd, planes], axis=1), is_last)

    def score(self) -> float | Absent:
        """The score, once all rows were taken."""
        norms = self._norms()
        if any(each is None for each in norms):
            return Absent("too few pixels are free of masked ones at the coarsest scale")
        # [channel, scale, norm, map]; of a small image the published program counts weights on without a gap.
        found = np.stack([each for each in norms if each is not None], axis=1)
        error = 0.9562382616834844 * float(_WEIGHTS[: found.size] @ found.ravel())
        error = 2.326765642916932 * error - 0.020884521182843837 * error**2 + 6.248496625763138e-05 * error**3
        return 100.0 - 10.0 * error**0.6276336467831387 if error > 0.0 else 100.0

    def _norms(self) -> list[Array | None]:
        """(3, 2, 3) of this scale and of those that follow, by channel, norm and map; None where nothing counts."""
        means = None if not self._pixels else self._sums / self._pixels
        if means is not None:
            means[:, 1] **= 0.25
        return [means, *([] if self._next is None else self._next._norms())]

    def _hand_on(self, coarser: _Scale, planes: Array, is_last: bool) -> None:
        odd = planes.shape[1] % 2
        whole = planes if is_last or not odd else planes[:, :-1]
        self._odd = planes[:, planes.shape[1] - odd :].copy()
        rows, columns = whole.shape[1:]
        whole = np.pad(whole, ((0, 0), (0, rows % 2), (0, columns % 2)), mode="edge")
        if rows:
            means = whole.reshape(7, (rows + 1) // 2, 2, (columns + 1) // 2, 2).mean(axis=(2, 4))
            means[6] = means[6] == 1.0
            coarser.take(means)

    def _add(self, first: int, stop: int, is_last: bool) -> None:
        """Count rows first..stop-1, with zeros around the image, as the published program has it."""
        top = first - _REACH - self._first
        below = _REACH if is_last else 0
        planes = self._kept[:, max(top, 0) :]
        around = ((0, 0), (max(-top, 0), below), (_REACH, _REACH))
        fused, reference = (np.pad(_xyb(part), around) for part in (planes[:3], planes[3:6]))
        known = np.pad(planes[6:], around, constant_values=1.0)
        counted = clear(Rows.of(known), _REACH, _REACH + stop - first, _REACH, wrap=False)[:, _REACH:-_REACH]
        self._pixels += int(counted.sum())
        for left in range(0, self._shape[1], _GROUP_COLUMNS):
            here = slice(left, left + _GROUP_COLUMNS + 2 * _REACH)
            self._sums += _sums(fused[:, :, here], reference[:, :, here], counted[:, left : left + _GROUP_COLUMNS])


def _xyb(linear: Array) -> Array:
    """XYB of linear (3, h, w), moved and scaled to about 0..1, with B less Y."""
    bias = np.full((3, 1, 1), _BIAS)
    mixed = np.einsum("ij,jhw->ihw", _ABSORBANCE, linear) + bias
    long, middle, short = np.cbrt(np.maximum(mixed, 0.0)) - np.cbrt(bias)
    x, y = 0.5 * (long - middle), 0.5 * (long + middle)
    return np.stack([14.0 * x + 0.42, y + 0.01, short - y + 0.55])


def _sums(fused: Array, reference: Array, counted: Mask) -> Array:
    """(3, 2, 3) sums over the pixels that count, by channel, power (1, 4) and map (SSIM, ringing, blurring).

    Args:
        fused, reference: (3, h + 8, w + 8).
        counted: (h, w).
    """
    mean_f, mean_r = _blurred(fused), _blurred(reference)
    product = mean_f * mean_r
    covariance = _blurred(fused * reference) - product
    spread = (_blurred(reference * reference) - mean_r * mean_r) + (_blurred(fused * fused) - mean_f * mean_f)
    structure = 1.0 - (1.0 - (mean_r - mean_f) ** 2) * (2.0 * covariance + _STABLE) / (spread + _STABLE)
    inner = (slice(None), slice(_REACH, -_REACH), slice(_REACH, -_REACH))
    edge = (1.0 + np.abs(fused[inner] - mean_f)) / (1.0 + np.abs(reference[inner] - mean_r)) - 1.0
    maps = np.maximum(np.stack([structure, edge, -edge], axis=1), 0.0)
    return np.stack([each.sum(axis=(2, 3), where=counted) for each in (maps, maps**4)], axis=1)


def _blurred(image: Array) -> Array:
    """Near-Gaussian means of nine by nine px, where they fit: 8 rows and columns fewer."""
    rows, columns = image.shape[1] - 2 * _REACH, image.shape[2] - 2 * _REACH
    down = np.asarray(sum(w * image[:, k : k + rows] for k, w in enumerate(_KERNEL)))
    return np.asarray(sum(w * down[:, :, k : k + columns] for k, w in enumerate(_KERNEL)))


def _kernel() -> Array:
    """The filter of the published program: three truncated cosines for a Gaussian.

    Charalampidis, "Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions", IEEE Transactions
    on Signal Processing 2016, equations 37, 44, 50 and 52: sums to 1 and has the Gaussian's second moment.
    """
    radius = _REACH + 1.0
    waves = np.array([1.0, 3.0, 5.0])
    omega, sign = waves * np.pi / (2.0 * radius), np.array([1.0, -1.0, 1.0])
    p = sign / np.tan(0.5 * omega)
    r = sign * p * p / np.sin(omega)
    rho = np.exp(-0.5 * (_SIGMA * omega) ** 2) / radius
    # The weights of the cosines that come nearest to rho while both sums hold.
    free = np.cross(p, r) / np.cross(p, r)[2]
    wanted = np.array([1.0, radius**2 - _SIGMA**2, free @ rho])
    beta = np.linalg.solve(np.stack([p, r, free]), wanted)
    return np.cos(np.arange(-_REACH, _REACH + 1)[:, None] * omega) @ beta


_KERNEL = _kernel()
