"""What becomes of a result once QGIS has loaded it: its drawing, its place in the layer tree, its provenance.

QGIS calls a post-processor on its main thread, and keeps no reference to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Optional

from qgis.core import (
    QgsApplication,
    QgsLayerMetadata,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QThread

from .files import facts_of, report_of
from .layers import file_of
from .styling import (
    Look,
    draw_class_shapes,
    draw_classes,
    draw_deviations,
    draw_image,
    draw_measure,
    draw_support,
    draw_trust,
)
from .text import tr

GROUP = "Seamline"
# By the name of the output in the engine.
_RAMPS = {"uncertainty": draw_deviations, "trust": draw_trust, "support": draw_support}


@dataclass(frozen=True)
class Result:
    """One file of a run, as QGIS is to show it.

    Attributes:
        path: of the file.
        title: of its parameter; empty where it has none, so that QGIS does not know of it.
        name: what its layer is called.
        finisher: draws, describes and places the layer.
    """

    path: str
    title: str
    name: str
    finisher: _Finisher


def hand_over(context: Any, results: Sequence[Result]) -> None:
    """Have QGIS finish the layers that it is going to load; those that it does not know of come with the first one."""
    first = results[0].path
    for each in results:
        if not each.title and context.willLoadLayerOnCompletion(first):
            project = context.layerToLoadOnCompletionDetails(first).project
            context.addLayerToLoadOnCompletion(each.path, context.LayerDetails(each.name, project))
        if context.willLoadLayerOnCompletion(each.path):
            details = context.layerToLoadOnCompletionDetails(each.path)
            # A step of a model has the name that its author gave it.
            if details.name == each.title:
                details.name = each.name
            details.setPostProcessor(each.finisher.kept(each.path))


def show_anew(results: Iterable[Result], context: Any, feedback: Any) -> None:
    """Have the layers that show a file which a run has replaced show the new one; on QGIS's main thread alone."""
    if QThread.currentThread() != QgsApplication.instance().thread():
        return
    for each in results:
        for layer in QgsProject.instance().mapLayers().values():
            if os.path.realpath(file_of(layer)) == os.path.realpath(each.path):
                each.finisher.postProcessLayer(layer, context, feedback)


class _Finisher(QgsProcessingLayerPostProcessorInterface):
    """Finishes one layer: subclasses say how."""

    _alive: ClassVar[dict] = {}  # by path: the newest of each output

    def kept(self, path: str) -> _Finisher:
        """Itself, which lives until the next one for this path."""
        self._alive[path] = self
        return self

    def finish(self, layer: Any) -> None:
        """Draw, describe and place the layer."""
        raise NotImplementedError(f"{type(self).__name__} finishes nothing")

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        """Finish the layer; what fails here must not lose a finished result."""
        try:
            # QGIS takes the layer that is there already for a path, and that one still shows the old file.
            layer.setDataSource(layer.source(), layer.name(), layer.providerType(), False)
            self.finish(layer)
            layer.triggerRepaint()
        except (AttributeError, TypeError, ValueError, RuntimeError, OSError) as error:
            feedback.pushWarning(tr("The layer is loaded, but could not be styled: {reason}").format(reason=error))


class ResultLayer(_Finisher):
    """Finishes one raster.

    Args:
        name: of the output in the model; empty for the first one.
        look: how the main input is drawn.
        report: of the run.
    """

    def __init__(self, name: str, look: Optional[Look], report: Path) -> None:
        super().__init__()
        self._name, self._look, self._report = name, look, report

    def finish(self, layer: Any) -> None:
        """By what the report says of this output."""
        facts = facts_of(self._report)
        layers = facts.get("layers") or {}
        own = layers.get(self._name or next(iter(layers), ""), {})
        self._draw(layer, own)
        layer.setMetadata(described(layer.metadata(), {**facts, **own}))
        _into_group(layer, is_shown=not self._name, has_legend=bool(own.get("categories")))

    def _draw(self, layer: Any, own: dict) -> None:
        if own.get("categories"):
            draw_classes(layer, own["categories"])
        elif not self._name:
            draw_image(layer, self._look)
        else:
            _RAMPS.get(self._name, draw_measure)(layer)


class ShapeLayer(_Finisher):
    """Finishes one vector layer.

    Args:
        output: the map of classes that it was made of.
    """

    def __init__(self, output: str) -> None:
        super().__init__()
        self._output = output

    def finish(self, layer: Any) -> None:
        """By the colours of the map, and the names that the report gives its classes."""
        facts = facts_of(report_of(self._output))
        first = next(iter((facts.get("layers") or {}).values()), {})
        draw_class_shapes(layer, self._output, first.get("categories") or [])
        layer.setMetadata(described(layer.metadata(), {**facts, **first, "path": layer.source().partition("|")[0]}))
        _into_group(layer, is_shown=True, has_legend=False)


def described(metadata: Any, facts: dict) -> Any:
    """Layer metadata with where the pixels come from.

    Args:
        facts: of the report, and what it says of this output in place of the first one.
    """
    filled = QgsLayerMetadata(metadata)
    if not facts:
        return filled
    model, _, version = str(facts.get("model", "")).partition("@")
    inputs = facts.get("inputs") or {}
    filled.setType("dataset")
    filled.setTitle(Path(str(facts.get("path") or (facts.get("outputs") or [""])[0])).name)
    filled.setAbstract(str(facts.get("note", "")))
    filled.setKeywords({"gmd:topicCategory": [], "Seamline": [str(facts.get("task", "")), model]})
    if facts.get("licence"):
        filled.setLicenses([tr("model: {licence}").format(licence=facts["licence"])])
    history = [
        tr("Software: {name}").format(name=facts.get("software", "Seamline")),
        tr("Model: {name}, version {version}").format(name=model, version=version),
        tr("Seed: {seed}").format(seed=facts.get("seed")),
        *(tr("Input {name}: {path}").format(name=name, path=path) for name, path in inputs.items()),
        tr("Identity of the run: {identity}").format(identity=facts.get("identity")),
    ]
    filled.setHistory(history)
    return filled


def _into_group(layer: Any, *, is_shown: bool, has_legend: bool) -> None:
    """Move a layer from the top of the tree into the group of results; one that the user sorted elsewhere stays."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer.id())
    if node is None or node.parent() != root:
        return
    group = root.findGroup(GROUP) or root.insertGroup(0, GROUP)
    clone = node.clone()
    clone.setItemVisibilityChecked(is_shown)
    # Shapes on top, then images; what is said of these lies below them all, hidden: it would cover what it is about.
    if is_shown:
        is_shape = isinstance(layer, QgsVectorLayer)
        group.insertChildNode(0 if is_shape else _shapes_on_top(group), clone)
    else:
        group.addChildNode(clone)
    clone.setExpanded(has_legend)
    root.removeChildNode(node)


def _shapes_on_top(group: Any) -> int:
    """How many vector layers lie on top of a group."""
    layers = [node.layer() for node in group.findLayers()]
    return next((place for place, layer in enumerate(layers) if not isinstance(layer, QgsVectorLayer)), len(layers))
