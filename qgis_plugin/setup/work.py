"""Set-up and its look around, in the background of QGIS: one piece of work at a time, whoever watches."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .. import settings
from ..engine_process import EngineError
from ..examination import examine
from ..text import tr
from .execution import Execution, setup_environment
from .network import qgis_proxy
from .plan import Choice, make_plan
from .proxy import proxy_variables
from .pythons import Python, bundled_folders, find_pythons, in_flatpak
from .requirements import read_requirements
from .standalone import Standalone, standalone
from .torch_build import TorchBuild, builds, choose, find_gpus


@dataclass(frozen=True)
class Machine:
    """What was found on this machine.

    Attributes:
        pythons: usable ones, the preferred first.
        builds: of PyTorch that exist for it.
        build: the one to offer; None when there is none.
        why: one sentence on the choice.
        standalone: the Python that set-up can bring; None where there is none for it.
        flatpak: whether QGIS runs inside Flatpak.
    """

    pythons: tuple[Python, ...]
    builds: tuple[TorchBuild, ...]
    build: TorchBuild | None
    why: str
    standalone: Standalone | None = None
    flatpak: bool = False


def look_around() -> Machine:
    """Find Pythons and graphics cards; takes seconds, and may be called from any thread."""
    flatpak = in_flatpak(os.environ)
    bundled = bundled_folders(sys.platform, os.environ, QgsApplication.prefixPath(), flatpak=flatpak)
    pythons = tuple(find_pythons(sys.platform, os.environ, settings.home(), bundled))
    available = builds(sys.platform, platform.machine())
    build, why = choose(available, find_gpus())
    return Machine(pythons, available, build, why, standalone(sys.platform, platform.machine()), flatpak)


class _Task(QgsTask):
    """A function in the background.  QGIS shows it among its tasks, where it can be cancelled too."""

    stepped = pyqtSignal(int, int, str)
    said = pyqtSignal(str)
    ended = pyqtSignal(object)

    def __init__(self, title: str, function: Callable[[_Task], Any]) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._function = function
        self.result: Any = None
        self.error = ""

    def run(self) -> bool:
        """Called by QGIS in a thread of its own."""
        try:
            self.result = self._function(self)
        except EngineError as error:
            self.error = str(error)
        except Exception as error:  # a defect: QGIS would swallow it
            self.error = tr("unexpected {error}; please report it").format(error=repr(error))
        return not self.error

    def finished(self, result: bool) -> None:
        """Called by QGIS in the main thread, also after a cancel."""
        self.ended.emit(self)

    def step(self, done: int, total: int, title: str) -> None:
        """Say how far it is."""
        self.stepped.emit(done, total, title)
        self.setProgress(100.0 * done / total)


class Worker(QObject):
    """Runs one piece of work at a time and outlives the page that shows it.

    Signals:
        looked: takes the ``Machine``.
        stepped: takes the number of steps done, of all, and the title of the next.
        said: takes a line of the log.
        ended: takes whether set-up is complete, and the sentence of its failure.
        examined: takes the findings, None after a cancel.
    """

    looked = pyqtSignal(object)
    stepped = pyqtSignal(int, int, str)
    said = pyqtSignal(str)
    ended = pyqtSignal(bool, str)
    examined = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: _Task | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._task is not None

    def cancel(self) -> None:
        """Stop what is being done; its end is signalled as usual."""
        if self._task is not None:
            self._task.cancel()

    def look(self) -> None:
        """Look around; ignored while busy."""
        self._start(tr("Look for Pythons and graphics cards"), lambda _: look_around(), self._looked)

    def set_up(self, choice: Choice) -> None:
        """Carry a choice out; ignored while busy.

        Raises:
            EngineError: the choice cannot be carried out; nothing was started.
        """
        plan = make_plan(choice, read_requirements(settings.ROOT), settings.launcher())
        environment = setup_environment(os.environ, proxy_variables(qgis_proxy()))

        def run(task: _Task) -> bool:
            return Execution(plan, environment).run(
                on_step=task.step, on_line=task.said.emit, is_cancelled=task.isCanceled
            )

        self._start(tr("Set up Seamline's engine"), run, lambda task: self._set_up(task, choice.folder))

    def examine(self) -> None:
        """Run the doctor; ignored while busy."""
        python, launcher = settings.engine_python(), str(settings.launcher())

        def run(task: _Task) -> Any:
            return examine(
                python,
                launcher,
                on_finding=lambda finding: task.said.emit(finding.sentence),
                on_log=task.said.emit,
                is_cancelled=task.isCanceled,
            )

        self._start(tr("Examine Seamline's engine"), run, self._examined)

    def _start(self, title: str, function: Callable[[_Task], Any], then: Callable[[_Task], None]) -> None:
        if self._task is not None:
            return
        task = self._task = _Task(title, function)
        task.stepped.connect(self.stepped)
        task.said.connect(self.said)
        task.ended.connect(lambda ended: self._end(ended, then))
        QgsApplication.taskManager().addTask(task)

    def _end(self, task: _Task, then: Callable[[_Task], None]) -> None:
        self._task = None
        then(task)

    def _looked(self, task: _Task) -> None:
        self.looked.emit(task.result or Machine((), (), None, task.error))

    def _set_up(self, task: _Task, folder: Path) -> None:
        is_complete = task.result is True
        if is_complete:
            settings.use_setup(folder)
        self.ended.emit(is_complete, task.error)

    def _examined(self, task: _Task) -> None:
        if task.error:
            self.said.emit(task.error)
        self.examined.emit(task.result)
