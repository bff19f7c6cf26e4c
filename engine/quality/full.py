"""Quality without a reference: D_lambda after Khan, D_s, HQNR, and the QNR of old.

Definitions are those of the pansharpening toolbox of Vivone et al. (GRSM 2021).  Its EXP sits at a phase of its own
("dlpan"), half a PAN px right and down of where MS lies; phase "area" interpolates MS at its true pixel centres, by a
cubic spline, for any ratio and any offset of the grids.  ``d_lambda_area`` is the spectral index taken the other way,
at the true pixel centres of the delivered MS.  These indices favour smooth results: rank by reduced resolution first,
and read nothing into a D_lambda below 0.01.

Everything is a sum over strips of whole 32-row blocks.  A strip reads rows beyond itself: ``FILTER_HALO`` PAN rows of
the fused image, ``EXPAND_HALO`` rows of MS (``SPLINE_HALO`` in phase "area") and the PAN rows under 3 rows of MS more,
on either side; EXP wraps round the rim, so the first and the last strip also read the other end of the scene.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..errors import FlatImageWarning, RequestError
from ..optics.degrade import (
    FILTER_HALO,
    SPLINE_HALO,
    Phase,
    Rows,
    coarse_shape,
    degrade_ms_rows,
    degrade_pan_rows,
    expand_centred_rows,
    expand_rows,
    filtered_rows,
)
from .reduced import BLOCK, q2n_blocks, strips, whole_blocks
from .validity import clear, whole_cells

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FullScores:
    """The indices of one image.

    Attributes:
        d_lambda: spectral distortion after Khan, 0 is perfect.
        d_s: spatial distortion, 0 is perfect.
        hqnr: (1 - d_lambda)(1 - d_s), 1 is perfect.
        d_lambda_qnr: inter-band spectral distortion, 0 is perfect.
        qnr: (1 - d_lambda_qnr)(1 - d_s), 1 is perfect.
        d_lambda_area: as d_lambda, at the true centres of the MS pixels; None if it was not measured.
    """

    d_lambda: float
    d_s: float
    hqnr: float
    d_lambda_qnr: float
    qnr: float
    d_lambda_area: float | None

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use; what was not measured is left out."""
        named: dict[str, float] = {
            "D_lambda": self.d_lambda,
            "D_s": self.d_s,
            "HQNR": self.hqnr,
            "D_lambda_QNR": self.d_lambda_qnr,
            "QNR": self.qnr,
        }
        return named if self.d_lambda_area is None else {**named, "D_lambda_area": self.d_lambda_area}


