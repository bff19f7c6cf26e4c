"""Quality of a map of classes against labels: a page to read, a file to keep, and numbers for the modeler."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
)

from ..engine_process import Event
from ..metrics_page import metrics_page
from ..text import tr
from .labels import LabelAlgorithm, quality_numbers, rest
from .options import Option


class EvaluateMap(LabelAlgorithm):
    """``seamline evaluate MAP --labels LABELS --class-field FIELD --confusion PICTURE``."""

    command = "evaluate"
    identifier = "evaluate_map"
    section = "quality"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Evaluate map of classes")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("quality,metrics,iou,f1,accuracy,confusion,classes,segmentation,classification").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Measures how good a map of classes is, such as one of Segment or Classify patches, against labels that"
            " were not trained on: IoU and F1 of each class, their means, the share of pixels that are right, and what"
            " was taken for what.\n\n"
            "Classes are matched by name where the map has names, and by number otherwise. Pixels without data and"
            " ground without labels do not count."
        )

    def options(self) -> list[Option]:
        """What else the ground may be."""
        return [rest()]

    def add_parameters(self) -> None:
        """A map and labels; a page, a file and numbers."""
        self.add(
            QgsProcessingParameterRasterLayer("MAP", tr("Map of classes")),
            tr("A raster whose first band numbers the classes."),
        )
        self.add_labels()
        self.add_options()
        self.add_page(
            tr("Table"),
            tr("A page with the quality of each class, and what was taken for what."),
        )
        self.add_metrics(tr("The same for programs: a value is null where it is not known."))
        self.add_numbers()

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """The map and the labels."""
        return [self.raster(parameters, "MAP", context).source(), *self.labels(parameters, context)]

    def ground(self, parameters: dict[str, Any], context: Any) -> Any:
        """The CRS of the map."""
        return self.raster(parameters, "MAP", context).crs()

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Measure, then write the page and the file."""
        confusion = Path(QgsProcessingUtils.generateTempFilename("confusion.png"))
        try:
            done = self.engine([*arguments, "--confusion", str(confusion)], feedback)
            if done is None:
                feedback.pushInfo(tr("Cancelled; nothing was written"))
                return {}
            return self._written_down(done, confusion, parameters, context)
        finally:
            shutil.rmtree(confusion.parent, ignore_errors=True)

    def _written_down(self, done: Event, confusion: Path, parameters: dict[str, Any], context: Any) -> dict[str, Any]:
        metrics, about = done.get("metrics") or {}, done.get("about") or {}
        found = quality_numbers(metrics)
        title, facts = (
            tr("Quality of the map"),
            {self.title_of("MAP"): self.raster(parameters, "MAP", context).source()},
        )
        texts = {
            "REPORT": metrics_page(metrics, about, facts, title=title, picture=confusion),
            "METRICS": json.dumps({"metrics": metrics, "compared": facts}, indent=1),
        }
        return {**found, **self.written(texts, parameters, context)}
