"""Virtual rasters that put finished row bands and overviews together for GDAL's COG driver."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

import rasterio
import rasterio.shutil
from odc.geo.crs import CRS
from rasterio.dtypes import _gdal_typename

from ..inputs.files import quiet
from ..plan.plan import Output, Plan, stored_row_bands
from .workspace import Workspace

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


def write_vrt(plan: Plan, workspace: Workspace, levels: Sequence[Path], tags: dict[str, str]) -> Path:
    """Write the virtual raster of the output: its row bands one below the other, and its overviews."""
    output = plan.output
    height, width = output.grid.shape
    root = Xml.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if output.grid.crs is not None:
        Xml.SubElement(root, "SRS").text = _named(output.grid.crs)
    a = output.grid.affine
    if not a.is_identity:
        Xml.SubElement(root, "GeoTransform").text = ", ".join(repr(v) for v in (a.c, a.a, a.b, a.f, a.d, a.e))
    metadata = Xml.SubElement(root, "Metadata")
    for key, value in {**tags, "AREA_OR_POINT": "Point" if output.point else "Area"}.items():
        Xml.SubElement(metadata, "MDI", key=_legible(key)).text = _legible(value)
    kind = _gdal_typename(output.dtype)
    for number, band in enumerate(output.bands, 1):
        element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(number))
        if output.mask == "nodata" and output.nodata is not None:
            Xml.SubElement(element, "NoDataValue").text = repr(output.nodata)
        _describe_band(element, band.name, band.unit, band.colour, band.scale, band.offset)
        _sources(element, plan, workspace, number, levels)
    if output.mask == "alpha":
        element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(output.planes))
        Xml.SubElement(element, "ColorInterp").text = "Alpha"
        _sources(element, plan, workspace, output.planes, levels)
    if output.mask == "dataset":
        element = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        _sources(element, plan, workspace, output.planes, levels)
    return _save(root, workspace.folder / "output.vrt")


def _named(crs: CRS) -> str:
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


def _describe_band(element: Xml.Element, name: str, unit: str, colour: str, scale: float, offset: float) -> None:
    if name:
        Xml.SubElement(element, "Description").text = _legible(name)
    if unit:
        Xml.SubElement(element, "UnitType").text = _legible(unit)
    if (scale, offset) != (1.0, 0.0):
        Xml.SubElement(element, "Offset").text = repr(offset)
        Xml.SubElement(element, "Scale").text = repr(scale)
    Xml.SubElement(element, "ColorInterp").text = _COLOURS.get(colour, "Undefined")


def _legible(text: str) -> str:
    return _NOT_XML.sub("", text)


def _sources(element: Xml.Element, plan: Plan, workspace: Workspace, plane: int, levels: Sequence[Path]) -> None:
    width = plan.output.grid.shape[1]
    for band in stored_row_bands(plan):
        first, stop = plan.rows_of(band)
        name = workspace.row_band_path(band).relative_to(workspace.folder).as_posix()
        size = {"xSize": str(width), "ySize": str((stop - first) * plan.scale)}
        _source(element, name, plane, size, (first - plan.window.row) * plan.scale)
    for level in levels:
        overview = Xml.SubElement(element, "Overview")
        Xml.SubElement(overview, "SourceFilename", relativeToVRT="1").text = level.name
        Xml.SubElement(overview, "SourceBand").text = str(plane)


def _source(element: Xml.Element, name: str, plane: int, size: dict[str, str], row: int) -> None:
    source = Xml.SubElement(element, "SimpleSource")
    Xml.SubElement(source, "SourceFilename", relativeToVRT="1").text = name
    Xml.SubElement(source, "SourceBand").text = str(plane)
    Xml.SubElement(source, "SrcRect", {"xOff": "0", "yOff": "0", **size})
    Xml.SubElement(source, "DstRect", {"xOff": "0", "yOff": str(row), **size})
