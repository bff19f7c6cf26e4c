"""Virtual rasters that put finished row bands and overviews together for GDAL's COG driver."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

import rasterio
import rasterio.shutil
from odc.geo.crs import CRS
from rasterio.dtypes import _gdal_typename

from ..contract import Category
from ..inputs.files import quiet
from ..inputs.scene import CLASS_NAMES
from ..plan.plan import Output

_COLOURS = {
    "gray": "Gray",
    "red": "Red",
    "green": "Green",
    "blue": "Blue",
    "alpha": "Alpha",
    "hue": "Hue",
    "saturation": "Saturation",
    "lightness": "Lightness",
    "cyan": "Cyan",
    "magenta": "Magenta",
    "yellow": "Yellow",
    "black": "Black",
    "Y": "YCbCr_Y",
    "Cb": "YCbCr_Cb",
    "Cr": "YCbCr_Cr",
}
# What XML cannot carry, not even escaped; tags of damaged or odd files hold it.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# Pixel values of a byte: a colour table has one colour for each, whether it stands for a class or not.
_TABLE = 256


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows of an output that one file holds.

    Attributes:
        path: the file, in the folder of the virtual raster or below it.
        first: row of the output where they begin.
        height, width: px.
    """

    path: Path
    first: int
    height: int
    width: int


def write_vrt(
    output: Output, rows: Sequence[StoredRows], folder: Path, levels: Sequence[Path], tags: Mapping[str, str]
) -> Path:
    """Write the virtual raster of an output: its row bands one below the other, and its overviews.

    A class map comes with a colour table and category names.  A COG made of it keeps the colours; for the names a
    GeoTIFF has no place of its own, so GDAL puts them into a side file (.aux.xml), and the tag SEAMLINE_CLASSES, a JSON
    list in the order of the pixel values, has them in the file itself.

    Args:
        rows: of every plane, without gaps.
        folder: where it is written.
        levels: overviews in that folder, or below it.
        tags: of the dataset.
    """
    height, width = output.grid.shape
    root = Xml.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if output.grid.crs is not None:
        Xml.SubElement(root, "SRS").text = crs_text(output.grid.crs)
    a = output.grid.affine
    if not a.is_identity:
        Xml.SubElement(root, "GeoTransform").text = ", ".join(repr(v) for v in (a.c, a.a, a.b, a.f, a.d, a.e))
    metadata = Xml.SubElement(root, "Metadata")
    for key, value in {**tags, **_dataset_tags(output)}.items():
        Xml.SubElement(metadata, "MDI", key=_legible(key)).text = _legible(value)
    kind = _gdal_typename(output.dtype)
    sources = _Sources(folder, rows, levels)
    for number, band in enumerate(output.bands, 1):
        element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(number))
        if output.mask == "nodata" and output.nodata is not None:
            Xml.SubElement(element, "NoDataValue").text = repr(output.nodata)
        _describe_band(element, band.name, band.unit, band.scale, band.offset)
        colour = "Palette" if output.categories else _COLOURS.get(band.colour, "Undefined")
        Xml.SubElement(element, "ColorInterp").text = colour
        _list_classes(element, output.categories)
        sources.add_to(element, number)
    if output.mask == "alpha":
        element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(output.planes))
        Xml.SubElement(element, "ColorInterp").text = "Alpha"
        sources.add_to(element, output.planes)
    if output.mask == "dataset":
        element = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        sources.add_to(element, output.planes)
    return _save(root, folder / "output.vrt")


def _dataset_tags(output: Output) -> dict[str, str]:
    tags = {"AREA_OR_POINT": "Point" if output.point else "Area"}
    if output.categories:
        tags[CLASS_NAMES] = json.dumps([category.name for category in output.categories], ensure_ascii=False)
    return tags


def crs_text(crs: CRS) -> str:
    """The code of a CRS that carries one, else its WKT: the WKT of a compound CRS loses the names of its parts."""
    wkt = crs.to_wkt()
    if crs.epsg is None or not wkt.endswith(f'ID["EPSG",{crs.epsg}]]'):
        return wkt
    try:
        same = rasterio.crs.CRS.from_epsg(crs.epsg) == rasterio.crs.CRS.from_wkt(wkt)
    except rasterio.errors.CRSError:  # a code younger than GDAL's list
        same = False
    return f"EPSG:{crs.epsg}" if same else wkt


def with_mask(level: Path, output: Output) -> Path:
    """A virtual raster that calls the last plane of an overview the mask of the others, as GDAL wants to find it."""
    with quiet(), rasterio.open(level) as data:
        size = {"xSize": str(data.width), "ySize": str(data.height)}
    root = Xml.Element("VRTDataset", rasterXSize=size["xSize"], rasterYSize=size["ySize"])
    kind = _gdal_typename(output.dtype)
    for number in range(1, len(output.bands) + 1):
        element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(number))
        _source(element, level.name, number, size, 0)
    element = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
    _source(element, level.name, output.planes, size, 0)
    return _save(root, level.with_suffix(".vrt"))


def _save(root: Xml.Element, path: Path) -> Path:
    path.unlink(missing_ok=True)
    path.write_text(Xml.tostring(root, encoding="unicode"), encoding="utf-8")
    return path


def _describe_band(element: Xml.Element, name: str, unit: str, scale: float, offset: float) -> None:
    if name:
        Xml.SubElement(element, "Description").text = _legible(name)
    if unit:
        Xml.SubElement(element, "UnitType").text = _legible(unit)
    if (scale, offset) != (1.0, 0.0):
        Xml.SubElement(element, "Offset").text = repr(offset)
        Xml.SubElement(element, "Scale").text = repr(scale)


def _list_classes(element: Xml.Element, categories: Sequence[Category]) -> None:
    if not categories:
        return
    table, names = Xml.SubElement(element, "ColorTable"), Xml.SubElement(element, "CategoryNames")
    for category in categories:
        Xml.SubElement(names, "Category").text = _legible(category.name)
        _colour(table, *category.colour, 255)
    for _ in range(len(categories), _TABLE):
        _colour(table, 0, 0, 0, 0)


def _colour(table: Xml.Element, red: int, green: int, blue: int, alpha: int) -> None:
    Xml.SubElement(table, "Entry", c1=str(red), c2=str(green), c3=str(blue), c4=str(alpha))


def _legible(text: str) -> str:
    return _NOT_XML.sub("", text)


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the pixels of every plane come from; files are named relative to the folder."""

    folder: Path
    rows: Sequence[StoredRows]
    levels: Sequence[Path]

    def add_to(self, element: Xml.Element, plane: int) -> None:
        for part in self.rows:
            size = {"xSize": str(part.width), "ySize": str(part.height)}
            _source(element, self._name(part.path), plane, size, part.first)
        for level in self.levels:
            overview = Xml.SubElement(element, "Overview")
            Xml.SubElement(overview, "SourceFilename", relativeToVRT="1").text = self._name(level)
            Xml.SubElement(overview, "SourceBand").text = str(plane)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _source(element: Xml.Element, name: str, plane: int, size: dict[str, str], row: int) -> None:
    source = Xml.SubElement(element, "SimpleSource")
    Xml.SubElement(source, "SourceFilename", relativeToVRT="1").text = name
    Xml.SubElement(source, "SourceBand").text = str(plane)
    Xml.SubElement(source, "SrcRect", {"xOff": "0", "yOff": "0", **size})
    Xml.SubElement(source, "DstRect", {"xOff": "0", "yOff": str(row), **size})
