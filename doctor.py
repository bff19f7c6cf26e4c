"""Is this installation able to work?  Each finding comes with its cure."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin

from . import __version__, api
from .engine.errors import SeamlineError
from .models import registry
from .models.folder import verify_folder


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, whether it is well, what was seen, and the cure if not."""

    what: str
    ok: bool
    detail: str
    cure: str = ""


def examine() -> list[Finding]:
    """Look at everything, the small run last."""
    return [*_versions(), _device(), *_models(), _self_test()]


def lines(findings: list[Finding]) -> list[str]:
    """For a terminal."""
    return [f"{'ok  ' if f.ok else 'BAD '} {f.what}: {f.detail}" + ("" if f.ok else f"; {f.cure}") for f in findings]


def _versions() -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("Seamline", True, __version__)
    yield Finding("Python", supported, platform.python_version(), "install Python 3.11 to 3.13")
    for name in ("torch", "diffusers", "rasterio", "numpy", "xarray", "dask"):
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "missing", f"install {name}")
    yield Finding("GDAL", True, rasterio.__gdal_version__)
    zstd = "ZSTD" in _compressions()
    yield Finding("ZSTD compression", zstd, "there" if zstd else "missing", "use --compress deflate")


def _compressions() -> str:
    with rasterio.Env() as env:
        return "ZSTD" if "GTiff" in env.drivers() and rasterio.enums.Compression.zstd else ""


def _device() -> Finding:
    if not torch.cuda.is_available():
        return Finding("device", True, f"cpu with {torch.get_num_threads()} threads; torch sees no GPU")
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    try:
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        return Finding("device", False, f"{names}: {error}", "install a torch build for this GPU, or pass --device cpu")
    return Finding("device", True, names)


def _models() -> Iterator[Finding]:
    for name in registry.names():
        origin = registry.info(name).origin
        if origin == "built-in":
            continue
        try:
            verify_folder(origin)
            yield Finding(f"model {name}", True, "all files are as published")
        except SeamlineError as error:
            yield Finding(f"model {name}", False, error.what, "install Seamline again")


def _self_test() -> Finding:
    """Pan-sharpen a flat scene: the result must be flat and on the PAN grid."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="seamline-doctor-") as folder:
        ms, pan, out = (Path(folder) / name for name in ("ms.tif", "pan.tif", "out.tif"))
        _flat(ms, 4, 32, 2.0)
        _flat(pan, 1, 128, 0.5)
        try:
            result = api.pansharpen(ms, pan, out=out, model="brovey")
        except SeamlineError as error:
            return Finding("self-test", False, str(error), "please report it")
        right = result.shape == (4, 128, 128) and bool((result == 300).all())
    seconds = time.perf_counter() - started
    return Finding("self-test", right, f"pan-sharpened a scene in {seconds:.1f} s", "please report it")


def _flat(path: Path, bands: int, size: int, gsd: float) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=bands,
        dtype="uint16",
        crs="EPSG:32633",
        transform=from_origin(500000, 5000000, gsd, gsd),
    ) as data:
        data.write(np.full((bands, size, size), 300, np.uint16))
