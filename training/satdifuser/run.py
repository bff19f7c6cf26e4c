"""Train a head by a recipe; the same training as that of ``seamline train --task``."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from ...engine.errors import RequestError
from ...engine.events import warnings_to
from ...engine.inputs.labels import LabelRequest
from ..trainer import Quality, Run, Stage, System
from .export import Statements
from .labelled import Material, Renamed, Source, Together
from .recipe import LabelledSource, SatDiFuserRecipe
from .sources import open_dataset, open_source
from .train import Job, Training

log = logging.getLogger(__name__)
_EVERY_S = 30.0


class SatDiFuserTrainer:
    """Trains a head; a ``Trainer`` without stages, because a fit that stops early keeps its best weights.

    What a broken run had computed lies in the cache, so that it goes on from there; the fit itself takes minutes.
    """

    def __init__(self, run: Run[SatDiFuserRecipe]) -> None:
        self.run, self.recipe = run, run.recipe
        self._training = Training(self._job(), _Log(), run.check)

    @property
    def result(self) -> Path:
        """The model folder."""
        return self.run.folder / self.recipe.name

    def data(self) -> Material:
        """The tiles that hold labels."""
        with warnings_to(_Log()):
            self._training.prepare()
        return self._training.material

    def stages(self, data: Material, accelerator: Accelerator) -> Generator[Stage, None, None]:  # noqa: ARG002
        """None: features are computed and the head is fitted here."""
        with warnings_to(_Log()):
            self._training.learn()
        yield from ()

    def measure(self, data: Material) -> Quality:  # noqa: ARG002
        """Scores on the val splits, or on what was held out."""
        return self._training.quality

    def export(self, quality: Quality) -> None:  # noqa: ARG002
        """Write the model folder."""
        self._training.export()

    def _job(self) -> Job:
        recipe, run = self.recipe, self.run
        stated = recipe.card.lines()
        return Job(
            task=recipe.task,
            source=self._source,
            out=self.result,
            design=recipe.design,
            minutes=recipe.minutes,
            patch=recipe.data.side or None,
            hold_out=recipe.data.hold_out,
            share=recipe.data.share,
            seed=recipe.seed,
            cache=Path(recipe.cache) if recipe.cache else run.folder / "features",
            copies=recipe.copies,
            fit=recipe.fit,
            overwrite=True,
            statements=Statements(**stated),
            name=recipe.name,
            version=recipe.version,
        )

    def _source(self, check: Callable[[], None]) -> Source:
        return Together([self._opened(settings, check) for settings in self.recipe.data.sources])

    def _opened(self, settings: LabelledSource, check: Callable[[], None]) -> Source:
        kinds = [bool(settings.dataset), bool(settings.images), bool(settings.chips)]
        if sum(kinds) != 1:
            raise RequestError(
                "a source is one of a dataset, images and chips", where="data.sources", fix="name one of the three"
            )
        path = str(self.run.locate(settings.labels)) if settings.labels else ""
        labels = LabelRequest(path, settings.class_field, settings.layer, settings.rest, settings.ignore)
        bands = settings.named or settings.bands
        if settings.dataset:
            root = os.environ.get("SEAMLINE_DATA")
            if not root:
                raise RequestError(
                    "the data folder is not known",
                    where=settings.dataset,
                    fix="set SEAMLINE_DATA to the folder of splits.json",
                )
            found: Source = open_dataset(
                Path(root),
                settings.dataset,
                labels=labels,
                contains=settings.contains,
                excludes=settings.excludes,
                bands=bands,
                fit=settings.fit,
            )
        else:
            images = [str(self.run.locate(each)) for each in settings.images or (settings.chips,)]
            given = labels if path else None
            found = open_source(self.recipe.task, images, given, bands=bands, fit=settings.fit, check=check)
        return Renamed(found, settings.rename) if settings.rename else found


class _Log:
    """A listener that writes to the log, progress now and then."""

    def __init__(self) -> None:
        self._last = 0.0

    def emit(self, event: str, **fields: Any) -> None:
        """Take one event."""
        if event == "start":
            log.info("%s", fields["doing"])
        elif event == "warning":
            log.warning("%s", fields["what"])
        elif event == "progress" and time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            log.info("%d/%d, %.0f s left", fields["done"], fields["total"], fields["eta_s"])


SYSTEM = System(SatDiFuserRecipe, SatDiFuserTrainer)
