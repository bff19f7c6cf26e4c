"""Sentinel-2 products as they are delivered: which image holds which band, and what its values mean.

A product is a SAFE folder, the zip archive of one, or the metadata file in it.  Everything is taken from that metadata,
by the Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD, issue 14 and later): the images, the
quantification value, and the offsets that products have since processing baseline 04.00.  Metadata are data of
strangers: they are read up to a size, without document types (hence without entities), and name no file outside the
product.
"""

from __future__ import annotations

import lzma
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import RequestError
from .archives import archived, exists
from .metadata import Element, elements

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Names in the order of wavelength, which is also that of the numbers by which metadata call the bands, from 0."""

NODATA = 0.0
"""DN of pixels that were not observed.  65535, which marks saturation, is kept as the brightest value there is."""

_LARGEST_METADATA = 4 * 2**20
_IMAGE = re.compile(r"(?:.*_)?(B0[1-9]|B1[0-2]|B8A)(?:_([126]0)m)?")
# From this processing baseline on, an offset that is not stated is one that is missing.
_OFFSETS_SINCE = 4.0


@dataclass(frozen=True, slots=True)
class _Level:
    """What the metadata of a processing level call quantification value and offset."""

    quantification: str
    offset: str


_LEVELS: Mapping[str, _Level] = {
    "MTD_MSIL1C.xml": _Level("QUANTIFICATION_VALUE", "RADIO_ADD_OFFSET"),
    "MTD_MSIL2A.xml": _Level("BOA_QUANTIFICATION_VALUE", "BOA_ADD_OFFSET"),
}


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files of a product that lies open."""

    root: Path

    def path(self, name: str) -> str:
        return str(self.root / name)

    def holds(self, name: str) -> bool:
        return (self.root / name).is_file()

    def head(self, name: str, count: int) -> bytes:
        with (self.root / name).open("rb") as stream:
            return stream.read(count)


@dataclass(frozen=True, slots=True)
class _Archive:
    """The files of a product in an archive; ``root`` is "" or a folder's name and a slash."""

    archive: Path
    root: str
    members: frozenset[str]

    def path(self, name: str) -> str:
        return archived(self.archive, self.root + name)

    def holds(self, name: str) -> bool:
        return self.root + name in self.members

    def head(self, name: str, count: int) -> bytes:
        with zipfile.ZipFile(self.archive) as file, file.open(self.root + name) as stream:
            return stream.read(count)


@dataclass(frozen=True, slots=True)
class ProductBand:
    """One band.

    Attributes:
        name: such as ``"B8A"``.
        image: its image of the finest resolution that the product has, relative to the product.
        scale, offset: reflectance = DN * scale + offset.
    """

    name: str
    image: str
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class Product:
    """A product.

    Attributes:
        source: as the user gave it.
        bands: in the order of ``BANDS``, those that the metadata list.
        files: where they lie.
    """

    source: str
    bands: tuple[ProductBand, ...]
    files: _Folder | _Archive

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


def find_product(source: str) -> Product | None:
    """The Sentinel-2 product at a path; None where it is something else.

    Raises:
        RequestError: it should be one (a SAFE folder, a zip archive, or its metadata by name), but is not, or is not
            complete, or holds several granules.
    """
    path = Path(source)
    files: _Folder | _Archive
    if not exists(path):
        return None
    if source.lower().endswith(".zip") and path.is_file():
        files, names = _in_archive(path)
    elif path.is_dir():
        files, names = _Folder(path), [name for name in _LEVELS if (path / name).is_file()]
        if not names and path.suffix.lower() != ".safe":
            return None
    elif path.name in _LEVELS and path.is_file():
        files, names = _Folder(path.parent), [path.name]
    else:
        return None
    if len(names) != 1:
        raise RequestError(
            f"it holds {'more than one' if names else 'no'} Sentinel-2 product",
            where=source,
            fix=f"give one SAFE folder, its zip archive, or its {' or '.join(_LEVELS)}",
        )
    metadata = elements(_read(files, names[0], source), source=source, fix="fetch the product again")
    return Product(source, _bands(metadata, _LEVELS[names[0]], source), files)


