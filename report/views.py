"""The pictures of a report: the whole scene, and the detail with the most edges, before and after, in one stretch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window, from_bounds

from ..engine.errors import RequestError
from ..engine.inputs.files import open_raster
from ..engine.request import OpenPolicy

_WIDTH_PX = 900
_DETAIL_PX = 225  # output px along the longer side, shown four times as large
_MOST_ROWS = 1200
_COLOURS = (("red", "b04", "b4"), ("green", "b03", "b3"), ("blue", "b02", "b2"))

Stack = NDArray[np.float32]
Palette = Mapping[int, tuple[int, ...]]
"""Red, green, blue and opacity of each class."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture.

    Attributes:
        title: what it shows.
        before: the input, brought to the size of ``after``; None where it cannot be read on the output's grid.
        after: the output.
    """

    title: str
    before: Image.Image | None
    after: Image.Image


def views(facts: Mapping[str, Any]) -> list[View]:
    """The pictures of a run; none where its output is gone.

    Args:
        facts: the report, as its JSON has it.
    """
    try:
        with open_raster(facts["outputs"][0], OpenPolicy()) as out:
            return _views(out, facts.get("main_bands") or [])
    except (RasterioError, RequestError):
        return []


def _views(out: rasterio.DatasetReader, main: Sequence[Mapping[str, Any]]) -> list[View]:
    palette = out.colormap(1) if out.colorinterp[0] == ColorInterp.palette else None
    # Numbers of classes are no quantities: the input beside them has bands and a stretch of its own.
    named = [band.get("name") for band in main] if palette else out.descriptions
    bands = shown_bands([str(name or "") for name in named])
    shown = [1] if palette else bands
    sources = [main[band - 1] for band in bands] if main and (palette or len(main) == out.count) else []
    whole = Window(0, 0, out.width, out.height)
    after = _read(out, shown, whole, _how(palette))
    stretch = _stretch(_input(out, sources, whole, after.shape) if palette else after)
    detail = _busiest(out, after)
    size = f"{out.width} x {out.height} px"
    pictures = []
    for title, window in ((f"The whole, {size}", whole), ("A detail, each pixel magnified", detail)):
        fine = _read(out, shown, window, _how(palette))
        coarse = _input(out, sources, window, fine.shape)
        picture = _picture(fine, stretch) if palette is None else _classes(fine, palette)
        pictures.append(View(title, None if coarse is None else _picture(coarse, stretch), picture))
    return pictures


def _how(palette: Palette | None) -> Resampling:
    return Resampling.average if palette is None else Resampling.nearest


def _stretch(image: Stack | None) -> tuple[Stack, Stack]:
    """The lowest and the highest value that is shown of each band."""
    if image is None or not np.isfinite(image).any():
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    low, high = np.nanpercentile(image, (0.5, 99.0), axis=(1, 2))
    return np.asarray(low, np.float32), np.asarray(high, np.float32)


def shown_bands(names: Sequence[str]) -> list[int]:
    """Numbers, from 1, of the bands shown as red, green and blue, or of the one shown as grey.

    By their names where these say a colour; else 3, 2, 1, which is the order of bands by wavelength, or 1, 2, 3 where
    there are three alone.
    """
    plain = [name.strip().lower() for name in names]
    named = [next((i for i, name in enumerate(plain, 1) if name in words), 0) for words in _COLOURS]
    if all(named):
        return named
    return [1] if len(names) < 3 else [1, 2, 3] if len(names) == 3 else [3, 2, 1]


def _read(data: rasterio.DatasetReader, bands: Sequence[int], window: Window, how: Resampling) -> Stack:
    """(band, row, column) of a window, no wider than a picture and masked pixels as NaN; from overviews if need be."""
    scale = min(1.0, _WIDTH_PX / window.width, _MOST_ROWS / window.height)
    shape = (len(bands), max(1, round(window.height * scale)), max(1, round(window.width * scale)))
    how = how if scale < 1.0 else Resampling.nearest
    read = data.read(list(bands), window=window, out_shape=shape, resampling=how, masked=True)
    return np.asarray(read.astype(np.float32).filled(np.nan))


def _input(
    out: rasterio.DatasetReader, bands: Sequence[Mapping[str, Any]], window: Window, shape: tuple[int, ...]
) -> Stack | None:
    """The same ground from the input's bands; None where a file is gone or its grid is turned against the output's."""
    if not bands or out.transform.b or out.transform.d:
        return None
    box = rasterio.windows.bounds(window, out.transform)
    planes = []
    try:
        for band in bands:
            # The run may have trusted virtual rasters; even of those nothing is fetched.
            with open_raster(band["path"], OpenPolicy(vrt=True)) as data:
                if data.transform.b or data.transform.d or data.crs != out.crs:
                    return None
                place = from_bounds(*box, transform=data.transform)
                how = Resampling.average if place.width > shape[2] else Resampling.nearest
                read = data.read(
                    band["band"], window=place, out_shape=shape[1:], resampling=how, boundless=True, masked=True
                )
                planes.append(np.asarray(read.astype(np.float32).filled(np.nan)))
    except (RasterioError, KeyError, ValueError):
        return None
    return np.stack(planes)


def _busiest(out: rasterio.DatasetReader, image: Stack) -> Window:
    """The window of ``_DETAIL_PX`` with the largest mean gradient in the picture of the whole."""
    scale = out.width / image.shape[2]
    width, height = min(_DETAIL_PX, out.width), min(_DETAIL_PX * 2 // 3, out.height)
    rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
    if min(image.shape[1:]) < 2 or image.shape[1] <= rows or image.shape[2] <= columns:
        return Window((out.width - width) // 2, (out.height - height) // 2, width, height)
    strength = np.nan_to_num(np.hypot(*np.gradient(np.nan_to_num(image.mean(0)))))
    strength = np.minimum(strength, 3 * strength.mean())  # many edges, not one glaring roof or the rim of the scene
    total = np.pad(strength.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    row, column = np.unravel_index(int(np.argmax(sums)), sums.shape)
    left, top = min(round(column * scale), out.width - width), min(round(row * scale), out.height - height)
    return Window(left, top, width, height)


def _picture(image: Stack, stretch: tuple[Stack, Stack]) -> Image.Image:
    """For the eye: linear between the limits, then gamma 1.7; masked pixels white; as wide as a picture."""
    low, high = (np.reshape(limit, (-1, 1, 1)) for limit in stretch)
    unit = (image - low) / np.maximum(high - low, 1e-6)
    grey = np.rint(255 * np.nan_to_num(np.clip(unit, 0, 1) ** (1 / 1.7), nan=1.0)).astype(np.uint8)
    colours = np.repeat(grey, 3, axis=0) if len(grey) == 1 else grey
    return _as_wide_as_a_picture(colours)


def _classes(numbers: Stack, palette: Palette) -> Image.Image:
    """A map of classes in its colours, masked pixels white."""
    table = np.array([palette.get(number, (255, 255, 255))[:3] for number in range(256)], np.uint8)
    return _as_wide_as_a_picture(
        np.where(np.isnan(numbers), 255, table[np.nan_to_num(numbers[0]).astype(np.uint8)].transpose(2, 0, 1))
    )


def _as_wide_as_a_picture(colours: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(colours.transpose(1, 2, 0), np.uint8))
    times = _WIDTH_PX / picture.width
    return picture.resize((_WIDTH_PX, max(1, round(picture.height * times))), Image.Resampling.NEAREST)
