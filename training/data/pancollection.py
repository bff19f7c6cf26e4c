"""PanCollection files: simulated PAN and MS pairs in HDF5, read patch by patch and only from paths that are named.

A file holds the keys ``gt`` (N, C, H, W), ``lms`` (N, C, H, W), ``ms`` (N, C, h, w) and ``pan`` (N, 1, H, W) in DN.
``gt`` is missing at full resolution, ``ms`` sometimes (Deng et al., "Machine learning in pansharpening", GRSM 2022).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import RequestError
from ...engine.optics.sensors import SENSORS, UNKNOWN, Sensor, find_sensor
from .simulate import Batch, Pair, to_batch

Array = NDArray[np.float32]
RATIO = 4
"""PAN px per MS px of every sensor of the collection; used where a file has no ``ms`` that says it."""


class _OnePerProcess:
    """An HDF5 file that every process opens for itself: a handle must survive neither a fork nor a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._owner: int | None = None
        self._file: Any = None

    def open(self) -> Any:
        """The file of this process."""
        if self._owner != os.getpid():
            self._file, self._owner = _open(self.path), os.getpid()
        return self._file

    def __reduce__(self) -> tuple[Any, ...]:
        return _OnePerProcess, (self.path,)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One scene or a window of it, in the unit range: DN clipped to 0..peak, divided by the peak.

    Attributes:
        pan: (1, H, W).
        lms: (C, H, W), MS as the file has it on the PAN grid.
        ms: (C, h, w); None if the file has none, or for a window that cuts MS px.
        gt: (C, H, W); None at full resolution.
    """

    pan: Array
    lms: Array
    ms: Array | None
    gt: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class PanCollection:
    """One file, open for random access; made by ``open_pancollection``.

    Attributes:
        path: of the file.
        sensor: that the file comes from.
        peak: DN that stands for 1, the largest of the sensor's bits: 1023 for GF2, 2047 for QB, WV2 and WV3.
        count: scenes (N).
        bands: of the MS image (C).
        size_hw: rows and columns of a scene, PAN px.
        ratio: PAN px per MS px.
        has_truth: whether there is a ``gt``.
        has_ms: whether there is an ``ms``.
    """

    path: Path
    sensor: Sensor
    peak: float
    count: int
    bands: int
    size_hw: tuple[int, int]
    ratio: int
    has_truth: bool
    has_ms: bool
    _handle: _OnePerProcess = field(repr=False)

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, rows: slice = slice(None), columns: slice = slice(None)) -> Scene:
        """Read a scene or a window of it, and nothing else of the file.

        Args:
            index: of the scene, 0..N - 1.
            rows, columns: of the window, PAN px; the whole scene by default.

        Raises:
            RequestError: there is no such scene, or a value in the window is not finite.
        """
        if not 0 <= index < self.count:
            raise RequestError(f"there is no scene {index}", where=str(self.path), fix=f"use 0 to {self.count - 1}")
        coarse = [_coarse(part, size, self.ratio) for part, size in zip((rows, columns), self.size_hw, strict=True)]
        ms = self._values("ms", index, *coarse) if self.has_ms and None not in coarse else None
        return Scene(
            pan=self._values("pan", index, rows, columns),
            lms=self._values("lms", index, rows, columns),
            ms=ms,
            gt=self._values("gt", index, rows, columns) if self.has_truth else None,
        )

    def _values(self, key: str, index: int, rows: slice | None, columns: slice | None) -> Array:
        """Part of one scene of one key, (bands, rows, columns), unit range."""
        try:
            stored = np.asarray(self._handle.open()[key][index, :, rows, columns])
        except OSError as error:
            raise RequestError(
                f"{key} of scene {index} cannot be read", where=str(self.path), fix="fetch the file again"
            ) from error
        if not np.isfinite(stored).all():
            raise RequestError(
                f"{key} of scene {index} holds values that are not finite",
                where=str(self.path),
                fix="fetch the file again, or leave it out",
            )
        values: Array = np.clip(stored.astype(np.float32) / np.float32(self.peak), 0.0, 1.0)
        return values


def open_pancollection(path: Path, sensor: str = "") -> PanCollection:
    """Open a file and check what it holds; no image is read.

    Args:
        path: of one ``.h5`` file.  Folders are refused, so that no test set slips into a training.
        sensor: its name, such as ``"WV3"``; by default the one that the file's name tells (``sensor_of``).

    Raises:
        RequestError: there is no such file, it is not HDF5, a key is missing, its arrays do not fit each other or the
            sensor, or h5py is not installed.
    """
    where = str(path)
    if not path.is_file():
        raise RequestError("there is no such file", where=where, fix="name one .h5 file")
    chosen = sensor_of(sensor or path.stem, where)
    handle = _OnePerProcess(path)
    file = handle.open()
    missing = [key for key in ("pan", "lms") if key not in file]
    if missing:
        raise RequestError(
            f"the key {missing[0]!r} is missing", where=where, fix="use a PanCollection file: pan, lms, ms and gt"
        )
    shapes: dict[str, tuple[int, ...]] = {
        key: tuple(getattr(file[key], "shape", ())) for key in ("pan", "lms", "ms", "gt") if key in file
    }
    ratio = _check(shapes, chosen, where)
    count, bands, h, w = shapes["lms"]
    peak = float(2 ** (chosen.bits or 0) - 1)
    return PanCollection(path, chosen, peak, count, bands, (h, w), ratio, "gt" in shapes, "ms" in shapes, handle)


def sensor_of(name: str, where: str = "") -> Sensor:
    """The sensor of a data set: by its whole name, else by the first sensor whose name stands in it.

    Case does not matter.  The released SALAD-Pan takes 2047 for names that it does not know; here they are refused,
    because a wrong peak clips or darkens without a word.

    Args:
        name: of the data set, or the stem of its file, such as ``"train_wv3"``.
        where: for the error.

    Raises:
        RequestError: no sensor with a known bit depth is named.
    """
    known = {s.name.lower(): s for s in SENSORS.values() if s.bits}
    try:
        exact: Sensor | None = find_sensor(name)
    except RequestError:
        exact = None
    found = exact or next((s for key, s in known.items() if key in name.lower()), UNKNOWN)
    if not found.bits:
        raise RequestError(
            f"{name!r} names no sensor",
            where=where,
            fix=f"give the sensor: {', '.join(s.name for s in known.values())}",
        )
    return found


def draw_pair(file: PanCollection, patch: int, rng: np.random.Generator) -> Pair:
    """Draw a patch of a random scene, turned and flipped at random, in the unit range.

    The MS of the pair is the file's own ``lms``: it was interpolated at the phase at which the toolbox sampled ``ms``,
    so it lies on ``gt``; sampling ``ms`` at true px centres would shift it by half a PAN px.

    Args:
        file: with a ``gt``.
        patch: side, PAN px.
        rng: of all draws.

    Returns:
        PAN (1, patch, patch), MS and target (C, patch, patch).

    Raises:
        RequestError: the file has no ``gt``, its scenes are smaller than the patch, or a value is not finite.
    """
    if patch > min(file.size_hw):
        raise RequestError(
            f"no patch of {patch} px fits into {file.size_hw[0]} x {file.size_hw[1]} px",
            where=str(file.path),
            fix=f"use {min(file.size_hw)} px or less",
        )
    index = int(rng.integers(file.count))
    top, left = (int(rng.integers(n - patch + 1)) for n in file.size_hw)
    scene = file.read(index, slice(top, top + patch), slice(left, left + patch))
    if scene.gt is None:
        raise RequestError(
            "there is no gt to train on", where=str(file.path), fix="use a reduced-resolution file of the train part"
        )
    turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)

    def turned(image: Array) -> Array:
        image = np.rot90(image, turns, axes=(1, 2))
        return np.ascontiguousarray(image[:, ::-1] if flip else image)

    assert scene.gt is not None  # noqa: S101  has_truth
    return Pair(turned(scene.pan), turned(scene.lms), turned(scene.gt))


@dataclass(frozen=True, slots=True, eq=False)
class PanCollectionPatches:
    """An endless, random-access stream of batches: the files take turns, so none mixes band counts.

    Attributes:
        files: with a ``gt`` each, and no test set.
        patch: side, PAN px.
        unrolled: bands of a batch, over all its images.
        seed: of all draws.
    """

    files: Sequence[PanCollection]
    patch: int
    unrolled: int
    seed: int

    def __post_init__(self) -> None:
        for file in self.files:
            if "test" in file.path.stem.lower():
                raise RequestError(
                    "this is a test set by its name", where=str(file.path), fix="train on the train and valid parts"
                )
        if not self.files:
            raise RequestError("no PanCollection file is named", where="data.sources", fix="name at least one")

    def __call__(self, number: int) -> Batch:
        """Batch ``number``: a function of the seed and the number alone."""
        rng = np.random.default_rng((self.seed, number))
        file = self.files[number % len(self.files)]
        pairs = [draw_pair(file, self.patch, rng) for _ in range(max(1, self.unrolled // file.bands))]
        return to_batch(pairs, float(file.ratio), int(rng.integers(2**31)))


def _open(path: Path) -> Any:
    """Open a file for reading."""
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise RequestError("HDF5 files need h5py", where=str(path), fix="pip install 'seamline[train]'") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RequestError("this is no HDF5 file", where=str(path), fix="fetch it again") from error


def _check(shapes: dict[str, tuple[int, ...]], sensor: Sensor, where: str) -> int:
    """Hold the shapes to each other and to the sensor, and give the ratio."""
    pan, lms = shapes["pan"], shapes["lms"]
    told = ", ".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in shapes.items())
    fix = "use a PanCollection file: N x C x rows x columns each"
    if any(len(shape) != 4 or 0 in shape for shape in shapes.values()):
        raise RequestError(f"an array has not four axes, or is empty ({told})", where=where, fix=fix)
    if len({shape[0] for shape in shapes.values()}) > 1:
        raise RequestError(f"the arrays hold different numbers of scenes ({told})", where=where, fix=fix)
    if pan[1] != 1 or len({shapes[key][1] for key in ("lms", "ms", "gt") if key in shapes}) > 1:
        raise RequestError(f"the band counts do not fit ({told})", where=where, fix="one band of pan, C of the others")
    if sensor.bands and lms[1] not in {len(sensor.bands), 4}:
        raise RequestError(
            f"{lms[1]} bands are not those of {sensor.name}, which has {len(sensor.bands)}",
            where=where,
            fix="name the sensor that the file comes from",
        )
    if pan[2:] != lms[2:] or shapes.get("gt", lms) != lms:
        raise RequestError(f"pan, lms and gt differ in size ({told})", where=where, fix=fix)
    if "ms" not in shapes:
        return RATIO
    h, w = shapes["ms"][2:]
    ratio = lms[2] // h
    if ratio < 1 or (h * ratio, w * ratio) != lms[2:]:
        raise RequestError(f"the MS px are no whole multiple of the PAN px ({told})", where=where, fix=fix)
    return ratio


def _coarse(part: slice, size: int, ratio: int) -> slice | None:
    """The MS px of some PAN px; None if one is cut."""
    first, last, _ = part.indices(size)
    return None if first % ratio or last % ratio else slice(first // ratio, last // ratio)
