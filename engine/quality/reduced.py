"""Quality against a reference: the reduced-resolution indices Q2n, SAM, ERGAS, SCC and PSNR.

Definitions are those of the pansharpening toolbox of Vivone et al. (GRSM 2021), down to its rim and its mirroring, so
that values compare with the published ones.  Everything is a sum over strips of whole 32-row blocks.  A masked pixel
takes no part: neither do the blocks of Q2n and the Sobel gradients that touch it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import FlatImageWarning, RequestError
from ..ground.grids import Window
from ..optics.degrade import Rows

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rim = Literal["toolbox"] | int

BLOCK = 32
_TOOLBOX_RIM = 20
_STRIP_ROWS = 8 * BLOCK
# Columns that Q2n takes at once: what it computes with stays in the processor's cache.
_GROUP_COLUMNS = 16 * BLOCK


@dataclass(frozen=True, slots=True)
class ReducedScores:
    """The five indices of one image; None where one was not measured.

    Attributes:
        q2n: hypercomplex universal quality index, 1 is perfect; needs a block without masked pixels.
        sam: mean spectral angle, degrees, 0 is perfect; needs a pixel that is not zero in all bands.
        ergas: relative global error, 0 is perfect; needs the ratio.
        scc: spatial correlation of Sobel magnitudes, 1 is perfect; needs a pixel with eight valid neighbours.
        psnr: mean over bands, dB; infinite where a band equals the reference; needs the bit depth.
    """

    q2n: float | None
    sam: float | None
    ergas: float | None
    scc: float | None
    psnr: float | None

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use (Q2n, SAM, ERGAS, SCC, PSNR); what was not measured is left out."""
        named = {"Q2n": self.q2n, "SAM": self.sam, "ERGAS": self.ergas, "SCC": self.scc, "PSNR": self.psnr}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, eq=False)
class ReducedSums:
    """What a strip of rows adds to the indices; strips add up in any grouping.

    Attributes:
        pixels: counted pixels.
        q, blocks: sum of the blocks' Q2n and their count.
        angle, angles: sum of spectral angles (rad) and count of pixels that have one.
        squares, reference: (bands,) sums of squared errors and of the reference.
        gradients: counted pixels with a Sobel magnitude.
        edges: (3,) sums of Sobel magnitude products: fused x reference, fused x fused, reference x reference.
    """

    pixels: int
    q: float
    blocks: int
    angle: float
    angles: int
    squares: Array
    reference: Array
    gradients: int
    edges: Array

    def __add__(self, other: ReducedSums) -> ReducedSums:
        return ReducedSums(
            self.pixels + other.pixels,
            self.q + other.q,
            self.blocks + other.blocks,
            self.angle + other.angle,
            self.angles + other.angles,
            self.squares + other.squares,
            self.reference + other.reference,
            self.gradients + other.gradients,
            self.edges + other.edges,
        )

    def scores(self, *, ratio: float | None, bits: int | None) -> ReducedScores:
        """Turn sums into indices.

        Args:
            ratio: MS pixel size over PAN pixel size, for ERGAS.
            bits: radiometric depth; the peak of PSNR is ``2**bits - 1``.

        Raises:
            RequestError: no pixel was counted.

        Warns:
            FlatImageWarning: an index has a limiting value (a reference band of mean zero, images that are zero or
                equal).
        """
        if not self.pixels:
            raise RequestError(
                "no pixel is valid in the image and in its reference", fix="check their masks and nodata values"
            )
        return ReducedScores(
            q2n=self.q / self.blocks if self.blocks else None,
            sam=self._sam(),
            ergas=None if ratio is None else self._ergas(ratio),
            scc=self._scc() if self.gradients else None,
            psnr=None if bits is None else self._psnr(2.0**bits - 1.0),
        )

    def _sam(self) -> float | None:
        if not self.angles:
            _warn("every pixel of an image is zero in all bands, so that SAM has no value")
            return None
        return float(np.degrees(self.angle / self.angles))

    def _ergas(self, ratio: float) -> float:
        mse, mean = self.squares / self.pixels, self.reference / self.pixels
        if ((mean == 0.0) & (mse > 0.0)).any():
            _warn("a band of the reference has mean zero, so that ERGAS is infinite")
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(mse == 0.0, 0.0, mse / mean**2)
        return float(100.0 / ratio * np.sqrt(np.mean(relative)))

    def _scc(self) -> float:
        product, *powers = self.edges.tolist()
        if 0.0 in powers:
            _warn("an image has no edges; SCC has its limiting value")
            return float(powers[0] == powers[1])
        return float(product / np.sqrt(powers[0] * powers[1]))

    def _psnr(self, peak: float) -> float:
        mse = self.squares / self.pixels
        if (mse == 0.0).any():
            _warn("a band equals the reference, so that PSNR is infinite")
        with np.errstate(divide="ignore"):
            return float(np.mean(10.0 * np.log10(peak**2 / mse)))


