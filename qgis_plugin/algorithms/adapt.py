"""A model that fits one scene: a folder to choose as the model of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
)

from ..files import check_new_folder
from ..layers import check_same_crs, gdal_path
from ..text import tr
from . import options
from .base import EngineAlgorithm
from .options import Number, Option

_INPUTS = ("MS", "PAN")
_NUMBERS = {"KEPT_STEP": "kept_step", "LOSS_BEFORE": "loss_before", "LOSS_AFTER": "loss_after"}


class AdaptModel(EngineAlgorithm):
    """``seamline adapt MS PAN FOLDER``."""

    command = "adapt"
    section = "pansharpen"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Adapt model to scene")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("pansharpen,train,fine-tune,adapt,model,sensor,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Trains the pan-sharpening model a little on the scene itself and writes the result as a model folder. No"
            " reference is needed: both images are degraded by their ratio, fused, and compared with the multispectral"
            " image.\n\n"
            "Choose the folder as 'Model folder' in Pan-sharpen, for this scene or for others of the same sensor and"
            " season.\n\n"
            "A fifth of the ground is held out. Weights are changed only where that part gains 2 % or more; otherwise"
            " the folder holds the model as it ships, and the log says so. Expect a small gain where the sensor is"
            " unlike the training data, and none where it is not."
        )

    def options(self) -> list[Option]:
        """How long, and what is known of the scene."""
        text = tr("Most training steps. More takes longer. Empty: 30.")
        training = Number("STEPS", "--steps", tr("Training steps"), text, advanced=False, least=1, most=1000)
        return [training, options.sensor(), options.seed(), options.device(), options.coregister()]

    def add_parameters(self) -> None:
        """Two images of one scene, and a folder."""
        self.add(
            QgsProcessingParameterRasterLayer("MS", tr("Multispectral raster")),
            tr("The bands of the scene, at least 24 pixels along each side."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("PAN", tr("Panchromatic raster")),
            tr("One band of the same scene in finer pixels."),
        )
        self.add_options()
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Adapted model")),
            tr("A new or empty folder for the model: its card and its weights."),
        )
        for name, title in (
            ("KEPT_STEP", tr("Step that was kept; 0: the model as it ships")),
            ("LOSS_BEFORE", tr("Loss on held-out ground before")),
            ("LOSS_AFTER", tr("Loss on held-out ground after")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """The two images."""
        layers = {name: self.raster(parameters, name, context) for name in _INPUTS}
        check_same_crs(list(layers.values()))
        return [gdal_path(layer, self.title_of(name)) for name, layer in layers.items()]

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Adapt, and leave nothing after a cancel."""
        folder = Path(self.parameterAsFileOutput(parameters, "OUTPUT", context))
        check_new_folder(folder)
        if folder.is_dir():
            folder.rmdir()  # empty: the engine makes the folder in one piece
        place = 1 + len(_INPUTS)
        done = None
        try:
            done = self.engine([*arguments[:place], str(folder), *arguments[place:]], feedback)
        finally:
            if done is None:
                shutil.rmtree(folder.with_name(folder.name + ".tif.seamline"), ignore_errors=True)
        if done is None:
            feedback.pushInfo(tr("Cancelled; nothing was written"))
            return {}
        metrics = done.get("metrics") or {}
        return {"OUTPUT": str(folder), **{name: metrics[key] for name, key in _NUMBERS.items() if key in metrics}}
