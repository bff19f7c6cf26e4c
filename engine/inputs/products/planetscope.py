"""PlanetScope scenes: an orthorectified analytic image of four or eight bands, its metadata and its usable data mask.

By Planet's imagery product specification.  Images of radiance (``AnalyticMS``) have a coefficient for each band by
which DN become top-of-atmosphere reflectance; those of surface reflectance (``AnalyticMS_SR``) have 10000 for 1.  The
mask (``udm2``) flags in its eighth band what was not imaged or is suspect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import RequestError
from .files import FETCH, Files, Metadata
from .product import Kind, Product, ProductBand, ProductMask, only_one

NODATA = 0.0
"""DN of pixels that were not imaged."""

_SURFACE = 1e-4
_FILE = re.compile(r"(.+)_3B_AnalyticMS(_8b)?_metadata(_clip)?\.xml", re.IGNORECASE)
_NAMES = {
    4: ("blue", "green", "red", "nir"),
    8: ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"),
}
# All of the eighth band but bit 1, clouds: they are no holes.
_UNUSABLE_BAND, _UNUSABLE = 8, 0b11111101


def _read(files: Files, names: Sequence[str], source: str) -> Product:
    fix = "give the folder of one scene, or its metadata file"
    name = only_one(names, KIND.name, source, fix)
    scene, eight, clip = (_FILE.sub(rf"\{part}", name) for part in (1, 2, 3))
    metadata = Metadata.of_xml(files, name, source)
    image = _image(files, scene, f"{eight}(_harmonized)?{clip}", source)
    count = int(metadata.number(metadata.only("numBands")))
    if count not in _NAMES:
        raise metadata.strange(f"{count} bands, not 4 or 8")
    scales = _scales(metadata, count, surface="_sr" in image[len(scene) :].lower())
    mask = ProductMask(f"{scene}_3B_udm2{clip}.tif", _UNUSABLE_BAND, _UNUSABLE)
    bands = tuple(
        ProductBand(
            band,
            image,
            scale,
            0.0,
            index,
            NODATA,
            colour=band if band in ("red", "green", "blue") else "",
            mask=mask,
        )
        for index, (band, scale) in enumerate(zip(_NAMES[count], scales, strict=True), 1)
    )
    # Bands of the eight-band generation differ from those of the sensor that is known by this name.
    return Product(KIND.name, source, bands, files, (name,), "PlanetScope" if count == 4 else None)


KIND = Kind("PlanetScope", _FILE, _read)


def _image(files: Files, scene: str, ending: str, source: str) -> str:
    """The image that the metadata are of, whichever way it was processed."""
    wanted = re.compile(rf"{re.escape(scene)}_3B_AnalyticMS(_SR)?{ending}\.tif", re.IGNORECASE)
    images = [name for name in files.listing() if wanted.fullmatch(name)]
    if not images:
        raise RequestError("the product lacks its image, AnalyticMS or AnalyticMS_SR", where=source, fix=FETCH)
    if len(images) > 1:
        raise RequestError(
            f"it holds more than one image, {' and '.join(images)[:200]}",
            where=source,
            fix="leave one of them in the folder",
        )
    return images[0]


def _scales(metadata: Metadata, count: int, *, surface: bool) -> list[float]:
    if surface:
        return [_SURFACE] * count
    stated: dict[int, float] = {}
    for band in metadata.groups("bandSpecificMetadata"):
        number = int(band.number(band.only("bandNumber")))
        stated[number] = band.factor(band.only("reflectanceCoefficient"))
    lacking = next((number for number in range(1, count + 1) if number not in stated), None)
    if lacking is not None:
        raise metadata.strange(f"no reflectanceCoefficient of band {lacking}")
    return [stated[number] for number in range(1, count + 1)]
