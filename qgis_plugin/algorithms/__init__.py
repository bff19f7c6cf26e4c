"""The algorithms: one file each, listed here."""

from .pansharpen import PanSharpen
from .superres import SuperResolve

ALGORITHMS = (PanSharpen, SuperResolve)
