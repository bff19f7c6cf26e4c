"""What becomes of a result once QGIS has loaded it: its drawing, its place in the layer tree, its provenance.

QGIS calls a post-processor on its main thread, and keeps no reference to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Optional

from qgis.core import QgsLayerMetadata, QgsProcessingLayerPostProcessorInterface, QgsProject

from .files import facts_of, report_of
from .styling import Look, draw_classes, draw_deviations, draw_image, draw_measure
from .text import tr

GROUP = "Seamline"
_DEVIATIONS = "uncertainty"


def hand_over(context: Any, output: str, further: Mapping[str, str], look: Optional[Look]) -> None:
    """Have QGIS finish the layers that it is going to load.

    Args:
        output: path of the first output.
        further: paths of the others, by their names in the model.
        look: how the main input is drawn.
    """
    for path, name in ((output, ""), *((path, name) for name, path in further.items())):
        if context.willLoadLayerOnCompletion(path):
            details = context.layerToLoadOnCompletionDetails(path)
            details.setPostProcessor(ResultLayer.kept(path, name, look, report_of(output)))


def load_too(context: Any, output: str, title: str, path: str) -> None:
    """Have QGIS load a raster of the run that has no parameter of its own, where it loads the first output."""
    if context.willLoadLayerOnCompletion(output):
        project = context.layerToLoadOnCompletionDetails(output).project
        details = context.LayerDetails(title, project)
        context.addLayerToLoadOnCompletion(path, details)


class ResultLayer(QgsProcessingLayerPostProcessorInterface):
    """Finishes one layer.

    Args:
        name: of the output in the model; empty for the first one.
        look: how the main input is drawn.
        report: of the run.
    """

    _alive: ClassVar[dict] = {}  # by path: the newest of each output

    def __init__(self, name: str, look: Optional[Look], report: Path) -> None:
        super().__init__()
        self._name, self._look, self._report = name, look, report

    @classmethod
    def kept(cls, path: str, *facts: Any) -> ResultLayer:
        """A post-processor that lives until the next one for this path."""
        cls._alive[path] = cls(*facts)
        return cls._alive[path]

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        """Draw, describe and place the layer; what fails here must not lose a finished result."""
        try:
            facts = facts_of(self._report)
            layers = facts.get("layers") or {}
            own = layers.get(self._name or next(iter(layers), ""), {})
            self._draw(layer, own)
            layer.setMetadata(described(layer.metadata(), {**facts, **own}))
            _into_group(layer, is_shown=not self._name, has_legend=bool(own.get("categories")))
            layer.triggerRepaint()
        except (AttributeError, TypeError, ValueError, RuntimeError, OSError) as error:
            feedback.pushWarning(tr("The layer is loaded, but could not be styled: {reason}").format(reason=error))

    def _draw(self, layer: Any, own: dict) -> None:
        if own.get("categories"):
            draw_classes(layer, own["categories"])
        elif not self._name:
            draw_image(layer, self._look)
        elif self._name == _DEVIATIONS:
            draw_deviations(layer)
        else:
            draw_measure(layer)


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
    # Images on top, what is said of them below them all and hidden: it would cover what it is about.
    if is_shown:
        group.insertChildNode(0, clone)
    else:
        group.addChildNode(clone)
    clone.setExpanded(has_legend)
    root.removeChildNode(node)
