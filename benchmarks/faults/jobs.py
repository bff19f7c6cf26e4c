"""The runs that faults happen to: their scenes, their commands, and what they give undisturbed."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from ..shared.forks import Conditions, Ended, Moment, moments_of, start
from ..shared.scenes import write_scene

OUT, WORKSPACE = "o.tif", "o.tif.seamline"
SIDE, RATIO, CRS = 96, 4, "EPSG:32633"
_SMALL = ("--tile", "32", "--overlap", "8", "--threads", "1")
_BICUBIC = ("superres", "lr.tif", OUT, "--model", "bicubic", "--scale", "2", *_SMALL)


@dataclass(frozen=True, slots=True)
class Job:
    """A run.

    Attributes:
        name: by which trials call it.
        commands: one after another; the last one makes the output.
        whole: one command that makes the same output.
        inputs: names of its files.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    whole: tuple[str, ...]
    inputs: tuple[str, ...]


def _alone(name: str, command: tuple[str, ...], *inputs: str) -> Job:
    return Job(name, (command,), command, inputs)


JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (
        _alone("bicubic", _BICUBIC, "lr.tif"),
        _alone("identity", ("superres", "masked.tif", OUT, "--model", "identity", *_SMALL), "masked.tif"),
        _alone(
            "gsa",
            (
                "pansharpen",
                "ms.tif",
                "pan.tif",
                OUT,
                "--model",
                "gsa",
                "--tile",
                "80",
                "--overlap",
                "40",
                "--threads",
                "1",
            ),
            "ms.tif",
            "pan.tif",
        ),
        _alone("workers", (*_BICUBIC, "--workers", "2"), "lr.tif"),
        Job(
            "shards",
            ((*_BICUBIC, "--shard", "1/2"), (*_BICUBIC, "--shard", "2/2"), ("merge", OUT)),
            _BICUBIC,
            ("lr.tif",),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job with what its trials need.

    Attributes:
        job: that it is of.
        inputs: folder of its inputs.
        others: folder of inputs of the same names, grids and sizes, but with other values.
        right: what its output holds.
        other: what it holds where those others are read.
        moments: of each command.
        killed: folder as it is where the run was killed between two row bands; likewise of the others.
        largest: bytes of the largest file that it writes.
    """

    job: Job
    inputs: Path
    others: Path
    right: str
    other: str
    moments: tuple[tuple[Moment, ...], ...]
    killed: Path
    killed_other: Path
    largest: int


@dataclass(slots=True)
class Bench:
    """Prepares each job once, in a folder."""

    folder: Path
    _prepared: dict[str, Prepared] = field(default_factory=dict)

    def prepared(self, name: str) -> Prepared:
        """A job, prepared."""
        if name not in self._prepared:
            self._prepared[name] = _prepare(JOBS[name], self.folder / name)
        return self._prepared[name]


def content_of(path: Path) -> str:
    """Digest of what a raster says: values, validity, georeference, type, nodata and names of bands.

    What GDAL cannot read has none that is right.
    """
    try:
        with rasterio.open(path) as data:
            values, valid = data.read(), data.dataset_mask()
            rest = (data.transform, data.crs and data.crs.to_wkt(), data.dtypes, data.nodatavals, data.descriptions)
    except rasterio.errors.RasterioError as error:
        return f"unreadable: {error}"
    return hashlib.sha256(values.tobytes() + valid.tobytes() + repr(rest).encode()).hexdigest()


def write_inputs(folder: Path, seed: int) -> None:
    """The inputs of every job; those of two seeds differ in their values alone."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    low = _field(rng, SIDE, 3, 4.0)
    write_scene(folder / "lr.tif", low, from_origin(500000, 5000000, 4, 4), CRS)
    fine = _field(rng, SIDE * 2, 4, 1.0).astype(np.float64)
    side = SIDE * 2 // RATIO
    coarse = fine.reshape(4, side, RATIO, side, RATIO).mean(axis=(2, 4))
    write_scene(folder / "ms.tif", coarse.astype(np.uint16), from_origin(500000, 5000000, 4, 4), CRS)
    write_scene(
        folder / "pan.tif", fine.mean(axis=0, keepdims=True).astype(np.uint16), from_origin(5e5, 5e6, 1, 1), CRS
    )
    low[:, :20, 30:50] = 0
    with rasterio.open(folder / "lr.tif") as scene:
        profile = scene.profile | {"nodata": 0}
    with rasterio.open(folder / "masked.tif", "w", **profile) as masked:
        masked.write(low)


def _field(rng: np.random.Generator, side: int, bands: int, pixel: float) -> NDArray[np.uint16]:
    rows, columns = np.mgrid[0:side, 0:side] * pixel
    phase = rng.uniform(0, 6, bands)
    bright = [1000 + 300 * np.sin(columns / (7 + b) + phase[b]) + 200 * np.cos(rows / (11 + b)) for b in range(bands)]
    values: NDArray[np.uint16] = (np.stack(bright) + rng.normal(0, 20, (bands, side, side))).clip(1).astype(np.uint16)
    return values


def _prepare(job: Job, folder: Path) -> Prepared:
    inputs, others = folder / "inputs", folder / "others"
    for place, seed in ((inputs, 1), (others, 2)):
        write_inputs(place / "all", seed)
        for name in job.inputs:
            (place / "all" / name).rename(place / name)
        shutil.rmtree(place / "all")
    moments, largest, right = [], 0, ""
    run = shutil.copytree(inputs, folder / "run")
    for i, command in enumerate(job.commands):
        record = folder / f"moments-{i}"
        _through(command, run, folder / "log", Conditions(record=record))
        moments.append(moments_of(record))
    largest, right = (run / OUT).stat().st_size, content_of(run / OUT)
    shutil.rmtree(run)
    shutil.copytree(others, run)
    for command in job.commands:
        _through(command, run, folder / "log", Conditions())
    other = content_of(run / OUT)
    between = _between_bands(moments[0])
    killed = [_killed(job.commands[0], place, folder, between) for place in (inputs, others)]
    return Prepared(job, inputs, others, right, other, tuple(moments), *killed, largest)


def _between_bands(moments: Sequence[Moment]) -> Moment | None:
    """When half of the row bands have their receipts; None where others than Python's process write them."""
    written = [moment for moment in moments if moment.event == "os.rename" and "/bands/" in moment.path]
    return written[len(written) // 2] if written else None


def _killed(command: Sequence[str], inputs: Path, folder: Path, moment: Moment | None) -> Path:
    place = shutil.copytree(inputs, folder / f"killed-{inputs.name}")
    if moment is not None:
        run = start(command, place, folder / "log", Conditions(stop=moment))
        if run.wait() is not None:
            raise RuntimeError(f"{' '.join(command)} did not stop at {moment}")
        run.signal(signal.SIGKILL)
        run.wait()
    return place


def _through(command: Sequence[str], folder: Path, log: Path, conditions: Conditions) -> Ended:
    ended = start(command, folder, log, conditions).wait()
    if ended is None or ended.code:
        raise RuntimeError(f"{' '.join(command)} failed undisturbed:\n{log.read_text()}")
    return ended
