"""The algorithms: one file each, listed here."""

from .adapt import AdaptModel
from .classes import Classify, Segment
from .doctor import Doctor
from .evaluate import EvaluateFusedImage
from .pansharpen import PanSharpen
from .superres import SuperResolve

ALGORITHMS = (PanSharpen, SuperResolve, Segment, Classify, EvaluateFusedImage, AdaptModel, Doctor)
