"""A pair that is large enough to be degraded and measured."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio.transform import from_origin


@pytest.fixture
def measurable_pair(write_raster):
    """ms.tif, 4 bands of 64 x 64 px at 2 m, and pan.tif, 256 x 256 px at 0.5 m; uint16, textured."""
    rng = np.random.default_rng(4)
    pan = np.clip(500 + 90 * rng.standard_normal((1, 256, 256)).cumsum(axis=2) / 4, 50, 2000)
    ms = pan.reshape(1, 64, 4, 64, 4).mean(axis=(2, 4)) * np.array([0.6, 0.8, 0.7, 1.4])[:, None, None]
    fine = from_origin(500000, 5000000, 0.5, 0.5)
    return write_raster("ms.tif", ms.astype(np.uint16)), write_raster("pan.tif", pan.astype(np.uint16), transform=fine)
