"""GEO-Bench folders by path: HDF5 samples with a data set for each band, read without the package and its pickles.

Only JSON and arrays are read: ``default_partition.json`` tells the splits, ``label_map.json`` the samples of each
class, ``label_stats.json`` the classes of each sample where it has several; a segmentation sample holds its own
``label``.  What else there is (``task_specs.pkl``, pickles in attributes) can run code when it is read, and is
left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.errors import RequestError
from ...engine.ground.grids import Window
from .chips import Chip, Chips, Fit
from .images import Image, Valid, Values, check_alike
from .labelled import Material, Source, present
from .tiles import IGNORE, Geometry, Labels, Side, whole_tile

Array = np.ndarray[Any, np.dtype[Any]]
_PARTITION, _MAP, _STATS, _LABEL = "default_partition.json", "label_map.json", "label_stats.json", "label"
_SIDES: tuple[tuple[str, Side], ...] = (("train", "train"), ("valid", "val"))


def is_geobench(folder: Path) -> bool:
    """Whether a folder is one of the benchmark's."""
    return (folder / _PARTITION).is_file()


def open_geobench(
    folder: Path,
    *,
    task: str,
    bands: Sequence[str] = (),
    fit: Fit = "resize",
    names: Sequence[str] = (),
    check: Callable[[], None] = lambda: None,
) -> Source:
    """The train and valid samples of a folder.

    Args:
        folder: such as ``classification_v1.0/m-eurosat``.
        task: ``"segment"`` or ``"classify"``.
        bands: names of the data sets to read, in order, or the beginnings or ends of names; all where empty.
        fit: how samples of classification are brought to the patch.
        names: of the classes, in the order of their numbers; numbers stand for them where empty.
        check: called before each sample; may raise to stop.

    Raises:
        RequestError: the folder is not of the benchmark, lacks a band, or holds no labels for the task.
    """
    partition = _json(folder / _PARTITION)
    listed = [(str(name), side) for key, side in _SIDES for name in partition.get(key, [])]
    if not listed:
        raise RequestError("it lists no samples", where=str(folder / _PARTITION), fix="fetch the folder again")
    classes = {} if task == "segment" else _classes(folder)
    pairs: list[tuple[Image, Chip]] = []
    segments: list[tuple[Image, Labels, Side]] = []
    for name, side in listed:
        check()
        if task == "segment":
            image, label = _sample(folder, name, bands)
            segments.append((image, _numbers(image, label), side))
        elif name in classes:
            image, _ = _sample(folder, name, bands)
            numbers = tuple(_named(number, names) for number in classes[name])
            pairs.append((image, Chip(Path(image.source), numbers, side)))
    if task == "segment":
        return Segments(segments, names, str(folder))
    if not pairs:
        raise RequestError("no sample has a class", where=str(folder), fix="fetch the folder again")
    return Chips(pairs, str(folder), fit)


class Segments:
    """Images in memory with a class number for each pixel.

    Args:
        samples: image, numbers (h, w) and side of the split.
        names: of the classes; numbers stand for them where empty.
        source: where they come from.
    """

    def __init__(self, samples: Sequence[tuple[Image, Labels, Side]], names: Sequence[str], source: str) -> None:
        self._samples, self._names, self._source = samples, names, source
        self.bands = check_alike([image for image, _, _ in samples])

    def patch(self, align: int) -> int:
        """Patches are not asked for."""
        return align

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """One tile an image.

        Raises:
            RequestError: there is one class alone.
        """
        check()
        most = max(int(labels[labels != IGNORE].max(initial=0)) for _, labels, _ in self._samples)
        tiles = [
            whole_tile(image, labels, geometry, f"{i}", side) for i, (image, labels, side) in enumerate(self._samples)
        ]
        names = tuple(_named(number, self._names) for number in range(most + 1))
        return present(Material(tiles, names, self.bands, False, self._source))


def _numbers(image: Image, label: Array | None) -> Labels:
    if label is None or label.shape != image.shape:
        raise RequestError(
            "it holds no label of its own size", where=image.source, fix="train --task classify on this folder"
        )
    return np.where((label >= 0) & (label < IGNORE), label, IGNORE).astype(np.uint8)


def _classes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The class numbers of each sample."""
    if (folder / _MAP).is_file():
        found: dict[str, tuple[int, ...]] = {}
        for number, members in _json(folder / _MAP).items():
            for name in members:
                found[str(name)] = (*found.get(str(name), ()), int(number))
        return found
    if (folder / _STATS).is_file():
        flags = {str(name): np.ravel(np.asarray(value)) for name, value in _json(folder / _STATS).items()}
        return {name: tuple(int(i) for i in np.flatnonzero(row > 0)) for name, row in flags.items()}
    raise RequestError(
        f"neither {_MAP} nor {_STATS} tells the classes", where=str(folder), fix="fetch the folder again"
    )


def _sample(folder: Path, name: str, bands: Sequence[str]) -> tuple[Image, Array | None]:
    """A sample's bands as an image that is read when it is asked for, and its label where it holds one."""
    path = folder / f"{name}.hdf5"
    with _opened(path) as file:
        there = [key for key in file if not key.startswith(_LABEL)]
        chosen = tuple(_match(band, there, path) for band in bands) or tuple(sorted(there))
        shapes = {tuple(length for length in file[key].shape if length > 1) for key in chosen}
        label = next((np.squeeze(np.asarray(file[key])) for key in file if key.startswith(_LABEL)), None)
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2:
        raise RequestError(
            "its bands differ in size", where=str(path), fix="choose bands of one size with bands in the recipe"
        )
    return Image(str(path), (shape[0], shape[1]), chosen, _Reader(path, chosen)), label


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    bands: tuple[str, ...]

    def __call__(self, window: Window) -> tuple[Values, Valid]:
        rows, columns = slice(*window.rows), slice(*window.columns)
        with _opened(self.path) as file:
            parts = [np.squeeze(np.asarray(file[band]))[rows, columns] for band in self.bands]
        values = np.stack(parts).astype(np.float32)
        valid = np.isfinite(values)
        return np.where(valid, values, np.float32(0)), np.asarray(valid.all(axis=0))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import h5py  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise RequestError(
            "h5py is not installed", where=str(path), fix="install it: pip install 'seamline[train]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise RequestError("the sample cannot be read", where=str(path), fix="fetch the folder again") from error


def _match(band: str, there: Sequence[str], path: Path) -> str:
    exact = [key for key in there if key.lower() == band.lower()]
    close = exact or [
        key for key in there if key.lower().startswith(band.lower()) or key.lower().endswith(f"- {band.lower()}")
    ]
    if len(close) != 1:
        raise RequestError(
            f"{len(close)} of its bands are called {band}", where=str(path), fix=f"choose from {', '.join(there)}"
        )
    return close[0]


def _named(number: int, names: Sequence[str]) -> str:
    # Sorted as text they keep the order of their numbers.
    return names[number] if number < len(names) else f"{number:03d}"


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError("the file cannot be read", where=str(path), fix="fetch the folder again") from error
    if not isinstance(content, dict):
        raise RequestError("it is no mapping", where=str(path), fix="fetch the folder again")
    return content
