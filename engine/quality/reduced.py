"""Quality against a reference: the reduced-resolution indices Q2n, SAM, ERGAS, SCC and PSNR.

Definitions are those of the pansharpening toolbox of Vivone et al. (GRSM 2021), down to its rim and its mirroring, so
that values compare with the published ones.  Everything is a sum over strips of whole 32-row blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rim = Literal["toolbox"] | int

BLOCK = 32
_TOOLBOX_RIM = 20
_STRIP_ROWS = 8 * BLOCK


@dataclass(frozen=True, slots=True)
class ReducedScores:
    """The five indices of one image.

    Attributes:
        q2n: hypercomplex universal quality index, 1 is perfect.
        sam: mean spectral angle, degrees, 0 is perfect.
        ergas: relative global error, 0 is perfect.
        scc: spatial correlation of Sobel magnitudes, 1 is perfect.
        psnr: mean over bands, dB; infinite for equal images.
    """

    q2n: float
    sam: float
    ergas: float
    scc: float
    psnr: float

    def as_dict(self) -> dict[str, float]:
        """Values under the names that reports use: Q2n, SAM, ERGAS, SCC, PSNR."""
        return {"Q2n": self.q2n, "SAM": self.sam, "ERGAS": self.ergas, "SCC": self.scc, "PSNR": self.psnr}


@dataclass(frozen=True, slots=True)
class ReducedSums:
    """What a strip of rows adds to the indices; strips add up in any grouping.

    Attributes:
        pixels: counted pixels.
        q, blocks: sum of the blocks' Q2n and their count.
        angle, angles: sum of spectral angles (rad) and count of pixels that have one.
        squares, reference: (bands,) sums of squared errors and of the reference.
        edges: (3,) sums of Sobel magnitude products: fused x reference, fused x fused, reference x reference.
    """

    pixels: int
    q: float
    blocks: int
    angle: float
    angles: int
    squares: Array
    reference: Array
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
            self.edges + other.edges,
        )

    def scores(self, *, ratio: float, bits: int) -> ReducedScores:
        """Turn sums into indices.

        Args:
            ratio: MS pixel size over PAN pixel size, for ERGAS.
            bits: radiometric depth; the peak of PSNR is ``2**bits - 1``.
        """
        mse = self.squares / self.pixels
        peak = 2.0**bits - 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = mse / (self.reference / self.pixels) ** 2
            psnr = float(np.mean(10.0 * np.log10(peak**2 / mse)))
            scc = float(self.edges[0] / np.sqrt(self.edges[1] * self.edges[2]))
        return ReducedScores(
            q2n=self.q / self.blocks,
            sam=float(np.degrees(self.angle / self.angles)) if self.angles else float("nan"),
            ergas=float(100.0 / ratio * np.sqrt(np.mean(relative))),
            scc=scc,
            psnr=psnr,
        )


def reduced_scores(fused: Array, reference: Array, *, ratio: float, bits: int, rim: Rim = 0) -> ReducedScores:
    """The five indices of an image against its reference.

    Args:
        fused, reference: (bands, rows, columns), stored values, one shape.
        ratio: MS pixel size over PAN pixel size.
        bits: radiometric depth.
        rim: pixels left out on every side, or ``"toolbox"``: rows and columns 20 to N - 22 are counted.

    Raises:
        ValueError: the shapes differ, or the rim leaves nothing.
    """
    if fused.shape != reference.shape or fused.ndim != 3:
        raise ValueError(f"fused {fused.shape} and reference {reference.shape} must be one (bands, rows, columns)")
    fused, reference = crop_rim(fused, rim), crop_rim(reference, rim)
    rows = reference.shape[1]
    # The last strip takes the remainder: mirroring its end may need rows of the block before.
    starts = list(range(0, max(rows - _STRIP_ROWS + 1, 1), _STRIP_ROWS))
    total = None
    for start, stop in zip(starts, [*starts[1:], rows], strict=True):
        part = strip_sums(fused, reference, start, stop)
        total = part if total is None else total + part
    assert total is not None  # noqa: S101 - crop_rim refuses an image without rows
    return total.scores(ratio=ratio, bits=bits)


def crop_rim(image: Array, rim: Rim) -> Array:
    """Cut the rim off (bands, rows, columns); ``"toolbox"`` keeps 20 to N - 22, one pixel more at the far side.

    Raises:
        ValueError: nothing is left.
    """
    near, far = (_TOOLBOX_RIM, _TOOLBOX_RIM + 1) if rim == "toolbox" else (rim, rim)
    inner = image[:, near : image.shape[1] - far, near : image.shape[2] - far]
    if near < 0 or min(image.shape[1:]) <= near + far:
        raise ValueError(f"a rim of {rim} px leaves nothing of an image of {image.shape[1:]} px")
    return inner


def strip_sums(fused: Array, reference: Array, start: int, stop: int) -> ReducedSums:
    """Sums over rows start..stop-1 of two images (bands, rows, columns); ``start`` is a multiple of 32.

    ``stop`` is a multiple of 32 too, or the last row + 1.  One row on either side is read for the Sobel filter.
    """
    f, r = fused[:, start:stop].astype(np.float64), reference[:, start:stop].astype(np.float64)
    q = q2n_blocks(f, r)
    inner = np.einsum("cij,cij->ij", f, r)
    norm = np.sqrt(np.einsum("cij,cij->ij", f, f) * np.einsum("cij,cij->ij", r, r))
    some = norm > 0.0
    angles = np.arccos(np.clip(inner[some] / norm[some], -1.0, 1.0))
    return ReducedSums(
        pixels=f.shape[1] * f.shape[2],
        q=float(q.sum()),
        blocks=q.size,
        angle=float(angles.sum()),
        angles=angles.size,
        squares=((f - r) ** 2).sum(axis=(1, 2)),
        reference=r.sum(axis=(1, 2)),
        edges=_edge_sums(fused, reference, start, stop),
    )


def q2n_blocks(fused: Array, reference: Array) -> Array:
    """Q2n of each 32 x 32 block.

    Garzelli and Nencini, "Hypercomplex quality assessment of multi/hyperspectral images", GRSL 2009.

    Args:
        fused, reference: (bands, rows, columns); rounded to uint16, mirrored to whole blocks, and filled up with
            zero bands to a power of two.

    Returns:
        (block rows, block columns).
    """
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


def _edge_sums(fused: Array, reference: Array, start: int, stop: int) -> Array:
    """Products of Sobel magnitudes over rows start..stop-1.

    The toolbox cuts one pixel off each side and takes zeros beyond; so do we.
    """
    rows = reference.shape[1]
    first, last = max(start, 1), min(stop, rows - 1)
    if first >= last or reference.shape[2] < 3:
        return np.zeros(3)
    above, below = max(first - 1, 1), min(last + 1, rows - 1)
    pad = ((0, 0), (1 - (first - above), 1 - (below - last)), (1, 1))
    f, r = (_sobel(np.pad(i[:, above:below, 1:-1].astype(np.float64), pad)) for i in (fused, reference))
    return np.array([(f * r).sum(), (f * f).sum(), (r * r).sum()])


def _sobel(padded: Array) -> Array:
    """Magnitude of the Sobel gradient of (bands, rows + 2, columns + 2), one pixel smaller on each side."""
    across = padded[:, :, :-2] + 2.0 * padded[:, :, 1:-1] + padded[:, :, 2:]
    down = padded[:, :-2] + 2.0 * padded[:, 1:-1] + padded[:, 2:]
    magnitude: Array = np.hypot(across[:, 2:] - across[:, :-2], down[:, :, 2:] - down[:, :, :-2])
    return magnitude
