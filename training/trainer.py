"""A trainer trains one system: what from, in which stages, how good the result is, and what it leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from accelerate import Accelerator
from torch import nn

from ..models.folder import QualityRow
from .data.paths import locate
from .data.sources import Source, Split, load_sources
from .loop import Observe
from .recipe import Recipe
from .settings import StageSettings

RecipeT = TypeVar("RecipeT", bound=Recipe)
DataT = TypeVar("DataT")
StreamT = TypeVar("StreamT")
BatchT = TypeVar("BatchT")
Quality = tuple[QualityRow, ...]


@dataclass(frozen=True, slots=True)
class Run(Generic[RecipeT]):
    """What a trainer is given.

    Attributes:
        recipe: of its system.
        beside: folder that relative paths of the recipe begin at.
        check: called before every step and in long work; raises ``Cancelled`` to stop.
    """

    recipe: RecipeT
    beside: Path
    check: Callable[[], None] = lambda: None

    @property
    def folder(self) -> Path:
        """Of the run: checkpoints, tables, and what is made."""
        return Path(self.recipe.output)

    def locate(self, name: str) -> Path:
        """The path that a recipe means; see ``data.paths.locate``."""
        return locate(name, self.beside)

    def sources(self, split: Split) -> list[Source]:
        """The sources of a split, from the folder that ``SEAMLINE_DATA`` names.

        Raises:
            RequestError: a source cannot be read; see ``load_sources``.
        """
        root = os.environ.get("SEAMLINE_DATA")
        return load_sources(Path(root) if root else None, self.recipe.data.sources, split, self.recipe.seed)


@dataclass(frozen=True, slots=True, eq=False)
class TrainData(Generic[StreamT, BatchT]):
    """What most trainers learn from.

    Attributes:
        train: stream that gives batch number n of the train split.
        held_out: the fixed batches of the val split.
    """

    train: StreamT
    held_out: list[BatchT]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One part of a training, which the loop runs.

    Attributes:
        name: of its checkpoint, ``NAME.pt``, and of its scalars in TensorBoard.
        module: its forward pass gives the loss of a batch.
        settings: steps and rates.
        batches: gives batch number n; a function of the number alone.
        observe: called after every checkpoint with the step and the averaged weights; see ``Loop``.
        workers: processes that make batches ahead.
    """

    name: str
    module: nn.Module
    settings: StageSettings
    batches: Callable[[int], Any]
    observe: Observe | None = None
    workers: int = 0


class Trainer(Protocol[DataT]):
    """Trains one system; ``training.run`` calls these in this order, each once.

    It is made of a ``Run``.  What it makes follows from the recipe and the data alone.
    """

    @property
    def result(self) -> Path:
        """The folder that is left; known after ``stages``."""
        ...

    def data(self) -> DataT:
        """Read what is trained on and what is held out.

        Raises:
            RequestError: the data do not fit the recipe.
        """
        ...

    def stages(self, data: DataT, accelerator: Accelerator) -> Generator[Stage, None, None]:
        """The stages in their order.

        A stage that was given has been trained when the next one is asked for: its module lies on the CPU and holds the
        averaged weights.  A run that stops closes the generator, so ``finally`` is called.

        Args:
            data: from ``data``.
            accelerator: tells the device and the main process.
        """
        ...

    def measure(self, data: DataT) -> Quality:
        """How good the weights are, as they are stored; called on the main process alone."""
        ...

    def export(self, quality: Quality) -> None:
        """Write ``result``; called on the main process alone.

        Raises:
            ModelError: a weight is not finite.
        """
        ...


@dataclass(frozen=True, slots=True)
class System(Generic[RecipeT]):
    """What a system registers, as ``SYSTEM`` of the module that ``systems.SYSTEMS`` names.

    Attributes:
        recipe: model of its recipes.
        trainer: makes the trainer of a run.
    """

    recipe: type[RecipeT]
    trainer: Callable[[Run[RecipeT]], Trainer[Any]]