@dataclass(frozen=True, slots=True, eq=False)
class FullScene:
    """What is scored: a fused image, and the PAN and MS that it was made of.

    Attributes:
        fused: (C, H, W), stored values: the spectral indices round them to uint16.
        pan: (1, H, W).
        ms: (C, h, w) as delivered.
        gains: (C,) of the sensor's MTF.
        ratio: PAN px per MS px; H = ratio * h and W = ratio * w, to less than a pixel where it or the offset is
            fractional.
        valid: (1, H, W), nonzero where fused, PAN and MS all hold values; None if they do everywhere.  A block counts
            if no pixel that it reads is masked, so what lies under a mask never matters.
        phase: where EXP puts MS; "dlpan" needs a power of two and no offset.
        offset: (row, column) of the corner of MS from that of the fused image, PAN px, 0 <= offset < 1.

    Raises:
        RequestError: the shapes do not fit, or they do not suit the phase.
    """

    fused: Rows
    pan: Rows
    ms: Rows
    gains: tuple[float, ...]
    ratio: float
    valid: Rows | None = None
    phase: Phase = "dlpan"
    offset: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        bands, height, width = self.fused.shape
        if self.pan.shape != (1, height, width):
            raise RequestError(f"PAN {_size(self.pan)} does not fit the fused image {_size(self.fused)}")
        if self.valid is not None and self.valid.shape != (1, height, width):
            raise RequestError(f"the mask {_size(self.valid)} does not fit the fused image {_size(self.fused)}")
        if self.ms.shape[0] != bands:
            raise RequestError(f"the fused image has {bands} bands and MS has {self.ms.shape[0]}")
        if len(self.gains) != bands:
            raise RequestError(f"there are {len(self.gains)} MTF gains for {bands} bands", where="--sensor")
        coarse_shape((height, width), self.ratio)
        if self.phase == "dlpan" and not (_doubles(self.ratio) and self.offset == (0.0, 0.0)):
            raise RequestError(
                f"a ratio of {self.ratio:g} and an offset of {self.offset[0]:g}, {self.offset[1]:g} px of the grids "
                "have no phase of the toolbox",
                where="--phase",
                fix="pass --phase area",
            )
        ends = [first + n * self.ratio for first, n in zip(self.offset, self.ms.shape[1:], strict=True)]
        slack = 1e-6 if (self.ratio, *self.offset) == (int(self.ratio), 0, 0) else 1.0
        if any(abs(end - m) > slack for end, m in zip(ends, (height, width), strict=True)):
            raise RequestError(
                f"MS {_size(self.ms)} times {self.ratio:g} is not the fused image {_size(self.fused)}",
                where="--ratio",
                fix="cut the inputs to whole MS pixels that all of them cover",
            )

    @property
    def reach(self) -> int:
        """PAN px beyond a pixel that its scores can depend on."""
        beyond = 14.0 * self.ratio - 9.0 if self.phase == "dlpan" else (SPLINE_HALO + 3.0) * self.ratio
        return max(FILTER_HALO, math.ceil(beyond))

    def clear(self, first: int, stop: int, reach: int) -> Mask:
        """Pixels of rows first..stop-1 without a masked one within ``reach``: (stop - first, W)."""
        if self.valid is None:
            return np.ones((stop - first, self.fused.shape[2]), np.bool_)
        return clear(self.valid, first, stop, reach, wrap=self.phase == "dlpan")

    def without_masked(self) -> FullScene:
        """The same with zeros where it is masked, so that nothing under a mask is ever touched."""
        valid = self.valid
        if valid is None:
            return self

        def fine(image: Rows) -> Rows:
            return Rows(image.shape, lambda a, b: np.where(valid.read(a, b), image.read(a, b), 0.0))

        def coarse(first: int, stop: int) -> Array:
            good = whole_cells(valid, self.ratio, first, stop, self.ms.shape[2], self.offset)
            return np.where(good, self.ms.read(first, stop), 0.0)

        return replace(self, fused=fine(self.fused), pan=fine(self.pan), ms=Rows(self.ms.shape, coarse))


@dataclass(frozen=True, slots=True, eq=False)
class FullSums:
    """What a strip adds to the indices; strips add up in any grouping.

    Attributes:
        blocks: counted blocks at PAN scale.
        q: sum of their Q2n between EXP and the filtered fused image.
        high, low: (C,) sums of Q between each band and PAN, and between EXP and the low-pass PAN.
        fused_pairs, exp_pairs: (C, C) sums of Q between each two bands.
        flat: blocks with a constant PAN or band, of which Q sees the mean alone.
        area_blocks, area_q: blocks and their Q2n at MS scale.
    """

    blocks: int
    q: float
    high: Array
    low: Array
    fused_pairs: Array
    exp_pairs: Array
    flat: int = 0
    area_blocks: int = 0
    area_q: float = 0.0

    def __add__(self, other: FullSums) -> FullSums:
        return FullSums(
            self.blocks + other.blocks,
            self.q + other.q,
            self.high + other.high,
            self.low + other.low,
            self.fused_pairs + other.fused_pairs,
            self.exp_pairs + other.exp_pairs,
            self.flat + other.flat,
            self.area_blocks + other.area_blocks,
            self.area_q + other.area_q,
        )

    def scores(self) -> FullScores:
        """Turn sums into indices.

        Raises:
            RequestError: no block was counted.

        Warns:
            FlatImageWarning: some blocks are constant.
        """
        if not self.blocks:
            raise RequestError(
                f"no {BLOCK} x {BLOCK} block is far enough from masked pixels to be scored", fix="score a larger part"
            )
        if self.flat:
            warnings.warn(
                FlatImageWarning(f"{self.flat} of {self.blocks} blocks are constant; only their means were compared"),
                stacklevel=2,
            )
        d_lambda = 1.0 - self.q / self.blocks
        d_s = float(np.abs(self.high - self.low).mean()) / self.blocks
        between = np.abs(self.fused_pairs - self.exp_pairs)
        d_lambda_qnr = float(between.mean()) / self.blocks if between.size else 0.0
        return FullScores(
            d_lambda=d_lambda,
            d_s=d_s,
            hqnr=(1.0 - d_lambda) * (1.0 - d_s),
            d_lambda_qnr=d_lambda_qnr,
            qnr=(1.0 - d_lambda_qnr) * (1.0 - d_s),
            d_lambda_area=1.0 - self.area_q / self.area_blocks if self.area_blocks else None,
        )


