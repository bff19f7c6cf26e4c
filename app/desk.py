"""What the page can do, without the page: open, preview, run and measure, as the command line does it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL.Image import Image

from .. import api
from ..engine.contract import Task
from ..engine.errors import RequestError
from ..engine.events import Cancel, Listener
from ..engine.run.loaded import LoadedOnce
from ..models import registry
from ..report.page import write_page
from .asked import Asked, Existing
from .folders import Folders
from .measuring import Measured, Resolution, measure
from .pictures import before_after
from .scene import Opened, Window, open_scene
from .work import Worker


@dataclass(frozen=True, slots=True)
class Preview:
    """A part of a scene that was run.

    Attributes:
        path: of the output, a crop of the whole run's.
        before, after: pictures of one size; ``before`` is None where it cannot be laid on ``after``.
        size: (width, height) of the output, px.
    """

    path: Path
    before: Image | None
    after: Image
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is done.

    Attributes:
        out: its output.
        page: its report.
    """

    out: Path
    page: Path


class Desk:
    """The folders of the page, and the work that goes on for it.

    Attributes:
        folders: whose files may be named.
        worker: does previews (kind ``"preview"``), runs (``"run"``) and evaluations (``"measure"``).
        form: what stood on the page when the last run began; None before.
    """

    def __init__(self, folders: Folders) -> None:
        self.folders, self.worker = folders, Worker()
        self.form: tuple[Any, ...] | None = None
        self._loaded = LoadedOnce()
        self._scratch = tempfile.TemporaryDirectory(prefix="seamline-app-", ignore_cleanup_errors=True)

    def open(self, task: Task, main: str, beside: str) -> tuple[Opened, Image]:
        """Open a scene, as ``open_scene``."""
        return open_scene(task, main, beside, self.folders)

    def model(self, named: str | None) -> str:
        """A model that was chosen or typed: a name that the registry knows, or a folder.

        Raises:
            RequestError: none was, or the folder is missing or leads out of the folders of the page.
        """
        if not named:
            raise RequestError("no model is chosen", fix="choose one")
        return named if named in registry.names() else self.folders.readable(named)

    def preview(self, opened: Opened, asked: Asked, window: Window) -> None:
        """Begin to run a window, which gives the pixels that the whole run would give there.

        Raises:
            RequestError: other work goes on, or an option has a value that no run can mean.
        """
        out = Path(self._scratch.name, "preview.tif")
        request = asked.request(opened, out, window=window, existing="overwrite", also=False)

        def work(listener: Listener, cancel: Cancel) -> Preview:
            outcome = api.run_request(
                request, opened.task, asked.model, loaded=self._loaded, listener=listener, cancel=cancel
            )
            width, height = outcome.facts["size"]
            return Preview(out, *before_after(outcome.facts), (width, height))

        self.worker.start("preview", "the preview", work)

    def run(self, opened: Opened, asked: Asked, out: str, window: Window | None, existing: Existing) -> None:
        """Begin to run a scene, or a window of it, and to write its report.

        Raises:
            RequestError: the output leads out of the folders, other work goes on, or an option has a value that no run
                can mean.
        """
        path = self.folders.writable(out)
        request = asked.request(opened, path, window=window, existing=existing)

        def work(listener: Listener, cancel: Cancel) -> Finished:
            api.run_request(request, opened.task, asked.model, loaded=self._loaded, listener=listener, cancel=cancel)
            return Finished(path, write_page(path))

        self.worker.start("run", f"the run of {path.name}", work)

    def measure(self, opened: Opened, asked: Asked, resolution: Resolution, window: Window | None) -> None:
        """Begin to measure a model on the open pair.

        Raises:
            RequestError: as for ``preview``.
        """
        request = asked.request(opened, Path(self._scratch.name, "measured.tif"), window=window, also=False)

        def work(listener: Listener, cancel: Cancel) -> Measured:
            found = measure(request, asked.model, resolution, listener, cancel)
            return Measured(f"{asked.model} at {resolution} resolution, seed {asked.seed}", found.plain())

        self.worker.start("measure", "the evaluation", work)

    def suggested(self, opened: Opened, model: str) -> str:
        """A name for the output of a run."""
        main = Path(next(iter(opened.inputs.values())).partition(",")[0])
        return str(self.folders.roots[0] / f"{main.stem}-{Path(model).name}.tif")

    @property
    def report(self) -> Path | None:
        """The report of the last run; None where it is not done."""
        result = self.worker.state("run").result
        return result.page if isinstance(result, Finished) else None

    def close(self) -> None:
        """Cancel what goes on, and leave nothing but outputs and unfinished runs behind."""
        self.worker.close()
        self._scratch.cleanup()
