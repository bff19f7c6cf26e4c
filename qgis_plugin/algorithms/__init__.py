"""The algorithms: one file each, listed here."""

from .adapt import AdaptModel
from .evaluate import EvaluateFusedImage
from .pansharpen import PanSharpen
from .superres import SuperResolve

ALGORITHMS = (PanSharpen, SuperResolve, EvaluateFusedImage, AdaptModel)
