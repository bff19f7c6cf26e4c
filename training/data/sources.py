"""Where patches come from: the train or val part of georeferenced files, held in memory as stored.

Splits are read from ``splits.json``, which gives whole files or boxes in the files' CRS; nothing outside the named
split is ever read.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning
from rasterio.windows import Window, from_bounds

from ...engine.errors import RequestError
from ..settings import SourceSettings
from ..village.procedural import procedural_scene

Split = Literal["train", "val", "test"]
PROCEDURAL = "procedural"
_LEAST = 32
"""Px of the shorter side of a part that is worth reading."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Images of one kind.

    Attributes:
        settings: how they are used.
        images: (C, H, W) each, as stored.
        valid: (H, W) bool each.
        peaks: (C,) robust maximum of each image, DN.
    """

    settings: SourceSettings
    images: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_], ...]
    peaks: tuple[NDArray[np.float32], ...]


def load_sources(root: Path | None, settings: Sequence[SourceSettings], split: Split, seed: int) -> list[Source]:
    """Read the named split of every source.

    Args:
        root: folder with ``splits.json``; may be None if every source is procedural.
        settings: the sources.
        split: part to read; sources without images in it are left out, but for the train part.
        seed: of the procedural scenes.

    Raises:
        RequestError: there is no data folder, it does not hold a source, a source has no image to train on, or its
            settings name another number of wavelengths than of bands.
    """
    found = [_load(root, item, split, seed) for item in settings]
    for source in found:
        _check_wavelengths(source)
    if split == "train" and (empty := [source.settings.dataset for source in found if not source.images]):
        raise RequestError(
            "no image of the train part is left", where=empty[0], fix="correct contains and excludes, or leave it out"
        )
    return [source for source in found if source.images]


def _check_wavelengths(source: Source) -> None:
    named = len(source.settings.wavelengths)
    if other := [len(image) for image in source.images if named and len(image) != named]:
        raise RequestError(
            f"{named} wavelengths are named for {other[0]} bands",
            where=source.settings.dataset,
            fix="give one wavelength a band, 0 where unknown",
        )


def fits(source: Source, patch: int) -> bool:
    """Whether a patch of that side can be cut from some image of the source."""
    least = patch * min(source.settings.reduce)
    return any(min(image.shape[1:]) >= least for image in source.images)


def alike(sources: Sequence[Source]) -> list[Source]:
    """What was photographed among them, every source as often as the next: how a model does on images of any kind.

    Made-up scenes alone are given back as they are.
    """
    seen = [source for source in sources if source.settings.dataset != PROCEDURAL]
    return [replace(source, settings=replace(source.settings, weight=1.0)) for source in seen or sources]


def draw_patch(source: Source, patch: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a wholly valid patch in the unit range, (C, patch, patch), turned and flipped at random.

    Raises:
        RequestError: the source holds no valid patch of this size.
    """
    return cut_patch(source, patch, rng)[0]


def cut_patch(source: Source, patch: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], int]:
    """As ``draw_patch``, with the factor by which the patch was reduced.

    Raises:
        RequestError: the source holds no valid patch of this size.
    """
    sizes = np.array([image.shape[1:] for image in source.images], np.float64)
    for _ in range(200):
        factor = int(rng.choice(source.settings.reduce))
        side = patch * factor
        # Among the images that can hold it: in some sources few can.
        areas = np.where(sizes.min(axis=1) >= side, sizes.prod(axis=1), 0.0)
        if not areas.any():
            continue
        chosen = int(rng.choice(len(areas), p=areas / areas.sum()))
        image, valid = source.images[chosen], source.valid[chosen]
        row, column = (int(rng.integers(0, n - side + 1)) for n in image.shape[1:])
        cut = np.s_[row : row + side, column : column + side]
        if not valid[cut].all():
            continue
        values = image[(slice(None), *cut)].astype(np.float32)
        if factor > 1:
            values = values.reshape(len(values), patch, factor, patch, factor).mean(axis=(2, 4))
        values = np.rot90(values / source.peaks[chosen][:, None, None], int(rng.integers(4)), axes=(1, 2))
        return np.ascontiguousarray(values[:, ::-1] if rng.random() < 0.5 else values), factor
    raise RequestError(
        f"no valid patch of {patch} px", where=source.settings.dataset, fix="use a smaller patch or other sources"
    )


