"""What becomes of a result once QGIS has loaded it: its drawing, its place in the layer tree, its provenance.

QGIS calls a post-processor on its main thread, and keeps no reference to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Optional

from qgis.core import QgsLayerMetadata, QgsProcessingLayerPostProcessorInterface, QgsProject

from .files import facts_of, report_of
from .styling import Look, draw_deviations, draw_image
from .text import tr

GROUP = "Seamline"
_IMAGE, _DEVIATIONS = "image", "deviations"


def hand_over(context: Any, image: str, deviations: str, look: Optional[Look]) -> None:
    """Have QGIS finish the layers that it is going to load.

    Args:
        image, deviations: paths of the outputs; the second may be empty.
        look: how the main input is drawn.
    """
    for path, kind in ((image, _IMAGE), (deviations, _DEVIATIONS)):
        if path and context.willLoadLayerOnCompletion(path):
            details = context.layerToLoadOnCompletionDetails(path)
            details.setPostProcessor(ResultLayer.kept(path, kind, look, report_of(image)))


class ResultLayer(QgsProcessingLayerPostProcessorInterface):
    """Finishes one layer."""

    _alive: ClassVar[dict] = {}  # by path: the newest of each output

    def __init__(self, kind: str, look: Optional[Look], report: Path) -> None:
        super().__init__()
        self._kind, self._look, self._report = kind, look, report

    @classmethod
    def kept(cls, path: str, *facts: Any) -> ResultLayer:
        """A post-processor that lives until the next one for this path."""
        cls._alive[path] = cls(*facts)
        return cls._alive[path]

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        """Draw, describe and place the layer; what fails here must not lose a finished result."""
        try:
            if self._kind == _IMAGE:
                draw_image(layer, self._look)
            else:
                draw_deviations(layer)
            layer.setMetadata(described(layer.metadata(), facts_of(self._report)))
            _into_group(layer, is_shown=self._kind == _IMAGE)
            layer.triggerRepaint()
        except (AttributeError, TypeError, ValueError, RuntimeError, OSError) as error:
            feedback.pushWarning(tr("The layer is loaded, but could not be styled: {reason}").format(reason=error))


def described(metadata: Any, facts: dict) -> Any:
    """Layer metadata with where the pixels come from."""
    filled = QgsLayerMetadata(metadata)
    if not facts:
        return filled
    model, _, version = str(facts.get("model", "")).partition("@")
    inputs = facts.get("inputs") or {}
    filled.setType("dataset")
    filled.setTitle(Path(str((facts.get("outputs") or [""])[0])).name)
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


def _into_group(layer: Any, *, is_shown: bool) -> None:
    """Move a layer from the top of the tree into the group of results; one that the user sorted elsewhere stays."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer.id())
    if node is None or node.parent() != root:
        return
    group = root.findGroup(GROUP) or root.insertGroup(0, GROUP)
    clone = node.clone()
    clone.setItemVisibilityChecked(is_shown)
    # Images on top, deviations below them all and hidden: they would cover what they are about.
    if is_shown:
        group.insertChildNode(0, clone)
    else:
        group.addChildNode(clone)
    clone.setExpanded(False)
    root.removeChildNode(node)
