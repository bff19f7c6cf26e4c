"""Images of one place at several dates, on one grid: what a reference of another date is drawn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window, from_bounds
from rasterio.windows import transform as placed

from ...engine.errors import RequestError
from ..data.sources import Split

Array = NDArray[np.float32]
_LEVEL = 0.995


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Files of one place.

    Attributes:
        datasets: names in ``splits.json``, whose boxes are the same.
        weight: share of the patches, relative to the other stacks.
        dates: band numbers, from 1, of each date in a file that holds several; empty for one date a file.
    """

    datasets: tuple[str, ...]
    weight: float = 1.0
    dates: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One place.

    Attributes:
        name: of its first dataset.
        images: (D, C, H, W), of the dates in the order of their files; each band's robust maximum is 1.
        valid: (D, H, W).
        weight: as in the settings.
    """

    name: str
    images: Array
    valid: NDArray[np.bool_]
    weight: float


def load_stack(root: Path, settings: StackSettings, split: Split) -> Stack | None:
    """Read a split of a place: all dates on the grid of the first; None where the split has none of it.

    Raises:
        RequestError: the data folder lacks a dataset or a file, or the place has a single date.
    """
    images, valid = [], []
    grid: dict[str, Any] = {}
    for name in settings.datasets:
        for path, box in _listed(root, name, split):
            image, seen, grid = _read(path, box, grid)
            for bands in settings.dates or (tuple(range(1, len(image) + 1)),):
                chosen = image[[band - 1 for band in bands]]
                images.append(_in_range(chosen, seen))
                valid.append(seen & (chosen > 0).any(axis=0))
    if not images:
        return None
    if len(images) < 2:
        raise RequestError("there is a single date", where=settings.datasets[0], fix="name the bands of each date")
    return Stack(settings.datasets[0], np.stack(images), np.stack(valid), settings.weight)


def _listed(root: Path, dataset: str, split: Split) -> list[tuple[Path, Sequence[float] | None]]:
    """Files of a split, each with its box; files that are split as a whole have none."""
    try:
        entry = json.loads((root / "splits.json").read_text(encoding="utf-8"))["datasets"][dataset]
    except (OSError, KeyError) as error:
        raise RequestError("no such dataset", where=dataset, fix="see splits.json in the data folder") from error
    if entry["unit"] == "bbox":
        return [(root / file, box) for box in entry[split][:1] for file in entry["files"]]
    return [(root / file, None) for file in entry[split]]


def _read(
    path: Path, box: Sequence[float] | None, grid: dict[str, Any]
) -> tuple[Array, NDArray[np.bool_], dict[str, Any]]:
    """A file inside a box, on the grid of the files before it, or on its own, which is then the grid."""
    with rasterio.open(path) as file:
        if not grid:
            window = Window(0, 0, file.width, file.height)
            if box is not None:
                # Whole pixels inside the box only, so that no pixel of another split slips in.
                inside = from_bounds(*box, transform=file.transform)
                top, left = (max(int(np.ceil(n - 1e-6)), 0) for n in (inside.row_off, inside.col_off))
                bottom = min(int(inside.row_off + inside.height + 1e-6), file.height)
                right = min(int(inside.col_off + inside.width + 1e-6), file.width)
                window = Window(left, top, right - left, bottom - top)
            grid = {
                "crs": file.crs,
                "transform": placed(window, file.transform),
                "width": window.width,
                "height": window.height,
            }
        with WarpedVRT(file, resampling=Resampling.cubic, add_alpha=False, **grid) as warped:
            image = warped.read(out_dtype="float32")
            valid = warped.dataset_mask() > 0
    return image, valid & np.isfinite(image).all(axis=0), grid


def _in_range(image: Array, valid: NDArray[np.bool_]) -> Array:
    """In the unit range, by each band's robust maximum."""
    seen = image[:, valid] if valid.any() else image.reshape(len(image), -1)
    peaks = np.maximum(np.quantile(seen, _LEVEL, axis=1), 1e-6)
    return np.asarray(np.clip(image, 0.0, None) / peaks[:, None, None], np.float32)
