"""Sentinel-2 products: which image holds which band, and what its values mean.

A product is a SAFE folder, the zip archive of one, or the metadata file in it.  Everything is taken from that metadata,
by the Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD, issue 14 and later): the images, the
quantification value, and the offsets that products have since processing baseline 04.00.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ...errors import RequestError
from .files import Files, Metadata
from .product import Kind, Product, ProductBand, only_one

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Names in the order of wavelength, which is also that of the numbers by which metadata call the bands, from 0."""

NODATA = 0.0
"""DN of pixels that were not observed.  65535, which marks saturation, is kept as the brightest value there is."""

_IMAGE = re.compile(r"(?:.*_)?(B0[1-9]|B1[0-2]|B8A)(?:_([126]0)m)?")
# From this processing baseline on, an offset that is not stated is one that is missing.
_OFFSETS_SINCE = 4.0


@dataclass(frozen=True, slots=True)
class _Level:
    """What the metadata of a processing level call quantification value, in all formats, and offset."""

    quantification: tuple[str, ...]
    offset: str


_LEVELS: Mapping[str, _Level] = {
    "MTD_MSIL1C.xml": _Level(("QUANTIFICATION_VALUE",), "RADIO_ADD_OFFSET"),
    "MTD_MSIL2A.xml": _Level(("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"), "BOA_ADD_OFFSET"),
}
_COLOURS = {"B02": "blue", "B03": "green", "B04": "red"}


def _read(files: Files, names: Sequence[str], source: str) -> Product:
    name = only_one(names, KIND.name, source, f"give one SAFE folder, its zip archive, or its {' or '.join(_LEVELS)}")
    fix = "fetch the product again; those in the formats of 2016 and before are not read"
    metadata = Metadata.of_xml(files, name, source, fix)
    return Product(KIND.name, source, _bands(metadata, _LEVELS[PurePosixPath(name).name]), files, (name,), "Sentinel-2")


KIND = Kind("Sentinel-2", re.compile("|".join(map(re.escape, _LEVELS))), _read, suffix=".safe")


def _bands(metadata: Metadata, level: _Level) -> tuple[ProductBand, ...]:
    stated = next((name for name in level.quantification if metadata.every(name)), level.quantification[0])
    quantification = metadata.number(metadata.only(stated))
    baseline = metadata.number(metadata.only("PROCESSING_BASELINE"))
    if quantification <= 0:
        raise metadata.strange(f"a quantification value of {quantification:g}")
    offsets = {element.attributes.get("band_id"): metadata.number(element) for element in metadata.every(level.offset)}
    if baseline >= _OFFSETS_SINCE and not offsets:
        raise metadata.strange(f"no {level.offset}, which baseline {baseline:05.2f} has")
    bands = []
    for name, image in _images(metadata).items():
        offset = offsets.get(str(BANDS.index(name)), None if offsets else 0.0)
        if offset is None:
            raise metadata.strange(f"no {level.offset} of {name}")
        scaled = 1.0 / quantification, offset / quantification
        bands.append(ProductBand(name, image, *scaled, nodata=NODATA, colour=_COLOURS.get(name, "")))
    return tuple(sorted(bands, key=lambda band: BANDS.index(band.name)))


def _images(metadata: Metadata) -> dict[str, str]:
    """The image of the finest resolution of each band."""
    granules = metadata.every("Granule") + metadata.every("Granules")
    if len(granules) != 1:
        raise RequestError(
            f"the product has {len(granules)} granules",
            where=metadata.source,
            fix="give products of one granule each, as they are since December 2016",
        )
    kind = granules[0].attributes.get("imageFormat", "JPEG2000")
    if kind != "JPEG2000":
        raise RequestError(f"its images are {kind}", where=metadata.source, fix="give the product as JPEG 2000")
    finest: dict[str, tuple[int, str]] = {}
    for element in metadata.every("IMAGE_FILE") + metadata.every("IMAGE_FILE_2A"):
        image = metadata.inside(element.text + ".jp2")
        found = _IMAGE.fullmatch(PurePosixPath(image).stem)
        if found is not None:
            # Only level 2A delivers a band at several resolutions.
            this = int(found[2] or 0), image
            finest[found[1]] = min(finest.get(found[1], this), this)
    if not finest:
        raise metadata.strange("no image of a band")
    return {name: image for name, (_, image) in finest.items()}
