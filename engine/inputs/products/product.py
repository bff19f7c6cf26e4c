"""What every product is to the engine: its bands, what their values mean, and its masks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import RequestError
from .files import Files, read_metadata

Role = Literal["image", "pan", "further"]
"""What a band is for: one of the image, its PAN, or one that is taken by its name alone."""


@dataclass(frozen=True, slots=True)
class ProductMask:
    """A band of flags: a pixel is masked where any of ``bits`` is set in its value."""

    image: str
    index: int
    bits: int


@dataclass(frozen=True, slots=True)
class ProductBand:
    """One band.

    Attributes:
        name: such as ``"B8A"``.
        image: the raster that holds it, relative to the product.
        scale, offset: what the metadata state to be DN * scale + offset; None where they state neither reflectance nor
            temperature, and those of the file stand.
        index: its number in the raster, from 1.
        nodata: DN of pixels that were not observed; None for what the file says.
        unit: of scaled values; empty for reflectance.
        colour: as GDAL calls it; empty for none.
        role: what it is for.
        mask: of its pixels, on its grid; None without one.
    """

    name: str
    image: str
    scale: float | None
    offset: float | None
    index: int = 1
    nodata: float | None = None
    unit: str = ""
    colour: str = ""
    role: Role = "image"
    mask: ProductMask | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product.

    Attributes:
        kind: its maker's name for it, as in "a ... product".
        source: as the user gave it.
        bands: in the order in which they are numbered.
        files: where they lie.
        metadata: names of the files that were read for all this.
        sensor: as ``sensors.find_sensor`` takes it; None for one that is not known there.
    """

    kind: str
    source: str
    bands: tuple[ProductBand, ...]
    files: Files
    metadata: tuple[str, ...]
    sensor: str | None

    def path(self, band: ProductBand) -> str:
        """The path of a band's image.

        Raises:
            RequestError: the product lacks it.
        """
        if not self.files.holds(band.image):
            raise RequestError(
                f"the product lacks the image of {band.name}, {band.image}",
                where=self.source,
                fix="fetch the product again, or choose other bands with --bands",
            )
        return self.files.path(band.image)

    def mask_path(self, mask: ProductMask) -> str | None:
        """The path of a mask; None where it was not delivered."""
        return self.files.path(mask.image) if self.files.holds(mask.image) else None

    @property
    def told_by(self) -> tuple[str, ...]:
        """The paths of the metadata files."""
        return tuple(self.files.path(name) for name in self.metadata)

    def digest(self) -> str:
        """Hash of what the metadata files hold."""
        found = (read_metadata(self.files, name, self.source) for name in self.metadata)
        return hashlib.sha256("".join(hashlib.sha256(each).hexdigest() for each in found).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product, and how it is read.

    Attributes:
        name: its maker's name for it.
        metadata: which names are those of its metadata, from the product's root.
        read: the product from its files, the names of its metadata files and its source; None where the metadata name
            no bands, so that the raster speaks for itself.
        folders: of the product whose names, with their slash, are looked through for metadata too.
        suffix: of the names of folders that are such products.
        archived: whether it is read from zip archives.
    """

    name: str
    metadata: re.Pattern[str]
    read: Callable[[Files, Sequence[str], str], Product | None]
    folders: re.Pattern[str] | None = None
    suffix: str | None = None
    archived: bool = True


def only_one(names: Sequence[str], kind: str, source: str, fix: str) -> str:
    """The only one of the metadata files of a kind that were found.

    Raises:
        RequestError: there is none, or more than one.
    """
    if len(names) != 1:
        raise RequestError(f"it holds {'more than one' if names else 'no'} {kind} product", where=source, fix=fix)
    return names[0]


def check_one_image(parts: Sequence[Sequence[ProductBand]], kind: str, source: str, fix: str) -> None:
    """Refuse a delivery of several images, or of several PAN.

    Args:
        parts: the bands of each metadata file.

    Raises:
        RequestError: it is one.
    """
    for role in ("image", "pan"):
        if sum(any(band.role == role for band in part) for part in parts) > 1:
            raise RequestError(f"it holds more than one {kind} product", where=source, fix=fix)
