"""Change that is made: another date of an image, with another light and season, and ground that is not the same.

Colours change smoothly, whole objects are there in one state and not in the other, and the mask says where.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...engine.optics.imaging import gaussian

Array = NDArray[np.float32]
Numbers = NDArray[np.float64]


def other_season(image: Array, rng: np.random.Generator) -> Array:
    """Bands (C, H, W) in another light: gains, offsets and curves of their own, and a slope over the image."""
    count, height, width = image.shape
    gain: Numbers = math.exp(rng.normal(0.0, 0.12)) * np.exp(rng.normal(0.0, 0.15, (count,)))
    curve: Numbers = np.exp(rng.normal(0.0, 0.15, (count,)))
    offset: Numbers = rng.normal(0.0, 0.03, (count,))
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    light = 1.0 + rng.normal(0.0, 0.04) * rows + rng.normal(0.0, 0.04) * columns
    curved = np.clip(image, 0.0, None) ** curve[:, None, None] * gain[:, None, None] + offset[:, None, None]
    changed = np.clip(curved * light, 0.0, None)
    if rng.random() < 0.3:
        # Some ground of one kind looks otherwise: fields that were green.
        kind = gaussian(rng.normal(size=(1, height, width)).astype(np.float32), rng.uniform(6.0, 20.0))[0]
        field = (kind > np.quantile(kind, rng.uniform(0.6, 0.9))).astype(np.float32)
        field = gaussian(field[None], 1.0)[0]
        shares: Numbers = rng.normal(0.0, 0.25, (count,))
        changed = changed * (1.0 + field * shares[:, None, None])
    return np.asarray(np.clip(changed, 0.0, None), np.float32)


def patches_of_change(height: int, width: int, rng: np.random.Generator) -> Array:
    """Mask (H, W) of what is not the same, 0..1: boxes that are turned, and blobs; edges are half a pixel soft."""
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.bool_)
    for _ in range(int(rng.integers(1, 6))):
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        angle, long, wide = rng.uniform(0, math.pi), rng.uniform(3.0, 28.0), rng.uniform(3.0, 20.0)
        along = (rows - row) * math.sin(angle) + (columns - column) * math.cos(angle)
        across = (rows - row) * math.cos(angle) - (columns - column) * math.sin(angle)
        if rng.random() < 0.6:
            mask |= (np.abs(along) < long) & (np.abs(across) < wide)
        else:
            mask |= (along / long) ** 2 + (across / wide) ** 2 < 1.0
    return np.asarray(gaussian(mask.astype(np.float32)[None], 0.5)[0])


def mixed(there: Array, instead: Array, mask: Array) -> Array:
    """One image outside the mask and the other, in its colours of that place or its own, inside."""
    return np.asarray(there * (1.0 - mask) + instead * mask, np.float32)


def moved(image: Array, down: float, right: float) -> Array:
    """The image where it was registered wrongly by so many px."""
    shifted = [ndimage.shift(band, (down, right), order=3, mode="nearest") for band in image]
    return np.asarray(np.clip(np.stack(shifted), 0.0, None), np.float32)
