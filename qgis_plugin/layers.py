"""From raster layers of QGIS to paths that another process can open, and what they must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

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
            tr("QGIS cannot read a raster here"), where=parameter, fix=tr("choose a raster layer or file that exists")
        )
    source, provider = layer.source(), layer.providerType()
    if provider != "gdal":
        raise EngineError(
            tr("the layer '{name}' comes from '{provider}', not from a raster file").format(
                name=layer.name(), provider=provider
            ),
            where=parameter,
            fix=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    if source.startswith(("/vsimem/", "MEM:")):
        raise EngineError(
            tr("the layer '{name}' lives in the memory of QGIS alone").format(name=layer.name()),
            where=parameter,
            fix=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    if source.lower().endswith((".vrt", ".vrt.gz")) or source.lstrip().startswith("<VRTDataset"):
        raise EngineError(
            tr("the layer '{name}' is a virtual raster, which stands for other files").format(name=layer.name()),
            where=parameter,
            fix=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    if parts.get("openOptions") or parts.get("authcfg") or "authcfg=" in source:
        raise EngineError(
            tr("the layer '{name}' is opened with options or a login that the engine does not get").format(
                name=layer.name()
            ),
            where=parameter,
            fix=tr("save it as GeoTIFF (Export > Save As) and choose that file"),
        )
    return source


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
    return crs.authid() or crs.description() or tr("an unnamed system")