def _warn(sentence: str) -> None:
    warnings.warn(FlatImageWarning(sentence), stacklevel=4)


def reduced_scores(
    fused: Array, reference: Array, *, ratio: float | None, bits: int | None, rim: Rim = 0, valid: Mask | None = None
) -> ReducedScores:
    """The five indices of an image in memory against its reference.

    Args:
        fused, reference: (bands, rows, columns), stored values, one shape.
        ratio: MS pixel size over PAN pixel size; without it there is no ERGAS.
        bits: radiometric depth; without it there is no PSNR.
        rim: pixels left out on every side, or ``"toolbox"``: rows and columns 20 to N - 22 are counted.
        valid: (rows, columns), where both hold values.

    Raises:
        RequestError: the shapes differ, the rim or the mask leaves nothing, or a valid value is not finite.

    Warns:
        FlatImageWarning: as for ``ReducedSums.scores``.
    """
    if fused.shape != reference.shape or fused.ndim != 3:
        raise RequestError(f"fused {fused.shape} and reference {reference.shape} must be one (bands, rows, columns)")
    inner = inside_rim((reference.shape[1], reference.shape[2]), rim)
    rows, columns = slice(*inner.rows), slice(*inner.columns)
    known = None if valid is None else valid[None, rows, columns]
    f, r = (Rows.of(_hidden(image[:, rows, columns], known)) for image in (fused, reference))
    mask = None if known is None else Rows.of(known)
    parts = [strip_sums(f, r, start, stop, mask) for start, stop in strips(inner.height)]
    return sum(parts[1:], parts[0]).scores(ratio=ratio, bits=bits)


def _hidden(image: Array, valid: Mask | None) -> Array:
    return image if valid is None else np.where(valid, image, 0.0)


def strips(rows: int, strip: int = _STRIP_ROWS) -> list[tuple[int, int]]:
    """Cut rows into strips of ``strip`` (a multiple of 32).

    The last one takes the remainder: mirroring its end may need rows of the block before.
    """
    starts = list(range(0, max(rows - strip + 1, 1), strip))
    return list(zip(starts, [*starts[1:], rows], strict=True))


def inside_rim(shape: tuple[int, int], rim: Rim) -> Window:
    """What a rim leaves of (rows, columns); ``"toolbox"`` keeps 20 to N - 22, one pixel less at the far side.

    Raises:
        RequestError: nothing is left.
    """
    near, far = (_TOOLBOX_RIM, _TOOLBOX_RIM + 1) if rim == "toolbox" else (rim, rim)
    if near < 0 or min(shape) <= near + far:
        raise RequestError(
            f"a rim of {rim} px leaves nothing of an image of {shape[1]} x {shape[0]} px",
            where="--rim",
            fix="give a smaller one, 0 for none",
        )
    return Window(near, near, shape[0] - near - far, shape[1] - near - far)


