"""Rasters for tests: made up ones by trait, real ones by ``SEAMLINE_DATA``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import settings
from rasterio.transform import from_origin

from seamline.benchmarks.shared.serving import running

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Several workers share the machine: threads that wait by spinning would take it from those that work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# How long an example takes is no property of the code, least of all on a busy machine.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real imagery."""
    folder = os.environ.get("SEAMLINE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEAMLINE_DATA does not name the folder of real imagery")
    return Path(folder)


@pytest.fixture(scope="session")
def working_tree() -> str:
    """A tree of git with the tracked files as they are now, committed or not."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: zip and wheel are made from git")
    stash = subprocess.run(["git", "stash", "create"], cwd=ROOT, capture_output=True, text=True, check=False)
    return stash.stdout.strip() or "HEAD"


@pytest.fixture
def write_raster(tmp_path):
    """A function that writes a GeoTIFF and returns its path."""

    def write(name, pixels, *, transform=None, crs="EPSG:32633", nodata=None, mask=None, tags=None, names=None, **more):
        pixels = np.asarray(pixels)
        path = tmp_path / name
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path,
                "w",
                driver="GTiff",
                count=pixels.shape[0],
                height=pixels.shape[1],
                width=pixels.shape[2],
                dtype=pixels.dtype,
                crs=crs,
                transform=transform or from_origin(500000, 5000000, 2, 2),
                nodata=nodata,
                **more,
            ) as file,
        ):
            file.write(pixels)
            if mask is not None:
                file.write_mask(np.asarray(mask, np.uint8) * 255)
            if tags:
                file.update_tags(**tags)
            if names:
                file.descriptions = names
        return path

    return write


@pytest.fixture
def small_pair(write_raster):
    """(MS path, PAN path): 4 bands of 24 x 20 px at 2 m and 96 x 80 px at 0.5 m, textured, uint16, nodata 0."""
    rng = np.random.default_rng(5)
    pan = 400 + 80 * rng.standard_normal((1, 80, 96)).cumsum(axis=2) / 4
    pan = np.clip(pan, 50, 2000)
    ms = pan.reshape(1, 20, 4, 24, 4).mean(axis=(2, 4)) * np.array([0.6, 0.8, 0.7, 1.4])[:, None, None]
    ms_path = write_raster("ms.tif", ms.astype(np.uint16), nodata=0, names=("blue", "green", "red", "nir"))
    pan_path = write_raster(
        "pan.tif", pan.astype(np.uint16), transform=from_origin(500000, 5000000, 0.5, 0.5), nodata=0
    )
    return ms_path, pan_path


@pytest.fixture
def server():
    """A server of this machine, as ``serving.Server`` says."""
    with running() as served:
        yield served
