"""The Processing provider ``seamline``: its algorithms, its icon, and the setting of the engine's Python."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from . import settings
from .algorithms import ALGORITHMS
from .text import tr

ICONS = Path(__file__).parent / "icons"


class SeamlineProvider(QgsProcessingProvider):
    """Groups the algorithms in the toolbox."""

    def id(self) -> str:
        """Stable: part of every algorithm's id."""
        return "seamline"

    def name(self) -> str:
        """The name in the toolbox."""
        return "Seamline"

    def longName(self) -> str:
        """The name with its purpose."""
        return tr("Seamline (seam-free diffusion models on scenes of any size)")

    def versionInfo(self) -> str:
        """The version in ``metadata.txt``, the one that QGIS shows."""
        lines = (settings.ROOT / "metadata.txt").read_text(encoding="utf-8").splitlines()
        return next((line.partition("=")[2] for line in lines if line.startswith("version=")), "")

    def helpId(self) -> str:
        """Page of the provider."""
        return "https://github.com/seamline/seamline"

    def icon(self) -> QIcon:
        """The plugin's own drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """The drawing's file."""
        return str(ICONS / "seamline.svg")

    def warningMessage(self) -> str:
        """Shown in the toolbox while the engine is not set up."""
        return settings.setup_problem()

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """The engine writes Cloud Optimized GeoTIFFs alone."""
        return ["tif"]

    def defaultRasterFileExtension(self) -> str:
        """The extension of temporary outputs, whatever the user's default is."""
        return "tif"

    def supportedOutputVectorLayerExtensions(self) -> list[str]:
        """The engine writes GeoPackages alone."""
        return ["gpkg"]

    def defaultVectorFileExtension(self, hasGeometry: bool = True) -> str:
        """The extension of temporary outputs."""
        return "gpkg"

    def loadAlgorithms(self) -> None:
        """Called by QGIS whenever the provider is refreshed."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def load(self) -> bool:
        """Add the provider's setting, then the algorithms."""
        config = _processing_config()
        if config is not None:
            config.ProcessingConfig.settingIcons[self.name()] = self.icon()
            config.ProcessingConfig.addSetting(
                config.Setting(
                    self.name(),
                    settings.VARIABLE,
                    tr("Python of the engine"),
                    "",
                    valuetype=config.Setting.FILE,
                    placeholder=tr("python of the environment that holds the engine"),
                )
            )
            config.ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Take the setting away again; its value stays saved."""
        config = _processing_config()
        if config is not None:
            config.ProcessingConfig.settings.pop(settings.VARIABLE, None)
            config.ProcessingConfig.settingIcons.pop(self.name(), None)


def _processing_config():
    """The settings of the Processing plugin, or None in a program that has QGIS's libraries alone."""
    try:
        from processing.core import ProcessingConfig
    except ImportError:
        return None
    return ProcessingConfig
