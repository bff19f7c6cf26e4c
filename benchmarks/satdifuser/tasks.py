"""What is learned and what it is tested on: real images with labels, by the splits of the data folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from seamline.engine.inputs.labels import LabelRequest
from seamline.training.satdifuser.labelled import Renamed, Source, Together
from seamline.training.satdifuser.sources import SIDES, open_dataset
from seamline.training.satdifuser.tiles import Side

_TEST: Mapping[str, Side] = MappingProxyType({"test": "val"})
_BUILDINGS = LabelRequest("", rest="background", field=None)


@dataclass(frozen=True, slots=True)
class Set:
    """A labelled data set.

    Attributes:
        title: for the page.
        dataset: name in ``splits.json``.
        contains: only files whose path holds one of these; all where empty.
        excludes: no files whose path holds one of these.
        labels: how its labels are read; None where folders are named after classes.
        rename: names of its classes as other sets have them.
    """

    title: str
    dataset: str
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    labels: LabelRequest | None = None
    rename: Mapping[str, str] = field(default_factory=dict)

    def opened(self, root: Path, sides: Mapping[str, Side]) -> Source:
        """Its images and labels on some sides of the split."""
        found = open_dataset(
            root, self.dataset, labels=self.labels, contains=self.contains, excludes=self.excludes, sides=sides
        )
        return Renamed(found, self.rename) if self.rename else found


# At 0.15 m, which is nearest to the 0.13 m of the other city.
KAMPALA = Set("Kampala", "buildings", contains=("-20.tif",), labels=_BUILDINGS, rename={"buildings": "building"})
BANEPA = Set("Banepa", "buildings_banepa", labels=_BUILDINGS)
EUROSAT = Set("EuroSAT", "eurosat")
TREES = Set("trees", "trees")


@dataclass(frozen=True, slots=True)
class Task:
    """Something to learn.

    Attributes:
        name: short, for options and files.
        title: for the page.
        kind: of the answer.
        train: whose train and val splits are learned from.
        tests: whose test splits are told.
        patch: side of a patch, px; None for px.
    """

    name: str
    title: str
    kind: Literal["segment", "classify"]
    train: tuple[Set, ...]
    tests: tuple[Set, ...]
    patch: int | None = None

    def source(self, root: Path) -> Callable[[Callable[[], None]], Source]:
        """What a training opens."""
        return lambda check: Together([each.opened(root, SIDES) for each in self.train])  # noqa: ARG005


def test_source(each: Set, root: Path) -> Source:
    """The test split of a set."""
    return each.opened(root, _TEST)


_CITIES = (KAMPALA, BANEPA)
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task("both", "buildings, both cities", "segment", _CITIES, _CITIES),
            Task("kampala", "buildings, Kampala alone", "segment", (KAMPALA,), _CITIES),
            Task("banepa", "buildings, Banepa alone", "segment", (BANEPA,), _CITIES),
            Task("eurosat", "land cover, EuroSAT", "classify", (EUROSAT,), (EUROSAT,), 64),
            Task("trees", "trees, alive or dead", "classify", (TREES,), (TREES,), 64),
        )
    }
)
