"""Scenes as products store them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin


def write_scaled(path: Path, values: np.ndarray) -> None:
    """Write (2, rows, columns) with 0 where masked, one band named and with a unit, both with factor and offset."""
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype, "nodata": 0}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=from_origin(500000, 5000000, 2, 2), **profile) as file:
        file.write(values)
        file.descriptions = ("red", None)
        file.units = ("DN", "")
        file.scales, file.offsets = (0.0001, 0.0001), (-0.1, -0.1)
