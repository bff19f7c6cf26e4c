"""Landsat products of Collection 2, Level 1 and Level 2: an image for each band, named by the metadata file (MTL).

By the data format control books of the USGS (LSDS-1822 for Level 1, LSDS-1328 for Level 2): the MTL comes as text, XML
and JSON of the same groups, with the factors that make top-of-atmosphere reflectance, not yet divided by the sine of
the sun's elevation (Level 1), or surface reflectance and temperature (Level 2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import RequestError
from ..metadata import Element
from .files import FETCH, Files, Metadata, read_metadata
from .product import Kind, Product, ProductBand, ProductMask, Role, only_one

NODATA = 0.0
"""DN of fill."""

_FILE = re.compile(r"(.+)_MTL\.(xml|txt|json)", re.IGNORECASE)
_BAND = re.compile(r"FILE_NAME_BAND_(\w+)")
_FILL = 1 << 0
# From nanometres, or degrees of latitude, down to a name: deeper metadata are none.
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class _Instrument:
    """What the numbers of its bands mean.

    Attributes:
        sensor: its name in ``sensors.SENSORS``, where it has one.
        colours: by band.
        pan: the panchromatic band.
        further: bands that are no part of the image: cirrus.
    """

    sensor: str | None
    colours: Mapping[str, str] = field(hash=False)
    pan: str = ""
    further: frozenset[str] = frozenset()


_OLI = {"2": "blue", "3": "green", "4": "red"}
_TM = {"1": "blue", "2": "green", "3": "red"}
_INSTRUMENTS: Mapping[str, _Instrument] = {
    "LANDSAT_4": _Instrument(None, _TM),
    "LANDSAT_5": _Instrument(None, _TM),
    "LANDSAT_7": _Instrument(None, _TM, "8"),
    "LANDSAT_8": _Instrument("Landsat-8", _OLI, "8", frozenset({"9"})),
    "LANDSAT_9": _Instrument("Landsat-9", _OLI, "8", frozenset({"9"})),
}
_RESCALING = {"1": "LEVEL1_RADIOMETRIC_RESCALING", "2": "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"}
_TEMPERATURE = "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"


def _read(files: Files, names: Sequence[str], source: str) -> Product:
    # The same product is described up to three times.
    scenes = sorted({found[1] for name in names if (found := _FILE.fullmatch(name)) is not None})
    only_one(scenes, KIND.name, source, "give the folder of one scene, its zip archive, or its MTL file")
    name = max(names, key=lambda each: each.lower().endswith((".xml", ".txt")) + each.lower().endswith(".xml"))
    metadata = _metadata(files, name, source)
    contents = metadata.group("PRODUCT_CONTENTS")
    collection, level = contents.only("COLLECTION_NUMBER").text, contents.only("PROCESSING_LEVEL").text
    if int(metadata.number(contents.only("COLLECTION_NUMBER"))) != 2 or level[:2] not in ("L1", "L2"):
        raise RequestError(
            f"it is of Landsat Collection {collection[:8]}, level {level[:8]}",
            where=source,
            fix="give a product of Collection 2, Level 1 or Level 2",
        )
    craft = metadata.group("IMAGE_ATTRIBUTES").only("SPACECRAFT_ID").text
    instrument = _INSTRUMENTS.get(craft, _Instrument(None, {}))
    bands = _bands(metadata, contents, instrument, level[1])
    if not bands:
        raise metadata.strange("no image of a band")
    return Product(KIND.name, source, bands, files, (name,), instrument.sensor)


KIND = Kind("Landsat", _FILE, _read)


def _bands(metadata: Metadata, contents: Metadata, instrument: _Instrument, level: str) -> tuple[ProductBand, ...]:
    mask = _mask(contents)
    reflectance = _factors(metadata, _RESCALING[level], "REFLECTANCE")
    temperature = _factors(metadata, _TEMPERATURE, "TEMPERATURE") if level == "2" else {}
    bands = []
    for element in contents.found:
        found = _BAND.fullmatch(element.name)
        if found is None:
            continue
        number, role = found[1], _role(found[1], found[1] in reflectance, instrument)
        scale, offset = reflectance.get(number) or temperature.get(number) or (None, None)
        bands.append(
            ProductBand(
                number if number.startswith("ST_") else f"B{number}",
                metadata.inside(element.text),
                scale,
                offset,
                nodata=NODATA,
                unit="K" if number in temperature else "",
                colour=instrument.colours.get(number, ""),
                role=role,
                # The finer pixels of PAN are not those of the mask; their fill is known by its DN.
                mask=None if role == "pan" else mask,
            )
        )
    return tuple(bands)


def _role(number: str, reflects: bool, instrument: _Instrument) -> Role:
    if number == instrument.pan:
        return "pan"
    return "image" if reflects and number not in instrument.further else "further"


def _mask(contents: Metadata) -> ProductMask | None:
    """Fill alone: clouds are no holes."""
    quality = contents.text("FILE_NAME_QUALITY_L1_PIXEL")
    return None if quality is None else ProductMask(contents.inside(quality), 1, _FILL)


def _factors(metadata: Metadata, group: str, what: str) -> dict[str, tuple[float, float]]:
    """Factor and addend of each band for which a group states both."""
    found: dict[str, tuple[float, float]] = {}
    for inside in metadata.groups(group)[:1]:
        for element in inside.found:
            band = element.name.removeprefix(f"{what}_MULT_BAND_")
            if band == element.name:
                continue
            found[band] = inside.factor(element), inside.number(inside.only(f"{what}_ADD_BAND_{band}"))
    return found


def _metadata(files: Files, name: str, source: str) -> Metadata:
    if name.lower().endswith(".xml"):
        return Metadata.of_xml(files, name, source)
    if name.lower().endswith(".txt"):
        return Metadata.of_keywords(files, name, source)
    try:
        content = json.loads(read_metadata(files, name, source).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{name} is not JSON", where=source, fix=FETCH) from error
    found: list[Element] = []
    _flatten(content, found, _DEEPEST)
    return Metadata(found, source)


def _flatten(content: Any, found: list[Element], deepest: int) -> None:
    """A tree of JSON objects as elements, in the order in which they end."""
    if not isinstance(content, dict) or not deepest:
        return
    for name, value in content.items():
        first = len(found)
        _flatten(value, found, deepest - 1)
        found.append(Element(name, {}, str(value) if isinstance(value, str | int | float) else "", len(found) - first))
