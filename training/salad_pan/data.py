"""Batches of PAN+MS pairs for the published-size SALAD-Pan: sensors take turns, batch by batch.

A batch follows from (seed, number) alone.  It holds one sensor and therefore one band count.  Nothing is turned or
flipped, as published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional as F

from ...engine.errors import RequestError
from ...engine.optics.sensors import Sensor
from ..data.pancollection import PanCollection, open_pancollection
from ..data.paths import locate, refuse_test_pair
from ..data.simulate import Pair, to_batch
from ..settings import PairSettings
from .recipe import SensorData
from .scene import ScenePair, open_scene_pair


@dataclass(frozen=True, slots=True)
class SensorBatch:
    """Pairs of one sensor.

    Attributes:
        pan: (B, 1, H, W), unit range.
        ms, target: (B, C, H, W), on the PAN grid, unit range.
        ratio: PAN px per MS px.
        seed: of the random draws of the training step.
        sensor: its name.
    """

    pan: torch.Tensor
    ms: torch.Tensor
    target: torch.Tensor
    ratio: float
    seed: int
    sensor: str


class PairSource(Protocol):
    """Where pairs of one sensor come from."""

    @property
    def sensor(self) -> Sensor:
        """That took them."""
        ...

    @property
    def peak(self) -> float:
        """DN that stands for 1."""
        ...

    @property
    def bands(self) -> int:
        """Of MS."""
        ...

    @property
    def ratio(self) -> float:
        """PAN px per MS px."""
        ...

    def draw(self, patch: int, rng: np.random.Generator) -> Pair:
        """A pair of ``patch`` px to train on."""
        ...

    def held_out(self, patch: int, count: int) -> list[Pair]:
        """The fixed pairs that are never trained on; ``patch`` px where the source is one scene."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CollectionSource:
    """Two PanCollection files of one sensor.

    Attributes:
        train, valid: the files; with ``gt``.
        check: scenes of ``valid`` that are measured; empty for the first ones.
    """

    train: PanCollection
    valid: PanCollection
    check: tuple[int, ...] = ()

    @property
    def sensor(self) -> Sensor:
        """That took them."""
        return self.train.sensor

    @property
    def peak(self) -> float:
        """DN that stands for 1."""
        return self.train.peak

    @property
    def bands(self) -> int:
        """Of MS."""
        return self.train.bands

    @property
    def ratio(self) -> float:
        """PAN px per MS px."""
        return float(self.train.ratio)

    def draw(self, patch: int, rng: np.random.Generator) -> Pair:
        """A patch of a random scene.

        Raises:
            RequestError: the scenes are smaller than the patch, or a value is not finite.
        """
        if patch > min(self.train.size_hw):
            raise RequestError(
                f"no patch of {patch} px fits into {self.train.size_hw[0]} x {self.train.size_hw[1]} px",
                where=str(self.train.path),
                fix=f"set data.patch to {min(self.train.size_hw)} or less",
            )
        index = int(rng.integers(len(self.train)))
        top, left = (int(rng.integers(n - patch + 1)) for n in self.train.size_hw)
        return _pair(self.train, index, slice(top, top + patch), slice(left, left + patch))

    def held_out(self, patch: int, count: int) -> list[Pair]:  # noqa: ARG002  scenes of these files are patches
        """Whole scenes."""
        return [_pair(self.valid, k) for k in self.check or range(min(count, len(self.valid)))]


def _pair(file: PanCollection, index: int, rows: slice = slice(None), columns: slice = slice(None)) -> Pair:
    scene = file.read(index, rows, columns)
    assert scene.gt is not None  # noqa: S101  checked when the file was opened
    return Pair(scene.pan, scene.lms, scene.gt)


