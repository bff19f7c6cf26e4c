"""The plugin's life: a Processing provider and, with a window, the page that sets the engine up; and their end."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis, QgsApplication

from . import settings
from .provider import ICONS, SeamlineProvider
from .text import tr


class SeamlinePlugin:
    """What QGIS loads.

    Args:
        iface: QGIS's window, or None in ``qgis_process``, where nothing is shown.
    """

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._provider: SeamlineProvider | None = None
        self._window: _Window | None = None

    def initProcessing(self) -> None:
        """Add the provider; ``qgis_process`` calls this alone."""
        if self._provider is None:
            provider = SeamlineProvider()
            # The registry owns the provider, and deletes one that it refuses.
            if QgsApplication.processingRegistry().addProvider(provider):
                self._provider = provider

    def initGui(self) -> None:
        """Called by QGIS with a window."""
        self.initProcessing()
        if self._iface is not None and self._window is None:
            self._window = _Window(self._iface)

    def unload(self) -> None:
        """Remove what was added; the registry deletes the provider."""
        if self._window is not None:
            self._window.remove()
            self._window = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None


class _Window:
    """The page in the options, the entry in the menu, and the sentence when there is no engine."""

    def __init__(self, iface: Any) -> None:
        # Only here: a QGIS without a window may lack these.
        from qgis.PyQt.QtGui import QIcon
        from qgis.PyQt.QtWidgets import QPushButton

        from .compat import QAction
        from .setup.page import PageFactory
        from .setup.work import Worker

        self._iface = iface
        self.worker = Worker()
        self.worker.ended.connect(self._take_warnings_away)
        self._factory = PageFactory(self.worker)
        iface.registerOptionsWidgetFactory(self._factory)
        self.action = QAction(QIcon(str(ICONS / "seamline.svg")), tr("Set up the engine..."), iface.mainWindow())
        self.action.triggered.connect(self.open_page)
        iface.addPluginToRasterMenu("Seamline", self.action)
        problem = settings.short_problem()
        self._said = None
        if problem:
            bar = iface.messageBar()
            self._said = bar.createMessage("Seamline", problem)
            button = QPushButton(tr("Set up"))
            button.clicked.connect(self.open_page)
            self._said.layout().addWidget(button)
            bar.pushWidget(self._said, Qgis.MessageLevel.Warning)

    def open_page(self) -> None:
        """Show the page in QGIS's options."""
        from .setup.page import PAGE

        self._iface.showOptionsDialog(self._iface.mainWindow(), PAGE)

    def remove(self) -> None:
        """Take everything away; a set-up that runs is cancelled."""
        self.worker.cancel()
        self._unsay()
        self._iface.removePluginRasterMenu("Seamline", self.action)
        self._iface.unregisterOptionsWidgetFactory(self._factory)

    def _take_warnings_away(self) -> None:
        """Those of the provider and of the window, once there is an engine."""
        provider = QgsApplication.processingRegistry().providerById("seamline")
        if provider is not None:
            provider.refreshAlgorithms()
        if not settings.short_problem():
            self._unsay()

    def _unsay(self) -> None:
        bar = self._iface.messageBar()
        # What the user has closed is gone, and must not be touched.
        if self._said is not None and self._said in bar.items():
            bar.popWidget(self._said)
        self._said = None
