"""The algorithms: one file each, listed here."""

from .adapt import AdaptModel
from .classes import Classify, Segment
from .doctor import Doctor
from .evaluate import EvaluateFusedImage
from .evaluate_map import EvaluateMap
from .pansharpen import PanSharpen
from .reference import SuperResolveWithReference
from .superres import SuperResolve
from .train import TrainOnLabels

_RASTERS = (PanSharpen, SuperResolve, SuperResolveWithReference, Segment, Classify)
ALGORITHMS = (*_RASTERS, TrainOnLabels, AdaptModel, EvaluateFusedImage, EvaluateMap, Doctor)
