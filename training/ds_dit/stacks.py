"""Images of one place at several dates, on one grid: what a reference of another date is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import transform as window_transform

from ...engine.errors import RequestError
from ..data.sources import Split, inside, listed, peaks_of

Array = NDArray[np.float32]


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
        RequestError: the data folder lacks a dataset or a file, the place has a single date, or its split has parts
            that lie apart.
    """
    images, valid = [], []
    grid: dict[str, Any] = {}
    for dataset in settings.datasets:
        names, boxes = listed(root, dataset, split)
        if len(boxes) > 1:
            raise RequestError("its split has several boxes", where=dataset, fix="name a dataset of one box")
        for name, box in product(names, boxes):
            image, seen, grid = _read(root / name, box, grid)
            for bands in settings.dates or (tuple(range(1, len(image) + 1)),):
                chosen = image[[band - 1 for band in bands]]
                images.append(np.clip(chosen, 0.0, None) / peaks_of(chosen, seen)[:, None, None])
                valid.append(seen & (chosen > 0).any(axis=0))
    if not images:
        return None
    if len(images) < 2:
        raise RequestError("there is a single date", where=settings.datasets[0], fix="name the bands of each date")
    return Stack(settings.datasets[0], np.stack(images), np.stack(valid), settings.weight)


def _read(
    path: Path, box: Sequence[float] | None, grid: dict[str, Any]
) -> tuple[Array, NDArray[np.bool_], dict[str, Any]]:
    """A file inside a box, on the grid of the files before it, or on its own, which is then the grid."""
    with rasterio.open(path) as file:
        if not grid:
            part = inside(file, box)
            place = window_transform(part, file.transform)
            grid = {"crs": file.crs, "transform": place, "width": part.width, "height": part.height}
        with WarpedVRT(file, resampling=Resampling.cubic, add_alpha=False, **grid) as warped:
            image = warped.read(out_dtype="float32")
            valid = warped.dataset_mask() > 0
    return image, valid & np.isfinite(image).all(axis=0), grid
