"""Names that moved between QGIS 3.22 and 4: the new place first, then the old one."""

from __future__ import annotations

from functools import reduce
from typing import Any

from qgis import core
from qgis.PyQt import QtCore

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5
    from qgis.PyQt.QtWidgets import QAction

__all__ = [
    "ADVANCED",
    "CONTINUOUS",
    "CUMULATIVE_CUT",
    "FOLDER",
    "INTEGER",
    "INTERPOLATED",
    "MIN_MAX_STRETCH",
    "NO_GEOMETRY_CHECK",
    "POINTS",
    "POLYGONS",
    "RASTERS",
    "REAL",
    "QAction",
    "text_field",
]


def _first(*paths: str) -> Any:
    for path in paths:
        try:
            return reduce(getattr, path.split("."), core)
        except AttributeError:
            continue
    raise ImportError(f"this QGIS has none of {', '.join(paths)}")


ADVANCED = _first("Qgis.ProcessingParameterFlag.Advanced", "QgsProcessingParameterDefinition.FlagAdvanced")
INTEGER = _first("Qgis.ProcessingNumberParameterType.Integer", "QgsProcessingParameterNumber.Integer")
REAL = _first("Qgis.ProcessingNumberParameterType.Double", "QgsProcessingParameterNumber.Double")
FOLDER = _first("Qgis.ProcessingFileParameterBehavior.Folder", "QgsProcessingParameterFile.Folder")
MIN_MAX_STRETCH = _first("QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum")
CUMULATIVE_CUT = _first("Qgis.RasterRangeLimit.CumulativeCut", "QgsRasterMinMaxOrigin.Limits.CumulativeCut")
INTERPOLATED = _first("Qgis.ShaderInterpolationMethod.Linear", "QgsColorRampShader.Type.Interpolated")
CONTINUOUS = _first("Qgis.ShaderClassificationMethod.Continuous", "QgsColorRampShader.ClassificationMode.Continuous")
POINTS = _first("Qgis.ProcessingSourceType.VectorPoint", "QgsProcessing.TypeVectorPoint")
POLYGONS = _first("Qgis.ProcessingSourceType.VectorPolygon", "QgsProcessing.TypeVectorPolygon")
RASTERS = _first("Qgis.ProcessingSourceType.Raster", "QgsProcessing.TypeRaster")
NO_GEOMETRY_CHECK = _first(
    "Qgis.ProcessingFeatureSourceFlag.SkipGeometryValidityChecks",
    "QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks",
)


def text_field(name: str) -> Any:
    """A field of texts: its type is one of QMetaType since QGIS 3.38, of QVariant before."""
    try:
        return core.QgsField(name, QtCore.QMetaType.Type.QString)
    except TypeError:
        return core.QgsField(name, QtCore.QVariant.String)
