"""The plugin's life: a Processing provider is added, and taken away."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication

from .provider import SeamlineProvider


class SeamlinePlugin:
    """What QGIS loads.

    Args:
        iface: QGIS's window, or None in ``qgis_process``; not used.
    """

    def __init__(self, iface: Any) -> None:
        self._provider: SeamlineProvider | None = None

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

    def unload(self) -> None:
        """Remove the provider; the registry deletes it."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
