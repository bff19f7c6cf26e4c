"""Pan-sharpening: a multispectral image at the resolution of its panchromatic band."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterRasterLayer

from .. import catalogue
from ..text import tr
from .base import EngineAlgorithm


class PanSharpen(EngineAlgorithm):
    """``seamline pansharpen MS PAN OUT``."""

    command = "pansharpen"
    models = catalogue.PANSHARPEN
    inputs = ("MS", "PAN")
    finest_input = "PAN"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Pan-sharpen")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("pansharpen,fusion,panchromatic,multispectral,diffusion,brovey,gsa").split(",")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Fuses a multispectral image with the panchromatic image of the same scene and writes the multispectral"
            " bands on the panchromatic pixels, as a Cloud Optimized GeoTIFF.\n\n"
            "The scene is worked in overlapping tiles without seams, so it may have any size. Ratios need not be whole"
            " numbers. Pixels that are masked in an input are masked in the output.\n\n"
            "The detail of a diffusion model is likely, not observed: compare with the input before you measure on it."
        )

    def add_inputs(self) -> None:
        """Two images of one scene."""
        self.add(
            QgsProcessingParameterRasterLayer("MS", tr("Multispectral raster")),
            tr("The image whose bands are sharpened. Pixels without data need a nodata value or a mask."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("PAN", tr("Panchromatic raster")),
            tr("One band of the same scene in finer pixels. The output has its grid and its CRS."),
        )

    def output_title(self) -> str:
        """What the output layer is called."""
        return tr("Pan-sharpened")

    def model_help(self) -> str:
        """What the models are."""
        return tr(
            "salad-pan-tiny: latent diffusion, small. gsa: adaptive Gram-Schmidt. mtf-glp-hpm: Laplacian pyramid"
            " matched to the sensor. brovey: ratio of intensities. The last three are classical methods and fast."
        )
