"""Super-resolution: one image in finer pixels."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingParameterNumber, QgsProcessingParameterRasterLayer

from .. import catalogue, compat
from ..text import tr
from .base import EngineAlgorithm, is_given


class SuperResolve(EngineAlgorithm):
    """``seamline superres LR OUT``."""

    command = "superres"
    models = catalogue.SUPERRES
    inputs = ("INPUT",)
    finest_input = "INPUT"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Super-resolve")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("super-resolution,upscale,enhance,resolution,diffusion,bicubic").split(",")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in"
            " the input are masked in the output.\n\n"
            "The detail of a diffusion model is likely, not observed: compare with the input before you measure on it."
        )

    def add_inputs(self) -> None:
        """The image."""
        self.add(
            QgsProcessingParameterRasterLayer("INPUT", tr("Input raster")),
            tr("The image to refine. Pixels without data need a nodata value or a mask."),
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Super-resolved")

    def model_help(self) -> str:
        """What the models are."""
        return tr("bicubic: interpolation, any scale. identity: copies the pixels at scale 1, for tests.")

    def add_task_parameters(self) -> None:
        """How much finer."""
        self.add(
            QgsProcessingParameterNumber(
                "SCALE", tr("Scale"), compat.INTEGER, None, optional=True, minValue=1, maxValue=16
            ),
            tr(
                "Output pixels along one side of an input pixel: 4 turns 10 m into 2.5 m. Empty: the scale of the"
                " model, 4 for bicubic."
            ),
        )

    def task_arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """The scale."""
        if not is_given(parameters.get("SCALE")):
            return []
        return ["--scale", str(self.parameterAsInt(parameters, "SCALE", context))]
