"""Super-resolution: one image in finer pixels."""

from __future__ import annotations

from typing import ClassVar

from ..text import tr
from . import options
from .options import Number, Option
from .raster import RasterAlgorithm


class SuperResolve(RasterAlgorithm):
    """``seamline superres LR OUT --reference REF``."""

    command = "superres"
    section = "superres"
    inputs: ClassVar = {"INPUT": "image"}
    guides: ClassVar = {"REFERENCE": "reference"}
    main = "INPUT"
    finest_input = "INPUT"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Super-resolve")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("super-resolution,upscale,enhance,resolution,diffusion,bicubic").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in"
            " the input are masked in the output.\n\n"
            "The detail of a diffusion model is likely, not observed: compare with the input before you measure on it."
            " Where there is an older, finer image of the same ground, use 'Super-resolve with reference'."
        )

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """The image, and what guides models that take it."""
        return {
            "INPUT": (
                tr("Input raster"),
                tr("The image to refine. Pixels without data need a nodata value or a mask."),
            ),
            "REFERENCE": (
                tr("Reference raster"),
                tr(
                    "A finer image of the same ground, such as one of another date, for models that take one. It may"
                    " lie in any CRS and cover only a part. Empty: none."
                ),
            ),
        }

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Super-resolved")

    def options(self) -> list[Option]:
        """Also how much finer, and how the output agrees with the input."""
        scale = Number(
            "SCALE",
            "--scale",
            tr("Scale"),
            tr(
                "Output pixels along one side of an input pixel: 4 turns 10 m into 2.5 m. Empty: the scale of the"
                " model, 4 for bicubic."
            ),
            advanced=False,
            least=1,
            most=16,
        )
        return [scale, *super().options(), options.consistency(), options.sensor()]
