"""DIMAP products, version 2: Pleiades, Pleiades Neo, SPOT 6 and 7.

By Airbus' user guides.  GDAL lays the tiles together.  A delivery is a folder with one image, or with MS and PAN in
folders of their own (``IMG_...``), each with its metadata (``DIM_....XML``).  DN are counts unless the metadata say
that they are reflectance, and then reflectance = DN / gain + bias.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from ...errors import RequestError
from .files import Files, Metadata
from .product import Kind, Product, ProductBand, Role, check_one_image

_FILE = re.compile(r"DIM_.+\.XML", re.IGNORECASE)
_FOLDER = re.compile(r"IMG_.+/", re.IGNORECASE)
_PAN = ("P", "PAN")
_SENSORS = {"PHR": "Pleiades", "SPOT": "SPOT"}
_COLOURS = {"B0": "blue", "B1": "green", "B2": "red", "B": "blue", "G": "green", "R": "red"}
_CHANNELS = ("RED_CHANNEL", "GREEN_CHANNEL", "BLUE_CHANNEL", "ALPHA_CHANNEL")


def _read(files: Files, names: Sequence[str], source: str) -> Product | None:
    parts: list[list[ProductBand]] = []
    sensors: set[str | None] = set()
    for name in names:
        metadata = Metadata.of_xml(files, name, source)
        form = next(iter(metadata.every("METADATA_FORMAT")), None)
        if form is None or not form.attributes.get("version", "").startswith("2"):
            return None
        parts.append(_bands(metadata, name))
        sensors.add(_SENSORS.get(metadata.text("MISSION") or ""))
    bands = [band for part in parts for band in part]
    if not bands:
        return None
    check_one_image(parts, KIND.name, source, "give the DIM_....XML of one image")
    return Product(KIND.name, source, tuple(bands), files, tuple(names), sensors.pop() if len(sensors) == 1 else None)


KIND = Kind("DIMAP", _FILE, _read, folders=_FOLDER, archived=False)


def _bands(metadata: Metadata, name: str) -> list[ProductBand]:
    """Those of one image, in its order; none where their names are not told."""
    nodata, reflectance = _nodata(metadata), _reflectance(metadata)
    bands = []
    for image, index, band in _places(metadata, name):
        scale, offset = reflectance.get(band, (None, None))
        colour, role = _COLOURS.get(band, ""), _role(band)
        bands.append(ProductBand(band, image, scale, offset, index, nodata, colour=colour, role=role))
    return bands


def _places(metadata: Metadata, name: str) -> list[tuple[str, int, str]]:
    """Image, number in it and name of each band."""
    names = _names(metadata)
    blocks = metadata.groups("Data_Files")
    if len(blocks) <= 1:
        return [(name, index, band) for index, band in enumerate(names, 1)]
    # Bands in files of their own, which GDAL does not read together.
    places = []
    for block in blocks:
        tiles = block.every("DATA_FILE_PATH")
        if len(tiles) != 1:
            raise RequestError(
                "its bands lie in several mosaics",
                where=metadata.source,
                fix="lay the tiles of each together with gdalwarp, and give the files with commas between them",
            )
        image = str(PurePosixPath(name).parent / metadata.inside(tiles[0].attributes.get("href", "")))
        places += [(image, index, band) for index, band in enumerate(_listed(block), 1)]
    return places


def _role(band: str) -> Role:
    return "pan" if band in _PAN else "image"


def _listed(metadata: Metadata) -> list[str]:
    """Names of the bands by their numbers, file after file; none where these are not told."""
    listed: list[str] = []
    for block in metadata.groups("Raster_Index_List"):
        indices = block.groups("Raster_Index")
        numbered = {int(each.number(each.only("BAND_INDEX"))): each.only("BAND_ID").text for each in indices}
        if sorted(numbered) != list(range(1, len(indices) + 1)):
            raise metadata.strange("bands of which not each has its number")
        listed += [numbered[number] for number in sorted(numbered)]
    return listed


def _names(metadata: Metadata) -> list[str]:
    """Of the bands: by their numbers, or else in the order in which they are shown."""
    listed = _listed(metadata)
    if not listed:
        shown = (metadata.text(channel) for channel in _CHANNELS)
        listed = list(dict.fromkeys(band for band in shown if band))
    count = metadata.text("NBANDS")
    if listed and count != str(len(listed)):
        raise metadata.strange(f"{(count or 'no')[:20]} NBANDS, and names of {len(listed)}")
    if len(set(listed)) < len(listed):
        raise metadata.strange("two bands of one name")
    return listed


def _nodata(metadata: Metadata) -> float | None:
    """What stands for no data; what marks saturation is kept as the brightest value there is."""
    for special in metadata.groups("Special_Value"):
        if special.text("SPECIAL_VALUE_TEXT") == "NODATA":
            # Despite its name, the value itself.
            return special.number(special.only("SPECIAL_VALUE_COUNT"))
    return None


def _reflectance(metadata: Metadata) -> dict[str, tuple[float, float]]:
    """Scale and offset of each band whose DN are reflectance."""
    if metadata.text("RADIOMETRIC_PROCESSING") != "REFLECTANCE":
        return {}
    return {
        band.only("BAND_ID").text: (1.0 / band.factor(band.only("GAIN")), band.number(band.only("BIAS")))
        for band in metadata.groups("Band_Reflectance")
    }
