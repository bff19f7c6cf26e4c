"""Test ground for pan-sharpening: real pairs degraded, the reference scenes of the toolbox, and simulated pairs.

Nothing here was trained on: the real pairs and ``quality/`` are test ground for every model, and the simulated pairs
are cut from test splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from seamline.engine.optics.degrade import Phase, degrade_ms
from seamline.engine.quality.protocol import Protocol, reduced_grid, write_reduced_pair
from seamline.engine.quality.reduced import Rim
from seamline.training.data.sources import load_sources
from seamline.training.settings import SourceSettings

from ..shared.scenes import write_scene

REAL = {"landsat8_istanbul": 16, "spacenet6_wv2_1": 11, "spacenet6_wv2_2": 11, "spacenet6_wv2_3": 11}
"""Radiometric depth of each real pair, bits."""
REAL_MORE = {"landsat8_madrid": 16, "landsat8_momotombo": 16, "landsat8_pamplona": 16}
"""Likewise of further ones, of ``pansharpen_more/``."""
QUALITY = {"landsat8_istanbul": (2.0, 16), "spacenet6_wv2_1": (4.0, 11)}
"""Ratio and depth of each reference scene."""
RATIO, GAIN, LARGEST = 4, 0.30, 384
"""Of the simulated pairs: ratio, MTF gain of MS at its Nyquist frequency, and longest side, PAN px."""


@dataclass(frozen=True)
class Scene:
    """A pair with its truth.

    Attributes:
        name: for the tables.
        ms, pan, truth: paths; the truth lies on the pixels of PAN.
        ratio: PAN px per MS px, for ERGAS.
        bits: radiometric depth.
        rim: px that are not scored.
        phase: where MS was sampled.
    """

    name: str
    ms: Path
    pan: Path
    truth: Path
    ratio: float
    bits: int
    rim: Rim = 0
    phase: Phase = "area"


@dataclass(frozen=True)
class Simulated:
    """How a simulated pair is made.

    Attributes:
        source: images whose test split is cut.
        response: of PAN to each band, summing to one.
        bits: radiometric depth.
    """

    source: SourceSettings
    response: tuple[float, ...]
    bits: int


SIMULATED = {
    # Bands 1 to 7; PAN of Landsat 8, 0.50 to 0.68 um.
    "landsat8_sr": Simulated(
        SourceSettings("aerial_crosssensor", contains=("landsat8",)), (0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0), 8
    ),
    # Bands 2 to 8, 8A, 11 and 12; PAN of WorldView-2, 0.45 to 0.80 um.
    "sentinel2_aquileia": Simulated(
        SourceSettings("sentinel2_aquileia", bands=(2, 3, 4, 5, 6, 7, 8, 9, 11, 12)),
        (0.15, 0.25, 0.25, 0.15, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0),
        14,
    ),
    # Red, green, blue, near infrared; PAN of QuickBird, 0.45 to 0.90 um.
    "naip_2020": Simulated(SourceSettings("naip", contains=("20200831",)), (0.3, 0.3, 0.15, 0.25), 8),
    # Red, green, blue.
    "ngi_aerial": Simulated(SourceSettings("aerial_crosssensor", contains=("ngi_aerial",)), (0.4, 0.4, 0.2), 8),
}


def real_pair(root: Path, name: str) -> tuple[Path, Path]:
    """(MS, PAN) at full resolution."""
    folder = root / ("pansharpen" if name in REAL else "pansharpen_more") / name
    return folder / "ms.tif", folder / "pan.tif"


def real_scenes(root: Path, folder: Path, phase: Phase = "area") -> list[Scene]:
    """The real pairs by Wald's protocol, MS sampled where ``phase`` says; written below ``folder``."""
    scenes = []
    for name, bits in (REAL | REAL_MORE).items():
        ms, pan = real_pair(root, name)
        own = folder / name
        own.mkdir(parents=True)
        pair = write_reduced_pair(Protocol(str(ms), str(pan), phase=phase), own)
        scenes.append(Scene(name, pair.ms, pair.pan, ms, pair.ratio, bits))
    return scenes


def quality_scenes(root: Path) -> list[Scene]:
    """The reference scenes as the toolbox degrades and scores them."""
    return [
        Scene(
            name,
            *(root / "quality" / name / f"rr_{part}.tif" for part in ("ms", "pan", "ref")),
            ratio,
            bits,
            "toolbox",
            "dlpan",
        )
        for name, (ratio, bits) in QUALITY.items()
    ]


def simulated_scenes(root: Path, folder: Path) -> list[Scene]:
    """Pairs of a fixed spectral response, without noise or misregistration; written below ``folder``.

    The georeference is made up: 1 m pixels.
    """
    scenes = []
    for name, recipe in SIMULATED.items():
        truth = cut(root, recipe.source)
        fine = GeoBox(truth.shape[1:], from_origin(500000, 5000000, 1, 1), "EPSG:32631")
        pan = np.tensordot(np.array(recipe.response), truth.astype(np.float64), axes=1)[None]
        ms = degrade_ms(truth, (GAIN,) * len(truth), RATIO)
        own = folder / name
        own.mkdir(parents=True)
        scene = Scene(name, own / "ms.tif", own / "pan.tif", own / "truth.tif", RATIO, recipe.bits)
        _write(scene.truth, truth, fine)
        _write(scene.pan, pan.astype(np.float32), fine)
        _write(scene.ms, ms.astype(np.float32), reduced_grid(fine, RATIO, "area"))
        scenes.append(scene)
    return scenes


def cut(root: Path, settings: SourceSettings) -> NDArray[np.generic]:
    """The first wholly valid part of a test split, (C, h, w), as large as can be; sides of whole MS pixels."""
    (source,) = load_sources(root, [settings], "test", 0)
    for largest in range(LARGEST, LARGEST // 2, -8 * RATIO):
        for image, valid in zip(source.images, source.valid, strict=True):
            height, width = (min(n, largest) // RATIO * RATIO for n in valid.shape)
            windows = sliding_window_view(valid, (height, width))[::RATIO, ::RATIO].all(axis=(2, 3))
            if windows.any():
                row, column = (RATIO * int(k) for k in np.argwhere(windows)[0])
                return image[:, row : row + height, column : column + width]
    raise SystemExit(f"{settings.dataset}: no valid part of its test split is large enough")


def _write(path: Path, values: NDArray[np.generic], grid: GeoBox) -> None:
    write_scene(path, values, grid.affine, str(grid.crs))
