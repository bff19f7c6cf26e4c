"""From a raster layer of QGIS to a path that another process can open."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProviderRegistry

from .engine_process import EngineError
from .text import tr


def gdal_path(layer: Any, parameter: str) -> str:
    """The GDAL path of a layer, as it is.

    Args:
        layer: a ``QgsRasterLayer``, or None when QGIS found no raster under the given name.
        parameter: the parameter's title, which the error names.

    Raises:
        EngineError: there is no layer, or it exists only inside QGIS or on a map server.
    """
    if layer is None or not layer.isValid():
        raise EngineError(
            tr("QGIS cannot read a raster here"), where=parameter, cure=tr("choose a raster layer or file that exists")
        )
    source, provider = layer.source(), layer.providerType()
    if provider != "gdal":
        raise EngineError(
            tr("the layer '{name}' comes from '{provider}', not from a raster file").format(
                name=layer.name(), provider=provider
            ),
            where=parameter,
            cure=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    if source.startswith(("/vsimem/", "MEM:")):
        raise EngineError(
            tr("the layer '{name}' lives in the memory of QGIS alone").format(name=layer.name()),
            where=parameter,
            cure=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    if parts.get("openOptions") or parts.get("authcfg") or "authcfg=" in source:
        raise EngineError(
            tr("the layer '{name}' is opened with options or a login that the engine does not get").format(
                name=layer.name()
            ),
            where=parameter,
            cure=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    return source