def full_scores(
    fused: NDArray[np.generic],
    pan: NDArray[np.generic],
    ms: NDArray[np.generic],
    *,
    gains: tuple[float, ...],
    ratio: float | None = None,
    valid: Mask | None = None,
    phase: Phase = "dlpan",
) -> FullScores:
    """The indices of an image in memory.

    Args:
        fused: (C, H, W), stored values.
        pan: (1, H, W).
        ms: (C, h, w).
        gains: (C,) of the sensor's MTF at the MS Nyquist frequency.
        ratio: PAN px per MS px; H / h if left out.
        valid: (H, W), where all three hold values.
        phase: where EXP puts MS.

    Raises:
        RequestError: the shapes do not fit or not suit the phase, a valid value is not finite, or masks leave no block.

    Warns:
        FlatImageWarning: some blocks are constant.
    """
    images = Rows.of(fused), Rows.of(pan), Rows.of(ms)
    mask = None if valid is None else Rows.of(valid[None])
    scene = FullScene(*images, gains, images[0].shape[1] / images[2].shape[1] if ratio is None else ratio, mask, phase)
    total = none_yet(scene)
    for start, stop in strips(images[0].shape[1]):
        total += full_sums(scene, start, stop)
    for start, stop in strips(coarse_shape(images[0].shape[1:], scene.ratio)[0]):
        total += area_sums(scene, start, stop, seen_rows(scene, start, stop))
    return total.scores()


