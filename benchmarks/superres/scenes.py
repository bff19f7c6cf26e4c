"""Test ground for super-resolution: degraded scenes with their truth, real pairs of two pixel sizes, whole scenes.

Everything is cut from test splits, or is test ground for every model.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.transform import from_origin

from seamline.engine.optics.degrade import degrade_ms
from seamline.training.data.sources import load_sources
from seamline.training.degradation.mixed import Degradation
from seamline.training.degradation.second_order import SecondOrder
from seamline.training.degradation.sensor import SensorTrue
from seamline.training.degradation.settings import SecondOrderSettings, SensorSettings
from seamline.training.settings import SourceSettings

from ..shared.scenes import write_scene

GAIN = 0.30
"""MTF gain at the coarse Nyquist frequency."""
ELECTRONS, READ, BITS = 5e4, 3e-4, 12
"""Of the simulated instrument: counts that stand for 1, noise without signal (unit range), bits."""
LARGEST, WHOLE, CELL, ENLARGED, MAP = 384, 1024, 4, 4096, 128
"""Longest side, px: of a scene that is degraded; of one that is enlarged as it is (a multiple of the third number), and
of what becomes of it; of the coarse map of a pair."""
SHIFT = 4
"""Farthest place, PAN px along each axis, where MS is looked for."""
REFLECTANCE_BITS = 14
CORNER, CRS = (500000, 5000000), "EPSG:32631"
"""Of the made-up grids, m."""

KINDS = {
    "sensor-true": SensorTrue(
        SensorSettings(
            gain=(GAIN, GAIN),
            spread=0.0,
            misregistration=(0.0, 0.0),
            electrons=(ELECTRONS, ELECTRONS),
            read=(READ, READ),
            bits=BITS,
        )
    ),
    "second order": SecondOrder(SecondOrderSettings()),
}
"""How the scenes of a group are degraded, by group."""
REAL = "real pairs"

Image = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Scene:
    """An image with its truth.

    Attributes:
        name: for the tables.
        coarse, truth: paths; the corners of both grids coincide.
        scale: fine px per coarse px.
        bits: radiometric depth, for PSNR and SSIM.
    """

    name: str
    coarse: Path
    truth: Path
    scale: int
    bits: int


@dataclass(frozen=True, slots=True)
class Ground:
    """Part of a test split.

    Attributes:
        source: images that may be cut; the first that holds a valid part as large as can be is.
        bits: radiometric depth.
    """

    source: SourceSettings
    bits: int = 8


GROUNDS = {
    "brighton": Ground(SourceSettings("hr_rgb", contains=("brighton",))),
    "neon_soap": Ground(SourceSettings("hr_rgb", contains=("soap",))),
    "seneca": Ground(SourceSettings("hr_rgb", contains=("seneca",))),
    "ngi_2010": Ground(SourceSettings("aerial_ngi")),
    "ngi_5m": Ground(SourceSettings("aerial_crosssensor", contains=("ngi_aerial",))),
    "neon_sjer": Ground(SourceSettings("aerial_neon")),
    "naip_2017": Ground(SourceSettings("naip", contains=("20170827",))),
    "naip_2020": Ground(SourceSettings("naip", contains=("20200831",))),
    "sentinel2_33UUB": Ground(SourceSettings("sentinel2_native_T33UUB", contains=("b10",)), REFLECTANCE_BITS),
    "sentinel2_49JGM": Ground(SourceSettings("sentinel2_native_T49JGM", contains=("b10",)), REFLECTANCE_BITS),
    "aquileia": Ground(SourceSettings("sentinel2_aquileia", bands=(2, 3, 4, 5, 6, 7, 8, 9, 11, 12)), REFLECTANCE_BITS),
    "kampala": Ground(SourceSettings("buildings", contains=("-21.tif",))),
}
TILED = ("naip_2020", "sentinel2_33UUB")
"""Grounds that are enlarged as they are, to look at tiles."""
MAPS = ("309606-261636", "309614-261632")
"""Map tiles of zoom 19, whose ground zooms 20 and 21 show two and four times as fine."""
ZOOM, MAP_GSD = 19, 0.3
"""Of those, and their ground distance, m."""
MAP_SCALES = {2: 20, 4: 21}
"""Zooms that are finer, by how much they are."""
PAN_RATIO = 4
SATELLITE = ("spacenet6_wv2_1", "spacenet6_wv2_3")
"""PAN and MS of WorldView-2; the second of the three scenes is water."""
SATELLITE_BITS = 11


def degraded_scenes(root: Path, folder: Path, kind: str, scale: int) -> list[Scene]:
    """Every ground degraded by one of ``KINDS``, drawn by a seed of its own, below ``folder``."""
    found = []
    for name, ground in GROUNDS.items():
        truth, peaks = _cut(root, ground.source, LARGEST, scale)
        coarse = degraded(truth, peaks, KINDS[kind], name, scale)
        found.append(_written(folder / kind, name, coarse, truth, ground.bits))
    return found


def degraded(truth: Image, peaks: NDArray[np.float32], kind: Degradation, name: str, scale: int) -> Image:
    """(C, h, w) in DN to (C, h / scale, w / scale) float32 in DN: degraded in the unit range, as in training."""
    unit = torch.from_numpy(truth.astype(np.float32) / peaks[:, None, None])[None]
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    coarse: Image = kind(unit, scale, generator)[0].numpy() * peaks[:, None, None]
    return coarse


def real_scenes(root: Path, folder: Path, scale: int) -> list[Scene]:
    """Pairs of this scale that nobody degraded for this purpose, below ``folder``; there may be none."""
    found = []
    if scale in MAP_SCALES:
        found += [_written(folder / REAL, f"map {name}", *map_pair(root, name, scale), 8) for name in MAPS]
    if scale == PAN_RATIO:
        pairs = {name: satellite_pair(root / "pansharpen" / name) for name in SATELLITE}
        found += [_written(folder / REAL, name, *pair, SATELLITE_BITS) for name, pair in pairs.items()]
    return found


def whole_scenes(root: Path, folder: Path, scale: int) -> dict[str, Path]:
    """Scenes as they were delivered, below ``folder``."""
    found, largest = {}, min(WHOLE, ENLARGED // scale)
    for name in TILED:
        found[name] = folder / f"{name}.tif"
        write_scene(found[name], _cut(root, GROUNDS[name].source, largest, CELL)[0], from_origin(*CORNER, 1, 1), CRS)
    return found


def map_pair(root: Path, name: str, scale: int) -> tuple[Image, Image]:
    """The corner of a map tile and of the mosaic of a finer zoom, as the map server made both: coarse, truth."""
    column, row = (scale * int(part) for part in name.split("-"))
    if f"buildings/tiles/OAM-{name}-{ZOOM}.tif" not in _test_files(root, "buildings"):
        raise SystemExit(f"{name} is no test ground")
    tiles = root / "buildings" / "tiles"
    with rasterio.open(tiles / f"OAM-{name}-{ZOOM}.tif") as file:
        coarse, left, top = file.read(), file.bounds.left, file.bounds.top
        side = file.transform.a / scale
    truth = np.zeros((len(coarse), *(scale * n for n in coarse.shape[1:])), coarse.dtype)
    for i, j in product(range(scale), repeat=2):
        with rasterio.open(tiles / f"OAM-{column + i}-{row + j}-{MAP_SCALES[scale]}.tif") as file:
            x, y = round((file.bounds.left - left) / side), round((top - file.bounds.top) / side)
            truth[:, y : y + file.height, x : x + file.width] = file.read()
    return coarse[:, :MAP, :MAP], truth[:, : scale * MAP, : scale * MAP]


def satellite_pair(folder: Path) -> tuple[Image, Image]:
    """What PAN would be at the resolution of MS, and PAN: a band of two resolutions, of one satellite and moment.

    The coarse band is the mixture of the MS bands that comes closest to PAN seen with MS pixels, fitted with the whole
    PAN px by which the two are out of place; PAN is moved by these, not interpolated.

    Returns:
        (1, h, w) float32 and (1, h * PAN_RATIO, w * PAN_RATIO).
    """
    with rasterio.open(folder / "ms.tif") as file:
        ms = file.read().astype(np.float64)
    with rasterio.open(folder / "pan.tif") as file:
        pan = file.read()
    valid = (ms > 0).all(axis=0) & (pan[0].reshape(ms.shape[1], PAN_RATIO, ms.shape[2], PAN_RATIO) > 0).all(axis=(1, 3))
    rows, columns = _largest_valid(valid, max(valid.shape))
    # What PAN is moved by has to be there too.
    inner = tuple(slice(part.start + SHIFT, part.stop - SHIFT) for part in (rows, columns))
    bands = ms[:, inner[0], inner[1]]
    bands = np.concatenate([bands, np.ones_like(bands[:1])])
    best: tuple[float, Image, Image] | None = None
    for shift in product(range(-SHIFT, SHIFT + 1), repeat=2):
        fine = tuple(slice(PAN_RATIO * p.start + s, PAN_RATIO * p.stop + s) for p, s in zip(inner, shift, strict=True))
        truth = pan[:, fine[0], fine[1]]
        seen = degrade_ms(truth, (GAIN,), PAN_RATIO)[0]
        weights = np.linalg.lstsq(bands.reshape(len(bands), -1).T, seen.ravel(), rcond=None)[0]
        mixture = np.tensordot(weights, bands, axes=1)
        residual = float(np.square(mixture - seen).mean())
        if best is None or residual < best[0]:
            best = residual, mixture[None].astype(np.float32), truth
    assert best is not None
    return best[1], best[2]


def _cut(root: Path, settings: SourceSettings, largest: int, scale: int) -> tuple[Image, NDArray[np.float32]]:
    """The largest wholly valid part of a test split, (C, h, w), sides of whole coarse px, and the peak of each band."""
    (source,) = load_sources(root, [settings], "test", 0)
    parts = [
        (image[:, rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale], peaks)
        for image, valid, peaks in zip(source.images, source.valid, source.peaks, strict=True)
        for rows, columns in [_largest_valid(_cells(valid, scale), largest // scale)]
    ]
    return max(parts, key=lambda part: part[0].size)


def _cells(valid: NDArray[np.bool_], scale: int) -> NDArray[np.bool_]:
    """Which coarse px are wholly valid."""
    rows, columns = (n // scale for n in valid.shape)
    cells: NDArray[np.bool_] = (
        valid[: rows * scale, : columns * scale].reshape(rows, scale, columns, scale).all(axis=(1, 3))
    )
    return cells


def _largest_valid(cells: NDArray[np.bool_], largest: int) -> tuple[slice, slice]:
    """Rows and columns of a wholly valid part: the largest square, or as wide as the raster where that is narrower."""
    for side in range(largest, 0, -1):
        height, width = (min(n, side) for n in cells.shape)
        sums = np.pad(cells.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        whole = (
            sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
        ) == height * width
        if whole.any():
            row, column = (int(k) for k in np.argwhere(whole)[0])
            return slice(row, row + height), slice(column, column + width)
    raise SystemExit("a test split holds no valid part")


def _test_files(root: Path, dataset: str) -> list[str]:
    content = json.loads((root / "splits.json").read_text(encoding="utf-8"))
    files: list[str] = content["datasets"][dataset]["test"]
    return files


def _written(folder: Path, name: str, coarse: Image, truth: Image, bits: int) -> Scene:
    """The pair on a made-up grid."""
    own = folder / name
    own.mkdir(parents=True)
    scale = truth.shape[-1] // coarse.shape[-1]
    scene = Scene(name, own / "coarse.tif", own / "truth.tif", scale, bits)
    write_scene(scene.coarse, coarse, from_origin(*CORNER, scale, scale), CRS)
    write_scene(scene.truth, truth, from_origin(*CORNER, 1, 1), CRS)
    return scene
