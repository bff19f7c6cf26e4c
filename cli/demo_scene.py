"""``seamline demo``: a made-up satellite scene, pan-sharpened, with a before/after picture; nothing is downloaded.

The scene is procedural, so its true fine bands are known and lie beside the result for ``seamline evaluate``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..api import DEFAULT_PANSHARPEN, pansharpen
from ..engine.errors import RequestError
from ..engine.events import Cancel, Listener
from ..training.village.landscape import BANDS
from ..training.village.procedural import procedural_scene, simulate_pair

_SEED = 3
_RATIO = 4
_GSD_M = 0.5
_PEAK_DN = 2047
_BLOCK_PX = 128
_CRS = "EPSG:32633"
_CORNER_XY = (390_000.0, 5_820_000.0)
_RGB = (2, 1, 0)  # of BANDS

_PANEL_PX = 720
_GAP_PX = 10
_TITLE_PX = 34
_ZOOM = 4

Dn = NDArray[np.uint16]
Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo leaves behind.

    Attributes:
        ms, pan, truth: the made-up scene: 2 m bands, 0.5 m PAN, and the 0.5 m bands that no sensor delivered.
        fused: the pan-sharpened scene.
        picture: before and after, PNG.
        seconds: of pan-sharpening alone.
    """

    ms: Path
    pan: Path
    truth: Path
    fused: Path
    picture: Path
    seconds: float

    @property
    def sentence(self) -> str:
        """One line: what to look at."""
        return (
            f"Look at {self.picture}: left the bands as delivered, right pan-sharpened in {self.seconds:.0f} s; "
            f"compare roof edges, crowns and cars in the lower row. The scene itself is {self.fused}"
        )


def run_demo(
    folder: Path,
    *,
    size: int = 1024,
    model: str = DEFAULT_PANSHARPEN,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
    echo: Callable[[str], None] = print,
) -> DemoResult:
    """Make a scene, pan-sharpen it, draw before and after.

    Args:
        folder: made where it is missing; ``demo_*`` files in it are replaced.
        size: rows and columns of the PAN image, px; at least 256.
        model: name or folder of a model.
        listener, cancel: of the pan-sharpening run.
        echo: receives the sentence that says what to look at.

    Raises:
        RequestError: the size is too small, or the folder's name belongs to a file.
        SeamlineError: as ``seamline.pansharpen``.
    """
    if size < 256:
        raise RequestError(f"a demo scene of {size} px is too small to show anything", fix="use 256 px or more")
    if folder.exists() and not folder.is_dir():
        raise RequestError("this is a file, and the demo needs a folder", where=str(folder), fix="name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    ms, pan, truth = write_scene(folder, size)
    fused = folder / "demo_fused.tif"
    start = time.monotonic()
    pansharpen(ms, pan, out=fused, model=model, overwrite=True, listener=listener, cancel=cancel)
    seconds = time.monotonic() - start
    picture = folder / "demo_before_after.png"
    before_after(ms, fused, model).save(picture)
    result = DemoResult(ms, pan, truth, fused, picture, seconds)
    echo(result.sentence)
    return result


def write_scene(folder: Path, size: int) -> tuple[Path, Path, Path]:
    """Write ``demo_ms.tif``, ``demo_pan.tif`` and ``demo_truth.tif`` (uint16 DN, nodata 0) and return their paths."""
    scene = procedural_scene(_SEED, (size // _RATIO * _RATIO,) * 2, _GSD_M)
    ms, pan = simulate_pair(scene, ratio=_RATIO, peak_dn=_PEAK_DN, generator=np.random.default_rng([_SEED, 1]))
    truth = np.clip(np.rint(scene * _PEAK_DN), 1, _PEAK_DN).astype(np.uint16)
    return (
        _write(folder / "demo_ms.tif", ms, _GSD_M * _RATIO, BANDS),
        _write(folder / "demo_pan.tif", pan, _GSD_M, ("pan",)),
        _write(folder / "demo_truth.tif", truth, _GSD_M, BANDS),
    )


def _write(path: Path, image: Dn, gsd: float, names: tuple[str, ...]) -> Path:
    bands, height, width = image.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="uint16", nodata=0, crs=_CRS,
        transform=Affine(gsd, 0.0, _CORNER_XY[0], 0.0, -gsd, _CORNER_XY[1]),
        tiled=True, blockxsize=_BLOCK_PX, blockysize=_BLOCK_PX, compress="deflate", predictor=2,
    ) as target:  # fmt: skip
        target.write(image)
        target.descriptions = names
    return path


def before_after(ms: Path, fused: Path, model: str) -> Image.Image:
    """The delivered bands (zoomed by bicubic interpolation) beside the fused ones, with a detail of each below.

    All panels share one stretch, taken from the delivered bands.  The detail is where the delivered bands hold the most
    visible edges.
    """
    coarse, fine = _read(ms, _RGB), _read(fused, _RGB)
    low, high = np.percentile(coarse, (0.5, 99.0), axis=(1, 2))
    size_wh = (fine.shape[2], fine.shape[1])
    zoomed = np.stack([np.asarray(Image.fromarray(band).resize(size_wh, Image.Resampling.BICUBIC)) for band in coarse])
    box = _busiest(zoomed.mean(0), min(_PANEL_PX // _ZOOM, *size_wh))
    views = [Image.fromarray(_stretch(image, low, high)) for image in (zoomed, fine)]
    titles = (
        "before: multispectral bands as delivered, zoomed",
        f"after: pan-sharpened by {Path(model).name}",
        "detail",
        "detail",
    )
    side = (_PANEL_PX, _PANEL_PX)
    panels = [view.resize(side, Image.Resampling.LANCZOS) for view in views]
    panels += [view.crop(box).resize(side, Image.Resampling.NEAREST) for view in views]
    return _sheet(panels, titles)


def _read(path: Path, bands: tuple[int, ...]) -> NDArray[np.float32]:
    with rasterio.open(path) as source:
        return np.asarray(source.read([band + 1 for band in bands]), np.float32)


def _stretch(image: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> Rgb:
    """(3, h, w) to (h, w, 3) for the eye: linear between the limits, then gamma 1.7."""
    unit = (image - low[:, None, None]) / np.maximum(high - low, 1e-6)[:, None, None]
    return np.asarray(np.rint(255 * np.clip(unit, 0, 1) ** (1 / 1.7)), np.uint8).transpose(1, 2, 0)


def _busiest(image: NDArray[np.float32], side: int) -> tuple[int, int, int, int]:
    """Box (left, top, right, bottom) of that side with the largest sum of gradient magnitudes, each clipped."""
    strength = np.hypot(*np.gradient(image))
    strength = np.minimum(strength, 3 * strength.mean())  # many edges, not one glaring roof
    total = np.pad(strength.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = (int(i) for i in np.unravel_index(np.argmax(sums), sums.shape))
    return left, top, left + side, top + side


def _sheet(panels: list[Image.Image], titles: tuple[str, ...]) -> Image.Image:
    width, height = 2 * _PANEL_PX + 3 * _GAP_PX, 2 * (_PANEL_PX + _TITLE_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=20)
    for i, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        x = _GAP_PX + i % 2 * (_PANEL_PX + _GAP_PX)
        y = i // 2 * (_PANEL_PX + _TITLE_PX)
        draw.text((x, y + 6), title, fill="black", font=font)
        sheet.paste(panel, (x, y + _TITLE_PX))
    return sheet
