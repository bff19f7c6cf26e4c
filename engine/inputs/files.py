"""Open rasters: which formats and places a policy allows."""

from __future__ import annotations

import warnings

import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from ..errors import RequestError
from ..request import OpenPolicy
from .archives import exists, split_archived

# Formats that read pixels of the file named, and nothing else: a VRT can point anywhere, so it needs a flag.
DRIVERS = ("GTiff", "COG", "JP2OpenJPEG", "JP2ECW", "JP2KAK", "DIMAP", "TIL", "PNG", "JPEG", "WEBP", "HFA", "ENVI")


def open_raster(path: str, policy: OpenPolicy) -> rasterio.DatasetReader:
    """Open for reading with a handle of its own.

    Raises:
        RequestError: missing, unreadable, or of a format that the policy does not allow.
    """
    drivers = [*DRIVERS, "VRT"] if policy.vrt else list(DRIVERS)
    archive = split_archived(path)
    if "://" in path or (path.startswith("/vsi") and archive is None):
        raise RequestError("it is not a local file", where=path, fix="download it first")
    if not exists(path if archive is None else archive[0]):
        raise RequestError("the file does not exist", where=path, fix="check the path")
    try:
        with warnings.catch_warnings(), rasterio.Env():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # The constructor takes a list of drivers; rasterio.open() takes only one.
            return rasterio.DatasetReader(path, driver=drivers, sharing=False)
    except RasterioIOError as error:
        fix = "give a raster such as GeoTIFF or JPEG 2000"
        if path.lower().endswith(".vrt") and not policy.vrt:
            fix = "pass --allow-vrt if you trust the files that it names"
        raise RequestError("it cannot be opened as a raster of an allowed format", where=path, fix=fix) from error


class quiet(warnings.catch_warnings):
    """Without the warning that a raster has no georeference."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