def _load(root: Path | None, settings: SourceSettings, split: Split, seed: int) -> Source:
    """Read one source."""
    if settings.dataset == PROCEDURAL:
        images = _procedural(seed, split, settings.scenes)
        whole = tuple(np.ones(image.shape[1:], np.bool_) for image in images)
        return Source(settings, images, whole, tuple(peaks_of(i, v) for i, v in zip(images, whole, strict=True)))
    if root is None:
        raise RequestError(
            "the data folder is not known",
            where=settings.dataset,
            fix="set SEAMLINE_DATA to the folder of splits.json",
        )
    names, boxes = listed(root, settings.dataset, split)
    parts: list[tuple[NDArray[Any], NDArray[np.bool_]]] = []
    for name in names:
        if settings.contains and not any(text in name for text in settings.contains):
            continue
        if any(text in name for text in settings.excludes):
            continue
        for box in boxes:
            if (part := _read(root / name, settings.bands, box)) is not None:
                parts.append(part)
    return Source(
        settings,
        tuple(image for image, _ in parts),
        tuple(valid for _, valid in parts),
        tuple(peaks_of(image, valid) for image, valid in parts),
    )


def listed(root: Path, dataset: str, split: Split) -> tuple[list[str], list[Sequence[float] | None]]:
    """Files of a split, and the boxes of each of them that belong to it; None for whole files.

    Raises:
        RequestError: the data folder has no such dataset.
    """
    try:
        entry = json.loads((root / "splits.json").read_text(encoding="utf-8"))["datasets"][dataset]
    except (OSError, KeyError) as error:
        raise RequestError("no such dataset", where=dataset, fix="see splits.json in the data folder") from error
    return (entry["files"], entry[split]) if entry["unit"] == "bbox" else (entry[split], [None])


def _read(
    path: Path, bands: tuple[int, ...], box: Sequence[float] | None
) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """The part of a file inside a box, and where it is valid; None if the two do not meet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        warnings.simplefilter("ignore", NodataShadowWarning)
        with rasterio.open(path) as file:
            window = inside(file, box)
            if box is not None and min(window.height, window.width) < _LEAST:
                return None
            chosen = list(bands) or list(range(1, file.count + 1))
            image = file.read(chosen, window=window)
            valid = file.dataset_mask(window=window) > 0
            return image, valid & (image > 0).any(axis=0) & np.isfinite(image).all(axis=0)


def inside(file: rasterio.DatasetReader, box: Sequence[float] | None) -> Window:
    """The part of a file inside a box, (xmin, ymin, xmax, ymax) in its CRS; all of it where there is none.

    Whole pixels inside the box only, so that no pixel of another split slips in.
    """
    if box is None:
        return Window(0, 0, file.width, file.height)
    found = from_bounds(*box, transform=file.transform)
    top, left = max(int(np.ceil(found.row_off - 1e-6)), 0), max(int(np.ceil(found.col_off - 1e-6)), 0)
    bottom = min(int(np.floor(found.row_off + found.height + 1e-6)), file.height)
    right = min(int(np.floor(found.col_off + found.width + 1e-6)), file.width)
    return Window(left, top, max(right - left, 0), max(bottom - top, 0))


def peaks_of(image: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """99.5 % quantile of each band, at least 1e-6."""
    if not valid.any():
        return np.ones(len(image), np.float32)
    return np.array([max(float(np.quantile(band[valid], 0.995)), 1e-6) for band in image], np.float32)


def _procedural(seed: int, split: Split, scenes: int) -> tuple[NDArray[Any], ...]:
    """Made-up scenes at several ground sizes; every split has its own seeds, and training twelve times as many."""
    first = seed * 1000 + {"train": 0, "val": 500, "test": 700}[split]
    count = scenes if split == "train" else max(1, scenes // 12)
    return tuple(procedural_scene(first + k, (320, 320), (0.4, 0.5, 0.7, 1.0)[k % 4]) for k in range(count))
