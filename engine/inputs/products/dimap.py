"""DIMAP products, version 2: Pleiades, Pleiades Neo, SPOT 6 and 7.

By Airbus' user guides.  GDAL lays the tiles together.  A delivery is a folder with one image, or with MS and PAN in
folders of their own (``IMG_...``), each with its metadata (``DIM_....XML``).  DN are counts unless the metadata say
that they are reflectance, and then reflectance = DN / gain + bias.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .files import Files, Metadata
from .product import Kind, Product, ProductBand, Role, check_one_image

_FILE = re.compile(r"DIM_.+\.XML", re.IGNORECASE)
_FOLDER = re.compile(r"IMG_.+/", re.IGNORECASE)
_PAN = ("P", "PAN")
_SENSORS = {"PHR": "Pleiades", "SPOT": "SPOT"}
_COLOURS = {"B0": "blue", "B1": "green", "B2": "red", "B": "blue", "G": "green", "R": "red"}
_CHANNELS = ("RED_CHANNEL", "GREEN_CHANNEL", "BLUE_CHANNEL", "ALPHA_CHANNEL")


def _read(files: Files, names: Sequence[str], source: str) -> Product | None:
    bands: list[ProductBand] = []
    sensors: set[str | None] = set()
    for name in names:
        metadata = Metadata.of_xml(files, name, source)
        form = next(iter(metadata.every("METADATA_FORMAT")), None)
        if form is None or not form.attributes.get("version", "").startswith("2"):
            return None
        bands += _bands(metadata, name)
        sensors.add(_SENSORS.get(metadata.text("MISSION") or ""))
    if not bands:
        return None
    check_one_image(bands, KIND.name, source, "give the DIM_....XML of one image")
    return Product(KIND.name, source, tuple(bands), files, tuple(names), sensors.pop() if len(sensors) == 1 else None)


KIND = Kind("DIMAP", _FILE, _read, folders=_FOLDER, archived=False)


def _bands(metadata: Metadata, name: str) -> list[ProductBand]:
    """Those of one image, in its order; none where their names are not told."""
    nodata, reflectance = _nodata(metadata), _reflectance(metadata)
    bands = []
    for index, band in enumerate(_names(metadata), 1):
        scale, offset = reflectance.get(band, (None, None))
        colour, role = _COLOURS.get(band, ""), _role(band)
        bands.append(ProductBand(band, name, scale, offset, index, nodata, colour=colour, role=role))
    return bands


def _role(band: str) -> Role:
    return "pan" if band in _PAN else "image"


def _names(metadata: Metadata) -> list[str]:
    """Of the bands of the files: by their numbers, or else in the order in which they are shown."""
    blocks = [block.groups("Raster_Index") for block in metadata.groups("Raster_Index_List")]
    listed: list[str] = []
    for block in blocks:
        numbered = {int(each.number(each.only("BAND_INDEX"))): each.only("BAND_ID").text for each in block}
        if sorted(numbered) != list(range(1, len(block) + 1)):
            raise metadata.strange("bands of which not each has its number")
        listed += [numbered[number] for number in sorted(numbered)]
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
