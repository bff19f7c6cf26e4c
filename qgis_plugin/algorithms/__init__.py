"""The algorithms: one file each, listed here."""

from .doctor import Doctor
from .pansharpen import PanSharpen
from .superres import SuperResolve

ALGORITHMS = (PanSharpen, SuperResolve, Doctor)
