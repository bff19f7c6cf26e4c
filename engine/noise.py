"""World-anchored noise: a pure function of the seed and the place on the ground, never of the tile.

Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a counter and a key to
random bits without any state, so a crop, a shard, a resumed run and a neighbouring file draw the same numbers for
the same cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_ROUNDS = 10

Words = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]


def philox4x32(counter: Words, key: tuple[int, int]) -> Words:
    """Ten rounds of Philox 4x32 over arrays of 32-bit words held in uint64 (broadcast against each other)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return c0, c1, c2, c3


def world_noise(
    *,
    seed: int,
    stream: int,
    sample: int,
    step: int,
    bands: int,
    channels: int,
    row: int,
    column: int,
    shape_hw: tuple[int, int],
) -> NDArray[np.float32]:
    """Standard normal noise for a rectangle of cells.

    Args:
        seed: of the run, 0 <= seed < 2**64.
        stream: noise source of the model, 0..255.
        sample: number of the drawn sample, 0..65535.
        step: denoising step, 0..65535.
        bands, channels: leading axes of the result, at most 65536 each.
        row, column: world-lattice position of the first cell; may be negative.
        shape_hw: rows and columns of the rectangle.

    Returns:
        (bands, channels, rows, columns), float32; drawn in float64 by the Box-Muller transform.
    """
    h, w = shape_hw
    rows = _words(np.arange(row, row + h))[None, None, :, None]
    columns = _words(np.arange(column, column + w))[None, None, None, :]
    planes = _words(np.arange(bands) * 65536)[:, None, None, None] | _words(np.arange(channels))[None, :, None, None]
    # ``step`` and ``sample`` share a word; ``stream`` is folded into the key, which is hashed with the seed.
    draw = _words(np.array([sample * 65536 + step]))[:, None, None, None]
    shape = (bands, channels, h, w)
    counter = tuple(np.broadcast_to(word, shape) for word in (rows, columns, planes, draw))
    key = (seed & 0xFFFFFFFF, ((seed >> 32) + stream * 0x632BE5AB) & 0xFFFFFFFF)
    w0, w1, w2, w3 = philox4x32((counter[0], counter[1], counter[2], counter[3]), key)
    # Two uniforms of 53 bits in (0, 1]: the radius must not see log(0).
    u = (((w0 << np.uint64(21)) ^ (w1 >> np.uint64(11))).astype(np.float64) + 1.0) * 2.0**-53
    v = ((w2 << np.uint64(21)) ^ (w3 >> np.uint64(11))).astype(np.float64) * 2.0**-53
    normal: NDArray[np.float32] = (np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v)).astype(np.float32)
    return normal


def _words(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Signed integers as 32-bit words (two's complement) held in uint64."""
    return values.astype(np.int64).astype(np.uint64) & _LOW
