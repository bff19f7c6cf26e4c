"""Segmentation and classification: an image becomes a map of classes."""

from __future__ import annotations

from typing import ClassVar

from ..text import tr
from .raster import RasterAlgorithm


class _ClassMap(RasterAlgorithm):
    """``seamline COMMAND IMAGE OUT``."""

    inputs: ClassVar = {"INPUT": "image"}
    main = "INPUT"
    finest_input = "INPUT"
    further: ClassVar = {"PROBABILITIES": "probabilities", "UNCERTAINTY": "uncertainty"}

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """The image."""
        return {
            "INPUT": (
                tr("Input raster"),
                tr("The image whose classes are told. Pixels without data need a nodata value or a mask."),
            )
        }

    def further_texts(self) -> dict[str, tuple[str, str]]:
        """How sure the model is."""
        return {
            "PROBABILITIES": (
                tr("Probabilities"),
                tr("The probability of each class, a band each, where the model can tell it."),
            ),
            "UNCERTAINTY": (
                tr("Uncertainty"),
                tr("How unsure the model is of each pixel, where it can tell it."),
            ),
        }

    def model_help(self) -> str:
        """Where models come from."""
        return tr(
            "No model ships for this. Those that were installed with 'seamline models install' are listed; any other is"
            " given by its folder."
        )


class Segment(_ClassMap):
    """``seamline segment IMAGE OUT``."""

    command = "segment"
    section = "segment"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Segment")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("segmentation,land cover,classes,labels,mask,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes the class of every pixel of an image, as a Cloud Optimized GeoTIFF with the colours and the names"
            " of the classes.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size: tiles agree on"
            " probabilities first, and the class is chosen after that. Pixels that are masked in the input are masked"
            " in the output."
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Segmented")


class Classify(_ClassMap):
    """``seamline classify IMAGE OUT``."""

    command = "classify"
    section = "classify"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Classify")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("classification,land use,scene,classes,labels,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes the class of every part of an image, as a Cloud Optimized GeoTIFF with the colours and the names of"
            " the classes. How large a part is, the model decides; 'Segment' is for models that tell pixels apart.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in"
            " the input are masked in the output."
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Classified")
