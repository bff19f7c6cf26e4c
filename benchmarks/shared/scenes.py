"""Scenes of benchmarks: one that is at hand as an array, and large made-up ones, textured, 16 bit, as a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window


def write_scene(path: Path, values: NDArray[np.generic], transform: Affine, crs: str) -> None:
    """Write (C, H, W) as a GeoTIFF."""
    bands, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=bands,
        height=height,
        width=width,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        photometric="MINISBLACK",  # or the fourth of four bytes would be taken for opacity
    ) as file:
        file.write(values)


def read(path: Path) -> NDArray[np.float32]:
    """The values of a raster, (C, H, W)."""
    with rasterio.open(path) as file:
        values: NDArray[np.float32] = file.read(out_dtype="float32")
    return values


def large_scene(path: Path, *, height: int, width: int, bands: int = 4, seed: int = 7) -> Path:
    """Write a tiled uint16 GeoTIFF of smooth fields, edges and noise; an existing file of that name is kept."""
    if path.exists():
        return path
    rng = np.random.default_rng(seed)
    patch = _patch(rng, 1024, bands)
    part = path.with_suffix(".part.tif")
    with rasterio.open(
        part,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=bands,
        dtype="uint16",
        tiled=True,
        blockxsize=512,
        blockysize=512,
        crs="EPSG:32633",
        transform=from_origin(500000, 5000000, 0.5, 0.5),
        BIGTIFF="IF_SAFER",
    ) as data:
        for row in range(0, height, 1024):
            rows = min(1024, height - row)
            strip = np.concatenate([np.roll(patch, 97 * (row + c), axis=2) for c in range(-(-width // 1024))], axis=2)
            data.write(strip[:, :rows, :width], window=Window(0, row, width, rows))
    part.replace(path)
    return path


def _patch(rng: np.random.Generator, size: int, bands: int) -> np.ndarray:
    """Texture with a 1/f spectrum, straight edges, and sensor noise."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1
    fields = []
    for _ in range(bands):
        spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency
        field = np.fft.irfft2(spectrum, s=(size, size))
        fields.append(field / field.std())
    edges = np.kron(rng.normal(size=(size // 64, size // 64)), np.ones((64, 64)))
    image = 800 + 150 * np.stack(fields) + 120 * edges + rng.normal(0, 8, (bands, size, size))
    return np.clip(image, 1, 4000).astype(np.uint16)
