"""The algorithms: one file each, listed here."""

from .adapt import AdaptModel
from .doctor import Doctor
from .evaluate import EvaluateFusedImage
from .pansharpen import PanSharpen
from .superres import SuperResolve

ALGORITHMS = (PanSharpen, SuperResolve, EvaluateFusedImage, AdaptModel, Doctor)
