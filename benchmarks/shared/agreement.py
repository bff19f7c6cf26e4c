"""How far two rasters agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio


def share_within(first: Path, second: Path, *, tolerance: float = 1.0) -> float:
    """Share of the values valid in both rasters that differ by no more than the tolerance, DN."""
    with rasterio.open(first) as a, rasterio.open(second) as b:
        valid = (a.read_masks() > 0) & (b.read_masks() > 0)
        difference = np.abs(a.read().astype(np.float64) - b.read())
    return float((difference[valid] <= tolerance).mean())
