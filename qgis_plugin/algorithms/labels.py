"""Labels of the user: the parameters that name them, and the file that hands them to the engine.

A vector layer is handed over as QGIS shows it, with its edits, filter, selection and colours of classes, so it is
written anew; a raster is opened where it lies.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsFileUtils,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from .. import compat
from ..engine_process import EngineError
from ..text import tr
from .base import EngineAlgorithm
from .options import Option, Text, is_given

# Names that no class field has: SQLite would take two of one name for one.
_KEYS = ["FID=seamline_key", "GEOMETRY_NAME=seamline_shape"]
# The column in which the engine looks for the colours of classes.
_COLOUR = "colour"
_NUMBERS = {"MIOU": "mIoU", "F1": "macro_F1", "ACCURACY": "accuracy"}


def rest() -> Option:
    """The class of what nobody labelled."""
    text = tr(
        "Name of a class for all ground that no label covers: 'other', if you drew buildings alone. Empty: such ground"
        " is left out, and two classes at least must be labelled."
    )
    return Text("REST", "--rest", tr("Class of the rest"), text, advanced=False)


def quality_numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    """Those of the engine's metrics that are outputs for the modeler, by their names there."""
    return {name: metrics[key] for name, key in _NUMBERS.items() if metrics.get(key) is not None}


