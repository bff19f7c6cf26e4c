"""From raster layers of QGIS to paths that another process can open, and what they must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from qgis.core import QgsProviderRegistry

from .engine_process import EngineError
from .files import exists
from .text import tr

# Formats of files that hold more than pixels of one image, which the engine does not read.
_OTHER_FORMATS = (".gpkg", ".nc", ".nc4", ".h5", ".hdf", ".hdf5", ".he5", ".mbtiles", ".sqlite", ".grb", ".grib2")
_ARCHIVES = ("/vsizip/", "/vsitar/", "/vsigzip/", "/vsi7z/", "/vsirar/")


def gdal_path(layer: Any, parameter: str) -> str:
    """The path of the file that a layer shows, for another process to open.

    Args:
        layer: a ``QgsRasterLayer``, or None when QGIS found no raster under the given name.
        parameter: the parameter's title, which the error names.

    Raises:
        EngineError: there is no layer, the engine cannot open what it shows, or its CRS is known to QGIS alone.
    """
    if layer is None or not layer.isValid():
        raise EngineError(
            tr("QGIS cannot read a raster here"), where=parameter, fix=tr("choose a raster layer or file that exists")
        )
    problem = _problem(layer)
    if problem:
        raise EngineError(
            problem, where=parameter, fix=tr("save it as GeoTIFF (Export > Save As) and choose that file")
        )
    _check_own_crs(layer, parameter)
    return layer.source()


def file_of(layer: Any) -> str:
    """The file that a layer of any kind is in; empty where it is in none."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = parts.get("path")
    return path if isinstance(path, str) else ""


def _problem(layer: Any) -> str:
    """Why the engine cannot open what a layer shows; empty where it can."""
    source, provider, name = layer.source(), layer.providerType(), layer.name()
    if provider != "gdal":
        text = tr("the layer '{name}' comes from '{provider}', not from a raster file")
        return text.format(name=name, provider=provider)
    if source.startswith(("/vsimem/", "MEM:")):
        return tr("the layer '{name}' lives in the memory of QGIS alone").format(name=name)
    if source.lower().endswith((".vrt", ".vrt.gz")) or source.lstrip().startswith("<VRTDataset"):
        return tr("the layer '{name}' is a virtual raster, which stands for other files").format(name=name)
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    if parts.get("openOptions") or parts.get("authcfg") or "authcfg=" in source:
        text = tr("the layer '{name}' is opened with options or a login that the engine does not get")
        return text.format(name=name)
    if source.startswith(_ARCHIVES):
        return tr("the layer '{name}' lies in an archive").format(name=name)
    if source.startswith("/vsi") or "://" in source:
        return tr("the layer '{name}' lies on a server").format(name=name)
    if source.lower().endswith(_OTHER_FORMATS) or not exists(source):
        text = tr("the layer '{name}' is one raster in a file that can hold many, of a format that the engine lacks")
        return text.format(name=name)
    return ""


def _check_own_crs(layer: Any, parameter: str) -> None:
    """Refuse a layer whose CRS was set in QGIS and is not that of its file: the engine opens the file.

    Raises:
        EngineError: it names both systems.
    """
    shown, own = layer.crs(), layer.dataProvider().crs()
    if shown == own:
        return
    raise EngineError(
        tr("the layer '{name}' has the CRS {shown} in QGIS, and {own} in its file").format(
            name=layer.name(), shown=_named(shown), own=_named(own)
        ),
        where=parameter,
        fix=tr(
            "write the CRS of the layer into the file (Raster > Projections > Assign Projection), or set the layer to"
            " that of its file"
        ),
    )


def check_same_crs(layers: Sequence[Any]) -> None:
    """Refuse layers that do not lie in one coordinate reference system.

    Raises:
        EngineError: it names both layers and their systems.
    """
    first, *others = layers
    for other in others:
        if first.crs().isValid() and other.crs().isValid() and first.crs() != other.crs():
            raise EngineError(
                tr("'{first}' is in {first_crs} and '{other}' is in {other_crs}").format(
                    first=first.name(),
                    first_crs=_named(first.crs()),
                    other=other.name(),
                    other_crs=_named(other.crs()),
                ),
                where=tr("coordinate reference systems"),
                fix=tr("reproject one of them (Raster > Projections > Warp), the coarser one if you can"),
            )


def check_bands(name: str, count: int, wanted: Optional[int], title: str, model: str) -> None:
    """Refuse a layer whose bands a model does not take.

    Args:
        name: of the layer.
        count: of its bands that the model is to get.
        wanted: the band count of the model; None for any.
        title: of the parameter.

    Raises:
        EngineError: the layer has another number of bands.
    """
    if wanted is not None and count != wanted:
        raise EngineError(
            tr("'{name}' has {count} bands and {model} takes {wanted}").format(
                name=name, count=count, model=model, wanted=wanted
            ),
            where=title,
            fix=tr("choose a layer with that many bands, or another model"),
        )


def _named(crs: Any) -> str:
    if not crs.isValid():
        return tr("none")
    return crs.authid() or crs.description() or tr("an unnamed system")