def strip_sums(fused: Rows, reference: Rows, start: int, stop: int, valid: Rows | None = None) -> ReducedSums:
    """Sums over rows start..stop-1 of two images (bands, rows, columns); ``start`` is a multiple of 32.

    ``stop`` is a multiple of 32 too, or the last row + 1.  One row on either side is read for the Sobel filter.  The
    images are finite, also where they are masked.
    """
    f, r = fused.replicated(start, stop), reference.replicated(start, stop)
    counted, pixels = None, f.shape[1] * f.shape[2]
    if valid is not None:
        known = np.asarray(valid.read(start, stop)) != 0
        f, r = _hidden(f, known), _hidden(r, known)
        counted, pixels = whole_blocks(known[0]), int(np.count_nonzero(known))
    q = q2n_blocks(f, r).ravel()
    q = q if counted is None else q[counted]
    inner = np.einsum("cij,cij->ij", f, r)
    norm = np.sqrt(np.einsum("cij,cij->ij", f, f) * np.einsum("cij,cij->ij", r, r))
    some = norm > 0.0
    angles = np.arccos(np.clip(inner[some] / norm[some], -1.0, 1.0))
    gradients, edges = _edge_sums(fused, reference, start, stop, valid)
    return ReducedSums(
        pixels=pixels,
        q=float(q.sum()),
        blocks=q.size,
        angle=float(angles.sum()),
        angles=angles.size,
        squares=((f - r) ** 2).sum(axis=(1, 2)),
        reference=r.sum(axis=(1, 2)),
        gradients=gradients,
        edges=edges,
    )