def _in_archive(path: Path) -> tuple[_Archive, list[str]]:
    """The archive, and the names of the metadata files of all products in it."""
    try:
        with zipfile.ZipFile(path) as file:
            members = frozenset(file.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise RequestError("it is not a zip archive", where=str(path), fix="fetch it again") from error
    found = [PurePosixPath(member) for member in sorted(members) if member.count("/") <= 1]
    found = [member for member in found if member.name in _LEVELS]
    root = str(found[0].parent) + "/" if found and len(found[0].parts) > 1 else ""
    return _Archive(path, root, members), [member.name for member in found]


def _read(files: _Folder | _Archive, name: str, source: str) -> bytes:
    try:
        content = files.head(name, _LARGEST_METADATA + 1)
    # An encrypted or damaged member of an archive raises the latter ones.
    except (
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise RequestError(f"{name} cannot be read", where=source, fix="fetch the product again") from error
    if len(content) > _LARGEST_METADATA:
        raise RequestError(
            f"{name} is larger than {_LARGEST_METADATA // 2**20} MiB", where=source, fix="fetch the product again"
        )
    return content


def _bands(metadata: Sequence[Element], level: _Level, source: str) -> tuple[ProductBand, ...]:
    quantification = _number(_only(metadata, level.quantification, source), source)
    baseline = _number(_only(metadata, "PROCESSING_BASELINE", source), source)
    if quantification <= 0:
        raise _strange(f"a quantification value of {quantification:g}", source)
    offsets = {
        element.attributes.get("band_id"): _number(element, source)
        for element in metadata
        if element.name == level.offset
    }
    if baseline >= _OFFSETS_SINCE and not offsets:
        raise _strange(f"no {level.offset}, which baseline {baseline:05.2f} has", source)
    bands = []
    for name, image in _images(metadata, source).items():
        offset = offsets.get(str(BANDS.index(name)), None if offsets else 0.0)
        if offset is None:
            raise _strange(f"no {level.offset} of {name}", source)
        bands.append(ProductBand(name, image, 1.0 / quantification, offset / quantification))
    return tuple(sorted(bands, key=lambda band: BANDS.index(band.name)))


def _images(metadata: Sequence[Element], source: str) -> dict[str, str]:
    """The image of the finest resolution of each band."""
    granules = [element for element in metadata if element.name in ("Granule", "Granules")]
    if len(granules) != 1:
        raise RequestError(
            f"the product has {len(granules)} granules",
            where=source,
            fix="give products of one granule each, as they are since December 2016",
        )
    kind = granules[0].attributes.get("imageFormat", "JPEG2000")
    if kind != "JPEG2000":
        raise RequestError(f"its images are {kind}", where=source, fix="give the product as JPEG 2000")
    finest: dict[str, tuple[int, str]] = {}
    for element in metadata:
        if element.name != "IMAGE_FILE":
            continue
        image = PurePosixPath(element.text + ".jp2")
        if image.is_absolute() or ".." in image.parts or "\\" in element.text:
            raise _strange(f"an image outside the product, {element.text[:60]!r}", source)
        found = _IMAGE.fullmatch(image.stem)
        if found is not None:
            # Only level 2A delivers a band at several resolutions.
            this = int(found[2] or 0), str(image)
            finest[found[1]] = min(finest.get(found[1], this), this)
    if not finest:
        raise _strange("no image of a band", source)
    return {name: image for name, (_, image) in finest.items()}


def _only(metadata: Sequence[Element], name: str, source: str) -> Element:
    found = [element for element in metadata if element.name == name]
    if len(found) != 1:
        raise _strange(f"{len(found) or 'no'} {name}", source)
    return found[0]


def _number(element: Element, source: str) -> float:
    try:
        value = float(element.text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _strange(f"{element.text[:40]!r} as {element.name}", source)
    return value


def _strange(what: str, source: str) -> RequestError:
    fix = "fetch the product again; those in the formats of 2016 and before are not read"
    return RequestError(f"its metadata have {what}", where=source, fix=fix)
