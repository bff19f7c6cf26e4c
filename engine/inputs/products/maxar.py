"""Maxar (DigitalGlobe) products: tiles in a list (``.TIL``), and what they are in an ``.IMD`` beside it.

By the Image Support Data of DigitalGlobe's products.  GDAL lays the tiles together.  DN are counts: the metadata state
how they become radiance, which is not reflectance, so no scale is declared.  A delivery is a folder with one list, or
with those of MS and PAN in folders of their own (``..._MUL``, ``..._PAN``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from .files import Files, Metadata
from .product import Kind, Product, ProductBand, check_one_image

_FILE = re.compile(r".+\.TIL", re.IGNORECASE)
_FOLDER = re.compile(r".+_(MUL|PAN)/", re.IGNORECASE)
_SENSORS = {
    "WV02": "WV2",
    "WV03": "WV3",
    "WV04": "WV4",
    "GE01": "GeoEye-1",
    "QB02": "QB",
    "IK02": "IKONOS",
}
_NAMES = {
    "C": "coastal",
    "B": "blue",
    "G": "green",
    "Y": "yellow",
    "R": "red",
    "RE": "rededge",
    "N": "nir",
    "N2": "nir2",
    "P": "pan",
}
# WorldView-2 and -3 have two.
_TWO_NIR = ("WV02", "WV03")


def _read(files: Files, names: Sequence[str], source: str) -> Product | None:
    parts: list[list[ProductBand]] = []
    beside: list[str] = []
    crafts: set[str] = set()
    for name in names:
        described = _imd(files, name)
        if described is None:
            return None
        metadata = Metadata.of_keywords(files, described, source)
        craft = metadata.text("satId") or ""
        parts.append(_bands(metadata, name, craft))
        beside += [name, described]
        crafts.add(craft)
    bands = [band for part in parts for band in part]
    if not bands:
        return None
    check_one_image(parts, KIND.name, source, "give the .TIL of one image")
    sensor = _SENSORS.get(crafts.pop()) if len(crafts) == 1 else None
    return Product(KIND.name, source, tuple(bands), files, tuple(beside), sensor)


KIND = Kind("Maxar", _FILE, _read, folders=_FOLDER, archived=False)


def _imd(files: Files, til: str) -> str | None:
    """The description beside a list of tiles, in any case of its ending."""
    stem = str(PurePosixPath(til).with_suffix(""))
    return next((stem + ending for ending in (".IMD", ".imd", ".Imd") if files.holds(stem + ending)), None)


def _bands(metadata: Metadata, til: str, craft: str) -> list[ProductBand]:
    """Those of one image, in its order; none where they are not told."""
    identity = metadata.text("bandId") or ""
    groups = [element.name.removeprefix("BAND_") for element in metadata.found if element.name.startswith("BAND_")]
    letters = list(identity)
    # Images of three or four bands say their order by their letters.
    order = letters if groups and sorted(letters) == sorted(groups) else groups
    if not order and identity == "P":
        order = ["P"]
    if len(set(order)) < len(order):
        raise metadata.strange("two bands of one name")
    return [_band(letter, index, til, craft) for index, letter in enumerate(order, 1)]


def _band(letter: str, index: int, til: str, craft: str) -> ProductBand:
    name = _NAMES.get(letter, letter)
    if name == "nir" and craft in _TWO_NIR:
        name = "nir1"
    colour = name if name in ("red", "green", "blue") else ""
    return ProductBand(name, til, None, None, index, colour=colour, role="pan" if letter == "P" else "image")