def whole_blocks(known: Mask) -> Mask:
    """(blocks,): those of (rows, columns) without a masked pixel, mirrored to whole blocks as the images are."""
    down, across = -(-known.shape[0] // BLOCK), -(-known.shape[1] // BLOCK)
    padded = np.pad(known, ((0, -known.shape[0] % BLOCK), (0, -known.shape[1] % BLOCK)), mode="symmetric")
    whole: Mask = padded.reshape(down, BLOCK, across, BLOCK).all(axis=(1, 3)).ravel()
    return whole


def q2n_blocks(fused: Array, reference: Array) -> Array:
    """Q2n of each 32 x 32 block.

    Garzelli and Nencini, "Hypercomplex quality assessment of multi/hyperspectral images", GRSL 2009.

    Args:
        fused, reference: (bands, rows, columns); rounded to uint16, mirrored to whole blocks, and filled up with
            zero bands to a power of two.

    Returns:
        (block rows, block columns).
    """
    groups = strips(fused.shape[2], _GROUP_COLUMNS)
    return np.concatenate([_group_q2n(fused[:, :, a:b], reference[:, :, a:b]) for a, b in groups], axis=1)


def _group_q2n(fused: Array, reference: Array) -> Array:
    x, y = _blocks(reference), _blocks(fused)
    mean = x.mean(axis=-1, keepdims=True)
    deviation = x.std(axis=-1, ddof=1, keepdims=True)
    # As the toolbox has it: a constant band of the reference is scaled by eps, and one of mean zero not at all.
    scale = np.where(deviation == 0.0, np.finfo(np.float64).eps, deviation)
    x = (x - mean) / scale + 1.0
    y = np.where(mean == 0.0, y + 1.0, (y - mean) / scale + 1.0)
    y[1:] *= -1.0  # conjugate
    unbiased = x.shape[-1] / (x.shape[-1] - 1.0)
    mean_x, mean_y = x.mean(axis=-1), y.mean(axis=-1)
    power_x, power_y = (mean_x**2).sum(axis=0), (mean_y**2).sum(axis=0)
    bias = 2.0 * np.sqrt(power_x * power_y) / (power_x + power_y)
    spread = unbiased * ((x**2).sum(axis=0).mean(axis=-1) + (y**2).sum(axis=0).mean(axis=-1) - power_x - power_y)
    covariance = unbiased * (_product(x, y).mean(axis=-1) - _product(mean_x, mean_y))
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.sqrt((covariance**2).sum(axis=0)) * bias * 2.0 / np.abs(spread)
    result: Array = np.where(spread == 0.0, bias, q)
    return result


def _blocks(image: Array) -> Array:
    """(bands, rows, columns) as (2**n bands, block rows, block columns, pixels of a block), values of uint16."""
    bands, rows, columns = image.shape
    pad = ((0, 0), (0, -rows % BLOCK), (0, -columns % BLOCK))
    # Half away from zero, as the toolbox's own rounding.
    whole = np.floor(np.clip(np.nan_to_num(image), 0.0, 65535.0) + 0.5)
    whole = np.pad(np.minimum(whole, 65535.0), pad, mode="symmetric")
    full = np.zeros((1 << (bands - 1).bit_length(), *whole.shape[1:]))
    full[:bands] = whole
    down, across = full.shape[1] // BLOCK, full.shape[2] // BLOCK
    cut = full.reshape(-1, down, BLOCK, across, BLOCK).transpose(0, 1, 3, 2, 4)
    return cut.reshape(-1, down, across, BLOCK * BLOCK)


def _product(x: Array, y: Array) -> Array:
    """Cayley-Dickson product along axis 0 (2**n components), in the toolbox's ordering of signs."""
    if x.shape[0] == 1:
        return x * y
    half = x.shape[0] // 2
    a, b = x[:half], _conjugate(x[half:])
    c, d = y[:half], _conjugate(y[half:])
    if half == 1:
        return np.concatenate([a * c - d * b, a * d + c * b])
    return np.concatenate(
        [_product(a, c) - _product(d, _conjugate(b)), _product(_conjugate(a), d) + _product(c, b)],
    )


def _conjugate(x: Array) -> Array:
    return np.concatenate([x[:1], -x[1:]])


def _edge_sums(fused: Rows, reference: Rows, start: int, stop: int, valid: Rows | None) -> tuple[int, Array]:
    """Counted pixels and products of Sobel magnitudes over rows start..stop-1.

    The toolbox cuts one pixel off each side and takes zeros beyond; so do we.
    """
    rows, columns = reference.shape[1:]
    first, last = max(start, 1), min(stop, rows - 1)
    if first >= last or columns < 3:
        return 0, np.zeros(3)
    above, below = max(first - 1, 1), min(last + 1, rows - 1)
    pad = ((0, 0), (1 - (first - above), 1 - (below - last)), (1, 1))
    known = None if valid is None else np.asarray(valid.read(above, below))[:, :, 1:-1] != 0
    f, r = (_hidden(i.replicated(above, below)[:, :, 1:-1], known) for i in (fused, reference))
    f, r = (_sobel(np.pad(i, pad)) for i in (f, r))
    count = f.shape[1] * f.shape[2]
    if known is not None:
        free = np.pad(known[0], pad[1:], constant_values=True)
        free = free[:-2] & free[1:-1] & free[2:]
        free = free[:, :-2] & free[:, 1:-1] & free[:, 2:]
        f, r, count = f * free, r * free, int(np.count_nonzero(free))
    return count, np.array([(f * r).sum(), (f * f).sum(), (r * r).sum()])


def _sobel(padded: Array) -> Array:
    """Magnitude of the Sobel gradient of (bands, rows + 2, columns + 2), one pixel smaller on each side."""
    across = padded[:, :, :-2] + 2.0 * padded[:, :, 1:-1] + padded[:, :, 2:]
    down = padded[:, :-2] + 2.0 * padded[:, 1:-1] + padded[:, 2:]
    across, down = across[:, 2:] - across[:, :-2], down[:, :, 2:] - down[:, :, :-2]
    # np.hypot guards against overflow and takes several times as long.
    magnitude: Array = np.sqrt(across * across + down * down)
    return magnitude