def none_yet(scene: FullScene) -> FullSums:
    """Sums over nothing."""
    bands = scene.fused.shape[0]
    pairs = np.zeros(bands * (bands - 1) // 2)
    return FullSums(0, 0.0, np.zeros(bands), np.zeros(bands), pairs, pairs)


def full_sums(scene: FullScene, start: int, stop: int) -> FullSums:
    """Sums over PAN rows start..stop-1; ``start`` and ``stop`` are multiples of 32, or ``stop`` the last row + 1."""
    counted = whole_blocks(scene.clear(start, stop, scene.reach if scene.valid is not None else 0))
    if not counted.any():
        return none_yet(scene)
    scene = scene.without_masked()
    height, width = scene.ms.shape[1:]
    low_pan = Rows(
        (1, height, width),
        lambda first, last: degrade_pan_rows(scene.pan, scene.ratio, np.arange(first, last), width, scene.offset),
    )
    fused = scene.fused.replicated(start, stop)
    exp, pan_low = (_expanded(scene, image, start, stop) for image in (scene.ms, low_pan))
    filtered = filtered_rows(scene.fused, scene.gains, scene.ratio, start, stop)
    q = q2n_blocks(filtered, exp).ravel()[counted]
    f, e = _blocks(fused)[:, counted], _blocks(exp)[:, counted]
    p, l = (_blocks(image)[:, counted] for image in (scene.pan.replicated(start, stop), pan_low))  # noqa: E741
    pairs = list(combinations(range(len(f)), 2))
    return FullSums(
        blocks=q.size,
        q=float(q.sum()),
        high=np.array([universal_q(band, p[0]).sum() for band in f]),
        low=np.array([universal_q(band, l[0]).sum() for band in e]),
        fused_pairs=np.array([universal_q(f[i], f[j]).sum() for i, j in pairs]),
        exp_pairs=np.array([universal_q(e[i], e[j]).sum() for i, j in pairs]),
        flat=int((np.ptp(np.concatenate([f, p]), axis=2) == 0.0).any(axis=0).sum()),
    )


def seen_rows(scene: FullScene, start: int, stop: int) -> Array:
    """(C, rows, columns) as MS rows start..stop-1 see the fused image: filtered, sampled at their true pixel centres.

    Reads ``FILTER_HALO + SPLINE_HALO`` PAN rows beyond the strip on either side.
    """
    scene = scene.without_masked()
    return degrade_ms_rows(scene.fused, scene.gains, scene.ratio, start, stop, offset=scene.offset)


def area_sums(scene: FullScene, start: int, stop: int, seen: Array) -> FullSums:
    """Sums at MS scale over MS rows start..stop-1, bounds as in ``full_sums``: what they see against the delivered MS.

    Args:
        scene: what is scored.
        start, stop: rows.
        seen: (C, rows, columns), ``seen_rows`` of them.
    """
    ratio, width = scene.ratio, coarse_shape(scene.fused.shape[1:], scene.ratio, scene.offset)[1]
    counted = np.ones(0, np.bool_)
    if scene.valid is not None:
        reach = FILTER_HALO + SPLINE_HALO
        free = Rows((1, *scene.fused.shape[1:]), lambda a, b: scene.clear(a, b, reach)[None])
        counted = whole_blocks(whole_cells(free, ratio, start, stop, width, scene.offset)[0])
        if not counted.any():
            return none_yet(scene)
    scene = scene.without_masked()
    q = q2n_blocks(seen, scene.ms.replicated(start, stop)[:, :, :width]).ravel()
    q = q[counted] if counted.size else q
    empty = none_yet(scene)
    return FullSums(
        0, 0.0, empty.high, empty.low, empty.fused_pairs, empty.exp_pairs, area_blocks=q.size, area_q=float(q.sum())
    )


def universal_q(x: Array, y: Array) -> Array:
    """The universal quality index along the last axis.

    Wang and Bovik, "A universal image quality index", SPL 2002.  Where both are constant it compares the means alone,
    where both means are zero the spreads alone, and it is 1 where nothing differs.

    Args:
        x, y: (..., n) with n > 1.
    """
    mean_x, mean_y = x.mean(axis=-1), y.mean(axis=-1)
    from_x, from_y = _deviation(x, mean_x), _deviation(y, mean_y)
    spread = (from_x**2 + from_y**2).sum(axis=-1)
    power = mean_x**2 + mean_y**2
    contrast = np.divide(2.0 * (from_x * from_y).sum(axis=-1), spread, out=np.ones_like(spread), where=spread > 0.0)
    luminance = np.divide(2.0 * mean_x * mean_y, power, out=np.ones_like(power), where=power > 0.0)
    index: Array = contrast * luminance
    return index


def _deviation(x: Array, mean: Array) -> Array:
    """From the mean along the last axis: exactly zero where constant, which the rounding of a mean would spoil."""
    deviation: Array = np.where(np.ptp(x, axis=-1, keepdims=True) == 0.0, 0.0, x - mean[..., None])
    return deviation


def _doubles(ratio: float) -> bool:
    """Whether EXP of the toolbox reaches this ratio."""
    return ratio == int(ratio) and int(ratio) & (int(ratio) - 1) == 0


def _expanded(scene: FullScene, image: Rows, start: int, stop: int) -> Array:
    """Rows of MS, or of an image on its grid, at PAN scale, at the scene's phase."""
    if scene.phase == "dlpan":
        return expand_rows(image, int(scene.ratio), start, stop)
    return expand_centred_rows(image, scene.ratio, scene.fused.shape[1:], start, stop, scene.offset)


def _blocks(image: Array) -> Array:
    """(C, rows, columns) as (C, blocks, pixels of a block), mirrored to whole blocks as Q2n is."""
    bands, rows, columns = image.shape
    padded = np.pad(image, ((0, 0), (0, -rows % BLOCK), (0, -columns % BLOCK)), mode="symmetric")
    cut = padded.reshape(bands, padded.shape[1] // BLOCK, BLOCK, padded.shape[2] // BLOCK, BLOCK)
    return cut.transpose(0, 1, 3, 2, 4).reshape(bands, -1, BLOCK * BLOCK)


def _size(image: Rows) -> str:
    bands, rows, columns = image.shape
    return f"({bands} x {rows} x {columns})"
