"""Segmentation and classification: an image becomes a map of classes, and shapes of them where they are wanted."""

from __future__ import annotations

from typing import ClassVar

from ..text import tr
from .options import Number, Option
from .raster import RasterAlgorithm


class _ClassMap(RasterAlgorithm):
    """``seamline COMMAND IMAGE OUT``."""

    inputs: ClassVar = {"INPUT": "image"}
    main = "INPUT"
    finest_input = "INPUT"
    further: ClassVar = {
        "PROBABILITIES": "probabilities",
        "CONFIDENCE": "confidence",
        "UNCERTAINTY": "uncertainty",
    }

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
            "CONFIDENCE": (
                tr("Confidence"),
                tr("The probability of the class that was chosen, from 0 to 1, where the model can tell it."),
            ),
            "UNCERTAINTY": (
                tr("Uncertainty"),
                tr("How unsure the model is of each pixel, where it can tell it."),
            ),
        }


class Segment(_ClassMap):
    """``seamline segment IMAGE OUT --polygons SHAPES``."""

    command = "segment"
    section = "segment"
    shapes: ClassVar = {"POLYGONS": "--polygons"}

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Segment")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("segmentation,land cover,classes,labels,mask,polygons,vectorize,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes the class of every pixel of an image, as a Cloud Optimized GeoTIFF with the colours and the names"
            " of the classes, and as polygons where you ask for them.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size: tiles agree on"
            " probabilities first, and the class is chosen after that. Pixels that are masked in the input are masked"
            " in the output.\n\n"
            "'Train on my labels' makes a model for classes of your own."
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Segmented")

    def shapes_texts(self) -> dict[str, tuple[str, str]]:
        """The areas of each class."""
        return {
            "POLYGONS": (
                tr("Polygons"),
                tr("The areas of each class as polygons with its name, in a GeoPackage (.gpkg), drawn in its colours."),
            )
        }

    def options(self) -> list[Option]:
        """Also what becomes of polygons."""
        least = tr("Polygons smaller than this are left out, in square metres. Empty: none.")
        simplify = tr("How far the rim of a polygon may move when it is made simpler, in metres. Empty: not at all.")
        real = {"is_whole": False, "most": 1e12, "output": "POLYGONS"}
        return [
            Number("MIN_AREA", "--min-area", tr("Smallest polygon (square metres)"), least, **real),
            Number("SIMPLIFY", "--simplify", tr("Simplify polygons by (m)"), simplify, **real),
            *super().options(),
        ]


class Classify(_ClassMap):
    """``seamline classify IMAGE OUT --patches SHAPES``."""

    command = "classify"
    section = "classify"
    shapes: ClassVar = {"PATCHES": "--patches"}

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Classify patches")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("classification,land use,scene,patches,classes,labels,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes the class of every patch of an image, as a Cloud Optimized GeoTIFF with a pixel a patch and the"
            " colours and the names of the classes, and as squares where you ask for them. How large a patch is, the"
            " model decides; 'Segment' is for models that tell pixels apart.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Patches of which every"
            " pixel is masked in the input are masked in the output.\n\n"
            "'Train on my labels' makes a model for classes of your own."
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Classified")

    def shapes_texts(self) -> dict[str, tuple[str, str]]:
        """The patches."""
        return {
            "PATCHES": (
                tr("Patches"),
                tr("A square a patch with its class and the score of it, in a GeoPackage (.gpkg)."),
            )
        }