@dataclass(frozen=True, slots=True, eq=False)
class SensorTurns:
    """An endless, random-access stream of batches.

    Attributes:
        sources: of each sensor, all of one band count; see ``by_sensor``.
        settings: patch, images or unrolled bands, resolution.
        seed: of all draws.
    """

    sources: Mapping[str, Sequence[PairSource]]
    settings: SensorData
    seed: int

    def __call__(self, number: int) -> SensorBatch:
        """Batch ``number``, of sensor ``number`` modulo their count."""
        rng = np.random.default_rng((self.seed, number))
        sensor = list(self.sources)[number % len(self.sources)]
        own = self.sources[sensor]
        count = self.settings.images or max(1, self.settings.unrolled // own[0].bands)
        # Pairs of one batch are of one ratio, which a sensor's scenes may differ in.
        ratio = own[int(rng.integers(len(own)))].ratio
        alike = [source for source in own if source.ratio == ratio]
        pairs = [alike[int(rng.integers(len(alike)))].draw(self.settings.patch, rng) for _ in range(count)]
        return sensor_batch(pairs, ratio, int(rng.integers(2**31)), sensor, self.settings.resolution)


def sensor_batch(pairs: Sequence[Pair], ratio: float, seed: int, sensor: str, resolution: int) -> SensorBatch:
    """Stack pairs and resize them bilinearly to a square of ``resolution`` px; 0 leaves them as they are."""
    plain = to_batch(pairs, ratio, seed)
    pan, ms, target = (_resized(image, resolution) for image in (plain.pan, plain.ms, plain.target))
    return SensorBatch(pan, ms, target, ratio, seed, sensor)


def _resized(image: torch.Tensor, side: int) -> torch.Tensor:
    if not side or tuple(image.shape[2:]) == (side, side):
        return image
    return F.interpolate(image, size=(side, side), mode="bilinear", align_corners=False)


def held_out_batches(sources: Mapping[str, Sequence[PairSource]], settings: SensorData) -> list[SensorBatch]:
    """The fixed pairs of every sensor, one a batch."""
    return [
        sensor_batch([pair], source.ratio, k, sensor, settings.resolution)
        for sensor, own in sources.items()
        for source in own
        for k, pair in enumerate(source.held_out(settings.held_out_patch, settings.held_out))
    ]


def load_pairs(
    settings: SensorData, beside: Path, folder: Path, check: Callable[[], None]
) -> dict[str, list[PairSource]]:
    """Open every pair of a recipe, by sensor in the order of the recipe.

    Args:
        beside: folder that relative paths begin at.
        folder: of the run; degraded scenes are written to ``pairs/`` there.
        check: called now and then; may raise to stop.

    Raises:
        RequestError: no pair is named, a file is not there, does not fit or belongs to the test pairs, or sources of
            one sensor differ in bands or peak.
    """
    sources = []
    for k, entry in enumerate(settings.pairs):
        sources.append(_open(entry, settings, beside, folder / "pairs" / str(k), check))
    if not sources:
        raise RequestError("no pairs are named", where="data.pairs", fix="name PanCollection files or a PAN+MS scene")
    return by_sensor(sources)


def by_sensor(sources: Sequence[PairSource]) -> dict[str, list[PairSource]]:
    """Sources grouped by the name of their sensor.

    Raises:
        RequestError: those of one sensor differ in bands or peak.
    """
    groups: dict[str, list[PairSource]] = {}
    for source in sources:
        groups.setdefault(source.sensor.name, []).append(source)
    for name, own in groups.items():
        if len({(source.bands, source.peak) for source in own}) > 1:
            raise RequestError(
                f"the pairs of {name} differ in bands or peak",
                where="data.pairs",
                fix="describe the odd one as a sensor of its own",
            )
    return groups


def _open(
    entry: PairSettings, settings: SensorData, beside: Path, folder: Path, check: Callable[[], None]
) -> PairSource:
    named = [name for name in ("train", "valid", "pan", "ms") if getattr(entry, name)]
    if named == ["pan", "ms"]:
        return _scene(entry, settings, beside, folder, check)
    if named == ["train", "valid"]:
        return _collection(entry, beside)
    raise RequestError(
        f"a pair names {' and '.join(named) or 'no file'}",
        where="data.pairs",
        fix="name train and valid (PanCollection), or pan and ms (one scene)",
    )


def _collection(entry: PairSettings, beside: Path) -> CollectionSource:
    files = []
    for name in (entry.train, entry.valid):
        path = locate(name, beside)
        refuse_test_pair(path)
        if "test" in path.stem.lower():
            raise RequestError("this is a test set by its name", where=str(path), fix="name the train and valid parts")
        file = open_pancollection(path, _sensor(entry, beside))
        if not file.has_truth:
            raise RequestError("there is no gt to train on", where=str(path), fix="use a reduced-resolution file")
        files.append(replace(file, peak=entry.peak or file.peak))
    train, valid = files
    if train.path.samefile(valid.path) or train.bands != valid.bands:
        raise RequestError(
            f"{train.path.name} is the same file or has other bands",
            where=str(valid.path),
            fix="name the train and the valid part of one sensor",
        )
    beyond = [k for k in entry.check if not 0 <= k < len(valid)]
    if beyond:
        raise RequestError(f"there is no scene {beyond[0]}", where=str(valid.path), fix=f"check 0 to {len(valid) - 1}")
    return CollectionSource(train, valid, entry.check)


def _scene(
    entry: PairSettings, settings: SensorData, beside: Path, folder: Path, check: Callable[[], None]
) -> ScenePair:
    # An input may be several single-band files.
    ms, pan = (",".join(str(locate(part, beside)) for part in name.split(",")) for name in (entry.ms, entry.pan))
    for part in (*ms.split(","), *pan.split(",")):
        refuse_test_pair(Path(part))
    return open_scene_pair(ms, pan, _sensor(entry, beside), entry.peak, settings.held_out_patch, folder, check)


def _sensor(entry: PairSettings, beside: Path) -> str:
    """Name or description file of a sensor."""
    described = entry.sensor.lower().endswith((".json", ".yaml", ".yml"))
    return str(locate(entry.sensor, beside)) if described else entry.sensor
