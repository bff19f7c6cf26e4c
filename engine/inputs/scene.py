"""What an input is: its grids, bands, data type, masks, scale and offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from odc.geo.geobox import GeoBox

from ..ground.fitting import leaves_gaps
from ..ground.grids import ratio
from .addresses import is_address
from .fingerprint import Stamp

Mask = Literal["none", "nodata", "dataset", "alpha"]
_MASKS: tuple[Mask, ...] = ("alpha", "dataset", "nodata", "none")
CLASS_NAMES = "SEAMLINE_CLASSES"
"""Tag of a map of classes: their names, a JSON list in the order of the pixel values."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the metadata of a product say of a scene as a whole.

    Attributes:
        kind: its maker's name for it, as in "a ... product".
        sensor: as ``sensors.find_sensor`` takes it; None for one that is not known there.
        states_scale: whether they state what the DN of every band of the scene are.
    """

    kind: str
    sensor: str | None
    states_scale: bool


@dataclass(frozen=True, slots=True)
class Flags:
    """A band of flags on the grid of a part: a pixel is masked where any of ``bits`` is set in its value.

    Attributes:
        path, index: of the band, from 1.
    """

    path: str
    index: int
    bits: int


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an input.

    Attributes:
        path: the file.
        index: band number in it, from 1.
        name, unit, colour: description, unit and colour interpretation; empty where the file has none.
        scale, offset: stored in the file; value = DN * scale + offset.
        nodata: value that stands for "no data", NaN included; None where there is none.
    """

    path: str
    index: int
    name: str
    unit: str
    colour: str
    scale: float
    offset: float
    nodata: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive bands of an input that were delivered on one grid.

    Attributes:
        grid: shape, affine and CRS.
        bands: without alpha.
        mask: how validity is stored beside nodata values.
        alpha: band number of the alpha band, 0 where there is none.
        lies: (row, column) px that it was measured to lie too far down and right.  Values are sampled where they
            really lie; footprint and validity stay where the grid has them, so that no rim is lost.
        flags: of a product's mask, which count beside all else; None without one.
    """

    grid: GeoBox
    bands: tuple[Band, ...]
    mask: Mask
    alpha: int
    lies: tuple[float, float] = (0.0, 0.0)
    flags: Flags | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One named input.

    Attributes:
        name: of the input in the model's specification.
        source: as the user gave it.
        parts: its bands in order; more than one part where pixel sizes differ.
        dtype: of every band.
        point: whether the file calls its pixels points (``AREA_OR_POINT=Point``); the affine is corner-based anyway.
        fingerprint: of size and content samples; part of the run's identity.
        tags: of the file of the first band, as far as they hold for what is made from it; they decide no pixel.
        stamps: of its files, as they were when it was described.
        delivery: the product that it is, or is a part of; None where files speak for themselves.
    """

    name: str
    source: str
    parts: tuple[Part, ...]
    dtype: str
    point: bool
    fingerprint: str
    # A mapping has no hash.
    tags: Mapping[str, str] = field(hash=False)
    stamps: tuple[Stamp, ...] = ()
    delivery: Delivery | None = None

    @property
    def grid(self) -> GeoBox:
        """The finest grid of its parts, onto which the others are sampled."""
        return min((part.grid for part in self.parts), key=lambda grid: abs(grid.affine.determinant))

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of all parts."""
        return tuple(band for part in self.parts for band in part.bands)

    @property
    def is_remote(self) -> bool:
        """Whether a part of it lies on a server."""
        return any(is_address(band.path) for band in self.bands)

    @property
    def delivered(self) -> tuple[float, ...]:
        """Of each band, px of the scene's grid per px in which it was delivered, the larger of both axes."""
        return tuple(max(ratio(self.grid, part.grid)) for part in self.parts for _ in part.bands)

    @property
    def as_delivered(self) -> Scene:
        """The scene with its parts where their georeference has them."""
        return replace(self, parts=tuple(replace(part, lies=(0.0, 0.0)) for part in self.parts))

    @property
    def mask(self) -> Mask:
        """How validity is stored; where the parts differ, what needs most room."""
        kinds = {part.mask for part in self.parts}
        return next(kind for kind in _MASKS if kind in kinds)

    @property
    def has_invalid(self) -> bool:
        """Whether cells can be invalid: marked so, not finite, or outside the ground that a part covers."""
        marked = self.mask != "none" or self.dtype.startswith("float")
        return marked or any(leaves_gaps(self.grid, part.grid) for part in self.parts)
