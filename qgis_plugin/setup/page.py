"""The page Settings > Options > Seamline: what is found, what is chosen, how far set-up is, and its log."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..engine_process import EngineError
from ..environment import is_file
from ..reporting import duration, storage
from ..text import tr
from .execution import read_log
from .offer import Offer
from .plan import Choice
from .pythons import Python, probe
from .standalone import Standalone
from .torch_build import TorchBuild, python_of
from .work import Machine, Worker

PAGE = "seamlineSetup"  # the name by which QGIS opens the page
_ICON = Path(__file__).parent.parent / "icons" / "seamline.svg"
_BROUGHT = ""  # in place of the program of a Python that set-up brings
_LOG_LINES = 20_000
_BYTES_A_SECOND = 50e6 / 8


class PageFactory(QgsOptionsWidgetFactory):
    """Makes the page whenever QGIS opens its options.

    Args:
        worker: outlives the pages.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker
        self.setTitle("Seamline")

    def icon(self) -> QIcon:
        """The plugin's drawing."""
        return QIcon(str(_ICON))

    def createWidget(self, parent: QWidget | None) -> SetupPage:
        """Called by QGIS."""
        return SetupPage(self._worker, parent)


class SetupPage(QgsOptionsPageWidget):
    """Shows the worker; closing the page stops nothing."""

    def __init__(self, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE)
        self._worker = worker
        self._builds: dict[str, TorchBuild] = {}
        self._standalone: Standalone | None = None
        self._versions: dict[str, tuple[int, ...]] = {}
        self._add_widgets()
        worker.looked.connect(self._show_machine)
        worker.stepped.connect(self._show_step)
        worker.said.connect(self.log.appendPlainText)
        worker.ended.connect(self._show_end)
        worker.examined.connect(self._show_findings)
        self._refresh()

    def apply(self) -> None:
        """Called by QGIS on OK; what set-up chose was kept when it was complete."""

    def showEvent(self, event: object) -> None:
        """Look around only when somebody looks: QGIS makes every page whenever its options open."""
        super().showEvent(event)
        self._look_once()

    def _look_once(self) -> None:
        if not self._builds and not self._worker.is_busy:
            self.why.setText(tr("Looking for Pythons and graphics cards..."))
            self._worker.look()
            self._refresh()

    # Widgets

    def _add_widgets(self) -> None:
        self.status, self.why, self.cost, self.step = (_wrapped() for _ in range(4))
        self.folder, self.wheels = (_folder_widget() for _ in range(2))
        self.folder.setFilePath(str(settings.setup_folder()))
        self.wheels.lineEdit().setPlaceholderText(tr("empty: use the network"))
        self.wheels.setToolTip(
            tr("A folder with wheels, and with models or the engine's wheel, made on another computer")
        )
        self.python, self.build, self.offer = QComboBox(), QComboBox(), Offer()
        self.other = QPushButton(tr("Other..."))
        self.other.clicked.connect(self._choose_python)
        self.start, self.check, self.copy = (
            QPushButton(text) for text in (tr("Set up"), tr("Examine the engine"), tr("Copy the log"))
        )
        self.start.clicked.connect(self._start_or_cancel)
        self.check.clicked.connect(self._examine)
        self.copy.clicked.connect(self._copy_log)
        self.build.currentIndexChanged.connect(self._show_cost)
        self.wheels.fileChanged.connect(self._show_cost)
        self.wheels.fileChanged.connect(self._choose_fitting)
        self.python.currentIndexChanged.connect(self._show_offer)
        self.wheels.fileChanged.connect(self._show_offer)
        self.folder.fileChanged.connect(self._show_offer)
        self.offer.decided.connect(self._refresh)
        self.bar, self.log = QProgressBar(), QPlainTextEdit()
        self.bar.setVisible(False)
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_LOG_LINES)
        form = QFormLayout()
        form.addRow(tr("Folder of the engine"), self.folder)
        form.addRow(tr("Python"), _row(self.python, self.other))
        form.addRow("", self.offer)
        form.addRow(tr("PyTorch for"), self.build)
        form.addRow("", self.why)
        form.addRow("", self.cost)
        form.addRow(tr("Offline folder"), self.wheels)
        layout = QVBoxLayout(self)
        layout.addWidget(self.status)
        layout.addLayout(form)
        layout.addLayout(_row(self.start, self.check, self.copy))
        layout.addWidget(self.bar)
        layout.addWidget(self.step)
        layout.addWidget(self.log)

    def _refresh(self) -> None:
        """Bring status and buttons up to date."""
        problem = settings.short_problem()
        self.status.setText(problem or tr("The engine's Python: {python}").format(python=settings.engine_python()))
        is_busy = self._worker.is_busy
        for widget in (self.folder, self.python, self.other, self.offer, self.build, self.wheels):
            widget.setEnabled(not is_busy)
        self.start.setText(tr("Cancel") if is_busy else tr("Set up"))
        is_ready = self.python.count() > 0 and self.build.count() > 0 and not self.offer.is_open
        self.start.setEnabled(is_busy or is_ready)
        self.check.setEnabled(not is_busy and not problem)

    # From the worker

    def _show_machine(self, machine: Machine) -> None:
        self.python.clear()
        self.build.clear()
        for python in machine.pythons:
            self._add(python)
        self._standalone = machine.standalone
        if machine.standalone is not None:
            self._versions[_BROUGHT] = tuple(int(part) for part in machine.standalone.version.split("."))
            self.python.addItem(tr("{python}, which set-up brings").format(python=machine.standalone.about), _BROUGHT)
            if is_file(machine.standalone.program(self._folder())):
                self.python.setCurrentIndex(self.python.count() - 1)
        for build in machine.builds:
            self.build.addItem(build.title, build.name)
        self._builds = {build.name: build for build in machine.builds}
        self._show_cost()
        if machine.build is not None:
            self.build.setCurrentIndex(machine.builds.index(machine.build))
        self.why.setText(machine.why)
        if not machine.pythons:
            self.step.setText(_without_python(machine))
        self._choose_fitting()
        self._show_offer()

    def _add(self, python: Python) -> None:
        self.python.addItem(python.title, python.path)
        self._versions[python.path] = python.version

    def _choose_fitting(self, *_: object) -> None:
        """The Python that the wheels of the offline folder are for, or a sentence that it is missing."""
        wheels = self._wheels()
        version = None if wheels is None else python_of(wheels)
        if version is None or not self.python.count():
            return
        fitting = [i for i in range(self.python.count()) if self._versions[self.python.itemData(i)][:2] == version]
        if not fitting:
            self.step.setText(
                tr(
                    "The offline folder is for Python {version}, which was not found here: install it, choose it with"
                    " Other..., or fill the folder for one of those above."
                ).format(version=".".join(map(str, version)))
            )
        elif self.python.currentIndex() not in fitting:
            self.python.setCurrentIndex(fitting[0])

    def _show_offer(self, *_: object) -> None:
        """What bringing the chosen Python means, where it is one to be brought."""
        self.offer.describe(self._brought(), self._folder(), self._wheels())
        self._refresh()

    def _brought(self) -> Standalone | None:
        """The Python that set-up is to bring; None where one that was found is chosen."""
        return self._standalone if self.python.currentData() == _BROUGHT else None

    def _show_cost(self, *_: object) -> None:
        """What the chosen build will take, before it is begun."""
        build = self._builds.get(self.build.currentData())
        if build is None:
            self.cost.setText("")
            return
        disk = tr("Set-up takes up to {size} of disk.").format(size=storage(build.disk_bytes))
        if self._wheels() is not None:
            self.cost.setText(disk)
            return
        fetched = tr("It fetches about {size}: {time} at 50 Mbit/s, and some minutes to unpack.").format(
            size=storage(build.fetched_bytes), time=duration(build.fetched_bytes / _BYTES_A_SECOND)
        )
        self.cost.setText(f"{disk} {fetched}")

    def _show_step(self, done: int, total: int, title: str) -> None:
        self.bar.setVisible(True)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.step.setText(title)
        self._refresh()

    def _show_end(self, is_complete: bool, error: str) -> None:
        self.bar.setVisible(False)
        if is_complete:
            self.step.setText(tr("Set-up is complete. The engine is being examined..."))
            self._worker.examine()
        else:
            self.step.setText(error or tr("Cancelled. Set up goes on where it stopped."))
            self._look_once()
        self._show_offer()

    def _show_findings(self, findings: list | None) -> None:
        bad = [finding for finding in findings or () if not finding.ok]
        if findings is None:
            self.step.setText(tr("Cancelled"))
        elif bad:
            self.step.setText("\n".join(finding.sentence for finding in bad))
        else:
            self.step.setText(tr("All is well: the engine works."))
        self._refresh()
        self._look_once()

    # From the user

    def _start_or_cancel(self) -> None:
        if self._worker.is_busy:
            self.step.setText(tr("Cancelling..."))
            self._worker.cancel()
            return
        self.log.clear()
        try:
            self._worker.set_up(self._choice())
        except EngineError as error:
            self.step.setText(str(error))
        self._refresh()

    def _choice(self) -> Choice:
        build: TorchBuild = self._builds[self.build.currentData()]
        return Choice(self._folder(), self.python.currentData(), build, self._wheels(), self._brought())

    def _folder(self) -> Path:
        return Path(self.folder.filePath().strip() or settings.setup_folder())

    def _wheels(self) -> Path | None:
        """The offline folder; None with a network."""
        wheels = self.wheels.filePath().strip()
        return Path(wheels) if wheels else None

    def _choose_python(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Python 3.11, 3.12 or 3.13"))
        if path:
            self.add_python(path)

    def add_python(self, path: str) -> None:
        """Offer a Python that was not found, or say why it cannot be used."""
        python = probe(path)
        if python.problem:
            self.step.setText(f"{path}: {python.problem}")
            return
        self._add(python)
        self.python.setCurrentIndex(self.python.count() - 1)
        self._refresh()

    def _examine(self) -> None:
        self.log.clear()
        self.step.setText(tr("The engine is being examined..."))
        self._worker.examine()
        self._refresh()

    def _copy_log(self) -> None:
        """The whole log, also of earlier set-ups, not only what this page has seen."""
        QgsApplication.clipboard().setText(read_log(self._folder()) + "\n" + self.log.toPlainText())


def _without_python(machine: Machine) -> str:
    """What to do where no usable Python was found."""
    if machine.flatpak:
        return tr(
            "QGIS runs inside Flatpak, where the Pythons of the system are not to be seen. Agree that set-up brings"
            " one, or choose one in your home folder with Other..."
        )
    install = tr(
        "No usable Python was found. Install Python 3.12 (64 bit) from python.org, or on Debian and Ubuntu"
        " the package python3-venv, then open this page again."
    )
    return install if machine.standalone is None else install + " " + tr("Or agree that set-up brings one.")


def _wrapped() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _folder_widget() -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
    return widget


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    row.setStretch(0, 1)
    return row
