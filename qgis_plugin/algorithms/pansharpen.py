"""Pan-sharpening: a multispectral image at the resolution of its panchromatic band."""

from __future__ import annotations

from typing import ClassVar

from ..text import tr
from . import options
from .options import Option
from .raster import RasterAlgorithm


class PanSharpen(RasterAlgorithm):
    """``seamline pansharpen MS PAN OUT``."""

    command = "pansharpen"
    section = "pansharpen"
    inputs: ClassVar = {"MS": "ms", "PAN": "pan"}
    main = "MS"
    finest_input = "PAN"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Pan-sharpen")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("pansharpen,fusion,panchromatic,multispectral,diffusion,brovey,gsa").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Fuses a multispectral image with the panchromatic image of the same scene and writes the multispectral"
            " bands on the panchromatic pixels, as a Cloud Optimized GeoTIFF.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Ratios need not be whole"
            " numbers. Pixels that are masked in an input are masked in the output.\n\n"
            "The detail of a diffusion model is likely, not observed: compare with the input before you measure on it."
        )

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """Two images of one scene."""
        return {
            "MS": (
                tr("Multispectral raster"),
                tr("The image whose bands are sharpened. Pixels without data need a nodata value or a mask."),
            ),
            "PAN": (
                tr("Panchromatic raster"),
                tr("One band of the same scene in finer pixels. The output has its grid and its CRS."),
            ),
        }

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Pan-sharpened")

    def options(self) -> list[Option]:
        """Also how they agree, and the shift between the two."""
        return [*super().options(), options.consistency(), options.sensor(), options.coregister()]