class LabelAlgorithm(EngineAlgorithm):
    """A task of the engine that takes labels: ``--labels FILE --class-field FIELD``."""

    def __init__(self) -> None:
        super().__init__()
        self._written: Optional[Path] = None

    def add_labels(self) -> None:
        """Add the parameters."""
        self.add(
            QgsProcessingParameterFeatureSource(
                "LABELS", tr("Labels"), [compat.POLYGONS, compat.POINTS], optional=True
            ),
            tr(
                "A layer of polygons or points, each of one class. Edits that are not saved yet, filters and 'Selected"
                " features only' count. It may lie in any CRS."
            ),
        )
        self.add(
            QgsProcessingParameterField(
                "CLASS_FIELD", tr("Class field"), parentLayerParameterName="LABELS", optional=True
            ),
            tr(
                "The field that tells the class of each feature: a text or a whole number. Empty: all are of one class,"
                " which is called like the layer, and a class of the rest is needed."
            ),
        )
        self.add(
            QgsProcessingParameterRasterLayer("LABEL_RASTER", tr("Label raster"), None, True),
            tr("In place of a layer of labels: a raster whose first band numbers the classes, on any grid."),
            advanced=True,
        )

    def add_numbers(self) -> None:
        """Add the outputs of ``quality_numbers``."""
        for name, title in (("MIOU", "mIoU"), ("F1", tr("F1, mean of the classes")), ("ACCURACY", tr("Accuracy"))):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def labels(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """The words of the engine, without the file of a vector layer, which ``prepareAlgorithm`` writes.

        Raises:
            EngineError: there are none, or two.
        """
        has_shapes, has_raster = (is_given(parameters.get(name)) for name in ("LABELS", "LABEL_RASTER"))
        if has_shapes == has_raster:
            raise EngineError(
                tr("there are two sources of labels") if has_shapes else tr("there are no labels"),
                where=self.title_of("LABELS"),
                fix=tr("give a layer of polygons or points, or else a label raster"),
            )
        if has_raster:
            return ["--labels", self.raster(parameters, "LABEL_RASTER", context).source()]
        if self.parameterAsSource(parameters, "LABELS", context) is None:
            raise EngineError(
                tr("QGIS cannot read a vector layer here"),
                where=self.title_of("LABELS"),
                fix=tr("choose a vector layer or file that exists"),
            )
        field = self._field(parameters, context)
        return ["--class-field", field] if field else []

    def ground(self, parameters: dict[str, Any], context: Any) -> Any:
        """The CRS of labels that have none: that of the image."""
        raise NotImplementedError(f"{type(self).__name__} has no image")

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """Also write the labels, in the thread that owns their layer."""
        super().prepareAlgorithm(parameters, context, feedback)
        if not self._problem and is_given(parameters.get("LABELS")):
            try:
                self._written = self._write(parameters, context, feedback)
                self._arguments += ["--labels", str(self._written)]
            except EngineError as error:
                self._problem = str(error)
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Leave no file of labels behind."""
        try:
            return super().processAlgorithm(parameters, context, feedback)
        finally:
            if self._written is not None:
                shutil.rmtree(self._written.parent, ignore_errors=True)

    def _field(self, parameters: dict[str, Any], context: Any) -> str:
        """The class field; empty where all features are of one class, beside that of the rest."""
        there = self.parameterAsSource(parameters, "LABELS", context).fields().names()
        field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        if field in there or (not field and self.parameterAsString(parameters, "REST", context).strip()):
            return field
        raise EngineError(
            tr("there is no field '{name}'").format(name=field) if field else tr("no class field is chosen"),
            where=self.title_of("CLASS_FIELD"),
            fix=tr("choose one of {names}, or name a class of the rest").format(names=", ".join(there)),
        )

    def _write(self, parameters: dict[str, Any], context: Any, feedback: Any) -> Path:
        """A GeoPackage of the features, in a folder of its own."""
        source, field = self.parameterAsSource(parameters, "LABELS", context), self._field(parameters, context)
        fields, place = QgsFields(), source.fields().indexOf(field)
        colours = _colours(self.vector(parameters, "LABELS", context), field)
        if field:
            fields.append(source.fields().field(place))
        if colours:
            fields.append(compat.text_field(_COLOUR))
        crs = source.sourceCrs()
        if not crs.isValid():
            crs = self.ground(parameters, context)
            feedback.pushWarning(tr("The labels have no CRS; they are taken to have that of the image"))
        shape = QgsWkbTypes.multiType(QgsWkbTypes.linearType(QgsWkbTypes.flatType(source.wkbType())))
        title = source.sourceName().strip() or "labels"
        path = Path(QgsProcessingUtils.generateTempFilename(f"{QgsFileUtils.stringToSafeFilename(title)}.gpkg"))
        writer = _writer(path, title, fields, shape, crs, context)
        request = QgsFeatureRequest().setSubsetOfAttributes([place] if field else [])
        count = 0
        # What is invalid is repaired by the engine, which counts it.
        features = source.getFeatures(request, compat.NO_GEOMETRY_CHECK)
        # Where two overlap the later one counts. A selection has no order; what is not saved has numbers below 0.
        for feature in sorted(features, key=lambda each: (each.id() < 0, abs(each.id()))):
            for geometry in feature.geometry().coerceToType(shape) if feature.hasGeometry() else ():
                written = QgsFeature(fields)
                value = [feature[place]] if field else []
                written.setAttributes(value + [colours.get(str(each)) for each in value if colours])
                written.setGeometry(geometry)
                count += writer.addFeature(written, QgsFeatureSink.Flag.FastInsert)
        problem = writer.errorMessage() if writer.hasError() else ""
        del writer  # it writes when it goes
        if problem or not count:
            raise EngineError(
                tr("the labels cannot be written ({reason})").format(reason=problem)
                if problem
                else tr("the layer has no features"),
                where=self.title_of("LABELS"),
                fix=tr("choose another layer")
                if problem
                else tr("draw some, or look at its filter and at 'Selected features only'"),
            )
        return path


def _colours(layer: Any, field: str) -> dict[str, str]:
    """The colour of each class where a layer is drawn by its class field, such as ``#3fa02c``; empty otherwise."""
    renderer = layer.renderer() if layer is not None else None
    is_by_class = isinstance(renderer, QgsCategorizedSymbolRenderer) and renderer.classAttribute().strip('"') == field
    if not is_by_class or field.lower() in (_COLOUR, "color"):
        return {}
    return {str(each.value()): each.symbol().color().name() for each in renderer.categories() if each.symbol()}


def _writer(
    path: Path, title: str, fields: QgsFields, shape: Any, crs: QgsCoordinateReferenceSystem, context: Any
) -> Any:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName, options.layerOptions = "GPKG", title, _KEYS
    return QgsVectorFileWriter.create(str(path), fields, shape, crs, context.transformContext(), options)
