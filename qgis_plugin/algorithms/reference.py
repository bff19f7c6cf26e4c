"""Super-resolution with a reference: an older, finer image of the same ground lends its detail where it still holds."""

from __future__ import annotations

from typing import ClassVar

from ..text import tr
from . import options
from .options import Option
from .superres import SuperResolve


class SuperResolveWithReference(SuperResolve):
    """``seamline superres LR OUT --reference REF --trust OUT_T``."""

    identifier = "superres_reference"
    needed = "REFERENCE"
    further: ClassVar = {**SuperResolve.further, "TRUST": "trust"}

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Super-resolve with reference")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("super-resolution,reference,older image,time series,change,trust,resolution,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF, with the help of an"
            " older, finer image of the same ground.\n\n"
            "The model weighs the reference pixel by pixel: it takes detail from it where the ground is as it was, and"
            " goes by the input where the ground has changed. The output 'Trust in the reference' shows which is"
            " which.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in"
            " the input are masked in the output; where the reference shows nothing, the model goes without it.\n\n"
            "A change that the input is too coarse to show can be missed, and old detail then stays in the output:"
            " compare with the input before you measure on it."
        )

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """The image, and the older one."""
        return {
            **super().input_texts(),
            "REFERENCE": (
                tr("Reference raster"),
                tr(
                    "An older, finer image of the same ground. It may lie in any CRS, have holes, and cover only a"
                    " part."
                ),
            ),
        }

    def further_texts(self) -> dict[str, tuple[str, str]]:
        """Also how far the reference was trusted."""
        return {
            **super().further_texts(),
            "TRUST": (
                tr("Trust in the reference"),
                tr(
                    "How far the reference was trusted in every pixel and band, from 0 to 1: low where the ground has"
                    " changed, 0 where the reference shows nothing. Left out unless you ask for it."
                ),
            ),
        }

    def options(self) -> list[Option]:
        """How strongly the reference counts; not the scale, which is that of the model."""
        return [*(option for option in super().options() if option.name != "SCALE"), options.guidance()]
